import pino from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startApprover } from '../../services/approver/index.ts';
import type { Dns } from '../../services/dns/client/types.ts';
import { planOnboard } from '../../services/requests/plans/onboard.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import type { Db, Tx } from '../../services/shared/runtime/db.ts';
import type { Service } from '../../services/shared/runtime/service.ts';
import { withdrawResolved } from '../../services/store/requests/decide.ts';
import { syncGroups } from '../../services/store/requests/groups.ts';
import { insertOnboarding } from '../../services/store/requests/onboardings.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { listRequests } from '../../services/store/requests/requests.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { startFake } from '../helpers/dns.ts';
import { until } from '../helpers/services.ts';
import { SILENT, zone } from '../requests/plans/zone.ts';
import { GROUPS } from '../requests/sample.ts';

let t: TestDatabase;
let context: ReturnType<typeof testContext>;
let service: Service | null = null;
let lines: { level: number; msg: string; rows?: number; mails?: number; days?: number }[] = [];
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
  lines = [];
  context.log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
});
afterEach(async () => {
  vi.useRealTimers();
  await service?.stop();
  service = null;
  await context.queues.close();
  await t.drop();
});

const RULES = [{ name: 'rest', stages: [{ group: 'mail' }] }];
const start = (dns: Dns & { cancel?(): void }, approvals: object = { rules: RULES }, everyMs?: number) => {
  context.config.approvals = approvalsSchema.parse({ groups: GROUPS, ...approvals });
  service = startApprover(context, { dns, ...(everyMs !== undefined && { everyMs }) });
};
const abuse = () =>
  t.db.query(
    `insert into ruawatch.findings (domain, kind, subject, severity, state, revision, confidence, summary, evidence, first_day, last_day, opened_at, changed_at)
     values ('example.com', 'subdomain_abuse', 'subdomains', 'high', 'open', 1, 0.9, 'forged names', '{}', current_date, current_date, now(), now())`,
  );
const ZONE = zone('_dmarc.example.com. TXT "v=DMARC1; p=none"\n');
const requests = () => listRequests(t.db, { limit: 10 });
const said = (text: string) => lines.filter(({ msg }) => msg === text).length;
const messages = () => lines.map(({ msg }) => msg);
/** A member whom the settings do not name stays until the groups are made those of the settings. */
const strangers = async () =>
  (await t.db.query("select from ruawatch.approver_groups where person = 'stranger@example.com'")).rowCount;
const addStranger = () =>
  t.db.query("insert into ruawatch.approver_groups (name, person) values ('mail', 'stranger@example.com')");
/** Counts the turns by the questions to DNS. */
const counting = (dns: Dns) => {
  const counted = { turns: 0, cancelled: 0, ask: dns.ask, cancel: () => void counted.cancelled++ };
  counted.ask = ((...given: Parameters<Dns['ask']>) => {
    if (given[1] === 'SOA') counted.turns++;
    return dns.ask(...given);
  }) as Dns['ask'];
  return counted;
};

test('the groups are made those of the settings once, and the log says so', async () => {
  await addStranger();
  await abuse();
  const dns = counting(SILENT);
  start(dns);
  await until(() => dns.turns > 0);
  expect(await strangers()).toBe(0);
  expect(said('the groups of approvals have changed')).toBe(1);
  expect(messages()).not.toContain('approvals has no rules: nothing is requested, and plans are texts to paste');
  await addStranger();
  const before = dns.turns;
  await until(() => dns.turns > before + 2);
  expect(await strangers()).toBe(1);
  expect(said('the groups of approvals have changed')).toBe(1);
});

test('groups that are those of the settings already are no news', async () => {
  start(ZONE);
  await until(() => said('the groups of approvals have changed') === 1);
  await service!.stop();
  await abuse();
  start(ZONE);
  await until(async () => (await requests()).length === 1);
  expect(said('the groups of approvals have changed')).toBe(1);
});

test.each([
  ['without rules', { rules: [] }],
  ['with the playbooks off', { rules: RULES, playbooks: 'off' }],
])('%s nothing is asked or requested', async (_, approvals) => {
  await abuse();
  const dns = counting(ZONE);
  start(dns, approvals);
  await until(async () => (await t.db.query('select from ruawatch.approver_groups')).rowCount === 5);
  await addStranger();
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect([dns.turns, await requests()]).toEqual([0, []]);
  expect(said('approvals has no rules: nothing is requested, and plans are texts to paste')).toBe(
    approvals.rules.length === 0 ? 1 : 0,
  );
});

