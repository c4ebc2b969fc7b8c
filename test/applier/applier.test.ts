import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Applying, applyRequest } from '../../services/applier/apply.ts';
import { startApplier } from '../../services/applier/index.ts';
import { closePublished, watchChanges } from '../../services/applier/watch.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import type { Plan } from '../../services/requests/plan.ts';
import { aliasOf, txtOf } from '../../services/requests/plans/members.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';
import { changesOf, toApply } from '../../services/store/requests/applying.ts';
import { verifyAudit } from '../../services/store/requests/audit.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { ago, DOMAIN, REPORTERS, span } from '../analyzer/rows.ts';
import { until } from '../helpers/services.ts';
import { startUpdatableKnot, updatable } from '../helpers/update-servers.ts';
import { planOf, rulesOf } from '../requests/sample.ts';

let f: Fixture;
let folder: string;
beforeEach(async () => {
  f = await fixture();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-applier-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await f.close();
});

const NAME = `_dmarc.${DOMAIN}`;
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });
const PEOPLE = rulesOf({ name: 'people', stages: [{ group: 'mail' }] });
const record = (before: string[], after: string[], name = NAME): Plan['changes'][number] => ({
  target: 'dns',
  name,
  type: 'TXT',
  ttl: { before: 60, after: 60 },
  before: before.map(txtOf),
  after: after.map(txtOf),
});
const ask = async (changes: Plan['changes'], rules = RULES, watch_hours = 72) => {
  const plan = planOf({ kind: 'dns.change', domain: DOMAIN, changes, back: { watch_hours, text: 'It is put back.' } });
  return (await openRequest(
    f.t.db,
    rules,
    { plan, requester: 'zoe@example.com', requester_kind: 'person', why: 'x' },
    f.context.clock.now(),
  ))!;
};
const means = (targets: DnsTarget[] = [], db: Db = f.t.db): Applying => ({
  db,
  log: f.context.log,
  targets,
  at: () => f.context.clock.now(),
  now: () => f.context.clock.now(),
  signal: new AbortController().signal,
});
const program = (script: string): DnsTarget => ({ kind: 'command', name: 'git', zones: [DOMAIN], command: ['sh', '-c', script] });
const apply = async (targets: DnsTarget[] = []) => {
  for (const request of await toApply(f.t.db)) await applyRequest(request, means(targets));
};
const stateOf = async (key: number) => (await loadRequest(f.t.db, key)).state;

test('an entry of the list of senders is made, once, and the request is done', async () => {
  const key = (await openRequest(f.t.db, RULES, {
    plan: planOf(),
    requester: 'zoe@example.com',
    requester_kind: 'person',
    why: 'ours',
  }))!;
  await apply();
  await apply();
  expect(await stateOf(key)).toBe('done');
  const { rows } = await f.t.db.query('select source, verdict, by_name, why from ruawatch.sender_list');
  expect(rows).toEqual([
    { source: 'mailer.example', verdict: 'approved', by_name: 'zoe@example.com', why: `request ${key}: ours` },
  ]);
});

test('an entry that is another one by now makes the request stale, and stays', async () => {
  const key = await ask([{ ...planOf().changes[0]!, before: 'denied' } as Plan['changes'][number]]);
  await apply();
  expect(await stateOf(key)).toBe('stale');
  expect((await f.t.db.query('select from ruawatch.sender_list')).rowCount).toBe(0);
});

