import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { decode, encode } from 'dns-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { applyByUpdate } from '../../../services/applier/targets/rfc2136.ts';
import type { RecordChange } from '../../../services/applier/targets/target.ts';
import { encodeMessage } from '../../../services/dns/wire/message.ts';
import { readSigned, signMessage, type TsigKey } from '../../../services/dns/wire/tsig.ts';
import { aliasOf, txtOf } from '../../../services/requests/plans/members.ts';
import type { UpdatedServer } from '../../../services/shared/settings/dns-servers.ts';

// What applyByUpdate makes of answers that real servers give seldom; rfc2136.test.ts asks real ones.
const KEY: TsigKey = { name: 'ruawatch', algorithm: 'hmac-sha256', secret: Buffer.from('a secret') };
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface Script {
  /** Of the answer to the update; null for no answer. */
  rcode: number | null;
  /** The texts that are there afterwards; null for silence. */
  there: string[] | null;
  /** The answer to the update has no signature: anybody on the way can have sent it. */
  unsigned?: boolean;
}

const CLASS_NONE = 254;

/** Whether the condition of an update names just the texts that are there. */
function holds(conditions: readonly { class: number; rdata: Buffer }[], there: readonly string[]): boolean {
  const named = conditions.flatMap((one) => (one.class === CLASS_NONE ? [] : [one.rdata.subarray(1).toString('latin1')]));
  return JSON.stringify(named.sort()) === JSON.stringify([...there].sort());
}

