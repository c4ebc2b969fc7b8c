import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answerTo } from '../../services/dns/wire/answer.ts';
import { encodeMessage, type RawMessage } from '../../services/dns/wire/message.ts';
import { appendTsig, macOf, readSigned, signMessage, type TsigKey, verifyTsig } from '../../services/dns/wire/tsig.ts';
import { encodeUpdate, type Update } from '../../services/dns/wire/update.ts';
import { rdataOf } from '../../services/dns/wire/writer.ts';
import { answerMessage, type From, type GatewayMeans } from '../../services/gateway/gateway.ts';
import type { Ledger, LentKey, Received, Settled } from '../../services/gateway/ledger.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import { type FakeServer, startFake } from '../helpers/dns.ts';
import { type RunningGateway, startTestGateway } from './setup.ts';

const LENT = { name: 'lent', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const FROM: From = { client: 'test', udp: false };
const UPDATE: Update = {
  zone: 'example.com',
  prerequisites: [],
  changes: [{ kind: 'add', name: 'a.example.com', type: 'TXT', ttl: 60, data: ['x'] }],
};
const now = () => Math.floor(Date.now() / 1000);
const MOST_MESSAGE = 32 * 1024;

let lines: object[] = [];
// The name server behind it is not there: whatever passes all checks is SERVFAIL.
let gateway: RunningGateway;
beforeAll(async () => {
  const gone = { address: '127.0.0.1', port: 9 };
  const key = { name: 'up', algorithm: 'hmac-sha256' as const };
  gateway = await startTestGateway(
    [{ kind: 'rfc2136', name: 'primary', zones: ['example.com'], server: gone, key, secret: () => randomBytes(32) }],
    gone,
    'example.com',
  );
  gateway.means.log = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) });
});
afterAll(() => gateway.stop());
beforeEach(() => {
  lines = [];
  gateway.counts.length = 0;
  gateway.ledger.away = false;
  gateway.ledger.lent = [
    { ...LENT, grant_key: 1, scope: { zone: 'example.com', names: ['a.example.com'], types: ['TXT'], operations: ['add'] } },
  ];
});

const ask = (bytes: Buffer, from = FROM, means = gateway.means) => answerMessage(bytes, from, means);
const signed = (key: TsigKey = LENT, time = now(), update = UPDATE) => signMessage(encodeUpdate(update, 5), key, { time });
/** The code of an answer, the error of its TSIG, and whether its signature holds. */
const outcome = async (request: { bytes: Buffer; mac: Buffer }, key: TsigKey = LENT) => {
  const answer = await ask(request.bytes);
  if (answer === null) return null;
  const { message, tsig, unsigned } = readSigned(answer);
  const holds = tsig !== null && tsig.mac.length > 0 && verifyTsig({ tsig, unsigned }, key, request.mac, tsig.time) === null;
  return { rcode: message.rcode, error: tsig?.error ?? null, holds };
};
const queryOf = (change: Partial<RawMessage>): RawMessage => ({
  id: 3,
  opcode: 0,
  response: false,
  flags: 0,
  rcode: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
  ...change,
});
/** The request with other octets in its last record. */
const edited = ({ bytes, mac }: { bytes: Buffer; mac: Buffer }, edit: (bytes: Buffer) => Buffer) => ({
  bytes: edit(Buffer.from(bytes)),
  mac,
});

const flipped = (bytes: Buffer) => {
  bytes[40]! ^= 1;
  return bytes;
};
const renumbered = (bytes: Buffer) => {
  bytes.writeUInt16BE(9, 0);
  return bytes;
};

