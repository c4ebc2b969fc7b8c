import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keepRotations } from '../../services/approver/rotations.ts';
import { readPlan } from '../../services/requests/plan.ts';
import { addDays } from '../../services/shared/days.ts';
import type { DkimKey } from '../../services/shared/settings/dkim-keys.ts';
import { listRequests } from '../../services/store/requests/requests.ts';
import { beginRotation, type Rotation, rotationsOf } from '../../services/store/requests/rotations.ts';
import { type Fixture, fixture } from '../analyzer/fixture.ts';
import { DOMAIN, row } from '../analyzer/rows.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';
import { rulesOf } from '../requests/sample.ts';

const RULES = rulesOf({ name: 'keys', when: { kinds: ['dkim.rotate'] }, decide: 'automatic', ceiling: { per_day: 10 } });
const SWITCHED = '2026-05-10';
const KEY = 'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';
const [HOUR, DAY] = [3_600_000, 86_400_000];
const soa = (minimum: number) => ({ mname: 'ns', rname: 'h', serial: 1, refresh: 1, retry: 1, expire: 1, minimum });

let f: Fixture;
let zone: Zone;
let turned = 0;
beforeEach(async () => {
  f = await fixture();
  turned = 0;
  zone = {
    [DOMAIN]: { SOA: [soa(3600)], TXT: [['v=spf1 -all']] },
    [`old._domainkey.${DOMAIN}`]: { TXT: [[KEY]] },
    [`new._domainkey.${DOMAIN}`]: { TXT: [[KEY]] },
  };
  await f.t.db.query(
    "insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ($1, 'google.com', 'known', true)",
    [DOMAIN],
  );
});
afterEach(() => f.close());

/** A rotation in a step. */
async function rotation(step: Rotation['step'], given: Partial<Rotation> = {}): Promise<void> {
  const one = { old_selector: 'old', new_selector: 'new', record: KEY, request_key: null, switched_at: null, ...given };
  await f.t.db.query(
    `insert into ruawatch.rotations (domain, step, asked_by, why, old_selector, new_selector, record, request_key, started_at, stepped_at, switched_at)
     values ($1, $2, 'zoe', 'The key is old.', $3, $4, $5, $6, $7, $7, $8)`,
    [
      DOMAIN,
      step,
      one.old_selector,
      one.new_selector,
      one.record,
      one.request_key,
      given.stepped_at ?? new Date(`${SWITCHED}T12:00:00Z`),
      one.switched_at,
    ],
  );
}
async function turn(at: string, { rules = RULES, keys = [] as DkimKey[] } = {}): Promise<Rotation> {
  const now = new Date(at);
  await keepRotations({
    ...{ db: f.t.db, dns: dnsOf(zone), log: f.context.log, rules, keys, registrable: (one: string) => one },
    ...{ at: now, now, turned: () => void turned++, asking: {} },
  });
  return (await rotationsOf(f.t.db, DOMAIN, 1))[0]!;
}
const passes = (selector: string, day: string, passed = 100) =>
  f.t.db.query(
    `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
     values ($1, '192.0.2.0/24', $1, $2, $3, 'google.com', 'ok', 100, $4)`,
    [DOMAIN, selector, day, passed],
  );
const covered = (day: string) => f.put([row(day, 'both', 100, { source: '192.0.2.0/24' })], { work: false });
const asked = async () => (await listRequests(f.t.db, { limit: 9 })).length;

describe('after the switch', () => {
  beforeEach(() => rotation('switched', { switched_at: new Date(`${SWITCHED}T12:00:00Z`) }));
  const none = 'no report shows mail that passes with new';
  const still = (from: string) =>
    `mail may still pass with old: reports up to ${addDays(from, 7)} have to show none since ${from}`;

  test('nothing follows before reports show the new key; after four days something is wrong', async () => {
    expect(await turn('2026-05-10T13:00:00Z')).toMatchObject({ step: 'switched', waits_for: `${none} yet` });
    expect((await turn('2026-05-14T12:00:00Z')).waits_for).toBe(`${none} yet`);
    expect((await turn('2026-05-14T12:00:01Z')).waits_for).toBe(
      `${none}, 4 days after the switch: look whether the signer has read its tables`,
    );
    // Mail that does not pass shows nothing, nor does what passed before.
    await passes('new', '2026-05-12', 0);
    await passes('new', '2026-05-09');
    expect((await turn('2026-05-14T12:00:00Z')).waits_for).toBe(`${none} yet`);
    expect(turned).toBe(4);
  });

  test('the old key stays for seven days of reports that show no mail of it', async () => {
    await passes('new', SWITCHED);
    expect((await turn('2026-05-30T12:00:00Z')).waits_for).toBe(still('2026-05-11'));
    await covered('2026-05-17');
    expect((await turn('2026-05-30T12:00:00Z')).waits_for).toBe(still('2026-05-11'));
    await covered('2026-05-18');
    // Mail of that day may come in until it is over.
    expect((await turn('2026-05-18T23:59:00Z')).waits_for).toBe(still('2026-05-11'));
    expect(await turn('2026-05-19T00:00:00Z')).toMatchObject({ step: 'revoking', waits_for: null });
    const [request] = await listRequests(f.t.db, { limit: 9 });
    expect(request).toMatchObject({
      kind: 'dkim.rotate',
      domain: DOMAIN,
      summary: `Revoke the old DKIM key old of ${DOMAIN}.`,
      requester: 'rotation',
      requester_kind: 'service',
      playbook: 'rotation 1 revoking',
      why: 'No mail has passed with it for 7 days, and new signs.',
    });
    expect(readPlan({ text: request!.plan, digest: request!.digest }).changes).toMatchObject([
      { name: `old._domainkey.${DOMAIN}`, before: [{ text: KEY }], after: [{ text: 'v=DKIM1; p=' }] },
    ]);
  });

  test('mail that still passes with it begins the wait anew', async () => {
    await passes('new', SWITCHED);
    await passes('old', '2026-05-09');
    await covered('2026-05-30');
    await passes('old', '2026-05-20');
    expect((await turn('2026-05-28T12:00:00Z')).waits_for).toBe(still('2026-05-21'));
    expect((await turn('2026-05-29T00:00:00Z')).step).toBe('revoking');
  });
});