describe('by a command', () => {
  test.each([
    ['exit 0', 'active'],
    ['exit 3', 'stale'],
    ['exit 4', 'handed_over'],
    ['exit 1', 'failed'],
    ['exit 75', 'applying'],
  ])('%s: %s', async (script, state) => {
    const key = await ask([record([], ['v=DMARC1; p=none'])]);
    await apply([program(script)]);
    expect(await stateOf(key)).toBe(state);
  });

  test('what waits is tried again, and given up after a day', async () => {
    const key = await ask([record([], ['v=DMARC1; p=none'])]);
    await apply([program('exit 75')]);
    f.setNow(new Date(f.context.clock.now().getTime() + 23 * 3_600_000));
    await apply([program('exit 75')]);
    expect(await stateOf(key)).toBe('applying');
    f.setNow(new Date(f.context.clock.now().getTime() + 2 * 3_600_000));
    await apply([program('echo no; exit 75')]);
    expect(await loadRequest(f.t.db, key)).toMatchObject({ state: 'failed', outcome: 'Given up after a day. no' });
  });

  test('of two changes the first is taken back when the second is given up', async () => {
    const log = path.join(folder, 'log');
    const script = `cat | tee -a ${log} | grep -q second && { echo >> ${log}; exit 75; }; echo >> ${log}; exit 0`;
    const key = await ask([record([], ['first'], `a.${DOMAIN}`), record([], ['second'], `b.${DOMAIN}`)]);
    await apply([program(script)]);
    expect(await stateOf(key)).toBe('applying');
    f.setNow(new Date(f.context.clock.now().getTime() + 25 * 3_600_000));
    await apply([program(script)]);
    expect(await loadRequest(f.t.db, key)).toMatchObject({
      state: 'failed',
      outcome: expect.stringMatching(/are rolled back\.$/),
    });
    expect((await changesOf(f.t.db, key)).filter(({ state }) => state === 'applied').map(({ forward }) => forward)).toEqual([
      true,
      false,
    ]);
  });

  test('of two changes the first is taken back when the second cannot be made', async () => {
    const log = path.join(folder, 'log');
    const script = `cat | tee -a ${log} | grep -q second && { echo >> ${log}; exit 1; }; echo >> ${log}; exit 0`;
    const key = await ask([record([], ['first'], `a.${DOMAIN}`), record([], ['second'], `b.${DOMAIN}`)]);
    await apply([program(script)]);
    expect(await loadRequest(f.t.db, key)).toMatchObject({
      state: 'failed',
      outcome: expect.stringMatching(/are rolled back\.$/),
    });
    expect((await changesOf(f.t.db, key)).map(({ position, forward, state }) => [position, forward, state])).toEqual([
      [0, true, 'applied'],
      [1, true, 'failed'],
      [0, false, 'applied'],
    ]);
  });
});

test('a window holds a change back until it opens', async () => {
  const rule = {
    name: 'all',
    decide: 'automatic',
    ceiling: { per_day: 9 },
    windows: [{ days: ['sunday'], from: '08:00', to: '09:00' }],
    apply_within_hours: 720,
  };
  const key = await ask([record([], ['x'])], rulesOf(rule));
  await apply([program('exit 0')]);
  expect(await stateOf(key)).toBe('approved');
  const now = f.context.clock.now();
  const sunday = new Date(now.getTime() + ((7 - now.getUTCDay()) % 7) * 86_400_000);
  sunday.setUTCHours(8, 30, 0, 0);
  f.setNow(sunday > now ? sunday : new Date(sunday.getTime() + 7 * 86_400_000));
  await apply([program('exit 0')]);
  expect(await stateOf(key)).toBe('active');
});

test('without a server of its zone it is handed over, and done when the watcher sees it', async () => {
  const key = await ask([record(['v=DMARC1; p=none'], ['v=DMARC1; p=reject'])]);
  await apply();
  expect(await stateOf(key)).toBe('handed_over');
  const seen = (value: string) =>
    f.t.db.query(
      `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
       values ($1, $2, 'TXT', 'dmarc', 'records', $4, $4, $4, '{}', '[]') on conflict do nothing;`.replace(
        /\$(\d)/g,
        (_, n) =>
          [DOMAIN, NAME, value, new Date(f.context.clock.now().getTime() + 1000).toISOString()].map((one) => `'${one}'`)[
            Number(n) - 1
          ]!,
      ),
    );
  await seen('x');
  await closePublished(means());
  expect(await stateOf(key)).toBe('handed_over');
  await f.t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, servers)
     values ($1, $2, 'TXT', 'dmarc', 'v=DMARC1; p=reject', now(), now(), '{}')`,
    [DOMAIN, NAME],
  );
  await closePublished(means());
  expect(await stateOf(key)).toBe('done');
});

test.each([
  ['CNAME', 'TXT', 'handed_over'],
  ['CNAME', 'alias', 'done'],
  ['CNAME', 'an alias of an alias', 'handed_over'],
  ['TXT', 'TXT', 'done'],
  ['TXT', 'alias', 'handed_over'],
  ['TXT', 'TXT behind an alias', 'handed_over'],
] as const)('of a %s that is handed over, %s is seen: it is %s', async (type, seen, state) => {
  const target = 'selector.mailer.example';
  const change = {
    ...record([], [target], `s1._domainkey.${DOMAIN}`),
    ...(type === 'CNAME' && { type, after: [aliasOf(target)] }),
  };
  const key = await ask([change as Plan['changes'][number]]);
  await apply();
  const aliases = seen === 'alias' ? [target] : seen.endsWith('alias') ? ['between.example', target] : [];
  const at = new Date(f.context.clock.now().getTime() + 1000);
  await f.t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
     values ($1, $2, 'TXT', 'dkim', 'records', $3, $3, $3, $4, '[]')`,
    [DOMAIN, `s1._domainkey.${DOMAIN}`, at, aliases],
  );
  if (seen.startsWith('TXT'))
    await f.t.db.query(
      `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, servers)
       values ($1, $2, 'TXT', 'dkim', $3, now(), now(), '{}')`,
      [DOMAIN, `s1._domainkey.${DOMAIN}`, target],
    );
  await closePublished(means());
  expect(await stateOf(key)).toBe(state);
});