/** A server that answers updates (TCP) and questions (UDP) as the script says. */
async function serve({
  rcode,
  there,
  unsigned = false,
}: Script): Promise<{ target: UpdatedServer; secrets: Buffer[]; updates: Buffer[] }> {
  const updates: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('data', (bytes) => {
      const request = bytes.subarray(2);
      updates.push(request);
      const { message, tsig } = readSigned(request);
      // An update that changes nothing asks what is there.
      const asks = message.authorities.length === 0;
      if (rcode === null || (asks && there === null)) return socket.destroy();
      const code = asks ? (holds(message.answers, there!) ? 0 : 8) : rcode;
      const answer = encodeMessage({ ...message, response: true, rcode: code, answers: [], authorities: [], additionals: [] });
      const signed = unsigned ? answer : signMessage(answer, KEY, { time: tsig!.time, requestMac: tsig!.mac }).bytes;
      socket.end(Buffer.concat([Buffer.of(signed.length >> 8, signed.length & 255), signed]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    if (there === null) return;
    const { id, questions } = decode(bytes);
    const answers = there.map((text) => ({ name: questions![0]!.name, type: 'TXT' as const, ttl: 60, data: [text] }));
    udp.send(encode({ type: 'response', id, flags: 1024, questions, answers }), from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  closing.push(() => {
    server.close();
    udp.close();
    for (const socket of sockets) socket.destroy();
  });
  const secrets: Buffer[] = [];
  const secret = () => {
    secrets.push(Buffer.from(KEY.secret));
    return secrets.at(-1)!;
  };
  const target: UpdatedServer = {
    kind: 'rfc2136',
    name: 'primary',
    zones: ['example.com'],
    server: { address: '127.0.0.1', port },
    key: { name: KEY.name, algorithm: 'hmac-sha256' },
    secret,
  };
  return { target, secrets, updates };
}

const change = (before: string[], after: string[], type: RecordChange['type'] = 'TXT'): RecordChange => ({
  name: '_dmarc.example.com',
  type,
  ttl: { before: before.length === 0 ? null : 60, after: after.length === 0 ? null : 1234 },
  before: before.map(txtOf),
  after: after.map(txtOf),
});
const STEP = change(['old'], ['new']);

test.each<[string, Script, RecordChange, object]>([
  ['accepted and there', { rcode: 0, there: ['new'] }, STEP, { state: 'applied', answer: 'It was accepted, and is there.' }],
  [
    'accepted and gone',
    { rcode: 0, there: [] },
    change(['old'], []),
    { state: 'applied', answer: 'It was accepted, and is there.' },
  ],
  [
    'accepted without effect',
    { rcode: 0, there: ['old'] },
    STEP,
    { state: 'failed', answer: 'The server accepted it, and has other records than were sent: look at it by hand.' },
  ],
  ['stale, and there already', { rcode: 8, there: ['new'] }, STEP, { state: 'applied', answer: 'It is there already.' }],
  ['stale', { rcode: 8, there: ['other'] }, STEP, { state: 'stale', answer: expect.stringMatching(/./) }],
  ['refused', { rcode: 5, there: ['old'] }, STEP, { state: 'failed', answer: expect.stringMatching(/./) }],
  ['without an answer', { rcode: null, there: ['old'] }, STEP, { state: 'later', answer: expect.stringMatching(/./) }],
  [
    'of another type',
    { rcode: 0, there: [] },
    change([], ['x'], 'MX'),
    { state: 'failed', answer: 'Records of type MX are not changed by updates.' },
  ],
])('an update that is %s', async (_, script, step, applied) => {
  const { target, secrets } = await serve(script);
  expect(await applyByUpdate(target, 'example.com', step)).toEqual(applied);
  // The secret does not stay in memory.
  for (const secret of secrets) expect(secret.every((octet) => octet === 0)).toBe(true);
  expect(secrets).toHaveLength(step.type === 'MX' ? 0 : 1);
});

test.each([
  ['NXRRSET', 8],
  ['NOTAUTH', 9],
  ['REFUSED', 5],
  ['FORMERR', 1],
])('%s that nobody signed ends nothing, whatever a plain question is answered', async (_, rcode) => {
  for (const there of [['new'], ['old']]) {
    const { target } = await serve({ rcode, there, unsigned: true });
    expect(await applyByUpdate(target, 'example.com', STEP)).toMatchObject({ state: 'later' });
  }
});

test('a name that cannot be sent fails at once', async () => {
  const { target, updates } = await serve({ rcode: 0, there: [] });
  const step = { ...change([], ['x']), name: `${'a'.repeat(64)}.example.com` };
  expect(await applyByUpdate(target, 'example.com', step)).toMatchObject({ state: 'failed' });
  expect(updates).toEqual([]);
});

test('a key that cannot be read is tried again', async () => {
  const { target } = await serve({ rcode: 0, there: [] });
  const secret = () => {
    throw new Error('has a secret_file that cannot be read');
  };
  expect(await applyByUpdate({ ...target, secret }, 'example.com', STEP)).toEqual({
    state: 'later',
    answer: 'The TSIG key ruawatch has a secret_file that cannot be read',
  });
});

describe('an update', () => {
  const [TXT, CNAME, ANY] = [16, 5, 255];
  const IN = 1;
  /** The prerequisites and steps that are sent: type, class, TTL and data of each. */
  const updateOf = async (step: RecordChange) => {
    const there = step.after.map(({ wire }) => Buffer.from(wire, 'hex').subarray(1).toString('latin1'));
    const { target, updates } = await serve({ rcode: 0, there });
    expect(await applyByUpdate(target, 'example.com', step)).toEqual({
      state: 'applied',
      answer: 'It was accepted, and is there.',
    });
    const { answers, authorities } = readSigned(updates[0]!).message;
    return [answers, authorities].map((records) =>
      records.map(({ name, type, class: of, ttl, rdata }) => {
        expect(name).toBe('_dmarc.example.com');
        return [type, of, ttl, rdata.toString('hex')];
      }),
    );
  };
  const wire = (member: { wire: string }) => member.wire;
  const equals = (type: number, ...members: { wire: string }[]) => members.map((one) => [type, IN, 0, wire(one)]);
  const absent = (type: number) => [type, CLASS_NONE, 0, ''];
  const deleted = (type: number) => [type, ANY, 0, ''];
  const added = (type: number, ...members: { wire: string }[]) => members.map((one) => [type, IN, 1234, wire(one)]);

  test('replaces the whole RRset, on the condition that it is what the plan says and no alias', async () => {
    const [old, older, fresh] = [txtOf('old'), txtOf('older'), txtOf('new')];
    expect(await updateOf(STEP)).toEqual([
      [...equals(TXT, old), absent(CNAME)],
      [deleted(TXT), ...added(TXT, fresh)],
    ]);
    expect(await updateOf(change([], ['new', 'old']))).toEqual([[absent(TXT), absent(CNAME)], added(TXT, fresh, old)]);
    expect(await updateOf(change(['old', 'older'], []))).toEqual([[...equals(TXT, old, older), absent(CNAME)], [deleted(TXT)]]);
  });

  test('of an alias is made where nothing else is', async () => {
    const [old, fresh] = [aliasOf('old.example.net'), aliasOf('new.example.net')];
    const alias = (before: (typeof old)[], after: (typeof old)[]): RecordChange => ({
      ...change([], ['x'], 'CNAME'),
      before,
      after,
    });
    expect(await updateOf(alias([], [fresh]))).toEqual([[absent(ANY)], added(CNAME, fresh)]);
    expect(await updateOf(alias([old], [fresh]))).toEqual([equals(CNAME, old), [deleted(CNAME), ...added(CNAME, fresh)]]);
    expect(await updateOf(alias([old], []))).toEqual([equals(CNAME, old), [deleted(CNAME)]]);
  });
});