test('without an old key, or with the same selector, nothing is revoked', async () => {
  await rotation('switched', { old_selector: null, switched_at: new Date(`${SWITCHED}T12:00:00Z`) });
  expect((await turn('2026-05-10T13:00:00Z')).step).toBe('done');
  await rotation('switched', { old_selector: 'new', switched_at: new Date(`${SWITCHED}T12:00:00Z`) });
  expect((await turn('2026-05-10T13:00:00Z')).step).toBe('done');
  expect(await asked()).toBe(0);
});

test('a revoked key stays for a week, and is then asked to be removed', async () => {
  await rotation('revoked');
  expect(await turn('2026-05-17T11:59:59Z')).toMatchObject({
    step: 'revoked',
    waits_for: 'the revoked key stays until 2026-05-17',
  });
  expect(await asked()).toBe(0);
  expect((await turn('2026-05-17T12:00:00Z')).step).toBe('removing');
  const [request] = await listRequests(f.t.db, { limit: 9 });
  expect(request).toMatchObject({
    summary: `Remove the revoked DKIM key old of ${DOMAIN}.`,
    playbook: 'rotation 1 removing',
    why: 'It was revoked on 2026-05-10.',
  });
  expect(readPlan({ text: request!.plan, digest: request!.digest }).changes).toMatchObject([
    { name: `old._domainkey.${DOMAIN}`, before: [{ text: KEY }], after: [] },
  ]);
});

test.each([
  ['revoking', 'revoked'],
  ['removing', 'done'],
  ['publishing', 'publishing'],
] as const)('a step that had nothing to change, %s, is followed by %s', async (step, next) => {
  await rotation(step);
  expect(await turn('2026-05-10T13:00:00Z')).toMatchObject({ step: next });
});

describe('a change of DNS', () => {
  test('that is made already is not asked for, and the next step follows', async () => {
    await rotation('made');
    expect(await turn('2026-05-10T13:00:00Z')).toMatchObject({ step: 'publishing', request_key: null });
    expect(await asked()).toBe(0);
    expect((await turn('2026-05-10T13:00:00Z')).waits_for).toBe(
      `not all servers of the zone give new._domainkey.${DOMAIN} yet, as far as the watcher has seen`,
    );
  });

  test('that no rule is for waits for one, and what DNS does not say for an answer; others go on', async () => {
    delete zone[`new._domainkey.${DOMAIN}`];
    await rotation('made');
    expect(await turn('2026-05-10T13:00:00Z', { rules: [] })).toMatchObject({
      step: 'made',
      waits_for: expect.stringContaining('No rule of approvals is for dkim.rotate'),
    });
    zone[`new._domainkey.${DOMAIN}`] = 'unknown';
    expect((await turn('2026-05-10T13:00:00Z')).waits_for).toContain('Nobody could say');
    expect(turned).toBe(2);
    // Who has to decide may be nobody; any other failure ends the turn.
    delete zone[`new._domainkey.${DOMAIN}`];
    const people = rulesOf({ name: 'all', stages: [{ group: 'mail' }] });
    expect((await turn('2026-05-10T13:00:00Z', { rules: people })).waits_for).toMatch(
      /^Rule "all" needs more people than there are/,
    );
    await f.t.db.query('alter table ruawatch.request_events rename to request_events_away');
    await expect(turn('2026-05-10T13:00:00Z')).rejects.toThrow(/request_events/);
    await f.t.db.query('alter table ruawatch.request_events_away rename to request_events');
    expect(turned).toBe(3);
    delete zone[`new._domainkey.${DOMAIN}`];
    expect(await turn('2026-05-10T13:00:00Z')).toMatchObject({
      step: 'publishing',
      request_key: expect.any(Number),
      waits_for: null,
    });
    expect((await listRequests(f.t.db, { limit: 9 }))[0]).toMatchObject({
      summary: `Publish the new DKIM key new of ${DOMAIN}.`,
      why: 'The key is old.',
      playbook: 'rotation 1 publishing',
    });
    // A process that ended between the request and the note of it: the request is found again.
    await f.t.db.query("update ruawatch.rotations set step = 'made', request_key = null");
    expect(await turn('2026-05-10T13:00:00Z')).toMatchObject({ step: 'publishing', request_key: expect.any(Number) });
    expect(await asked()).toBe(1);
  });

  test.each([
    ['draft', 'publishing', /^request \d+ is draft$/],
    ['pending', 'publishing', /^request \d+ is pending$/],
    ['approved', 'publishing', /^request \d+ is approved$/],
    ['applying', 'publishing', /^request \d+ is applying$/],
    ['handed_over', 'publishing', /^request \d+ is handed over$/],
    ['failed', 'stopped', /^Request \d+ is failed: It broke\.$/],
    ['expired', 'stopped', /^Request \d+ is expired: It broke\.$/],
  ])('whose request is %s leaves it %s', async (state, step, waits) => {
    delete zone[`new._domainkey.${DOMAIN}`];
    await rotation('made');
    await turn('2026-05-10T13:00:00Z');
    await f.t.db.query("update ruawatch.requests set state = $1, outcome = 'It broke.'", [state]);
    expect(await turn('2026-05-10T14:00:00Z')).toMatchObject({ step, waits_for: expect.stringMatching(waits) });
  });

  test('whose request is stopped without a word is said without one', async () => {
    delete zone[`new._domainkey.${DOMAIN}`];
    await rotation('made');
    await turn('2026-05-10T13:00:00Z');
    await f.t.db.query("update ruawatch.requests set state = 'failed', outcome = null");
    expect((await turn('2026-05-10T14:00:00Z')).waits_for).toMatch(/^Request \d+ is failed$/);
  });
});

