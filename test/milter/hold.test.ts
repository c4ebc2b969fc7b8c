import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { heldFacts } from '../../services/milter/hold.ts';
import type { Match } from '../../services/milter/rules.ts';
import type { Arrival, Screening } from '../../services/milter/screen.ts';
import type { MilterRule } from '../../services/shared/settings/milter.ts';
import { arrived, mail, usual } from './mails.ts';
import { knowledge, results } from './sample.ts';

const OWN: Match = { code: 'own_domain', domain: 'news.example.com', clear: true };
const UNCLEAR: Match = { code: 'unclear_from', why: 'x' };
const judged = (match: Match = OWN, part: Partial<Screening> = {}): Screening => ({
  outcome: 'hold',
  results: results(),
  decided: { rule: { when: match.code === 'unclear_from' ? 'unclear_from' : 'own_domain', do: 'hold' } as MilterRule, match },
  dry: [],
  why: null,
  known: knowledge({ own: ['example.com', 'example.net'], source_class: 'unauthorized' }),
  ...part,
});
const arrival = (raw = mail(usual('"Ada L." <ada@news.example.com>')), part: Partial<Arrival> = {}): Arrival => ({
  message: arrived(raw),
  ip: '203.0.113.9',
  peer_name: 'mail.stranger.example',
  helo: 'helo.stranger.example',
  mail_from: 'x@stranger.example',
  recipients: ['grace@own.example', 'ben@example.com'],
  queue_id: '4AF2',
  at: new Date(0),
  ...part,
});
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

test('what is kept of a mail is all that was found of it', () => {
  const raw = mail(usual('"Ada L." <ada@news.example.com>'));
  const given = results({
    dkim: [
      { domain: 'esp.example', selector: 's1', result: 'pass', why: null, aligned: false },
      { domain: '', selector: '', result: 'permerror', why: 'x', aligned: true },
    ],
    arc: { result: 'pass', sealers: ['first.example', 'last.example'], why: null },
    dmarc: { result: 'fail', domain: 'news.example.com', policy: 'reject', at: 'example.com', why: 'x' },
  });
  expect(heldFacts(arrival(raw), judged(OWN, { results: given }), 'store')).toEqual({
    kept_in: 'store',
    queue_id: '4AF2',
    envelope_from: 'x@stranger.example',
    recipients: ['grace@own.example', 'ben@example.com'],
    header_from: '"Ada L." <ada@news.example.com>',
    header_from_domain: 'news.example.com',
    display_name: 'Ada L.',
    subject: 'Lunch',
    message_id: '<1@mail.example>',
    peer_ip: '203.0.113.9',
    peer_name: 'mail.stranger.example',
    helo: 'helo.stranger.example',
    results: {
      version: 1,
      spf: { result: 'fail', domain: 'stranger.example' },
      dkim: [
        { result: 'pass', domain: 'esp.example', selector: 's1', aligned: false },
        { result: 'permerror', domain: null, selector: null, aligned: true },
      ],
      arc: { result: 'pass', by: 'last.example' },
      dmarc: { result: 'fail', policy: 'reject', domain: 'example.com' },
    },
    domain: 'news.example.com',
    source: '203.0.113.0/24',
    source_class: 'unauthorized',
    rule: 'own_domain',
    reason: 'own_domain',
    size: raw.length,
    sha256: sha256(raw),
    attachments: [],
    raw,
  });
});

test('what is not known of it is null, and a mail of no address came from this machine', () => {
  const message = { ...arrived(mail({ Date: 'x' })), whole: null };
  const given = results({
    spf: { result: 'none', domain: '', identity: 'helo', why: null, aligned: false },
    source: null,
    dmarc: { result: 'permerror', domain: null, policy: null, at: null, why: 'x' },
  });
  const bare = { message, ip: null, peer_name: null, helo: '', mail_from: '', recipients: [], queue_id: null };
  expect(heldFacts(arrival(undefined, bare), judged(UNCLEAR, { results: given, known: null }), 'postfix')).toEqual({
    kept_in: 'postfix',
    queue_id: null,
    envelope_from: '',
    recipients: [],
    header_from: null,
    header_from_domain: null,
    display_name: null,
    subject: null,
    message_id: null,
    peer_ip: '127.0.0.1',
    peer_name: null,
    helo: null,
    results: {
      version: 1,
      spf: { result: 'none', domain: null },
      dkim: [],
      arc: { result: 'none', by: null },
      dmarc: { result: 'permerror', policy: null, domain: null },
    },
    domain: 'localhost',
    source: null,
    source_class: null,
    rule: 'unclear_from',
    reason: 'unclear_from',
    size: message.size,
    sha256: message.sha256,
    attachments: [],
  });
});

