import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadVerdicts } from '../../../services/store/findings/feedback.ts';
import {
  acknowledge,
  addVerdict,
  assign,
  close,
  endSnoozes,
  holdsUntil,
  snooze,
  unacknowledge,
  unclose,
  unsnooze,
} from '../../../services/store/findings/operator-actions.ts';
import { type Fixture, fixture } from '../../analyzer/fixture.ts';
import { ago, REPORTERS, span } from '../../analyzer/rows.ts';
import { account } from '../../helpers/ledger.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

const OWN = { source: '192.0.2.0/24' };
const ordinary = (from: number, to: number) => span(from, to, 'both', 1000, REPORTERS, OWN);
const spoofed = (from: number, to: number, n: number, source = '198.18.0.0/24') =>
  span(from, to, 'unauthenticated', n, REPORTERS, { source });
/** Forged mail that receivers deliver: more of it asks for more than what they keep out. */
const delivered = (from: number, to: number, n: number) =>
  spoofed(from, to, n).map((one) => ({
    ...one,
    delivered: one.messages,
    failed_delivered: one.messages,
    quarantined: 0,
    rejected: 0,
  }));
const morningAfter = (day: number) => f.setNow(new Date(`${ago(day - 1)}T08:00:00Z`));
const ADA = { by: 'Ada', why: 'the marketing tool, ticket 7' };
const view = async (columns: string) => (await f.t.db.query(`select ${columns} from dmarc.findings order by finding_key`)).rows;

test('an acknowledged finding is told again only when it is worse than what was acknowledged', async () => {
  await f.put([...ordinary(41, 3), ...spoofed(5, 3, 10)]);
  morningAfter(3);
  await f.analyze();
  const key = (await f.findings())[0]!.finding_key;
  // It has grown almost threefold when it is acknowledged: that is what later days are held against.
  await f.put([...ordinary(2, 2), ...spoofed(2, 2, 80)]);
  morningAfter(2);
  await f.analyze();
  await acknowledge(f.t.db, key, ADA, f.context.clock.now());
  expect(await view('acknowledged_by, acknowledged_why')).toEqual([{ acknowledged_by: ADA.by, acknowledged_why: ADA.why }]);

  await f.put([...ordinary(1, 1), ...spoofed(1, 1, 100)]);
  morningAfter(1);
  expect((await f.analyze()).events).toEqual([]);
  expect(await view('acknowledged_by')).toEqual([{ acknowledged_by: 'Ada' }]);

  await f.put([...ordinary(0, 0), ...delivered(0, 0, 5000)]);
  morningAfter(0);
  expect((await f.analyze()).events).toMatchObject([{ event: 'changed', notify: true }]);
  expect(await view('acknowledged_at, acknowledged_by, acknowledged_why, phase')).toEqual([
    { acknowledged_at: null, acknowledged_by: null, acknowledged_why: null, phase: 'changed' },
  ]);
  const { rows } = await f.t.db.query('select event, by_name from dmarc.finding_events where by_name is not null order by at');
  expect(rows).toEqual([
    { event: 'acknowledged', by_name: 'Ada' },
    { event: 'outgrown', by_name: 'ruawatch' },
  ]);
});

test.each([
  ['acknowledged', (key: number, now: Date) => acknowledge(f.t.db, key, ADA, now)],
  ['snoozed', (key: number, now: Date) => snooze(f.t.db, key, new Date(now.getTime() + 1e10), { ...ADA, now })],
])('one that is %s resolves in silence, and the silence ends with it', async (_, hush) => {
  await f.put([...ordinary(41, 20), ...spoofed(22, 20, 30)]);
  morningAfter(20);
  await f.analyze();
  await hush((await f.findings())[0]!.finding_key, f.context.clock.now());
  await f.put(ordinary(19, 13));
  morningAfter(13);
  expect((await f.analyze()).events).toMatchObject([{ event: 'resolved', notify: false }]);
  expect(await view('acknowledged_at, snoozed_until')).toEqual([{ acknowledged_at: null, snoozed_until: null }]);
});

test('one that a person resolves stays so on the same evidence, and is reopened by newer', async () => {
  await f.put([...ordinary(41, 3), ...spoofed(5, 3, 30)]);
  morningAfter(3);
  await f.analyze();
  const key = (await f.findings())[0]!.finding_key;
  await close(f.t.db, key, ADA, f.context.clock.now());
  expect(await f.findings()).toMatchObject([
    { state: 'resolved', evidence: { resolved_day: ago(3), resolved_why: 'Closed by Ada: the marketing tool, ticket 7' } },
  ]);
  // The domain is looked at again: its next step may have been this finding.
  expect((await f.t.db.query('select domain, source from ruawatch.analysis_work')).rows).toEqual([
    { domain: expect.any(String), source: '' },
  ]);
  await f.put(spoofed(3, 3, 40, '198.18.7.0/24'));
  expect((await f.analyze()).events).toEqual([]);
  await expect(acknowledge(f.t.db, key, ADA, f.context.clock.now())).rejects.toMatchObject({ code: 'finding_resolved' });

  await f.put([...ordinary(2, 1), ...spoofed(2, 1, 30)]);
  morningAfter(1);
  expect((await f.analyze()).events).toMatchObject([{ finding_key: key, event: 'reopened', notify: true }]);
});