test('a failure is what it waits for until a turn succeeds', async () => {
  await abuse();
  await t.db.query('alter table ruawatch.request_timers rename to request_timers_away');
  start(ZONE);
  await until(() => service!.waitingFor() !== null);
  expect(service!.waitingFor()).toBe('The approver cannot finish its work: relation "ruawatch.request_timers" does not exist');
  expect(service!.name).toBe('approver');
  await until(() => said('keeping requests failed; next try in 0 s') === 1);
  await t.db.query('alter table ruawatch.request_timers_away rename to request_timers');
  await until(() => service!.waitingFor() === null);
  await until(async () => (await requests()).length === 1);
  expect(service!.stuck!()).toBeNull();
});

test('a turn comes after each pause, and stopping cancels what is asked', async () => {
  await abuse();
  const dns = counting(SILENT);
  context.config.sweep.every_seconds = 0.3;
  start(dns);
  await until(() => dns.turns > 0);
  await new Promise((resolve) => setTimeout(resolve, 900));
  // Four on an idle machine; hundreds without the pause.
  expect(dns.turns).toBeLessThan(15);
  await service!.stop();
  expect(dns.cancelled).toBe(1);
});

test('without a resolver of its own the name servers of the settings are asked', async () => {
  const asked: string[] = [];
  const server = await startFake(({ name, type }) => {
    asked.push(`${type} ${name}`);
    return { rcode: 3 };
  });
  context.config.dnsServers = [server.server];
  context.config.approvals = approvalsSchema.parse({ groups: GROUPS, rules: RULES });
  await abuse();
  service = startApprover(context);
  await until(() => asked.length > 0);
  expect(asked[0]).toBe('SOA example.com');
  await service.stop();
  await server.stop();
});

test('stopping waits until the turn has ended', async () => {
  await abuse();
  let cancel: () => void = () => undefined;
  const cancelled = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  let asked = false;
  let ended = false;
  start({
    async ask() {
      asked = true;
      await cancelled;
      await new Promise((resolve) => setTimeout(resolve, 100));
      ended = true;
      return { state: 'unknown', reason: 'cancelled', message: 'The question was ended.' };
    },
    cancel: () => cancel(),
  });
  await until(() => asked);
  await service!.stop();
  expect(ended).toBe(true);
});

test('a request that too few people are left for is marked', async () => {
  await abuse();
  start(ZONE, { rules: [{ name: 'rest', stages: [{ group: 'security', need: 2 }] }] });
  await until(async () => (await requests()).length === 1);
  await t.db.query("delete from ruawatch.approver_groups where person = 'emil@example.com'");
  await until(async () => (await requests())[0]!.unreachable_since !== null);
});

test('third parties whose contract has ended are looked after', async () => {
  const agreed = {
    domain: 'example.com',
    source: 'postbird.example',
    is_service: false,
    owner: 'marketing',
    expected_daily: 500,
    contract_ends: '2026-01-31',
  };
  const records = [{ name: 'pb1._domainkey.example.com', type: 'CNAME' as const, value: 'pb1.dkim.postbird.example' }];
  const plan = await planOnboard({ ...agreed, name: 'Postbird', records, before: null, why: 'newsletters' }, zone(''), {
    seen: [],
    keys: new Map(),
  });
  await syncGroups(t.db, approvalsSchema.parse({ groups: GROUPS, rules: RULES }));
  const { rules } = approvalsSchema.parse({ groups: GROUPS, rules: RULES });
  const also = (tx: Tx, key: number) => insertOnboarding(tx, key, agreed);
  const key = await openRequest(t.db, rules, { plan, requester: 'zoe@example.com', requester_kind: 'person', why: 'x', also });
  await t.db.query("update ruawatch.requests set state = 'done', applied_at = now() where request_key = $1", [key]);
  // DNS says nothing of its records: the end cannot be asked for yet.
  start(SILENT);
  await until(() => said('an onboarding could not be checked; it is tried again') > 0);
});

