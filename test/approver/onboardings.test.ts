import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyRequest } from '../../services/applier/apply.ts';
import { watchChanges } from '../../services/applier/watch.ts';
import { keepOnboardings } from '../../services/approver/onboardings.ts';
import { readPlan } from '../../services/requests/plan.ts';
import { planOnboard } from '../../services/requests/plans/onboard.ts';
import { dayOf } from '../../services/shared/days.ts';
import { toApply } from '../../services/store/requests/applying.ts';
import { insertOnboarding, listOnboardings } from '../../services/store/requests/onboardings.ts';
import { openRequest } from '../../services/store/requests/open.ts';
import { loadRequest } from '../../services/store/requests/requests.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { DOMAIN, REPORTERS, row } from '../analyzer/rows.ts';
import { zone } from '../requests/plans/zone.ts';
import { rulesOf } from '../requests/sample.ts';

const DAY = 86_400_000;
const RULES = rulesOf({ name: 'all', decide: 'automatic', ceiling: { per_day: 1000 } });
const RECORDS = [{ name: `pb1._domainkey.${DOMAIN}`, type: 'CNAME' as const, value: 'pb1.dkim.postbird.example' }];

let f: Fixture;
let published: string;
beforeEach(async () => {
  f = await fixture();
  published = '';
});
afterEach(() => f.close());

const means = () => ({
  db: f.t.db,
  log: f.context.log,
  // What was published is a line of the zone: the program stands for a name server.
  targets: [{ kind: 'command' as const, name: 'git', zones: [DOMAIN], command: ['sh', '-c', 'cat >/dev/null'] }],
  at: () => f.context.clock.now(),
  now: () => f.context.clock.now(),
  signal: new AbortController().signal,
});
const later = (days: number) => f.setNow(new Date(f.context.clock.now().getTime() + days * DAY));
const given = () => ({
  db: f.t.db,
  dns: zone(published),
  log: f.context.log,
  rules: RULES,
  at: f.context.clock.now(),
  now: f.context.clock.now(),
  turned: () => undefined,
  asking: {},
});
const keep = () => keepOnboardings(given());
const apply = async () => {
  for (const request of await toApply(f.t.db)) await applyRequest(request, means());
};
const states = async () => (await listOnboardings(f.t.db, null, 10)).map(({ state }) => state);

async function onboard(contractDays: number): Promise<number> {
  const agreed = {
    domain: DOMAIN,
    source: 'postbird.example',
    is_service: false,
    owner: 'marketing',
    expected_daily: 500,
    contract_ends: dayOf(new Date(f.context.clock.now().getTime() + contractDays * DAY)),
  };
  const plan = await planOnboard({ ...agreed, name: 'Postbird', records: RECORDS, before: null, why: 'newsletters' }, zone(''), {
    seen: [],
    keys: new Map(),
  });
  const key = await openRequest(
    f.t.db,
    RULES,
    {
      plan,
      requester: 'zoe@example.com',
      requester_kind: 'person',
      why: 'newsletters',
      also: (tx, request) => insertOnboarding(tx, request, agreed),
    },
    f.context.clock.now(),
  );
  expect(await states()).toEqual(['publishing']);
  await apply();
  published = `pb1._domainkey CNAME pb1.dkim.postbird.example.`;
  expect(await states()).toEqual(['watched']);
  return key!;
}

