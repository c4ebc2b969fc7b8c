import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Applying, applyRequest, returnRequest } from '../../services/applier/apply.ts';
import { ttlAt, ttlBack, withTtl } from '../../services/applier/ttl.ts';
import { watchChanges } from '../../services/applier/watch.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import { parseServer } from '../../services/dns/client/servers.ts';
import type { DnsChange } from '../../services/requests/plan.ts';
import { txtOf } from '../../services/requests/plans/members.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import { changesOf } from '../../services/store/requests/applying.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { DOMAIN } from '../analyzer/rows.ts';
import { startFake } from '../helpers/dns.ts';
import { startUpdatableKnot, type UpdateServer, updatable } from '../helpers/update-servers.ts';
import { planOf, rulesOf } from '../requests/sample.ts';

const NAME = `_dmarc.${DOMAIN}`;
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });
const [OLD, NEW] = ['v=DMARC1; p=none', 'v=DMARC1; p=quarantine'];
const DAY_S = 86_400;
/** What a resolver that has had the record in its cache for long says of its TTL. */
const COUNTED_DOWN = 77;
const change = (ttl: DnsChange['ttl'] = { before: COUNTED_DOWN, after: 300 }): DnsChange => ({
  target: 'dns',
  name: NAME,
  type: 'TXT',
  ttl,
  before: [txtOf(OLD)],
  after: [txtOf(NEW)],
});

describe('the TTL that is put back', () => {
  test.each([
    ['a longer one from before', { before: DAY_S, after: 300 }, { before: 300, after: DAY_S }],
    ['none when it was not longer', { before: 300, after: 300 }, null],
    ['none when it was shorter', { before: 60, after: 300 }, null],
    ['none when it is not known', { before: null, after: 300 }, null],
  ] as const)('is %s', (_, ttl, expected) => {
    const back = ttlBack(change(ttl));
    expect(back === null ? null : [back.ttl, back.before, back.after]).toEqual(
      expected === null ? null : [expected, [txtOf(NEW)], [txtOf(NEW)]],
    );
  });
  test('is none of a record that is new, or gone', () => {
    expect(ttlBack({ ...change({ before: null, after: 300 }), before: [] })).toBeNull();
    expect(ttlBack({ ...change({ before: DAY_S, after: null }), after: [] })).toBeNull();
    // Whatever TTL a plan says of records that are not there.
    expect(ttlBack({ ...change({ before: DAY_S, after: 300 }), before: [] })).toBeNull();
    expect(ttlBack({ ...change({ before: DAY_S, after: 300 }), after: [] })).toBeNull();
    expect(ttlBack(change({ before: DAY_S, after: null }))).toBeNull();
  });
});

test('a change has the TTL that was noted when it was intended, where one was', () => {
  const row = (ttl_before: number | null) => ({ ttl_before }) as Parameters<typeof withTtl>[1];
  expect(withTtl(change(), row(DAY_S))).toEqual({ ...change(), ttl: { before: DAY_S, after: 300 } });
  expect(withTtl(change(), row(0))).toEqual({ ...change(), ttl: { before: 0, after: 300 } });
  expect(withTtl(change(), row(null))).toEqual(change());
  expect(withTtl(change(), undefined)).toEqual(change());
  expect(withTtl({ target: 'manual' }, row(DAY_S))).toEqual({ target: 'manual' });
});

test('a server is asked for what it has itself, and a TTL is a week at most', async () => {
  let ttl = 604_800;
  let answers: object[] = [];
  const fake = await startFake(({ sent }) => ({
    answers: answers.length > 0 ? (answers as never) : [{ name: sent, type: 'TXT', class: 'IN', ttl, data: [OLD] }],
    flags: 1 << 10,
  }));
  try {
    const target = { kind: 'rfc2136', name: 'ns', zones: [DOMAIN], server: parseServer(fake.server)! } as unknown as DnsTarget;
    const at = (one = change()) => ttlAt(target, one, new AbortController().signal);
    expect(await at()).toBe(604_800);
    ttl = 604_801;
    expect(await at()).toBe(604_800);
    ttl = 0;
    expect(await at()).toBe(0);
    expect(await at({ ...change(), before: [txtOf(NEW)] })).toBeNull();
    // Each was asked anew, without recursion.
    expect(fake.asked.map(({ name, type, flags }) => [name, type, flags & (1 << 8)])).toEqual(Array(4).fill([NAME, 'TXT', 0]));
    // The TTL of an alias is none of the record's.
    answers = [
      { name: NAME, type: 'CNAME', class: 'IN', ttl: 60, data: `x.${DOMAIN}` },
      { name: `x.${DOMAIN}`, type: 'TXT', class: 'IN', ttl: 60, data: [OLD] },
    ];
    expect(await at()).toBeNull();
  } finally {
    await fake.stop();
  }
});

test('a target that is no server is not asked', async () => {
  const program = { kind: 'command', name: 'script', zones: [DOMAIN] } as unknown as DnsTarget;
  expect(await ttlAt(program, change(), new AbortController().signal)).toBeNull();
});

