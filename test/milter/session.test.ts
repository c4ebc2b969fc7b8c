import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Networks } from '../../services/dns/networks.ts';
import { Memory } from '../../services/milter/memory.ts';
import type { Arrival } from '../../services/milter/screen.ts';
import { Session } from '../../services/milter/session.ts';
import { ACTION, type Command, ProtocolError, STEP } from '../../services/milter/wire/protocol.ts';

// One connection without sockets: commands in, replies out.
const memory = new Memory();
const FREE = memory.free;
const ALL_STEPS = 0x1fffff;
let session: Session;
let seen: { arrival: Arrival; mayHold: boolean }[];
let counts: { submitted: number; aborted: number };
let refuse: Error | null;
beforeEach(() => {
  seen = [];
  counts = { submitted: 0, aborted: 0 };
  refuse = null;
  session = new Session({
    trusted: new Networks(['192.0.2.0/28']),
    memory,
    now: () => new Date(7),
    async decide(arrival, mayHold) {
      seen.push({ arrival, mayHold });
      if (refuse !== null) throw refuse;
      return [Buffer.from('decided')];
    },
    submitted: () => {
      counts.submitted++;
      return [Buffer.from('submitted')];
    },
    aborted: () => void counts.aborted++,
  });
});

afterEach(() => session.abandon());

const begin = (given: Partial<Extract<Command, { type: 'negotiate' }>> = {}) =>
  session.take({ type: 'negotiate', version: 6, actions: 0x1ff, steps: ALL_STEPS, ...given });
const connect = (address: string | null = '203.0.113.9', host = 'mail.example') =>
  session.take({ type: 'connect', host, address });
const from = (sender = 'x@mail.example') => session.take({ type: 'mail', sender, parameters: [] });
const to = (recipient = 'grace@example.com') => session.take({ type: 'recipient', recipient, parameters: [] });
const macros = (stage: string, values: Record<string, string>) =>
  session.take({ type: 'macros', stage, values: new Map(Object.entries(values)) });
const header = (value = ' ada@example.com') => session.take({ type: 'header', name: 'From', value });
const end = (text = 'Hello.\r\n') => session.take({ type: 'endOfBody', bytes: Buffer.from(text) });
const newest = () => seen.at(-1)!.arrival;
/** Command letters of replies, as they are written behind the length. */
const letters = (replies: Buffer[] | null) => replies?.map((bytes) => String.fromCharCode(bytes[4]!)).join('') ?? null;

test('a whole mail is decided about with its envelope, and its memory is free afterwards', async () => {
  await begin();
  await connect();
  await session.take({ type: 'helo', name: 'helo.example' });
  await macros('M', { i: '4AF2' });
  expect(session.busy).toBe(false);
  await from();
  expect(session.busy).toBe(true);
  await to();
  await to('ben@example.com');
  await header();
  await session.take({ type: 'endOfHeader' });
  await session.take({ type: 'body', bytes: Buffer.from('First. ') });
  expect(await end('Last.\r\n')).toEqual([Buffer.from('decided')]);
  expect(newest()).toMatchObject({
    ip: '203.0.113.9',
    peer_name: 'mail.example',
    helo: 'helo.example',
    mail_from: 'x@mail.example',
    recipients: ['grace@example.com', 'ben@example.com'],
    queue_id: '4AF2',
    at: new Date(7),
  });
  expect(newest().message.whole!.toString()).toBe('From: ada@example.com\r\n\r\nFirst. Last.\r\n');
  expect([session.busy, counts.aborted, memory.free]).toEqual([false, 0, FREE]);
});

test('a mail that could not be decided about is gone as well', async () => {
  await begin();
  await connect();
  await from();
  await header();
  refuse = new Error('no');
  await expect(end()).rejects.toThrow('no');
  expect([session.busy, memory.free]).toEqual([false, FREE]);
  await expect(end()).rejects.toThrow(ProtocolError);
});