test('a third party whose records are published by hand: its entry is made, and it is watched when the watcher sees them', async () => {
  await syncGroups(f.t.db, { groups: { mail: ['ada@example.com'] }, deputies: [] });
  const entry = {
    target: 'senders' as const,
    domain: DOMAIN,
    source: 'postbird.example',
    is_service: false,
    before: null,
    after: 'approved' as const,
    until: null,
  };
  const key = await ask([record([], ['v=spf1 include:postbird.example -all'], `s._domainkey.${DOMAIN}`), entry]);
  const early = await ask(
    [record([], ['v=spf1 include:postbird.example -all'], `s._domainkey.${DOMAIN}`), { ...entry, source: 'other.example' }],
    PEOPLE,
  );
  await apply();
  expect(await stateOf(key)).toBe('handed_over');
  await closePublished(means());
  expect(await stateOf(key)).toBe('handed_over');
  const at = new Date(f.context.clock.now().getTime() + 1000);
  await f.t.db.query(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, first_answered_at, answered_at, aliases, answers)
     values ($1, $2, 'TXT', 'dkim', 'records', $3, $3, $3, '{}', '[]')`,
    [DOMAIN, `s._domainkey.${DOMAIN}`, at],
  );
  await f.t.db.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, first_seen, last_seen, servers)
     values ($1, $2, 'TXT', 'dkim', 'v=spf1 include:postbird.example -all', now(), now(), '{}')`,
    [DOMAIN, `s._domainkey.${DOMAIN}`],
  );
  await closePublished(means());
  expect(await stateOf(key)).toBe('active');
  // One that nobody has decided about is not: its entry is not made.
  expect(await stateOf(early)).toBe('pending');
});

describe('a change that is watched', () => {
  const OWN = { source: '192.0.2.0/24' };
  const start = async () => {
    await f.put(span(30, 8, 'both', 1000, REPORTERS, OWN));
    await f.analyze();
    f.setNow(new Date(`${ago(7)}T12:00:00Z`));
    const key = await ask([record(['v=DMARC1; p=none'], ['v=DMARC1; p=reject'])]);
    await apply([program('exit 0')]);
    expect(await stateOf(key)).toBe('active');
    return key;
  };
  const lose = async (reporters: readonly string[], trust = 'ok') => {
    await f.put(span(6, 5, 'both', 1000, REPORTERS, OWN));
    await f.t.db.query(
      'update ruawatch.source_days set passed = messages / 2, rejected = messages / 2, trust = $3 where day >= $1 and reporter = any($2::text[]) and domain = $4',
      [ago(6), reporters, trust, DOMAIN],
    );
  };

  test('is put back when own mail breaks, by the word of reporters that decide', async () => {
    const key = await start();
    await lose(REPORTERS);
    await watchChanges(means([program('exit 0')]));
    expect(await loadRequest(f.t.db, key)).toMatchObject({
      state: 'returned',
      outcome: expect.stringMatching(/The previous state was restored\.$/),
    });
    expect((await changesOf(f.t.db, key)).map(({ forward, state }) => [forward, state])).toEqual([
      [true, 'applied'],
      [false, 'applied'],
    ]);
  });

  test('is not put back by reports that are not proven, or by one reporter alone', async () => {
    const key = await start();
    await lose(REPORTERS.slice(0, 1));
    await watchChanges(means([program('exit 0')]));
    expect(await stateOf(key)).toBe('active');
    await lose(REPORTERS, 'bad').catch(() => undefined);
    await watchChanges(means([program('exit 0')]));
    expect(await stateOf(key)).toBe('active');
  });

  test('is not put back by what somebody else sends through a service of ours, however much; is by own mail that failed before', async () => {
    const key = await start();
    const since = (set: string) =>
      f.t.db.query(`update ruawatch.source_days set ${set} where domain = $1 and day >= $2`, [DOMAIN, ago(6)]);
    await f.put(span(6, 5, 'both', 1000, REPORTERS, OWN));
    for (const n of [500, 5000]) {
      await since(`messages = passed + ${n}, quarantined = ${n}, rejected = 0`);
      await watchChanges(means([program('exit 0')]));
      expect(await stateOf(key)).toBe('active');
    }
    // The same part failed before, and was delivered: it is own mail, which is lost since.
    await f.t.db.query('update ruawatch.source_days set messages = passed + 60 where domain = $1', [DOMAIN]);
    await since('quarantined = 60, rejected = 0');
    await watchChanges(means([program('exit 0')]));
    expect(await stateOf(key)).toBe('returned');
  });

  test('that somebody has changed since is left, and that is said', async () => {
    const key = await start();
    await lose(REPORTERS);
    await watchChanges(means([program('exit 3')]));
    expect(await loadRequest(f.t.db, key)).toMatchObject({
      state: 'done',
      outcome: expect.stringMatching(/could not be restored/),
    });
  });

  test('is done when its watch is over, and the reports about its last day could have come', async () => {
    const key = await start();
    await watchChanges(means());
    expect(await stateOf(key)).toBe('active');
    const made = f.context.clock.now().getTime();
    for (const [hours, state] of [
      [95, 'active'],
      [97, 'done'],
    ] as const) {
      f.setNow(new Date(made + hours * 3_600_000));
      await watchChanges(means());
      expect(await stateOf(key)).toBe(state);
    }
  });
});