describe.runIf(updatable.knot)(`at a real server${updatable.knot ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let f: Fixture;
  let knot: UpdateServer;
  let target: DnsTarget;
  beforeEach(async () => {
    f = await fixture();
    const key = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
    knot = await startUpdatableKnot({ zone: DOMAIN, records: [`_dmarc ${DAY_S} TXT "${OLD}"`], keys: [key] });
    const secret = () => Buffer.from(key.secret);
    target = { kind: 'rfc2136', name: 'knot', zones: [DOMAIN], server: knot.server, key, secret };
  });
  afterEach(async () => {
    await knot.stop();
    await f.close();
  });
  const means = (): Applying => ({
    db: f.t.db,
    log: f.context.log,
    targets: [target],
    at: () => f.context.clock.now(),
    now: () => f.context.clock.now(),
    signal: new AbortController().signal,
  });
  const there = async () => {
    const dns = createDnsClient({ servers: [knot.server], recursive: false, cacheEntries: 0, maxTtl: 604_800 });
    const answer = await dns.ask(NAME, 'TXT');
    return answer.state === 'records' ? [answer.records.flat().join(''), answer.ttl] : null;
  };
  const applied = async (kind: 'policy.step' | 'dns.change') => {
    const plan = planOf({ kind, domain: DOMAIN, changes: [change()], back: { watch_hours: 72, text: 'It is put back.' } });
    const given = { plan, requester: 'zoe@example.com', requester_kind: 'person' as const, why: 'x' };
    const key = (await openRequest(f.t.db, RULES, given, f.context.clock.now()))!;
    await applyRequest(await loadRequest(f.t.db, key), means());
    expect(await there()).toEqual([NEW, 300]);
    expect((await changesOf(f.t.db, key)).map(({ ttl_before }) => ttl_before)).toEqual([DAY_S]);
    return key;
  };
  const afterTheWatch = () => f.setNow(new Date(f.context.clock.now().getTime() + 97 * 3_600_000));

  test('the TTL is that of the server, of up to a week, while it has the records that are to be changed', async () => {
    const signal = new AbortController().signal;
    const other = [txtOf(NEW)];
    expect(await ttlAt(target, change(), signal)).toBe(DAY_S);
    expect(await ttlAt(target, { ...change(), before: other }, signal)).toBeNull();
    // Nothing stands there, and the change says so.
    const none = { ...change(), name: `none.${DOMAIN}`, before: [] };
    expect(await ttlAt(target, none, signal)).toBeNull();
    expect(await ttlAt(target, { ...none, before: other }, signal)).toBeNull();
  });

  test('a policy step has a short TTL while it is watched, and the one from before afterwards', async () => {
    const key = await applied('policy.step');
    await watchChanges(means());
    expect(await there()).toEqual([NEW, 300]);
    afterTheWatch();
    await watchChanges(means());
    expect(await there()).toEqual([NEW, DAY_S]);
    expect(await loadRequest(f.t.db, key)).toMatchObject({
      state: 'done',
      outcome: 'The watch is over: no mail of your own senders broke. The previous TTL was restored.',
    });
    const rows = (await changesOf(f.t.db, key)).map(({ position, forward, state }) => [position, forward, state]);
    expect(rows).toEqual([
      [0, true, 'applied'],
      [1, true, 'applied'],
    ]);
  });

  test('a server that is away keeps the request open, and the TTL is put back when it is there again', async () => {
    const key = await applied('policy.step');
    afterTheWatch();
    const { port } = knot.server;
    knot.server.port = 9;
    await watchChanges(means());
    expect((await loadRequest(f.t.db, key)).state).toBe('active');
    knot.server.port = port;
    await watchChanges(means());
    expect(await there()).toEqual([NEW, DAY_S]);
    expect((await loadRequest(f.t.db, key)).state).toBe('done');
  });

  test('a record that somebody has changed since is left as it is, and that is said', async () => {
    const key = await applied('policy.step');
    const other = planOf({
      kind: 'dns.change',
      domain: DOMAIN,
      changes: [{ ...change({ before: 300, after: 300 }), before: [txtOf(NEW)], after: [txtOf(OLD)] }],
    });
    const second = (await openRequest(f.t.db, RULES, {
      plan: other,
      requester: 'zoe@example.com',
      requester_kind: 'person',
      why: 'x',
    }))!;
    await applyRequest(await loadRequest(f.t.db, second), means());
    afterTheWatch();
    await watchChanges(means());
    expect(await there()).toEqual([OLD, 300]);
    expect((await loadRequest(f.t.db, key)).outcome).toMatch(/The TTL of _dmarc\..* could not be restored: /);
  });

  test('what is taken back has the TTL that it had, and not what a resolver had counted it down to', async () => {
    const key = await applied('dns.change');
    expect(await returnRequest(await loadRequest(f.t.db, key), means())).toMatchObject({ done: true });
    expect(await there()).toEqual([OLD, DAY_S]);
  });
});