test('a mail with several authors counts as one of the first', () => {
  const two = arrival(mail(usual('Bob <bob@stranger.example>, "Ada" <ada@example.com>')));
  expect(heldFacts(two, judged(UNCLEAR), 'postfix')).toMatchObject({
    header_from_domain: 'stranger.example',
    display_name: 'Bob Ada',
  });
});

test.each<[string, Match, Partial<Arrival>, string[], string]>([
  ['the one it imitates', { code: 'lookalike', name: 'x.example', domain: 'example.net' }, {}, ['example.com'], 'example.net'],
  ['that of the first recipient of ours', UNCLEAR, {}, ['example.com', 'example.net'], 'example.com'],
  [
    'of whichever case and depth',
    { code: 'person', person: 'Ada', shown: 'Ada' },
    { recipients: ['"a@b"@other.example', 'ben@Mail.Example.NET'] },
    ['example.com', 'example.net'],
    'mail.example.net',
  ],
  ['our first, where no recipient is of ours', UNCLEAR, {}, ['example.org', 'example.net'], 'example.org'],
  ['that of the first recipient, where we have none', UNCLEAR, {}, [], 'own.example'],
  ['this machine’s, where nobody is named', UNCLEAR, { recipients: [] }, [], 'localhost'],
])('the domain that it is about is %s', (_, match, part, own, domain) => {
  expect(heldFacts(arrival(undefined, part), judged(match, { known: knowledge({ own }) }), 'postfix').domain).toBe(domain);
});

describe('its attachments', () => {
  const attachments = (raw: Buffer) => heldFacts(arrival(raw), judged(), 'postfix').attachments;
  const part = (type: string, text: string, more = '') => `--b\r\nContent-Type: ${type}\r\n${more}\r\n${text}\r\n`;
  const mixed = (...parts: string[]) =>
    mail({ From: 'ada@example.com', 'Content-Type': 'multipart/mixed; boundary=b' }, `${parts.join('')}--b--\r\n`);

  test('are the parts that are no text or have a name, as what they contain', () => {
    const of = (name: string | null, type: string, text: string) => ({ name, type, bytes: text.length, sha256: sha256(text) });
    expect(
      attachments(
        mixed(
          part('text/plain', 'Hello.'),
          part('text/html', '<p>Hello.'),
          part('text/csv; name="a.csv"', '1,2'),
          part('image/png', Buffer.from('a picture').toString('base64'), 'Content-Transfer-Encoding: base64\r\n'),
          part('application/pdf; name=x.pdf', 'a document'),
        ),
      ),
    ).toEqual([of('a.csv', 'text/csv', '1,2'), of(null, 'image/png', 'a picture'), of('x.pdf', 'application/pdf', 'a document')]);
  });

  test('are not told of a mail that cannot be taken apart', () => {
    const deep = Array.from({ length: 60 }, (_, n) => `--b${n}\r\nContent-Type: multipart/mixed; boundary=b${n + 1}\r\n\r\n`);
    expect(attachments(mail({ 'Content-Type': 'multipart/mixed; boundary=b0' }, `${deep.join('')}`))).toEqual([]);
  });

  test('are none where the mail has no header, and an error of the program is thrown as it is', () => {
    expect(attachments(Buffer.from('\r\nno fields\r\n'))).toEqual([]);
    const whole = new Proxy(Buffer.alloc(1), {
      get() {
        throw new TypeError('broken');
      },
    });
    const broken = { ...arrived(mail(usual('ada@example.com'))), whole };
    expect(() => heldFacts(arrival(undefined, { message: broken }), judged(), 'postfix')).toThrow('broken');
  });
});