test('a finding wakes it when it opens, and when it opens again', async () => {
  const dns = counting(ZONE);
  start(dns, { rules: RULES }, 3_600_000);
  await until(() => said('the groups of approvals have changed') === 1);
  // Whoever listens looks once, for what came before.
  await until(async () => (await t.db.query(LISTENING)).rowCount === 1);
  await abuse();
  await until(async () => (await requests()).length === 1);
  await t.db.query("update ruawatch.findings set state = 'resolved'");
  await withdrawResolved(t.db);
  await t.db.query("update ruawatch.findings set state = 'open', opened_at = clock_timestamp()");
  await until(async () => (await requests()).length === 2);
});

test('a name server that never answers keeps no timer and no other finding waiting', async () => {
  let cancel: () => void = () => undefined;
  const never = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  let waiting = false;
  const dns: Dns & { cancel(): void } = {
    async ask() {
      // The first try ends, and makes it late.
      if (said('a playbook could not open a request') > 0) {
        waiting = true;
        await never;
      }
      return { state: 'unknown', reason: 'cancelled', message: 'The question was ended.' };
    },
    cancel: () => cancel(),
  };
  await abuse();
  start(dns, { rules: [{ name: 'rest', stages: [{ group: 'security', need: 2 }] }] });
  await until(() => waiting);
  await t.db.query(
    `insert into ruawatch.findings (domain, kind, subject, severity, state, revision, confidence, summary, evidence, first_day, last_day, opened_at, changed_at)
     values ('example.com', 'new_source', 'mailer.example', 'high', 'open', 1, 0.9, 'new', '{}', current_date, current_date, now(), now())`,
  );
  await until(async () => (await requests()).length === 1);
  await t.db.query("delete from ruawatch.approver_groups where person = 'emil@example.com'");
  await until(async () => (await requests())[0]!.unreachable_since !== null);
});

test('rows of the audit chain past their time go once a day, and the log says so when there were any', async () => {
  let now = new Date('2026-11-20T12:00:00Z');
  let asked = 0;
  context.clock = {
    now() {
      asked++;
      return now;
    },
  };
  context.config.retention.audit_days = 400;
  // What it deletes is its own matter: it is asked how often, and up to when.
  await t.db.query(`create table public.cuts (at timestamptz)`);
  await t.db.query(
    `create or replace function ruawatch.audit_cut(before timestamptz) returns bigint language sql
     as $$ insert into public.cuts values (before); select case when count(*) = 1 then 2 else 0 end from public.cuts $$`,
  );
  const cuts = async () =>
    (await t.db.query<{ at: Date }>('select at from public.cuts order by 1')).rows.map(({ at }) => at.toISOString());
  start(ZONE, { rules: [] }, 5);
  await until(async () => (await cuts()).length > 0);
  now = new Date('2026-11-21T11:59:59Z');
  const before = asked;
  await until(() => asked > before + 30);
  expect(await cuts()).toEqual(['2025-10-16T12:00:00.000Z']);
  now = new Date('2026-11-21T12:00:00Z');
  await until(async () => (await cuts()).length === 2);
  expect(await cuts()).toEqual(['2025-10-16T12:00:00.000Z', '2025-10-17T12:00:00.000Z']);
  await service!.stop();
  const msg = 'rows of the audit chain past their retention time were deleted';
  expect(lines.filter((line) => line.msg === msg)).toMatchObject([{ rows: 2, days: 400 }]);
  // Without a time they are kept.
  context.config.retention.audit_days = null;
  now = new Date('2026-12-21T12:00:00Z');
  start(ZONE, { rules: [] }, 5);
  const again = asked;
  await until(() => asked > again + 30);
  expect(await cuts()).toHaveLength(2);
});