test('mail that passes adopts it, and the end of its contract asks to withdraw all of it', async () => {
  const key = await onboard(60);
  later(2);
  await keep();
  expect(await states()).toEqual(['watched']);
  await f.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed) values ($1, 'postbird.example', now(), now(), 9, 9) on conflict do nothing`,
    [DOMAIN],
  );
  await f.put([row(dayOf(f.context.clock.now()), 'both', 90, { source: 'postbird.example' })]);
  await f.t.db.query(
    "insert into ruawatch.domain_reporters (domain, reporter, decides, standing) select distinct domain, reporter, true, 'known' from ruawatch.source_days on conflict do nothing",
  );
  await keep();
  expect(await states()).toEqual(['adopted']);
  later(40);
  await watchChanges(means());
  expect(await loadRequest(f.t.db, key)).toMatchObject({ state: 'done', outcome: expect.stringContaining('adopted') });
  await keep();
  expect(await states()).toEqual(['adopted']);
  later(25);
  await keep();
  await keep();
  expect(await states()).toEqual(['leaving']);
  const [one] = await listOnboardings(f.t.db, DOMAIN, 10);
  const end = await loadRequest(f.t.db, one!.end_request_key!);
  expect(end).toMatchObject({ kind: 'sender.offboard', requester: 'onboarding', requester_kind: 'service' });
  expect(readPlan({ text: end.plan, digest: end.digest }).changes).toMatchObject([
    { target: 'dns', name: `pb1._domainkey.${DOMAIN}`, before: [{ text: 'pb1.dkim.postbird.example' }], after: [] },
  ]);
});

test('its end is asked for on the day after its contract, once, whoever looks at the same time', async () => {
  const key = await onboard(60);
  await f.t.db.query('update ruawatch.sender_list set until = null');
  const began = f.context.clock.now().getTime();
  const ends = dayOf(new Date(began + 60 * DAY));
  f.setNow(new Date(`${ends}T23:59:59Z`));
  await keep();
  expect(await states()).toEqual(['watched']);
  f.setNow(new Date(`${dayOf(new Date(began + 61 * DAY))}T00:00:00Z`));
  // Another process looks while this one asks DNS.
  let beside: Promise<void> | null = null;
  const lines: unknown[][] = [];
  const warn = (about: object, message: string) => void lines.push([message, about]);
  const turned: string[] = [];
  await keepOnboardings({
    ...given(),
    log: { warn } as unknown as typeof f.context.log,
    dns: {
      async ask(...question) {
        beside ??= keep();
        await beside;
        return zone(published).ask(...question);
      },
    },
    turned: () => void turned.push('turned'),
  });
  expect(turned).toEqual(['turned']);
  const err = `The end of request ${key} is asked for already.`;
  expect(lines).toEqual([['an onboarding could not be checked; it is tried again', { request: key, err }]]);
  expect(await states()).toEqual(['leaving']);
  const [one] = await listOnboardings(f.t.db, DOMAIN, 10);
  const end = await loadRequest(f.t.db, one!.end_request_key!);
  expect(end.why).toBe(`The contract with postbird.example ended on ${ends}.`);
  const plan = readPlan({ text: end.plan, digest: end.digest });
  expect(plan.why).toEqual([`The contract ended on ${ends}; marketing answers for it.`]);
  expect(plan.changes).toMatchObject([
    { target: 'dns', name: `pb1._domainkey.${DOMAIN}`, after: [] },
    { target: 'senders', source: 'postbird.example', before: 'approved', after: null },
  ]);
});

test('of what nobody has left, nothing is asked to be withdrawn', async () => {
  await onboard(60);
  published = '';
  later(61);
  await keep();
  expect(await states()).toEqual(['watched']);
});

test('mail of which one message passes adopts it, once', async () => {
  await onboard(60);
  later(2);
  const adopted = async () => (await listOnboardings(f.t.db, null, 10))[0]!.adopted_at;
  await f.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed) values ($1, 'postbird.example', now(), now(), 9, 9) on conflict do nothing`,
    [DOMAIN],
  );
  await f.put([row(dayOf(f.context.clock.now()), 'unauthenticated', 90, { source: 'postbird.example' })]);
  await f.t.db.query(
    "insert into ruawatch.domain_reporters (domain, reporter, decides, standing) select $1, unnest($2::text[]), true, 'known' on conflict do nothing",
    [DOMAIN, REPORTERS],
  );
  await keep();
  expect(await adopted()).toBeNull();
  await f.put([row(dayOf(f.context.clock.now()), 'both', 1, { source: 'postbird.example', reporter: REPORTERS[1]! })]);
  const at = f.context.clock.now();
  await keep();
  expect(await adopted()).toEqual(at);
});

test('mail that does not come takes it back when the watch is over', async () => {
  const key = await onboard(300);
  later(33);
  await keep();
  await watchChanges(means());
  expect(await loadRequest(f.t.db, key)).toMatchObject({ state: 'returned', outcome: expect.stringContaining('no mail') });
  expect(await states()).toEqual(['taken_back']);
  const { rows } = await f.t.db.query(
    "select verdict from ruawatch.sender_list where source = 'postbird.example' and ended_at is null",
  );
  expect(rows).toEqual([]);
});