describe('signatures', () => {
  test('one that holds is answered with one', async () => {
    expect(await outcome(signed())).toEqual({ rcode: 2, error: 0, holds: true });
    expect(await outcome(signed({ ...LENT, name: 'LeNt' }))).toMatchObject({ holds: true });
  });
  test('a key that is not lent, another algorithm, another secret', async () => {
    expect(await outcome(signed({ ...LENT, name: 'other' }))).toEqual({ rcode: 9, error: 17, holds: false });
    expect(await outcome(signed({ ...LENT, name: 'sub.lent' }))).toEqual({ rcode: 9, error: 17, holds: false });
    expect(await outcome(signed({ ...LENT, algorithm: 'hmac-sha512' }))).toEqual({ rcode: 9, error: 17, holds: false });
    expect(await outcome(signed({ ...LENT, secret: randomBytes(32) }))).toEqual({ rcode: 9, error: 16, holds: false });
    expect(await outcome(edited(signed(), flipped))).toMatchObject({ rcode: 9 });
  });
  test('a key that has just ended asks nothing any more', async () => {
    const question = () =>
      signMessage(encodeMessage(queryOf({ questions: [{ name: 'a.example.com', type: 1, class: 1 }] })), LENT, { time: now() });
    expect(await outcome(question())).toMatchObject({ rcode: 5, error: 0, holds: true });
    expect(gateway.counts).toEqual([]);
    gateway.ledger.lent = gateway.ledger.lent.map((key) => ({ ...key, over: true }));
    expect(await outcome(question())).toEqual({ rcode: 9, error: 17, holds: false });
    expect(gateway.counts).toEqual(['badkey']);
  });
  test('each error is counted by its name', async () => {
    const cut = (length: number) => {
      const { bytes, mac } = signed();
      const { tsig } = readSigned(bytes);
      return appendTsig(encodeUpdate(UPDATE, 5), { ...tsig!, mac: mac.subarray(0, length) });
    };
    await ask(signed({ ...LENT, name: 'other' }).bytes);
    await ask(signed({ ...LENT, secret: randomBytes(32) }).bytes);
    await ask(signed(LENT, now() - 301).bytes);
    await ask(cut(16));
    await ask(cut(0));
    expect(gateway.counts).toEqual(['badkey', 'badsig', 'badtime', 'badtrunc', 'formerr']);
  });
  test.each([-301, 301, -100_000, 100_000])('a clock that is %i seconds off', async (off) => {
    expect(await outcome(signed(LENT, now() + off))).toEqual({ rcode: 9, error: 18, holds: true });
  });
  test('a client that wishes a longer validity has none', async () => {
    // The fudge is signed: the client may write any.
    const time = now() - 4_000;
    const unsigned = encodeUpdate(UPDATE, 5);
    const { tsig } = readSigned(signMessage(unsigned, LENT, { time }).bytes);
    const long = { ...tsig!, fudge: 65_535 };
    const mac = macOf(unsigned, long, LENT, null);
    expect(await outcome({ bytes: appendTsig(unsigned, { ...long, mac }), mac })).toMatchObject({ rcode: 9, error: 18 });
  });
  test.each([
    [-300, 0],
    [-300.5, 18],
    [300, 0],
    [300.5, 18],
  ])('of a longer one, five minutes count: at a clock %d seconds off the error is %i', async (off, error) => {
    const unsigned = encodeMessage(queryOf({ questions: [{ name: 'a.example.com', type: 1, class: 1 }] }));
    const { tsig } = readSigned(signMessage(unsigned, LENT, { time: 1_800_000_000 }).bytes);
    const long = { ...tsig!, fudge: 65_535 };
    const bytes = appendTsig(unsigned, { ...long, mac: macOf(unsigned, long, LENT, null) });
    const means = { ...gateway.means, now: () => (1_800_000_000 + off) * 1000 };
    expect(readSigned((await ask(bytes, FROM, means))!).tsig!.error).toBe(error);
  });
  test.each([
    [31, 9, 22],
    [16, 9, 22],
    [15, 1, null],
    [0, 1, null],
  ])('a MAC of %i octets', async (length, rcode, error) => {
    const request = signed();
    const { tsig } = readSigned(request.bytes);
    const mac = request.mac.subarray(0, length);
    expect(await outcome({ bytes: appendTsig(encodeUpdate(UPDATE, 5), { ...tsig!, mac }), mac })).toMatchObject({ rcode, error });
  });
  test('the same octets are answered alike and not carried out again; another id makes no other update', async () => {
    const request = signed(LENT, now() - 9);
    const before = gateway.ledger.updates.length;
    const first = await outcome(request);
    expect(await outcome(request)).toEqual(first);
    expect(await outcome(edited(request, renumbered))).toEqual(first);
    expect(gateway.ledger.updates).toHaveLength(before + 1);
  });
  test('an update whose name server does not say what is there has failed, and was not refused', async () => {
    expect(await outcome(signed(LENT, now() - 11))).toEqual({ rcode: 2, error: 0, holds: true });
    expect(gateway.ledger.last).toEqual({
      state: 'failed',
      rcode: 2,
      answer: 'The name server does not say which TXT records a.example.com has.',
    });
    expect(gateway.counts).toEqual(['failed']);
  });
  test('a TSIG that is not the last record, or there twice, is FORMERR', async () => {
    const twice = signMessage(signed().bytes, LENT, { time: now() }).bytes;
    expect(readSigned((await ask(twice))!).message.rcode).toBe(1);
  });
});