test('that a person resolved it can be taken back, with what was expected; what was over by itself cannot', async () => {
  await f.put([...ordinary(41, 3), ...spoofed(5, 3, 30)]);
  morningAfter(3);
  await f.analyze();
  const [before] = await f.findings();
  const key = before!.finding_key;
  const now = f.context.clock.now();
  await expect(unclose(f.t.db, key, ADA, now)).rejects.toMatchObject({ code: 'finding_open' });
  await close(f.t.db, key, { ...ADA, verdict: { as: 'expected' } }, now);
  await unclose(f.t.db, key, { by: 'Bob', why: 'the wrong one' }, now);
  const [after] = await f.findings();
  expect(after).toMatchObject({ state: 'open', evidence: before!.evidence });
  expect(await view('phase, reopened')).toEqual([{ phase: 'reopened', reopened: 0 }]);
  expect((await f.t.db.query('select * from ruawatch.expectations')).rows).toEqual([]);
  expect(await notified()).toEqual(['opened', 'resolved', 'reopened']);
  const acts = await f.t.db.query('select act, by_name, why from ruawatch.finding_acts order by act_key');
  expect(acts.rows.at(-1)).toEqual({ act: 'unclosed', by_name: 'Bob', why: 'the wrong one' });
  // The analyzer goes on with it: it is over when no such mail comes any more.
  await f.put(ordinary(2, 0));
  morningAfter(0);
  await f.analyze();
  expect((await f.findings())[0]).toMatchObject({ state: 'open' });
  await f.t.db.query("update ruawatch.findings set state = 'resolved', resolved_at = now(), evidence = evidence - 'ended'");
  await expect(unclose(f.t.db, key, ADA, now)).rejects.toMatchObject({ code: 'not_closed' });
});

test('a word said while the domain is judged waits for the end of the judgement', async () => {
  await f.put([...ordinary(41, 3), ...spoofed(5, 3, 30)]);
  morningAfter(3);
  await f.analyze();
  const key = (await f.findings())[0]!.finding_key;
  await f.put([...ordinary(2, 2), ...delivered(2, 2, 5000)]);
  morningAfter(2);
  await Promise.all([f.analyze(), acknowledge(f.t.db, key, ADA, f.context.clock.now())]);
  await f.analyze();
  const [row] = await view('revision, acknowledged_by');
  const { rows } = await f.t.db.query(
    "select evidence -> 'per_day' as per_day from ruawatch.finding_acts where act = 'acknowledged'",
  );
  // Before it: the growth ends the acknowledgement. After it: the growth is what was acknowledged.
  expect([
    { revision: 2, acknowledged_by: null, grown: false },
    { revision: 2, acknowledged_by: 'Ada', grown: true },
  ]).toContainEqual({ ...row, grown: rows[0].per_day > 1000 });
});

const notified = async () =>
  (await f.t.db.query<{ event: string }>('select event from ruawatch.finding_events where notify order by event_key')).rows.map(
    ({ event }) => event,
  );
const later = (day: number) => new Date(`${ago(day)}T12:00:00Z`);

test('what is expected is not mailed again until its time is over, and then once if it still holds', async () => {
  await f.put([...ordinary(40, 8), ...spoofed(8, 6, 100)]);
  morningAfter(6);
  await f.analyze();
  const key = (await view('finding_key'))[0]!.finding_key;
  await close(f.t.db, key, { ...ADA, verdict: { as: 'expected', until: later(1) } }, f.context.clock.now());
  expect(await notified()).toEqual(['opened', 'resolved']);
  const kept = await f.t.db.query('select act, verdict, by_name, until from ruawatch.finding_acts where verdict is not null');
  expect(kept.rows).toEqual([{ act: 'closed', verdict: 'expected', by_name: 'Ada', until: later(1) }]);
  await f.put([...ordinary(5, 3), ...spoofed(5, 3, 100)]);
  morningAfter(3);
  await f.analyze();
  // Known and open, and nobody is mailed.
  expect(await view('state')).toEqual([{ state: 'open' }]);
  expect(await notified()).toEqual(['opened', 'resolved']);
  const end = (now: Date) => transaction(f.t.db, (tx) => endSnoozes(tx, now));
  expect(await end(later(2))).toEqual([]);
  expect(await end(later(0))).toEqual([key]);
  expect(await end(later(0))).toEqual([]);
  expect(await notified()).toEqual(['opened', 'resolved', 'reminded']);
});