test('held mails lose their octets when their time is over, which is looked at once an hour', async () => {
  let now = new Date('2026-11-20T12:00:00Z');
  let asked = 0;
  context.clock = {
    now() {
      asked++;
      return now;
    },
  };
  context.config.milter.hold.keep_days = 3;
  const held = (n: number, settled: string) =>
    t.db.query(
      `with r as (insert into ruawatch.requests (kind, domain, summary, plan, digest, rule, requester, requester_kind, why, state, created_at, changed_at)
         values ('held', 'example.com', 'x', '{}', repeat('a', 64), '{}', 'milter', 'service', 'x', 'done', now(), now()) returning request_key),
       h as (insert into ruawatch.held_messages (request_key, held_at, kept_in, queue_ids, identity, domain, envelope_from, recipients, peer_ip, results,
           rule, reason, size, sha256, attachments, state, settled_at)
         select request_key, $2, 'store', '{}', $1, 'example.com', '', '{}', '192.0.2.1', '{}', 'x', 'x', 1, '', '[]', 'released', $2 from r returning held_key)
       insert into ruawatch.held_bodies (held_key, sealed) select held_key, '' from h`,
      [`mail ${n}`, settled],
    );
  const left = async () =>
    (
      await t.db.query('select identity from ruawatch.held_bodies join ruawatch.held_messages using (held_key) order by 1')
    ).rows.map(({ identity }) => identity);
  await held(1, '2026-11-17T12:00:00Z');
  await held(2, '2026-11-17T12:59:59Z');
  await held(3, '2026-11-17T13:00:01Z');
  start(ZONE, { rules: [] }, 5);
  await until(async () => (await left()).length === 2);
  now = new Date('2026-11-20T12:59:59.999Z');
  const before = asked;
  await until(() => asked > before + 30);
  expect(await left()).toEqual(['mail 2', 'mail 3']);
  now = new Date('2026-11-20T13:00:00Z');
  await until(async () => (await left()).length === 1);
  const again = asked;
  await until(() => asked > again + 30);
  expect(await left()).toEqual(['mail 3']);
  const msg = 'the octets of held mails past their time were deleted';
  expect(lines.filter((line) => line.msg === msg).map(({ mails }) => mails)).toEqual([1, 1]);
});

test('requests go by the clock of the database', async () => {
  await abuse();
  // The clock of the process is set back.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2020-01-01T00:00:00Z') });
  start(ZONE);
  await until(async () => (await requests()).length === 1);
  const { rows } = await t.db.query("select created_at > now() - interval '1 hour' as recent from ruawatch.requests");
  expect(rows).toEqual([{ recent: true }]);
});

const LISTENING = "select from pg_stat_activity where datname = current_database() and query = 'listen ruawatch_findings'";
const rotations = async () => (await t.db.query('select domain, step from ruawatch.rotations')).rows;

test('nothing is asked before the groups are those of the settings; then all is looked at, without waiting for the next turn', async () => {
  await abuse();
  context.config.dkimKeys = [{ domain: 'example.com', rotateEveryDays: 30 }] as unknown as typeof context.config.dkimKeys;
  const lock = await t.db.connect();
  await lock.query('begin');
  await lock.query('lock table ruawatch.approver_groups');
  const dns = counting(ZONE);
  start(dns, { rules: RULES }, 3_600_000);
  const waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
  await until(async () => (await t.db.query(LISTENING)).rowCount === 1 && (await t.db.query(waits)).rowCount === 1);
  expect([dns.turns, await rotations()]).toEqual([0, []]);
  await lock.query('commit');
  lock.release();
  await until(async () => (await requests()).length === 1);
  await until(async () => (await rotations()).length === 1);
  expect(await rotations()).toEqual([{ domain: 'example.com', step: 'wanted' }]);
});

test('a finding that opened before it listened is looked at when it does', async () => {
  await abuse();
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const db = t.db;
  context.db = new Proxy(db, {
    get(target, name) {
      if (name === 'connect')
        return async () => {
          const client = await target.connect();
          const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
          const late = async (...given: unknown[]) => {
            if (given[0] === 'listen ruawatch_findings') await gate;
            return query(...given);
          };
          return Object.assign(client, { query: late });
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as Db;
  start(ZONE, { rules: RULES }, 3_600_000);
  await until(async () => (await requests()).length === 1);
  await t.db.query(
    `insert into ruawatch.findings (domain, kind, subject, severity, state, revision, confidence, summary, evidence, first_day, last_day, opened_at, changed_at)
     values ('example.com', 'new_source', 'mailer.example', 'high', 'open', 1, 0.9, 'new', '{}', current_date, current_date, now(), now())`,
  );
  open();
  await until(async () => (await requests()).length === 2);
});

test('stopping waits for what is late as well', async () => {
  await abuse();
  let [cancelled, late, ended] = [false, false, false];
  let cancel: () => void = () => undefined;
  const never = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  start({
    async ask() {
      if (said('a playbook could not open a request') > 0) {
        late = true;
        await never;
        await t.db.query('select pg_sleep(0.1)');
        ended = true;
      }
      return { state: 'unknown', reason: 'cancelled', message: 'The question was ended.' };
    },
    cancel() {
      cancelled = true;
      cancel();
    },
  });
  await until(() => late);
  await service!.stop();
  expect([cancelled, ended]).toEqual([true, true]);
});