describe('without a signature', () => {
  const plain = async (change: Partial<RawMessage>) => {
    const answer = await ask(encodeMessage(queryOf(change)));
    return answer === null ? null : readSigned(answer).message.rcode;
  };
  const record = { name: 'example.com', type: 1, class: 1, ttl: 60, rdata: Buffer.alloc(4) };
  const question = (type: number, name = 'example.com', klass = 1) => ({ questions: [{ name, type, class: klass }] });
  test.each<[string, Partial<RawMessage>, number | null]>([
    ['an update', { opcode: 5, questions: question(6).questions }, 5],
    ['a question for another type', question(1), 5],
    ['a transfer', question(252), 5],
    ['an incremental transfer', question(251), 5],
    ['any record', question(255), 5],
    ['the SOA of a foreign zone', question(6, 'example.net'), 5],
    ['the SOA of the zone above', question(6, 'com'), 5],
    ['the SOA of another class', question(6, 'example.com', 3), 5],
    ['no question', {}, 1],
    ['two questions', { questions: [...question(6).questions, ...question(6).questions] }, 1],
    ['a question with an answer', { ...question(1), answers: [record] }, 1],
    ['a question with an authority', { ...question(1), authorities: [record] }, 1],
    ['a question that asks for recursion', { ...question(1), flags: 0x0100 }, 5],
    ['NOTIFY', { opcode: 4, ...question(6) }, 4],
    ['an unknown opcode', { opcode: 15 }, 4],
    ['an answer', { response: true, ...question(6) }, null],
  ])('%s', async (_, change, rcode) => {
    expect(await plain(change)).toBe(rcode);
    expect([lines, gateway.counts]).toEqual([[], change.opcode === 5 ? ['unsigned'] : []]);
  });

  test('a message that is too long, too short or nonsense: the header alone comes back, with its id and opcode', async () => {
    const long = Buffer.alloc(MOST_MESSAGE + 1);
    const head = (code: number) => Buffer.from([0x12, 0x34, 0xa8, code, 0, 0, 0, 0, 0, 0, 0, 0]);
    // Opcode UPDATE, and recursion desired.
    long.set([0x12, 0x34, 0x29]);
    expect(await ask(long)).toEqual(head(5));
    expect(await ask(long.subarray(0, MOST_MESSAGE))).toEqual(head(1));
    expect(await ask(Buffer.alloc(11))).toBeNull();
    expect(readSigned((await ask(Buffer.concat([signed().bytes, Buffer.from('x')])))!).message.rcode).toBe(1);
  });

  test('a store that is away answers nothing but SERVFAIL, and the log says why', async () => {
    gateway.ledger.away = true;
    expect(await outcome(signed())).toEqual({ rcode: 2, error: null, holds: false });
    const msg = 'a message to the gateway could not be answered';
    expect(lines).toEqual([{ level: 50, err: 'the store is away', client: 'test', msg }]);
  });
});