test('an acknowledgement ends by itself, and the finding is mailed again', async () => {
  await f.put([...ordinary(40, 0), ...spoofed(2, 0, 100)]);
  await f.analyze();
  const key = (await view('finding_key'))[0]!.finding_key;
  await acknowledge(f.t.db, key, ADA, later(0));
  const end = (days: number) => transaction(f.t.db, (tx) => endSnoozes(tx, new Date(later(0).getTime() + days * 86_400_000)));
  expect(await end(179)).toEqual([]);
  expect(await end(181)).toEqual([key]);
  expect(await view('acknowledged_at, acknowledged_by')).toEqual([{ acknowledged_at: null, acknowledged_by: null }]);
  expect(await notified()).toEqual(['opened', 'reminded']);
});

test('a verdict on what is resolved is kept, and on what is open asks to resolve it', async () => {
  await f.put([...ordinary(40, 0), ...spoofed(2, 0, 100)]);
  await f.analyze();
  const key = (await view('finding_key'))[0]!.finding_key;
  await expect(addVerdict(f.t.db, key, { ...ADA, verdict: { as: 'false' } }, later(0))).rejects.toMatchObject({
    code: 'finding_open',
  });
  await close(f.t.db, key, { ...ADA, verdict: { as: 'right' } }, later(0));
  await addVerdict(f.t.db, key, { ...ADA, verdict: { as: 'false' } }, later(0));
  // The last word counts.
  expect(await loadVerdicts(f.t.db, ago30())).toMatchObject([{ kind: 'unauthorized_source', mailed: 1, right: 0, false: 1 }]);
});

const ago30 = () => new Date(later(0).getTime() - 30 * 86_400_000);

test('an acknowledgement that is taken back leaves nothing of it, and only one that was given can be', async () => {
  await f.put([...ordinary(41, 3), ...spoofed(5, 3, 30)]);
  morningAfter(3);
  await f.analyze();
  const key = (await f.findings())[0]!.finding_key;
  const now = f.context.clock.now();
  await expect(unacknowledge(f.t.db, key, ADA, now)).rejects.toMatchObject({ code: 'not_acknowledged' });
  await acknowledge(f.t.db, key, ADA, now);
  await unacknowledge(f.t.db, key, { by: 'Bo', why: 'it is not ours' }, now);
  expect(await view('acknowledged_at, acknowledged_by, acknowledged_why')).toEqual([
    { acknowledged_at: null, acknowledged_by: null, acknowledged_why: null },
  ]);
  await expect(unacknowledge(f.t.db, key, ADA, now)).rejects.toMatchObject({ code: 'not_acknowledged' });
});

