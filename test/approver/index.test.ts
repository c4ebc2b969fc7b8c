import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startApprover } from '../../services/approver/index.ts';
import type { Dns } from '../../services/dns/client/types.ts';
import { planOnboard } from '../../services/requests/plans/onboard.ts';
import { approvalsSchema } from '../../services/requests/rules.ts';
import type { Tx } from '../../services/shared/runtime/db.ts';
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
let lines: { level: number; msg: string }[] = [];
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
  lines = [];
  context.log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
});
afterEach(async () => {
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
  const listening = "select from pg_stat_activity where datname = current_database() and query = 'listen ruawatch_findings'";
  await until(async () => (await t.db.query(listening)).rowCount === 1);
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
  expect(said('rows of the audit chain past their retention time were deleted')).toBe(1);
});