describe('the SOA record of a zone', () => {
  let primary: FakeServer;
  let silent = false;
  const LONG = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.example`;
  beforeAll(async () => {
    primary = await startFake(({ sent }) =>
      silent
        ? { rcode: 5 }
        : { flags: 0x0400, answers: [{ name: sent, type: 'SOA', ttl: 900, data: { ...SOA, mname: 'ns.example' } }] },
    );
  });
  afterAll(() => primary.stop());
  beforeEach(() => {
    silent = false;
  });
  const SOA = { mname: 'ns.example', rname: 'h.example', serial: 7, refresh: 6, retry: 5, expire: 4, minimum: 300 };
  const rfc2136 = (...zones: string[]): DnsTarget => ({
    kind: 'rfc2136',
    name: zones[0]!,
    zones,
    server: { address: '127.0.0.1', port: primary.port },
    key: { name: 'up', algorithm: 'hmac-sha256' },
    secret: () => randomBytes(32),
  });
  const byHand: DnsTarget = { kind: 'command', name: 'by hand', zones: ['hand.example', 'x.example.com'], command: ['true'] };
  const means = (): GatewayMeans => ({
    ...gateway.means,
    targets: [byHand, rfc2136('example.com', 'sub.example.com'), rfc2136('deep.sub.example.com', LONG)],
  });
  const record = (name: string, ttl: number) => ({ name, type: 6, class: 1, ttl, rdata: rdataOf('SOA', SOA) });
  const told = async (name: string, from = FROM) => {
    const question = { name, type: 6, class: 1 };
    const { message } = readSigned((await ask(encodeMessage(queryOf({ questions: [question] })), from, means()))!);
    const { rcode, flags, answers, authorities, questions } = message;
    expect([message.id, message.opcode, message.response, message.additionals]).toEqual([3, 0, true, []]);
    expect(questions).toEqual((flags & 0x0200) === 0 ? [question] : []);
    return { rcode, flags, answers, authorities };
  };
  const refused = { rcode: 5, flags: 0, answers: [], authorities: [] };

  test.each(['example.com', 'EXAMPLE.com', 'sub.example.com'])('of %s itself is the answer', async (name) => {
    expect(await told(name)).toEqual({ rcode: 0, flags: 0x0400, answers: [record(name, 900)], authorities: [] });
  });
  test.each([
    ['a.example.com', 'example.com'],
    ['x.example.com', 'example.com'],
    ['a.b.Sub.example.com', 'sub.example.com'],
    ['a.deep.sub.example.com', 'deep.sub.example.com'],
  ])('of a name below, %s, says which zone it is in: %s', async (name, zone) => {
    expect(await told(name)).toEqual({ rcode: 0, flags: 0x0400, answers: [], authorities: [record(zone, 300)] });
  });
  test('of a zone that is changed in another way is not told', async () => {
    for (const name of ['hand.example', 'a.hand.example']) expect(await told(name)).toEqual(refused);
  });
  test('that its server does not tell is SERVFAIL, and no mistake of ours', async () => {
    silent = true;
    expect(await told('example.com')).toEqual({ ...refused, rcode: 2 });
    expect(lines).toEqual([]);
  });
  test('that is too long for UDP is cut to the header, which says so', async () => {
    const whole = { rcode: 0, flags: 0x0400, answers: [record(LONG, 900)], authorities: [] };
    expect(await told(LONG, { client: 'test', udp: true })).toEqual(whole);
    const name = `${'d'.repeat(60)}.${LONG}`;
    const below = { rcode: 0, answers: [], authorities: [record(LONG, 300)] };
    expect(await told(name)).toEqual({ ...below, flags: 0x0400 });
    expect(await told(name, { client: 'test', udp: true })).toEqual({ ...below, flags: 0x0600, authorities: [] });
  });
});

describe('the length of an answer over UDP', () => {
  /** A name of so many octets on the wire. */
  const nameOf = (octets: number) => {
    let text = '';
    while (text.length < octets - 2) text += text.length % 50 === 49 && text.length < octets - 3 ? '.' : 'a';
    return text;
  };
  const TC = 0x0200;
  const answered = async (keyOctets: number, udp: boolean, { opcode = 0, zone = nameOf(200) } = {}) => {
    const key = { ...LENT, name: nameOf(keyOctets) };
    gateway.ledger.lent = [{ ...gateway.ledger.lent[0]!, ...key }];
    const question = { name: zone, type: 6, class: 1 };
    const { bytes, mac } = signMessage(encodeMessage(queryOf({ opcode, questions: [question] })), key, { time: now() });
    const targets = gateway.means.targets.map((one) => ({ ...one, zones: [nameOf(240)] }));
    const answer = (await ask(bytes, { client: 'test', udp }, { ...gateway.means, targets }))!;
    const { message, tsig, unsigned } = readSigned(answer);
    expect(verifyTsig({ tsig: tsig!, unsigned }, key, mac, tsig!.time)).toBeNull();
    return [answer.length, message.rcode, message.flags, message.questions.length];
  };

  test('is 512 octets at most; a longer one is its header alone, signed', async () => {
    expect(await answered(225, true)).toEqual([512, 5, 0, 1]);
    expect(await answered(226, true)).toEqual([309, 5, TC, 0]);
    expect(await answered(226, false)).toEqual([513, 5, 0, 1]);
  });
  test('keeps its code', async () => {
    expect(await answered(226, true, { zone: nameOf(240) })).toEqual([309, 2, TC, 0]);
  });
});

describe('what the store says of an update', () => {
  const told = async (received: Received | Error, change: Partial<Ledger> = {}, update = UPDATE) => {
    const calls: unknown[][] = [];
    const ledger: Ledger = {
      keys: async () => gateway.ledger.lent,
      async receive(key: LentKey, given) {
        calls.push(['receive', key.name, given.client]);
        if (received instanceof Error) throw received;
        return received;
      },
      intend: async () => false,
      settle: async (key: LentKey, update_key: number, settled: Settled) => {
        calls.push(['settle', key.name, update_key, settled]);
      },
      ...change,
    };
    const request = signed(LENT, now(), update);
    const answer = await ask(request.bytes, FROM, { ...gateway.means, ledger });
    if (answer === null) return { answer, calls };
    const { message, tsig } = readSigned(answer);
    return { answer: [message.rcode, tsig!.error], calls };
  };
  const received = ['receive', 'lent', 'test'];

  test.each<[string, Received, number[] | null, string[]]>([
    ['it is being worked on', { state: 'again', rcode: null }, null, []],
    ['it was done', { state: 'again', rcode: 0 }, [0, 0], []],
    ['it was refused', { state: 'again', rcode: 8 }, [8, 0], []],
    ['it was answered with a code that has no name', { state: 'again', rcode: 99 }, [2, 0], []],
    ['its grant has ended', { state: 'ended' }, [9, 17], ['badkey']],
    ['there are too many', { state: 'too_many' }, [5, 0], ['too_many']],
  ])('%s', async (_, state, answer, counts) => {
    expect(await told(state)).toEqual({ answer, calls: [received] });
    expect([gateway.counts, lines]).toEqual([counts, []]);
  });

  test('a new one that is refused is written down, counted and answered as it ended', async () => {
    const change = { kind: 'add' as const, name: 'b.example.com', type: 'TXT' as const, ttl: 60, data: ['x'] };
    const settled = { state: 'refused', rcode: 5, answer: 'b.example.com is not among the names of the grant.' };
    expect(await told({ state: 'new', update_key: 7 }, {}, { ...UPDATE, changes: [change] })).toEqual({
      answer: [5, 0],
      calls: [received, ['settle', 'lent', 7, settled]],
    });
    expect(gateway.counts).toEqual(['refused']);
  });

  test.each<[string, Received | Error, Partial<Ledger>]>([
    ['that it came', new Error('the store is away'), {}],
    [
      'how it ended',
      { state: 'new', update_key: 7 },
      {
        settle: async () => {
          throw new Error('the store is away');
        },
      },
    ],
  ])('what could not be written down, %s, is not said to be done', async (_, state, change) => {
    expect((await told(state, change)).answer).toEqual([2, 0]);
    expect(gateway.counts).toEqual(['failed']);
    const msg = 'an update could not be carried out';
    expect(lines).toEqual([{ level: 50, grant: 1, err: 'the store is away', msg }]);
  });

  test('one that cannot be read is answered without asking it', async () => {
    const twice = encodeMessage(queryOf({ opcode: 5, questions: [ZONE, ZONE] }));
    const { bytes } = signMessage(twice, LENT, { time: now() });
    expect(readSigned((await ask(bytes))!).message.rcode).toBe(1);
    expect(gateway.counts).toEqual([]);
  });
});
const ZONE = { name: 'example.com', type: 6, class: 1 };

test('whatever is sent: no error is thrown, nothing unsigned succeeds, and no update is begun without a signature', async () => {
  const valid = signed().bytes;
  // It came before: letters of names in another case leave its signature valid.
  await ask(valid);
  const update = encodeUpdate(UPDATE, 5);
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 600 }).map((one) => Buffer.from(one)),
    fc
      .tuple(
        fc.constantFrom(valid, update, answerTo({ id: 1, opcode: 0, questions: [] }, { rcode: 'NOERROR' })),
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      )
      .map(([base, edits]) => {
        const copy = Buffer.from(base);
        for (const [at, value] of edits) copy[at % copy.length] = value;
        return copy;
      })
      .filter((bytes) => !bytes.subarray(2).equals(valid.subarray(2))),
    fc.nat(valid.length - 1).map((length) => valid.subarray(0, length)),
  );
  await fc.assert(
    fc.asyncProperty(hostile, async (bytes) => {
      const before = gateway.ledger.updates.length;
      const answer = await ask(bytes, { client: 'x', udp: true });
      if (answer === null) return;
      const { message } = readSigned(answer);
      expect(message.response).toBe(true);
      if (message.opcode === 5) expect(message.rcode).not.toBe(0);
      expect(answer.length).toBeLessThanOrEqual(512);
      expect(gateway.ledger.updates.length).toBe(before);
    }),
    { numRuns: 3_000 },
  );
});
