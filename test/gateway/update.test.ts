import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RecordType } from '../../services/dns/client/types.ts';
import { answerTo, FLAG, recordOf, signedAnswer } from '../../services/dns/wire/answer.ts';
import type { RawMessage } from '../../services/dns/wire/message.ts';
import { RCODES, type Rcode, type UpdateOutcome } from '../../services/dns/wire/outcome.ts';
import { type ReceivedUpdate, readUpdate } from '../../services/dns/wire/received.ts';
import { readSigned } from '../../services/dns/wire/tsig.ts';
import type { LentKey, Step } from '../../services/gateway/ledger.ts';
import { type Listening, listen } from '../../services/gateway/listen.ts';
import { carryOut, isThere, primaryOf, serverOf, settle, type UpdateMeans } from '../../services/gateway/update.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import type { DnsTarget, UpdatedServer } from '../../services/shared/settings/dns-servers.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';

const ZONE = 'example.com';
const signal = new AbortController().signal;
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const set = (name: string, values: readonly string[], type: RecordType = 'TXT') => ({
  name,
  type,
  ttl: values.length === 0 ? null : 300,
  members: values.map(text),
});
const step = (before: readonly string[], after: readonly string[], name = `a.${ZONE}`): Step => ({
  before: set(name, before),
  after: set(name, after),
});
const txt = (...values: string[]) => ({ TXT: values.map((one) => [one]) });

describe('which of the two states a server has', () => {
  const there = (steps: readonly Step[], records: Zone) => isThere(steps, dnsOf(records), signal);
  const added = step([], ['new']);
  const replaced = step(['old'], ['new']);
  test.each<[string, readonly Step[], Zone, 'before' | 'after' | null]>([
    ['what was added is there', [added], { [`a.${ZONE}`]: txt('new') }, 'after'],
    ['what was added is not there', [added], {}, 'before'],
    ['something else is there', [added], { [`a.${ZONE}`]: txt('other') }, null],
    ['what was replaced is as it was', [replaced], { [`a.${ZONE}`]: txt('old') }, 'before'],
    ['what was replaced is new', [replaced], { [`a.${ZONE}`]: txt('new') }, 'after'],
    ['it has both', [replaced], { [`a.${ZONE}`]: txt('old', 'new') }, null],
    ['it does not say', [added], { [`a.${ZONE}`]: 'unknown' }, null],
    ['an alias has taken the name', [added], { [`a.${ZONE}`]: { CNAME: ['host.example.net'] } }, null],
    ['of two steps one is done', [added, step([], ['new'], `b.${ZONE}`)], { [`a.${ZONE}`]: txt('new') }, null],
    ['both are done', [added, step([], ['new'], `b.${ZONE}`)], { [`a.${ZONE}`]: txt('new'), [`b.${ZONE}`]: txt('new') }, 'after'],
    ['neither is done', [added, step(['old'], [], `b.${ZONE}`)], { [`b.${ZONE}`]: txt('old') }, 'before'],
    // A wildcard answers for the name: it may have no records of its own, and may have these.
    ['a wildcard has what was taken away', [step(['wild'], [])], { [`*.${ZONE}`]: txt('wild') }, 'after'],
    ['a wildcard has what was added', [step([], ['wild'])], { [`*.${ZONE}`]: txt('wild') }, 'after'],
    ['a wildcard has something else', [step(['old'], ['new'])], { [`*.${ZONE}`]: txt('wild') }, null],
    ['a wildcard alias stands where nothing was', [added], { [`*.${ZONE}`]: { CNAME: ['host.example.net'] } }, 'before'],
  ])('%s', async (_, steps, records, expected) => {
    expect(await there(steps, records)).toBe(expected);
  });
});