describe('what is agreed on', () => {
  test.each([
    [3, 3],
    [5, 5],
    [6, 6],
    [7, 6],
  ])('version %i is answered with %i', async (version, answered) => {
    const [reply] = (await begin({ version }))!;
    expect(reply!.readUInt32BE(5)).toBe(answered);
  });

  test('an older version is refused', () => expect(begin({ version: 2 })).rejects.toThrow(ProtocolError));

  test('are the actions and steps that both sides know', async () => {
    const [reply] = (await begin())!;
    // As mfdef.h of libmilter has them.
    expect(reply!.toString('hex')).toBe('0000000d4f00000006000000310' + '01ca380');
    expect(reply!.readUInt32BE(9)).toBe(ACTION.addHeaders | ACTION.changeHeaders | ACTION.quarantine);
    expect(reply!.readUInt32BE(13)).toBe(
      STEP.noUnknown |
        STEP.noData |
        STEP.noReplyHelo |
        STEP.noReplyRcpt |
        STEP.noReplyHeader |
        STEP.noReplyEndOfHeader |
        STEP.noReplyBody |
        STEP.leadingSpace,
    );
    const [less] = (await begin({ actions: ACTION.addHeaders, steps: STEP.noReplyBody }))!;
    expect([less!.readUInt32BE(9), less!.readUInt32BE(13)]).toEqual([ACTION.addHeaders, STEP.noReplyBody]);
  });

  test.each([
    [0x1ff, true],
    [ACTION.quarantine, true],
    [ACTION.addHeaders | ACTION.changeHeaders, false],
  ])('with the actions %i a mail may be held: %s', async (actions, mayHold) => {
    await begin({ actions });
    await connect();
    await from();
    await end();
    expect(seen[0]!.mayHold).toBe(mayHold);
  });

  test('a step is not answered when that was agreed, and otherwise it is', async () => {
    const steps = async () => {
      const before = [await session.take({ type: 'helo', name: 'x' }), await session.take({ type: 'unknownSmtp', text: 'HELP' })];
      await from();
      return [
        ...before,
        await to(),
        await session.take({ type: 'data' }),
        await header(),
        await session.take({ type: 'endOfHeader' }),
        await session.take({ type: 'body', bytes: Buffer.from('x') }),
      ];
    };
    await begin();
    expect((await steps()).map(letters)).toEqual(Array(7).fill(''));
    await begin({ steps: 0 });
    expect((await steps()).map(letters)).toEqual(Array(7).fill('c'));
  });

  test('a server that hands over values without their blank gets it back', async () => {
    for (const [steps, raw] of [
      [ALL_STEPS, 'From:ada@example.com\r\n\r\n'],
      [ALL_STEPS & ~STEP.leadingSpace, 'From: ada@example.com\r\n\r\n'],
    ] as const) {
      await begin({ steps });
      await connect();
      await from();
      await header('ada@example.com');
      await end('');
      expect(newest().message.raw.toString()).toBe(raw);
    }
  });

  test('nothing comes before it, but that the server leaves', async () => {
    await expect(connect()).rejects.toThrow('connect came before the negotiation');
    await expect(session.take({ type: 'data' })).rejects.toThrow(ProtocolError);
    expect(await session.take({ type: 'quit' })).toBeNull();
  });
});

describe('a client', () => {
  test.each([
    ['192.0.2.5', 'a', 'submitted'],
    ['203.0.113.9', 'c', 'decided'],
    [null, 'c', 'decided'],
  ])('at %s is answered with %s, and its mails are %s', async (address, answer, what) => {
    await begin();
    expect(letters(await connect(address))).toBe(answer);
    await from();
    expect(await end()).toEqual([Buffer.from(what)]);
    if (what === 'decided') expect(newest().ip).toBe(address);
  });

  test('that says nothing of itself is nobody, and trusted by nobody', async () => {
    await begin();
    await from();
    expect(await end()).toEqual([Buffer.from('decided')]);
    expect(newest()).toMatchObject({ ip: null, peer_name: null, helo: '' });
    await connect('192.0.2.5');
    await session.take({ type: 'quitNewConnection' });
    await from();
    expect(await end()).toEqual([Buffer.from('decided')]);
  });

  test('without a name has none', async () => {
    await begin();
    await connect('203.0.113.9', '');
    await from();
    await end();
    expect(newest().peer_name).toBeNull();
  });

  test('leaves nothing to the next one: no greeting, no macros, no trust, no mail', async () => {
    await begin();
    await connect('192.0.2.5', 'own.example');
    await session.take({ type: 'helo', name: 'own.example' });
    await macros('M', { i: '1', '{auth_authen}': 'ada' });
    await from();
    await session.take({ type: 'quitNewConnection' });
    expect([counts.aborted, session.busy]).toEqual([1, false]);
    await connect();
    await from();
    await end();
    expect(newest()).toMatchObject({ helo: '', queue_id: null, peer_name: 'mail.example', ip: '203.0.113.9' });
    await session.take({ type: 'helo', name: 'again.example' });
    await connect();
    await from();
    await end();
    expect([newest().helo, counts.submitted]).toEqual(['', 0]);
  });
});

