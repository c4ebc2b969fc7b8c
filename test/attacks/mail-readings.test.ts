import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { reportXml } from '../helpers/report.ts';
import {
  dkimKey,
  dkimSigned,
  knotPresent,
  type MailOptions,
  mailOf,
  OVERSIGNED,
  onTop,
  startWorld,
  titled,
  USUAL_HEADERS,
  type World,
} from './harness.ts';

const REPORTER = 'reporter.example';
const key = dkimKey();
const OURS = { trust: { authserv_ids: ['mx.victim.example'] } };
const PROOF =
  'Authentication-Results: mx.victim.example; dkim=pass header.d=reporter.example; dmarc=pass header.from=reporter.example';
const RECEIVED = 'Received: from out.reporter.example by mx.victim.example with ESMTPS id 1; Wed, 2 Sep 2026 00:00:00 +0000';

/** A lie in the reporter's name, as text that the reader finds by its first bytes: each another report. */
const lie = () => reportXml({ id: `lie-${serial++}`, rows: [{ ip: '203.0.113.66', count: 9_000 }] }).replace(/\n/g, ' ');
/** The same as a part of a multipart with the boundary `evil`. */
const evil = () =>
  `--evil\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n${gzipSync(lie()).toString('base64')}\r\n--evil--\r\n`;

const fold = (base64: string) => base64.replace(/.{76}/g, '$&\r\n ');

const signed = (mail: Buffer, headers: readonly string[] = OVERSIGNED) => dkimSigned(mail, { domain: REPORTER, key, headers });
let serial = 0;
/** Each another report: the same in two mails would be what the better one proves. */
const honest = (options: MailOptions = {}) => mailOf({ id: `honest-${serial++}` }, options);
const text = (mail: Buffer) => mail.toString('latin1');
const bytes = (mail: string) => Buffer.from(mail, 'latin1');

/**
 * One reading of a mail: what is put around a genuine, signed mail so that the verifier sees the genuine one
 * and the reader a lie. Every one of these verifies for whoever takes the mail apart in another way.
 */
const LIES: [string, () => Buffer][] = [
  ['a line of one blank in a folded field', () => onTop([`X-Junk: a\r\n \r\n ${lie()}`], signed(honest()))],
  ['a line of a tab in a folded field', () => onTop([`X-Junk: a\r\n\t\r\n ${lie()}`], signed(honest()))],
  [
    'a field whose name is base64, where readers end the header that do not know such names',
    () =>
      onTop(
        [
          'Content-Type: text/xml',
          'Content-Transfer-Encoding: base64',
          `ICAg!: ${fold(Buffer.from(`${lie().replace(/<\?.*?\?>/, '')}${' '.repeat(3)}`).toString('base64'))}=`,
        ],
        signed(honest(), USUAL_HEADERS),
      ),
  ],
  [
    'a field with a name that readers may not know, and a Content-Type on top',
    () =>
      onTop(
        ['Content-Type: multipart/mixed; boundary="evil"', `ICAg!: a\r\n ${evil().replace(/\r\n/g, '\r\n ')}`],
        signed(honest(), USUAL_HEADERS),
      ),
  ],
  [
    'a name with a slash before a lie',
    () => onTop([`a/b: x\r\n ${lie()}`, 'Content-Type: text/xml'], signed(honest(), USUAL_HEADERS)),
  ],
  ['bare CR as line ends in a field', () => onTop([`X-Junk: a\r\r${lie()}`], signed(honest()))],
  ['bare LF among CRLF', () => onTop([`X-Junk: a\n\n${lie()}`], signed(honest()))],
  ['a NUL in a field', () => onTop(['Content-Type: text/xml\0', 'X-Junk: a'], signed(honest()))],
  ['a blank line first', () => bytes(`\r\n${text(signed(honest()))}`)],
  ['a line that only begins like one of an mbox', () => bytes(`From here\r\n${text(signed(honest()))}`)],
  ['a line without a colon', () => onTop(['X-Junk: a', 'name="x.xml"'], signed(honest()))],
  [
    'a header beyond measure',
    () =>
      onTop(
        Array.from({ length: 2_100 }, (_, i) => `X-Junk-${i}: a`),
        signed(honest()),
      ),
  ],
  [
    'a second Content-Type on top',
    () => onTop(['Content-Type: multipart/mixed; boundary="evil"'], signed(honest(), USUAL_HEADERS)),
  ],
  [
    'a second Content-Type, in its old form',
    () => onTop(['Content-Type : multipart/mixed; boundary="evil"'], signed(honest(), USUAL_HEADERS)),
  ],
  ['a second Content-Transfer-Encoding', () => onTop(['Content-Transfer-Encoding: 7bit'], signed(withEncoding('binary')))],
  ['a second From', () => onTop(['From: <ceo@reporter.example>'], signed(honest(), USUAL_HEADERS))],
  ['a second From below', () => bytes(text(signed(honest())).replace('\r\n\r\n', '\r\nFrom: <ceo@reporter.example>\r\n\r\n'))],
  ['a second MIME-Version', () => onTop(['MIME-Version: 2.0'], signed(honest(), USUAL_HEADERS))],
  ['a second Subject', () => onTop(['Subject: Report domain: victim.example'], signed(honest(), USUAL_HEADERS))],
];

