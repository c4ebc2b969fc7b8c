import { describe, expect, test } from 'vitest';
import { countMail, directionOf, type Mail, mailsOf } from '../../../services/collector/joining/count.ts';
import type { Draft } from '../../../services/collector/joining/draft.ts';
import { START, seen, to } from './drafts.ts';

const OF = { cluster: 'c', environment: 'e', workload: 'w' };
const count = (drafts: Draft[], next: [Draft, Draft[]][] = []) => countMail({ drafts, next: new Map(next) }, OF);
const ids = (mails: readonly Mail[]) => mails.map(({ drafts }) => drafts.map(({ queue_id }) => queue_id));

describe('what a mail adds to the rollups', () => {
  test('its sender, its day, and that it was sent', () => {
    expect(count([seen('A', { recipients: [to('a.example')] })])).toEqual({
      ...OF,
      domain: 'example.com',
      selector: '',
      signing_domain: '',
      day: '2026-05-29',
      at: START,
      sent: 1,
      signed: 0,
      unsigned: 1,
      aligned: 0,
      deferred: 0,
      refused: 0,
      refused_dmarc: 0,
      recipients: { 'a.example': [1, 0] },
    });
  });

  test.each([
    ['one that is deferred', [to('a.example', { status: 'deferred' })], { sent: 0, deferred: 1, refused: 0 }, [0, 0]],
    ['one that bounced', [to('a.example', { status: 'bounced' })], { sent: 0, refused: 1, refused_dmarc: 0 }, [0, 1]],
    ['one that expired', [to('a.example', { status: 'expired' })], { sent: 0, refused: 1 }, [0, 1]],
    [
      'one that was refused with words about DMARC',
      [to('a.example', { status: 'bounced', dmarc_words: true })],
      { refused: 1, refused_dmarc: 1 },
      [0, 1],
    ],
    [
      'a deferral with words about DMARC is no refusal',
      [to('a.example', { status: 'deferred', dmarc_words: true })],
      { refused: 0, refused_dmarc: 0, deferred: 1 },
      [0, 0],
    ],
    [
      'each once, whatever the number of recipients',
      [to('a.example'), to('a.example', { hash: 'i' }), to('a.example', { hash: 'j', status: 'bounced' })],
      { sent: 1, refused: 1, deferred: 0 },
      [1, 1],
    ],
  ] as const)('%s', (_, recipients, expected, domain) => {
    const counted = count([seen('A', { recipients: [...recipients] })]);
    expect(counted).toMatchObject(expected);
    expect(counted!.recipients).toEqual({ 'a.example': domain });
  });

  test('nothing, where it did not leave', () => {
    expect(count([seen('A')])).toBeNull();
    expect(count([seen('A', { recipients: [to('example.com', { outside: false })] })])).toBeNull();
  });

  test('a hundred domains of recipients by name, the rest together', () => {
    const many = Array.from({ length: 105 }, (_, i) => to(`d${i}.example`));
    const { recipients } = count([seen('A', { recipients: [...many, to('d3.example', { status: 'bounced' })] })])!;
    expect(Object.keys(recipients)).toHaveLength(101);
    expect(recipients['d99.example']).toEqual([1, 0]);
    expect(recipients['d100.example']).toBeUndefined();
    expect(recipients['']).toEqual([1, 0]);
    expect(recipients['d3.example']).toEqual([1, 1]);
  });

  test('the aligned signature, else the first', () => {
    const [own, other] = [
      { domain: 'mail.example.com', selector: 's1' },
      { domain: 'service.example', selector: 's2' },
    ];
    const signed = (signatures: Draft['signatures'], given: Partial<Draft> = {}) =>
      count([seen('A', { recipients: [to('a.example')], signatures, ...given })]);
    expect(signed([other, own])).toMatchObject({
      selector: 's1',
      signing_domain: 'mail.example.com',
      signed: 1,
      unsigned: 0,
      aligned: 1,
    });
    expect(signed([other])).toMatchObject({
      selector: 's2',
      signing_domain: 'service.example',
      signed: 1,
      unsigned: 0,
      aligned: 0,
    });
    // Of a bounce nobody knows whose it is.
    expect(signed([{ domain: '', selector: 's3' }], { envelope_domain: null })).toMatchObject({
      domain: '',
      aligned: 0,
      signed: 1,
    });
    const bounced = signed([own], { recipients: [to('a.example', { status: 'bounced' })] });
    expect(bounced).toMatchObject({ sent: 0, signed: 0, aligned: 0, unsigned: 0, selector: 's1' });
  });

  test('the domain of From before that of MAIL FROM, whichever server knows it', () => {
    const [first, second] = [
      seen('A', { envelope_domain: 'bounces.example' }),
      seen('B', { header_domain: 'shop.example', envelope_domain: 'other.example', recipients: [to('a.example')] }),
    ];
    expect(count([first, second])).toMatchObject({ domain: 'shop.example' });
    expect(count([first, seen('B', { recipients: [to('a.example')], envelope_domain: null })])).toMatchObject({
      domain: 'bounces.example',
    });
  });

  test.each([
    ['a server that says nothing of signing', ['exim'], 0],
    ['filters alone', ['rspamd'], 0],
    ['a server that would say so', ['postfix'], 1],
    ['one of both', ['exim', 'postfix'], 1],
  ] as const)('unsigned mail is not told of %s', (_, programs, unsigned) => {
    const counted = count([seen('A', { recipients: [to('a.example')], programs: [...programs] })]);
    expect(counted).toMatchObject({ sent: 1, signed: 0, unsigned });
  });

  test('where it left, and not where it was handed on', () => {
    const next = seen('B', { host: 'mx2', recipients: [to('a.example', { status: 'bounced' })] });
    const first = (queued_as: string | null) => seen('A', { recipients: [to('a.example', { queued_as })] });
    for (const queued_as of ['B', null]) {
      const from = first(queued_as);
      expect(count([from, next], [[from, [next]]])).toMatchObject({ sent: 0, refused: 1 });
    }
    const from = first('elsewhere');
    expect(count([from, next], [[from, [next]]])).toMatchObject({ sent: 1, refused: 1 });
    const refused = seen('A', { recipients: [to('b.example', { queued_as: 'B', status: 'deferred' })] });
    expect(count([refused, next], [[refused, [next]]])).toMatchObject({ deferred: 1, refused: 1 });
  });
});