describe('how an update ends by what the server says, and by what is there afterwards', () => {
  const refused = (given: Partial<Extract<UpdateOutcome, { state: 'refused' }>>): UpdateOutcome => ({
    state: 'refused',
    reason: 'stale',
    rcode: 'NXRRSET',
    proven: true,
    drift: 0,
    message: 'It says no.',
    ...given,
  });
  const failed = { state: 'failed', rcode: RCODES.SERVFAIL, answer: 'It says no.' };
  test.each<[string, UpdateOutcome, 'before' | 'after' | null, object]>([
    ['done', { state: 'accepted', drift: 0 }, 'after', { state: 'applied', rcode: 0, answer: 'It was accepted, and is there.' }],
    ...(['before', null] as const).map(
      (there) =>
        [
          `accepted, and ${there} is there`,
          { state: 'accepted', drift: 0 } as UpdateOutcome,
          there,
          {
            state: 'unknown',
            rcode: RCODES.SERVFAIL,
            answer: 'The name server accepted it, and has other records than were sent, or does not say.',
          },
        ] as [string, UpdateOutcome, 'before' | 'after' | null, object],
    ),
    ['a condition does not hold', refused({}), 'before', { state: 'refused', rcode: RCODES.NXRRSET, answer: 'It says no.' }],
    [
      'another condition',
      refused({ rcode: 'YXDOMAIN' }),
      null,
      { state: 'refused', rcode: RCODES.YXDOMAIN, answer: 'It says no.' },
    ],
    ['a condition, and nobody signed that', refused({ proven: false }), 'before', failed],
    ['a condition with a code without a name', refused({ rcode: '23' }), 'before', failed],
    [
      'not allowed',
      refused({ reason: 'not_allowed', rcode: 'REFUSED' }),
      null,
      { state: 'refused', rcode: RCODES.REFUSED, answer: 'It says no.' },
    ],
    [
      'another zone',
      refused({ reason: 'not_in_zone', rcode: 'NOTZONE' }),
      null,
      { state: 'refused', rcode: RCODES.REFUSED, answer: 'It says no.' },
    ],
    ['not allowed, and nobody signed that', refused({ reason: 'not_allowed', proven: false }), null, failed],
    ['another reason', refused({ reason: 'other', rcode: 'FORMERR' }), null, failed],
    ['nothing was sent', { state: 'not_sent', reason: 'timeout', message: 'It says no.' }, 'before', failed],
    [
      'the answer was lost, and it is there',
      { state: 'unknown', reason: 'unsigned', message: 'Lost.' },
      'after',
      { state: 'applied', rcode: 0, answer: 'The answer was lost; the records are there.' },
    ],
    [
      'the answer was lost, and it is not there',
      { state: 'unknown', reason: 'unsigned', message: 'Lost.' },
      'before',
      { state: 'unknown', rcode: RCODES.SERVFAIL, answer: 'Lost.' },
    ],
  ])('%s', (_, outcome, there, expected) => {
    expect(settle(outcome, there)).toEqual(expected);
  });
});

describe('before anything is asked', () => {
  const target = { kind: 'rfc2136', name: 'primary', zones: [ZONE] } as unknown as DnsTarget;
  const deeper = { kind: 'rfc2136', name: 'deeper', zones: [`sub.${ZONE}`] } as unknown as DnsTarget;
  const command = { kind: 'command', name: 'by hand', zones: ['example.net'] } as unknown as DnsTarget;
  const update = (zone: string, name: string): ReceivedUpdate =>
    ({ zone, prerequisites: [], changes: [{ kind: 'add', name, type: 16, ttl: 60, rdata: text('x') }], records: [] }) as never;
  const given = {
    key: { scope: { zone: ZONE, names: [`.${ZONE}`], types: ['TXT'], operations: ['add'] } },
    update_key: 1,
  } as unknown as Parameters<typeof carryOut>[1];
  const means = { targets: [target, deeper, command], signal } as unknown as UpdateMeans;

  test('a zone that no server of the settings takes updates of', async () => {
    for (const zone of ['example.org', 'example.net'])
      expect(await carryOut(update(zone, `a.${zone}`), given, means)).toEqual({
        state: 'refused',
        rcode: RCODES.NOTAUTH,
        answer: `No server of the settings takes updates of ${zone}.`,
      });
  });

  test('a name of a zone below', async () => {
    expect(await carryOut(update(ZONE, `a.sub.${ZONE}`), given, means)).toEqual({
      state: 'refused',
      rcode: RCODES.NOTZONE,
      answer: `a.sub.${ZONE} is in another zone.`,
    });
  });

  test('what is outside the grant', async () => {
    const outside = { ...given, key: { ...given.key, scope: { ...given.key.scope, names: [`b.${ZONE}`] } } };
    expect(await carryOut(update(ZONE, `a.${ZONE}`), outside, means)).toMatchObject({ state: 'refused', rcode: RCODES.REFUSED });
  });

  test('the server of a zone is the one that takes updates of it, and no command', () => {
    expect(serverOf([command, deeper, target], ZONE)).toBe(target);
    expect(serverOf([command, deeper, target], `sub.${ZONE}`)).toBe(deeper);
    expect(serverOf([command], 'example.net')).toBeNull();
    expect(serverOf([], ZONE)).toBeNull();
  });
});

