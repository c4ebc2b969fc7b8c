import { describe, expect, test } from 'vitest';
import type { Answer, Dns } from '../../services/dns/client/types.ts';
import type { RawRecord } from '../../services/dns/wire/message.ts';
import { type ReceivedChange, type ReceivedUpdate, readUpdate } from '../../services/dns/wire/received.ts';
import { checkScope, prepare } from '../../services/gateway/plan.ts';
import type { DnsScope } from '../../services/requests/scope.ts';

const ZONE = 'example.com';
const NAME = `_acme-challenge.${ZONE}`;
const WEEK = 604_800;
const SCOPE: DnsScope = {
  zone: ZONE,
  names: [NAME, '.app.example.com'],
  types: ['TXT', 'CNAME'],
  operations: ['add', 'delete'],
};
const NOTHING = Buffer.alloc(0);
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
const alias = (label: string) =>
  Buffer.concat([Buffer.from([label.length]), Buffer.from(label), Buffer.from('\u0007example\u0003com\0', 'latin1')]);
const add = (given: Partial<RawRecord> = {}): RawRecord => ({
  name: NAME,
  type: 16,
  class: 1,
  ttl: 60,
  rdata: text('x'),
  ...given,
});
const removeAll = (given: Partial<RawRecord> = {}) => add({ class: 255, ttl: 0, rdata: NOTHING, ...given });
const removeOne = (given: Partial<RawRecord> = {}) => add({ class: 254, ttl: 0, ...given });
const many = (n: number) => Array.from({ length: n }, (_, i) => add({ rdata: text(`${i}`) }));
const updateOf = (authorities: RawRecord[], answers: RawRecord[] = []): ReceivedUpdate => {
  const head = { id: 1, opcode: 5, response: false, flags: 0, rcode: 0, additionals: [] };
  return readUpdate({ ...head, questions: [{ name: ZONE, type: 6, class: 1 }], answers, authorities }) as ReceivedUpdate;
};

describe('what can be said of an update without asking anybody', () => {
  test.each<[string, RawRecord[], RawRecord[], string | null]>([
    ['a step of the scope', [add()], [], null],
    ['no step', [], [], 'The update changes nothing.'],
    ['no step, but a prerequisite', [], [removeAll()], 'The update changes nothing.'],
    ['as many steps as are allowed', many(100), [], null],
    ['one more', many(101), [], 'The update has more than 100 steps and prerequisites.'],
    ['prerequisites are counted with the steps', many(99), [removeAll()], null],
    ['one more prerequisite', many(99), [removeAll(), removeAll()], 'The update has more than 100 steps and prerequisites.'],
    [
      'a prerequisite about another name',
      [add()],
      [removeAll(), removeAll({ name: `secret.${ZONE}` })],
      `A prerequisite asks about secret.${ZONE}, which is not among the names of the grant.`,
    ],
    [
      'all types of a name',
      [removeAll({ type: 255 })],
      [],
      `All records of ${NAME} may not be deleted at once: name their types.`,
    ],
    ['a TTL of a week', [add({ ttl: WEEK })], [], null],
    ['a second more', [add({ ttl: WEEK + 1 })], [], 'A TTL is above 604800 seconds.'],
    ['a record taken away, which has no TTL', [removeOne()], [], null],
    ['another name', [add({ name: `www.${ZONE}` })], [], `www.${ZONE} is not among the names of the grant.`],
    [
      'another type',
      [add({ type: 1, rdata: Buffer.alloc(4) })],
      [],
      'Records of this type (A) are not among those of the grant.',
    ],
    ['an alias', [add({ type: 5, rdata: alias('host') })], [], null],
    ['an alias in the place of another', [removeAll({ type: 5 }), add({ type: 5, rdata: alias('host') })], [], null],
    [
      'an alias beside records of another name',
      [add({ type: 5, rdata: alias('host') }), add({ name: `x.app.${ZONE}` })],
      [],
      null,
    ],
    [
      'an alias beside records',
      [add({ type: 5, rdata: alias('host') }), add()],
      [],
      `The alias of ${NAME} and its other records are changed in one update: send two.`,
    ],
  ])('%s', (_, steps, prerequisites, why) => {
    expect(checkScope(updateOf(steps, prerequisites), SCOPE)).toEqual(why === null ? null : { rcode: 'REFUSED', why });
  });

  test.each<[DnsScope['operations'][number], string | null, string | null]>([
    ['add', null, 'The grant does not include to delete records.'],
    ['delete', 'The grant does not include to add records.', null],
  ])('a grant that only includes to %s', (operation, added, removed) => {
    const scope = { ...SCOPE, operations: [operation] };
    expect(checkScope(updateOf([add()]), scope)?.why ?? null).toBe(added);
    expect(checkScope(updateOf([removeOne()]), scope)?.why ?? null).toBe(removed);
    expect(checkScope(updateOf([removeAll()]), scope)?.why ?? null).toBe(removed);
  });

  test('the zone of another grant', () => {
    expect(checkScope(updateOf([add()]), { ...SCOPE, zone: 'example.net' })?.why).toBe(
      'The grant is for the zone example.net, and the update for example.com.',
    );
  });
});