describe('drafts of one mail', () => {
  test('are put together by the queue ids that servers give each other, in the order of their way', () => {
    const second = seen('B', { host: 'mx2', started_at: START - 5_000 });
    const first = seen('A', { queued_as: ['B'] });
    const other = seen('C', { message_id: 'n@example.com' });
    const mails = mailsOf([second, other, first]);
    expect(ids(mails)).toEqual([['A', 'B'], ['C']]);
    expect(mails[0]!.next.get(first)).toEqual([second]);
  });

  test('without a Message-ID are not put together', () => {
    expect(ids(mailsOf([seen('A', { message_id: null, queued_as: ['B'] }), seen('B', { message_id: null })]))).toEqual([
      ['A'],
      ['B'],
    ]);
  });

  test('of a server that a filter splits it on are one, and a way back into a queue is followed once', () => {
    const back = (queue_id: string, at: number) => seen(queue_id, { client_ip: '127.0.0.1', started_at: START + at });
    expect(ids(mailsOf([seen('A'), back('B', 1)]))).toEqual([['A', 'B']]);
    // Two that came back over the loopback address: only queue ids tell that both are of it.
    const split = seen('A', { queued_as: ['B', 'C'] });
    expect(ids(mailsOf([split, back('B', 1), back('C', 2)]))).toEqual([['A', 'B', 'C']]);
  });

  test('of filters on another host belong to the server with the queue id, where there is one, and come last', () => {
    const filter = seen('A', { host: 'filter', programs: ['rspamd'], started_at: START - 1 });
    expect(ids(mailsOf([filter, seen('A')]))).toEqual([['A', 'A']]);
    expect(mailsOf([filter, seen('A')])[0]!.drafts.map(({ host }) => host)).toEqual(['mx1', 'filter']);
    const servers = [seen('A', { message_id: null }), seen('A', { host: 'mx2', message_id: null })];
    expect(mailsOf([filter, ...servers])).toHaveLength(3);
    expect(mailsOf([seen('A'), seen('A', { host: 'mx2', message_id: 'n@example.com' })])).toHaveLength(2);
  });
});

describe('which way a message went', () => {
  const inside = (ip: string) => ip.startsWith('10.');
  const [out, local] = [to('a.example'), to('example.com', { outside: false })];
  test.each<[string, Partial<Draft>, boolean, string]>([
    ['no delivery was seen', { local: true }, false, 'unknown'],
    ['out', { recipients: [local, out], client_ip: '192.0.2.1' }, false, 'out'],
    ['in, when it was handed on by another of ours', { recipients: [out], client_ip: '192.0.2.1' }, true, 'in'],
    ['in', { recipients: [local], client_ip: '192.0.2.1' }, false, 'in'],
    ['internal: from one of our networks', { recipients: [local], client_ip: '10.0.0.1' }, false, 'internal'],
    ['internal: made here', { recipients: [local], local: true, client_ip: '192.0.2.1' }, false, 'internal'],
    [
      'internal: by somebody who signed in',
      { recipients: [local], sasl_username: 'h', client_ip: '192.0.2.1' },
      false,
      'internal',
    ],
    ['internal: by nobody who is known', { recipients: [local] }, false, 'internal'],
  ])('%s', (_, given, handed, direction) => {
    expect(directionOf(seen('A', given), handed, inside)).toBe(direction);
  });
});