describe('a mail that does not come to its end', () => {
  test.each([
    ['the next one begins', () => from()],
    ['it is taken back', () => session.take({ type: 'abort' })],
    ['the server leaves', () => session.take({ type: 'quit' })],
    ['another client comes', () => connect()],
    ['it is agreed on anew', () => begin()],
    ['the connection breaks off', async () => session.abandon()],
  ])('is counted once and forgotten when %s', async (_, then) => {
    await begin();
    await connect();
    await from();
    await header();
    await then();
    expect(counts.aborted).toBe(1);
    session.abandon();
    session.abandon();
    expect([counts.aborted, memory.free, seen]).toEqual([_ === 'the next one begins' ? 2 : 1, FREE, []]);
  });
});

describe('the envelope', () => {
  test('has at most ten thousand recipients', async () => {
    await begin();
    await connect();
    await from();
    for (let i = 0; i < 10_000; i++) await to('a');
    await expect(to('a')).rejects.toThrow('a mail has more recipients than are read');
    session.abandon();
  });

  test('has at most half a mebibyte of addresses', async () => {
    await begin();
    await connect();
    await from('x'.repeat(1024));
    const most = 512 * 1024 - 1024;
    await to('y'.repeat(most));
    await expect(to('z')).rejects.toThrow(ProtocolError);
    session.abandon();
    expect(counts.aborted).toBe(1);
  });

  test('is UTF-8, or else a character for each octet', async () => {
    await begin();
    const octets = (text: string) => Buffer.from(text).toString('latin1');
    for (const [sent, read] of [
      [octets('jörg@example.com'), 'jörg@example.com'],
      ['j\xf6rg@example.com', 'j\xf6rg@example.com'],
    ] as const) {
      await connect('203.0.113.9', sent);
      await session.take({ type: 'helo', name: sent });
      await from(sent);
      await to(sent);
      await end();
      expect(newest()).toMatchObject({ mail_from: read, recipients: [read], helo: read, peer_name: read });
    }
  });
});

describe('macros', () => {
  const queueOf = async (...given: [string, Record<string, string>][]) => {
    await begin();
    await connect();
    for (const [stage, values] of given) await macros(stage, values);
    await from();
    await end();
    return newest().queue_id;
  };
  test.each<[string, [string, Record<string, string>][], string | null]>([
    [
      'of the end of the mail come first',
      [
        ['M', { i: '1' }],
        ['E', { i: '2' }],
        ['R', { i: '3' }],
      ],
      '2',
    ],
    [
      'of an earlier stage where the later has none',
      [
        ['M', { i: '1' }],
        ['E', { i: '' }],
        ['R', { j: '3' }],
      ],
      '1',
    ],
    [
      'of the recipient before those of the sender',
      [
        ['R', { i: '3' }],
        ['M', { i: '1' }],
      ],
      '3',
    ],
    ['of the connection are not about the mail', [['C', { i: '1' }]], null],
    ['are cut', [['M', { i: 'q'.repeat(2000) }]], 'q'.repeat(1000)],
  ])('%s', async (_, given, expected) => expect(await queueOf(...given)).toBe(expected));

  test('say who signed in, at the sender alone', async () => {
    await begin();
    await connect();
    await macros('R', { '{auth_authen}': 'ada' });
    await from();
    await end();
    await macros('M', { '{auth_authen}': 'ada' });
    await from();
    await end();
    expect([seen.length, counts.submitted]).toEqual([1, 1]);
  });
});

test.each<Command>([
  { type: 'recipient', recipient: 'a@b.example', parameters: [] },
  { type: 'header', name: 'From', value: 'x' },
  { type: 'endOfHeader' },
  { type: 'body', bytes: Buffer.from('x') },
  { type: 'endOfBody', bytes: Buffer.from('x') },
])('a part of a mail without its envelope ends the connection: $type', async (command) => {
  await begin();
  await connect();
  await expect(session.take(command)).rejects.toThrow('a part of a mail came without its envelope');
});

test('what is no command of this version ends the connection', async () => {
  await begin();
  await expect(session.take({ type: 'unknown', command: 'z' })).rejects.toThrow('"z" is no command of version 6');
});