describe('what an update comes to', () => {
  /** A primary server that has these records; "unknown" for one that does not say. */
  const server = (has: Record<string, { ttl?: number; records: string[] } | 'alias' | 'unknown'>): Dns => ({
    async ask(name, type) {
      const found = has[name];
      const told = { name, aliases: [] as string[], ttl: 300, authenticated: false };
      if (found === 'unknown') return { state: 'unknown', reason: 'timeout', message: 'It did not answer.' };
      if (found === 'alias') {
        const answer =
          type === 'CNAME'
            ? { state: 'records', records: ['host.example.com'] }
            : { state: 'nodata', aliases: ['host.example.com'] };
        return { ...told, ...answer } as unknown as Answer<typeof type>;
      }
      if (found === undefined || type !== 'TXT') return { ...told, state: 'nodata' };
      const records = found.records.map((one) => [one]);
      return { ...told, ttl: found.ttl ?? 300, state: 'records', records } as unknown as Answer<typeof type>;
    },
  });
  const signal = new AbortController().signal;
  const come = (
    update: ReceivedUpdate,
    has: Parameters<typeof server>[0] = {},
    given: { scope?: DnsScope; literal?: boolean } = {},
  ) => prepare(update, given.scope ?? SCOPE, { dns: server(has), literal: given.literal ?? false, signal });
  const refused = (why: string, rcode = 'REFUSED') => ({ rcode, why });
  const names = (n: number) => Array.from({ length: n }, (_, i) => add({ name: `n${i}.app.${ZONE}` }));
  const prerequisite = (given: Partial<RawRecord>) => ({ name: NAME, type: 16, class: 1, ttl: 0, rdata: NOTHING, ...given });

  test('a record where there was none: neither it nor an alias may be there', async () => {
    const empty = { name: NAME, type: 'TXT', ttl: null, members: [] };
    expect(await come(updateOf([add()]))).toEqual({
      steps: [{ before: empty, after: { ...empty, ttl: 60, members: [text('x')] } }],
      prerequisites: [prerequisite({ class: 254 }), prerequisite({ type: 5, class: 254 })],
    });
  });

  test('a record beside another: what was there must still be there', async () => {
    const got = await come(updateOf([add()]), { [NAME]: { records: ['old'] } });
    expect(got).toMatchObject({
      steps: [{ before: { ttl: 300, members: [text('old')] }, after: { ttl: 60, members: [text('old'), text('x')] } }],
      prerequisites: [prerequisite({ rdata: text('old') }), prerequisite({ type: 5, class: 254 })],
    });
  });

  test('an alias: nothing else may be there', async () => {
    expect(await come(updateOf([add({ type: 5, rdata: alias('host') })]))).toMatchObject({
      steps: [{ before: { type: 'CNAME', members: [] }, after: { type: 'CNAME', members: [alias('host')] } }],
      prerequisites: [prerequisite({ type: 5, class: 254 }), prerequisite({ type: 255, class: 254 })],
    });
  });

  test('an alias that is taken away needs nothing but to be there', async () => {
    const got = await come(updateOf([removeAll({ type: 5 })]), { [NAME]: 'alias' });
    expect(got).toMatchObject({ steps: [{ after: { members: [] } }] });
    expect((got as { prerequisites: RawRecord[] }).prerequisites).toEqual([prerequisite({ type: 5, rdata: alias('host') })]);
  });

  test('what the client demands is demanded as well, and nothing twice', async () => {
    const own = prerequisite({ class: 254 });
    const other = prerequisite({ name: `x.app.${ZONE}`, class: 255 });
    expect(await come(updateOf([add()], [own, other]))).toMatchObject({
      prerequisites: [own, other, prerequisite({ type: 5, class: 254 })],
    });
  });

  test('several steps of one name and type are one change', async () => {
    const got = await come(updateOf([removeAll(), add({ rdata: text('a') }), add({ rdata: text('b') })]), {
      [NAME]: { records: ['old'] },
    });
    expect(got).toMatchObject({ steps: [{ after: { members: [text('a'), text('b')] } }] });
  });

  test('the records that a wildcard answers with are not those of the name, unless they are taken at their word', async () => {
    const anywhere: Dns = { ask: (name, type) => server({ [name]: { records: ['wild'] } }).ask(name, type) };
    const of = (literal: boolean) => prepare(updateOf([add()]), SCOPE, { dns: anywhere, literal, signal });
    expect(await of(false)).toMatchObject({ steps: [{ before: { members: [] } }] });
    expect(await of(true)).toMatchObject({ steps: [{ before: { members: [text('wild')] } }] });
  });

  test('twenty RRsets are changed in one update, and no more', async () => {
    expect(await come(updateOf(names(20)))).toMatchObject({ steps: { length: 20 } });
    expect(await come(updateOf(names(21)))).toEqual(refused('The update changes more than 20 RRsets.'));
  });

  test('an RRset has at most fifty records, and 8 KiB of them', async () => {
    const wrong = refused(`${NAME} would have more than 50 TXT records, or more than 8192 octets of them.`);
    expect(await come(updateOf(many(50)))).toMatchObject({ steps: { length: 1 } });
    expect(await come(updateOf(many(51)))).toEqual(wrong);
    // 32 of 256 octets.
    const large = Array.from({ length: 32 }, (_, i) => add({ rdata: text(`${i}`.padEnd(255)) }));
    expect(await come(updateOf(large))).toMatchObject({ steps: { length: 1 } });
    expect(await come(updateOf([...large, add({ rdata: text('') })]))).toEqual(wrong);
  });

  test('a server that does not say, and a name that is an alias', async () => {
    expect(await come(updateOf([add()]), { [NAME]: 'unknown' })).toEqual(
      refused(`The name server does not say which TXT records ${NAME} has.`, 'SERVFAIL'),
    );
    expect(await come(updateOf([add()]), { [NAME]: 'alias' })).toEqual(refused(`${NAME} is an alias.`, 'YXRRSET'));
  });

  test('a grant that only includes to add replaces nothing', async () => {
    const scope = { ...SCOPE, operations: ['add' as const] };
    const old = { [NAME]: { records: ['old'] } };
    expect(await come(updateOf([add({ ttl: 300 })]), old, { scope })).toMatchObject({ steps: { length: 1 } });
    expect(await come(updateOf([add()]), {}, { scope })).toMatchObject({ steps: { length: 1 } });
    expect(await come(updateOf([add()]), old, { scope })).toEqual(
      refused(`The update changes the TTL of all records of ${NAME}, and the grant does not include to delete records.`),
    );
    expect(await come(updateOf([add({ type: 5, rdata: alias('other') })]), { [NAME]: 'alias' }, { scope })).toEqual(
      refused(`The update replaces a record of ${NAME}, and the grant does not include to delete records.`),
    );
    const gone: ReceivedChange = { kind: 'delete_rrset', name: NAME, type: 16 };
    expect(await come({ ...updateOf([add()]), changes: [gone] }, old, { scope })).toEqual(
      refused(`The update replaces a record of ${NAME}, and the grant does not include to delete records.`),
    );
  });
});