describe('carried out at a server', () => {
  const NAME = `a.${ZONE}`;
  const KEY = { name: 'up', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
  let listening: Listening;
  /** What every name of the zone has, as a wildcard would; or the name alone. */
  let has: { anywhere: boolean; texts: string[] };
  /** What is said of the updates that come, before they are carried out. */
  let refusals: Rcode[];
  let updates: RawMessage[];
  let questions: RawMessage[];
  let silent: boolean;
  beforeAll(async () => {
    const answer = async (bytes: Buffer) => {
      const { message, tsig } = readSigned(bytes);
      if (message.opcode === 0) {
        questions.push(message);
        if (silent) return answerTo(message, { rcode: 'REFUSED' });
        const { name, type } = message.questions[0]!;
        const found = type === 16 && (has.anywhere || name.toLowerCase() === NAME) ? has.texts : [];
        return answerTo(message, {
          rcode: 'NOERROR',
          flags: FLAG.AA,
          answers: found.map((one) => recordOf(name, 16, 300, text(one))),
        });
      }
      updates.push(message);
      const rcode = refusals.shift() ?? 'NOERROR';
      if (rcode === 'NOERROR') has.texts.push('new');
      return signedAnswer(answerTo(message, { rcode }), { tsig: tsig!, key: KEY }, Date.now() / 1000);
    };
    listening = await listen({ host: '127.0.0.1', port: 0 }, answer, createLog('silent'));
  });
  afterAll(() => listening.close());
  beforeEach(() => {
    [has, refusals, updates, questions, silent] = [{ anywhere: false, texts: [] }, [], [], [], false];
  });

  const given = (change: Partial<RawMessage> = {}): ReceivedUpdate =>
    readUpdate({
      ...{ id: 1, opcode: 5, response: false, flags: 0, rcode: 0, additionals: [], answers: [] },
      questions: [{ name: ZONE, type: 6, class: 1 }],
      authorities: [{ name: NAME, type: 16, class: 1, ttl: 60, rdata: text('new') }],
      ...change,
    }) as ReceivedUpdate;
  const target = (secret = () => Buffer.from(KEY.secret)): UpdatedServer => ({
    kind: 'rfc2136',
    name: 'primary',
    zones: [ZONE],
    server: { address: '127.0.0.1', port: listening.port },
    key: { name: KEY.name, algorithm: KEY.algorithm },
    secret,
  });
  const key = {
    ...KEY,
    grant_key: 3,
    scope: { zone: ZONE, names: [NAME], types: ['TXT'], operations: ['add', 'delete'] },
  } as LentKey;
  const carry = async (
    update: ReceivedUpdate,
    { own = [] as string[], uses = true, server = target() }: { own?: string[]; uses?: boolean; server?: UpdatedServer } = {},
  ) => {
    const intended: unknown[][] = [];
    const intend = async (...one: unknown[]) => {
      intended.push(one);
      return uses;
    };
    const mail = { domainsOf: async () => own, seen: async () => ({ seen: [], keys: new Map<string, number>() }) };
    const means = { ledger: { intend }, targets: [server], dns: dnsOf({}), mail, registrable: (one: string) => one, signal };
    const settled = await carryOut(update, { key, update_key: 7 }, means as unknown as UpdateMeans);
    return { settled, intended };
  };
  const applied = { state: 'applied', rcode: 0, answer: 'It was accepted, and is there.' };
  const none = (type: number) => ({ name: NAME, type, class: 254, ttl: 0, rdata: Buffer.alloc(0) });
  const there = (value: string) => ({ name: NAME, type: 16, class: 1, ttl: 0, rdata: text(value) });

  test('it is written down, sent on the condition that nothing has changed, and read back; the secret is wiped', async () => {
    const secret = Buffer.from(KEY.secret);
    const { settled, intended } = await carry(given(), { server: target(() => secret) });
    expect(settled).toEqual(applied);
    const empty = { name: NAME, type: 'TXT', ttl: null, members: [] };
    expect(intended).toEqual([[key, 7, 'primary', [{ before: empty, after: { ...empty, ttl: 60, members: [text('new')] } }]]]);
    expect(updates).toEqual([
      {
        ...{ id: expect.any(Number), opcode: 5, response: false, flags: 0, rcode: 0, additionals: [] },
        questions: [{ name: ZONE, type: 6, class: 1 }],
        answers: [none(16), none(5)],
        authorities: [{ name: NAME, type: 16, class: 1, ttl: 60, rdata: text('new') }],
      },
    ]);
    expect(secret).toEqual(Buffer.alloc(32));
  });

  test.each<[Rcode, number]>([
    ['NXRRSET', 3],
    ['YXRRSET', 3],
    ['YXDOMAIN', 3],
    ['NXDOMAIN', 3],
    ['REFUSED', 1],
  ])('where the server says %s, it is sent %i times at most, and written down once', async (rcode, times) => {
    refusals = [rcode, rcode];
    const { settled, intended } = await carry(given());
    expect(settled).toEqual(times === 1 ? { state: 'refused', rcode: 5, answer: expect.any(String) } : applied);
    expect([updates.length, intended.length]).toEqual([times, 1]);
    [refusals, updates, has] = [[rcode, rcode, rcode, rcode], [], { anywhere: false, texts: [] }];
    expect((await carry(given())).settled).toEqual({ state: 'refused', rcode: RCODES[rcode], answer: expect.any(String) });
    expect(updates).toHaveLength(times);
  });

  test('one with a condition of its own is sent once', async () => {
    refusals = ['NXRRSET'];
    const { settled } = await carry(given({ answers: [none(16)] }));
    expect(settled).toMatchObject({ state: 'refused', rcode: 8 });
    expect(updates).toHaveLength(1);
  });

  test('records that may be those of a wildcard are taken for the own ones when the server says that there are some', async () => {
    has = { anywhere: true, texts: ['wild'] };
    refusals = ['YXRRSET'];
    expect((await carry(given())).settled).toEqual(applied);
    expect(updates.map(({ answers }) => answers)).toEqual([
      [none(16), none(5)],
      [there('wild'), none(5)],
    ]);
  });

  test('a grant that has ended meanwhile, harm, and a server that does not say: nothing is sent', async () => {
    expect((await carry(given(), { uses: false })).settled).toEqual({
      state: 'refused',
      rcode: 5,
      answer: 'The grant has ended, or has no use left.',
    });
    const many = Array.from({ length: 21 }, (_, i) => `d${i}.example`);
    expect(await carry(given(), { own: many })).toEqual({
      settled: { state: 'refused', rcode: 5, answer: 'It bears on mail of more than 20 own domains.' },
      intended: [],
    });
    silent = true;
    expect(await carry(given())).toEqual({
      settled: { state: 'failed', rcode: 2, answer: `The name server does not say which TXT records ${NAME} has.` },
      intended: [],
    });
    expect(updates).toEqual([]);
  });

  test('a key whose secret cannot be read is said by its name', async () => {
    const server = target(() => {
      throw new Error('has a file that is not there');
    });
    expect((await carry(given(), { server })).settled).toEqual({
      state: 'failed',
      rcode: 2,
      answer: 'The TSIG key up of primary has a file that is not there',
    });
    expect(updates).toEqual([]);
  });

  test('the server is asked for what it has itself, each time anew, and twice when it does not say', async () => {
    const primary = primaryOf(target());
    for (let times = 0; times < 2; times++) await primary.ask(NAME, 'TXT');
    expect(questions.map(({ flags }) => flags)).toEqual([0, 0]);
    silent = true;
    expect(await primary.ask(NAME, 'TXT')).toMatchObject({ state: 'unknown' });
    expect(questions).toHaveLength(4);
  });
});
