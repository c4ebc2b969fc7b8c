import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { answerTo } from '../../services/dns/wire/answer.ts';
import { encodeMessage, type RawMessage } from '../../services/dns/wire/message.ts';
import { readSigned, signMessage, type TsigKey, verifyTsig } from '../../services/dns/wire/tsig.ts';
import { encodeUpdate, type Update } from '../../services/dns/wire/update.ts';
import { answerMessage, type From, MOST_MESSAGE } from '../../services/gateway/gateway.ts';
import { type RunningGateway, startTestGateway } from './setup.ts';

const LENT = { name: 'lent', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
const FROM: From = { client: 'test', udp: false };
const UPDATE: Update = {
  zone: 'example.com',
  prerequisites: [],
  changes: [{ kind: 'add', name: 'a.example.com', type: 'TXT', ttl: 60, data: ['x'] }],
};
const now = () => Math.floor(Date.now() / 1000);

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
});
afterAll(() => gateway.stop());
beforeEach(() => {
  gateway.ledger.away = false;
  gateway.ledger.lent = [
    { ...LENT, grant_key: 1, scope: { zone: 'example.com', names: ['a.example.com'], types: ['TXT'], operations: ['add'] } },
  ];
});

const ask = (bytes: Buffer, from = FROM) => answerMessage(bytes, from, gateway.means);
const signed = (key: TsigKey = LENT, time = now(), update = UPDATE) => signMessage(encodeUpdate(update, 5), key, { time });
/** The code of an answer, the error of its TSIG, and whether its signature holds. */
const outcome = async (request: { bytes: Buffer; mac: Buffer }, key: TsigKey = LENT) => {
  const answer = await ask(request.bytes);
  if (answer === null) return null;
  const { message, tsig, unsigned } = readSigned(answer);
  const holds = tsig !== null && tsig.mac.length > 0 && verifyTsig({ tsig, unsigned }, key, request.mac, tsig.time) === null;
  return { rcode: message.rcode, error: tsig?.error ?? null, holds };
};
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
      signMessage(
        encodeMessage({
          id: 3,
          opcode: 0,
          response: false,
          flags: 0,
          rcode: 0,
          questions: [{ name: 'a.example.com', type: 1, class: 1 }],
          answers: [],
          authorities: [],
          additionals: [],
        }),
        LENT,
        { time: now() },
      );
    expect(await outcome(question())).toMatchObject({ rcode: 5, error: 0, holds: true });
    gateway.ledger.lent = gateway.ledger.lent.map((key) => ({ ...key, over: true }));
    expect(await outcome(question())).toEqual({ rcode: 9, error: 17, holds: false });
  });
  test.each([-301, 301, -100_000, 100_000])('a clock that is %i seconds off', async (off) => {
    expect(await outcome(signed(LENT, now() + off))).toEqual({ rcode: 9, error: 18, holds: true });
  });
  test('a client that wishes a longer validity has none', async () => {
    // The fudge is signed: the client may write any.
    const time = now() - 4_000;
    const unsigned = encodeUpdate(UPDATE, 5);
    const { tsig } = readSigned(signMessage(unsigned, LENT, { time }).bytes);
    const { macOf, appendTsig } = await import('../../services/dns/wire/tsig.ts');
    const long = { ...tsig!, fudge: 65_535 };
    const mac = macOf(unsigned, long, LENT, null);
    expect(await outcome({ bytes: appendTsig(unsigned, { ...long, mac }), mac })).toMatchObject({ rcode: 9, error: 18 });
  });
  test.each([
    [31, 9, 22],
    [16, 9, 22],
    [15, 1, null],
    [0, 1, null],
  ])('a MAC of %i octets', async (length, rcode, error) => {
    const request = signed();
    const { tsig } = readSigned(request.bytes);
    const { appendTsig } = await import('../../services/dns/wire/tsig.ts');
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
    expect(gateway.counts.at(-1)).toBe('failed');
  });
  test('a TSIG that is not the last record, or there twice, is FORMERR', async () => {
    const twice = signMessage(signed().bytes, LENT, { time: now() }).bytes;
    expect(readSigned((await ask(twice))!).message.rcode).toBe(1);
  });
});

describe('without a signature', () => {
  const plain = async (change: Partial<RawMessage>) => {
    const message = {
      id: 3,
      opcode: 0,
      response: false,
      flags: 0,
      rcode: 0,
      questions: [],
      answers: [],
      authorities: [],
      additionals: [],
    };
    const answer = await ask(encodeMessage({ ...message, ...change }));
    return answer === null ? null : readSigned(answer).message.rcode;
  };
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
    ['NOTIFY', { opcode: 4, ...question(6) }, 4],
    ['an unknown opcode', { opcode: 15 }, 4],
    ['an answer', { response: true, ...question(6) }, null],
  ])('%s', async (_, change, rcode) => expect(await plain(change)).toBe(rcode));

  test('a message that is too long, too short or nonsense', async () => {
    expect(readSigned((await ask(Buffer.alloc(MOST_MESSAGE + 1)))!).message.rcode).toBe(5);
    expect(await ask(Buffer.alloc(11))).toBeNull();
    expect(readSigned((await ask(Buffer.concat([signed().bytes, Buffer.from('x')])))!).message.rcode).toBe(1);
  });

  test('a store that is away answers nothing but SERVFAIL', async () => {
    gateway.ledger.away = true;
    expect(await outcome(signed())).toEqual({ rcode: 2, error: null, holds: false });
  });
});

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