describe('a new key is used', () => {
  const seen = '2026-05-10T13:00:00Z';
  beforeEach(async () => {
    await rotation('publishing');
    const name = `new._domainkey.${DOMAIN}`;
    await f.t.db.query(
      `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, answered_at, answers)
       values ($1, $2, 'TXT', 'dkim', 'records', $3, $3, '[]')`,
      [DOMAIN, name, seen],
    );
    await f.t.db.query(
      `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen)
       values ($1, $2, 'TXT', 'dkim', $3, '{ns}', $4, $4)`,
      [DOMAIN, name, KEY, seen],
    );
  });
  const later = (ms: number) => new Date(Date.parse(seen) + ms).toISOString();

  test.each<[string, Zone[string], number, string]>([
    ['the SOA record says', { SOA: [soa(3600)] }, HOUR, '2026-05-10T14:00'],
    ['a day at most', { SOA: [soa(999_999)] }, DAY, '2026-05-11T13:00'],
    ['three hours where none says', { TXT: [['x']] }, 3 * HOUR, '2026-05-10T16:00'],
    ['three hours where nobody answers', 'unknown', 3 * HOUR, '2026-05-10T16:00'],
  ])('when resolvers have forgotten that there was none: what %s', async (_, soas, wait, said) => {
    zone[DOMAIN] = soas;
    expect(await turn(later(wait - 1))).toMatchObject({
      step: 'publishing',
      waits_for: `resolvers may not know new._domainkey.${DOMAIN} before ${said} UTC`,
    });
    expect((await turn(later(wait))).step).toBe('published');
  });
});

describe('a rotation by time', () => {
  const key = (rotateEveryDays: number | null) => ({ domain: DOMAIN, rotateEveryDays }) as DkimKey;

  test('begins at once where there was none, and again when the days are over', async () => {
    await turn('2026-05-10T12:00:00Z', { keys: [key(null)] });
    expect(await rotationsOf(f.t.db, DOMAIN, 9)).toEqual([]);
    expect(await turn('2026-05-10T12:00:00Z', { keys: [key(30)] })).toMatchObject({
      step: 'wanted',
      asked_by: 'approver',
      why: 'rotate_every_days is 30',
    });
    await f.t.db.query("update ruawatch.rotations set step = 'done', switched_at = '2026-05-12T12:00:00Z'");
    await turn('2026-06-11T11:59:59Z', { keys: [key(30)] });
    expect((await rotationsOf(f.t.db, DOMAIN, 9)).length).toBe(1);
    await turn('2026-06-11T12:00:00Z', { keys: [key(30)] });
    expect((await rotationsOf(f.t.db, DOMAIN, 9)).length).toBe(2);
  });

  test('that cannot begin for another reason ends the turn', async () => {
    await f.t.db.query("alter table ruawatch.rotations add check (why <> 'rotate_every_days is 30')");
    await expect(turn('2026-05-10T12:00:00Z', { keys: [key(30)] })).rejects.toThrow(/violates check constraint/);
    expect(turned).toBe(0);
  });

  test('does not begin beside one that takes longer than its days', async () => {
    await beginRotation(f.t.db, DOMAIN, { person: 'zoe', why: 'so' }, new Date('2026-05-10T12:00:00Z'));
    await turn('2026-08-10T12:00:00Z', { keys: [key(30)] });
    expect((await rotationsOf(f.t.db, DOMAIN, 9)).length).toBe(1);
  });
});