const START = new Date('2026-11-27T08:00:00Z');
const hours = (n: number) => new Date(START.getTime() + n * 3_600_000);
const MS = 1 / 3_600_000;
const BO = { by: 'Bo', why: 'so' };
type Act = [string, () => Promise<unknown>];
const acts: Record<string, () => Act[]> = {
  silenced: () => [
    ['acknowledged', () => acknowledge(f.t.db, 1, ADA, START)],
    ['snoozed', () => snooze(f.t.db, 1, hours(48), { ...ADA, now: hours(1) })],
    ['acknowledged until a time', () => acknowledge(f.t.db, 1, { ...BO, until: hours(24) }, hours(2))],
    ['unacknowledged', () => unacknowledge(f.t.db, 1, BO, hours(3))],
    ['and again', () => unacknowledge(f.t.db, 1, BO, hours(3))],
    ['snoozed no more', () => unsnooze(f.t.db, 1, BO, hours(3))],
    ['snoozed', () => snooze(f.t.db, 1, hours(48), { ...ADA, now: hours(4) })],
    ['snoozed no more', () => unsnooze(f.t.db, 1, BO, hours(5))],
    ['assigned', () => assign(f.t.db, 1, { ...ADA, to: 'Bo' }, hours(6))],
    ['unassigned', () => assign(f.t.db, 1, { ...ADA, to: null }, hours(7))],
    ['another', () => snooze(f.t.db, 9, hours(48), { ...ADA, now: hours(4) })],
    ['what is resolved', () => snooze(f.t.db, 3, hours(48), { ...ADA, now: hours(4) })],
    [
      'two are snoozed, one is acknowledged',
      async () => {
        await snooze(f.t.db, 1, hours(48), { ...ADA, now: hours(8) });
        await acknowledge(f.t.db, 2, { ...BO, until: hours(48) }, hours(8));
      },
    ],
    ['before the end', () => transaction(f.t.db, (tx) => endSnoozes(tx, hours(48 - MS)))],
    ['at the end', () => transaction(f.t.db, (tx) => endSnoozes(tx, hours(48)))],
    ['and again', () => transaction(f.t.db, (tx) => endSnoozes(tx, hours(48)))],
    ['how long it holds when nobody says', async () => holdsUntil(START)],
  ],
  closed: () => [
    ['closed', () => close(f.t.db, 1, ADA, hours(1))],
    ['and again', () => close(f.t.db, 1, ADA, hours(1))],
    ['judged', () => addVerdict(f.t.db, 1, { ...BO, verdict: { as: 'right' } }, hours(2))],
    ['opened again', () => unclose(f.t.db, 1, BO, hours(3))],
    [
      'closed while it is acknowledged',
      async () => {
        await acknowledge(f.t.db, 1, ADA, hours(4));
        await close(f.t.db, 1, { ...ADA, verdict: { as: 'expected' } }, hours(4));
      },
    ],
    ['opened again', () => unclose(f.t.db, 1, BO, hours(5))],
    [
      'closed as expected until a time',
      () => close(f.t.db, 1, { ...ADA, verdict: { as: 'expected', until: hours(48) } }, hours(6)),
    ],
    ['expected no more', () => transaction(f.t.db, (tx) => endSnoozes(tx, hours(48)))],
    ['expected anew', () => addVerdict(f.t.db, 1, { ...BO, verdict: { as: 'expected' } }, hours(49))],
    ['a false alarm with a time', () => addVerdict(f.t.db, 1, { ...BO, verdict: { as: 'false', until: hours(99) } }, hours(50))],
    [
      'it is open as another',
      () => f.t.db.query("update ruawatch.findings set subject = 's1' where finding_key = 4").then(() => null),
    ],
    ['opened again', () => unclose(f.t.db, 1, BO, hours(51))],
    ['what is about all domains', () => close(f.t.db, 2, ADA, hours(1))],
    ['what nobody was mailed about', () => close(f.t.db, 4, ADA, hours(1))],
    ['what was over by itself', () => unclose(f.t.db, 3, BO, hours(3))],
    ['what is not there', () => unclose(f.t.db, 9, BO, hours(3))],
    ['a verdict on what is not there', () => addVerdict(f.t.db, 9, { ...BO, verdict: { as: 'right' } }, hours(3))],
  ],
};

test.each(Object.keys(acts))('what is written of a finding that is %s', async (name) => {
  await f.t.db.query(
    `insert into ruawatch.findings (finding_key, domain, kind, subject, severity, state, summary, evidence, opened_at, changed_at, confidence, first_day, last_day, resolved_at)
     overriding system value
     select n, case n when 2 then '*' else 'example.com' end, 'new_source', 's' || n, 'low', case n when 3 then 'resolved' else 'open' end, 'Summary ' || n, '{"a": 1}',
            $1, $1, 1, '2026-11-20', '2026-11-25', case n when 3 then $1::timestamptz end from generate_series(1, 4) n`,
    [START],
  );
  await f.t.db.query(
    `insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select n, 1, 'opened', $1, 'low', 's', '{}', n < 4 from generate_series(1, 4) n`,
    [START],
  );
  await f.t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, class)
     values ('example.com', 'a.example', '2026-11-01', '2026-11-26', 1, 1, 'authorized'), ('example.com', 'b.example', '2026-11-01', '2026-11-28', 1, 1, 'authorized')`,
  );
  const queries = {
    finding: `select finding_key, state, revision, changed_at, resolved_at, reopened_at, acknowledged_at, acknowledged_by, acknowledged_why, acknowledged_until,
                     snoozed_until, snoozed_by, snoozed_why, assigned_to, evidence from ruawatch.findings order by 1`,
    event:
      'select event_key - (select min(event_key) from ruawatch.finding_events) as event, finding_key, revision, event as what, at, severity, summary, evidence, notify from ruawatch.finding_events order by event_key',
    act: 'select act_key, finding_key, act, at, by_name, why, until, verdict, assigned_to, severity, summary, evidence from ruawatch.finding_acts order by 1',
    expected: 'select finding_key, until, by_name, why from ruawatch.expectations order by 1, 2',
    work: 'select domain, source, count(*) as times from ruawatch.analysis_work group by 1, 2 order by 1, 2',
  };
  await expect(await account({ db: f.t.db, start: START, queries }, acts[name]!())).toMatchFileSnapshot(`golden/${name}.txt`);
});