test('the service applies what is approved, and a second one beside it does nothing twice', async () => {
  const log = path.join(folder, 'log');
  writeFileSync(log, '');
  f.context.config.sweep = { every_seconds: 0.1, after_seconds: 1 };
  f.context.config.dnsTargets = [program(`cat > /dev/null; echo once >> ${log}; sleep 0.2; exit 0`)];
  const keys = [await ask([record([], ['x'])]), await ask([record([], ['y'], `b.${DOMAIN}`)])];
  const services = [startApplier(f.context), startApplier(f.context)];
  await until(async () => (await Promise.all(keys.map(stateOf))).every((state) => state === 'active'));
  await Promise.all(services.map((service) => service.stop()));
  const { readFileSync } = await import('node:fs');
  expect(readFileSync(log, 'utf8')).toBe('once\nonce\n');
});

describe.runIf(updatable.knot)(`killed at any instant${updatable.knot ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  test('the next one ends in the same state, and nothing is done twice', { timeout: 120_000 }, async () => {
    const key = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };
    const knot = await startUpdatableKnot({ zone: DOMAIN, records: ['_dmarc TXT "v=DMARC1; p=none"'], keys: [key] });
    try {
      const target: DnsTarget = {
        kind: 'rfc2136',
        name: 'knot',
        zones: [DOMAIN],
        server: knot.server,
        key: { name: key.name, algorithm: key.algorithm },
        secret: () => Buffer.from(key.secret),
      };
      const textNow = async () => {
        const answer = await createDnsClient({ servers: [knot.server], recursive: false, cacheEntries: 0 }).ask(NAME, 'TXT');
        return answer.state === 'records' ? answer.records.map((strings) => strings.join('')) : [];
      };
      let text = 'v=DMARC1; p=none';
      let killed = true;
      let rounds = 0;
      for (let at = 1; killed; at++) {
        const next = `v=DMARC1; p=none; fo=${at}`;
        const request = await ask([record([text], [next])]);
        const dying = dyingAfter(f.t.db, at);
        killed = await applyRequest(await loadRequest(f.t.db, request), means([target], dying)).then(
          () => false,
          () => true,
        );
        await apply([target]);
        expect([at, await stateOf(request)]).toEqual([at, 'active']);
        expect(await textNow()).toEqual([next]);
        const { rows } = await f.t.db.query(
          "select event from ruawatch.request_events where request_key = $1 and event = 'apply'",
          [request],
        );
        expect(rows).toHaveLength(1);
        text = next;
        rounds = at;
      }
      // Every statement of the way was the last one in some round.
      expect(rounds).toBeGreaterThan(12);
      expect((await verifyAudit(f.t.db)).faults).toEqual([]);
    } finally {
      await knot.stop();
    }
  });
});

/**
 * A pool whose process dies with its n-th statement: that and all later ones fail, and open transactions are
 * gone.
 */
function dyingAfter(db: Db, n: number): Db {
  let left = n;
  const step = () => {
    left -= 1;
    if (left <= 0) throw new Error('the process was killed');
  };
  const query =
    (real: { query: unknown }) =>
    async (...given: unknown[]) => {
      if (given[0] !== 'rollback') step();
      return (real.query as (...args: unknown[]) => Promise<unknown>).apply(real, given);
    };
  return new Proxy(db, {
    get(target, property) {
      if (property === 'query') return query(target);
      if (property === 'connect')
        return async () => {
          const client = await target.connect();
          return new Proxy(client, {
            get: (real, name) => {
              if (name === 'query') return query(real);
              const value = Reflect.get(real, name) as unknown;
              return typeof value === 'function' ? value.bind(real) : value;
            },
          });
        };
      return Reflect.get(target, property) as unknown;
    },
  });
}