function withEncoding(encoding: string): Buffer {
  return bytes(text(honest()).replace('MIME-Version: 1.0', `MIME-Version: 1.0\r\nContent-Transfer-Encoding: ${encoding}`));
}

const HONEST: [string, () => Buffer][] = [
  ['as it was signed', () => signed(honest())],
  ['with a field of a rare but legal name on top', () => onTop(['X/Y!+~: z'], signed(honest()))],
  ['with folded fields, the trace of three servers, and other signatures on top', () => onTop([...trace()], signed(honest()))],
  ['with bare LF throughout', () => bytes(text(signed(honest())).replaceAll('\r\n', '\n'))],
  ['with the line of an mbox', () => bytes(`From dmarc@reporter.example Wed Sep  2 00:00:00 2026\r\n${text(signed(honest()))}`)],
  ['with a name in 8 bits in the From field', () => signed(honest({ from: '"Ber\xc3\xadchte" <dmarc@reporter.example>' }))],
  ['with an encoded word in it', () => signed(honest({ from: '=?utf-8?q?a=40evil.example?= <dmarc@reporter.example>' }))],
  [
    'with a folded From field with comments',
    () => signed(honest({ from: '(a, b)\r\n DMARC (x)\r\n\t<dmarc@reporter.example> (y)' })),
  ],
  ['with its address as its name', () => signed(honest({ from: 'dmarc@reporter.example <dmarc@reporter.example>' }))],
  ['with a Sender', () => signed(onTop(['Sender: <x@other.example>'], honest()))],
  ['with two To fields', () => onTop(['To: <b@example.com>'], signed(honest(), ['from', 'date', 'content-type']))],
  ['signed without Content-Type', () => signed(honest(), ['from', 'to', 'subject', 'date'])],
];

function trace(): string[] {
  return [
    'Return-Path: <dmarc@reporter.example>',
    'Received: from a.example\r\n\tby mx.victim.example (Postfix)\r\n\twith ESMTPS id 1; Wed, 2 Sep 2026 00:00:00 +0000',
    'X-Spam-Status: No, score=-1\r\n\ttests=[A=1,\r\n\tB=2]',
    'DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=s; h=from; bh=AA==; b=AA==',
  ];
}

describe.skipIf(!knotPresent)(titled('one reading of a mail'), () => {
  let world: World;
  afterEach(() => world.close());

  test('whatever is put around a signed mail, no lie is proven, by its signature or by our server', async () => {
    world = await startWorld();
    await world.publish(REPORTER, key);
    const made = LIES.map(([, make]) => make());
    await world.bring(made);
    const trust = await verdicts(world, made.length);
    expect(trust.map((one, i) => [LIES[i]![0], one])).toEqual(LIES.map(([what]) => [what, 'unproven']));
  });

  test('nor under the word of our own server, which has seen the genuine mail in it', async () => {
    world = await startWorld({ settings: OURS });
    await world.publish(REPORTER, key);
    const made = LIES.filter(([what]) => !/blank line first|mbox/.test(what)).map(([, make]) => onTop([PROOF, RECEIVED], make()));
    await world.bring(made);
    expect(new Set(await verdicts(world, made.length))).toEqual(new Set(['unproven']));
  });

  test.each([
    ['their signature', {}],
    ['our server', OURS],
  ])('honest mails are proven by %s', async (_, settings) => {
    world = await startWorld({ settings });
    await world.publish(REPORTER, key);
    const made = HONEST.map(([what, make]) => {
      const mail = make();
      if (!('trust' in settings) || what.includes('mbox')) return mail;
      const told = onTop([PROOF, RECEIVED], mail);
      return what.includes('bare LF') ? bytes(text(told).replaceAll('\r\n', '\n')) : told;
    });
    await world.bring(made);
    const trust = await verdicts(world, made.length);
    expect(trust.map((one, i) => [HONEST[i]![0], one])).toEqual(HONEST.map(([what]) => [what, 'authenticated']));
  });
});

/** What became of each mail, by its place: its report's trust, `unproven` also when it has none. */
async function verdicts(world: World, mails: number): Promise<string[]> {
  const rows = await world.query<{ trust: string | null }>(
    `select (select max(case when r.trust = 'ok' then coalesce(r.reporter_trust, 'ok') else 'unproven' end)
               from ruawatch.reports r where r.message_key = m.message_key) as trust
       from ruawatch.messages m order by m.received_at`,
  );
  expect(rows).toHaveLength(mails);
  return rows.map(({ trust }) => trust ?? 'unproven');
}
