import { afterEach, beforeEach, expect, test } from 'vitest';
import { composeMails } from '../../services/alerter/mail/compose.ts';
import type { SourceDay } from '../../services/store/analysis/window-reads.ts';
import { snooze } from '../../services/store/findings/operator-actions.ts';
import { type Fixture, fixture } from './fixture.ts';
import { ago, policyDays, REPORTERS, span } from './rows.ts';

let fixtures: Fixture[];
beforeEach(() => {
  fixtures = [];
});
afterEach(() => Promise.all(fixtures.map((f) => f.close())));

const OWN = { source: '192.0.2.0/24' };
const STRANGER = { source: '198.18.0.0/24' };
const ordinary = (from: number, to: number) => span(from, to, 'both', 1000, REPORTERS, OWN);
const spoofed = (from: number, to: number, n = 30) => span(from, to, 'unauthenticated', n, REPORTERS, STRANGER);

interface Wave {
  rows: SourceDay[];
  /** Days before TODAY that the clock shows; the morning after TODAY without it. */
  now?: number;
  act?: (f: Fixture) => Promise<void>;
}

/** Brings the waves in, judging after each or only after the last, and tells what is on file, without its keys. */
async function run(waves: readonly Wave[], judged: 'each' | 'last'): Promise<unknown> {
  const f = await fixture();
  fixtures.push(f);
  for (const [i, { rows, now, act }] of waves.entries()) {
    await f.put(rows);
    if (judged === 'last' && i < waves.length - 1) continue;
    if (now !== undefined) f.setNow(new Date(`${ago(now)}T08:00:00Z`));
    await f.analyze();
    await act?.(f);
  }
  const settings = { from: 'alerts@example.net', alertTo: ['ada@example.com'], alerts: f.context.config.alerts };
  await composeMails(f.t.db, settings, f.context.clock.now(), f.context.log);
  const { rows: findings } = await f.t.db.query(
    `select f.domain, f.kind, f.subject, f.state, f.severity, f.confidence, f.opened_at, f.changed_at, f.resolved_at, f.first_day, f.last_day,
            f.summary, f.evidence, f.revision, f.reopened, f.reopened_at,
            (select jsonb_agg(jsonb_build_object('revision', e.revision, 'event', e.event, 'at', e.at, 'notify', e.notify, 'summary', e.summary,
                                                 'evidence', e.evidence) order by e.event_key)
               from ruawatch.finding_events e where e.finding_key = f.finding_key) as events
       from ruawatch.findings f order by kind, subject, finding_key`,
  );
  const { rows: mails } = await f.t.db.query('select subject from ruawatch.outbox order by subject');
  return { findings, mails };
}

const LATE = { now: -1 };

test.each<[string, Wave[]]>([
  [
    'still goes on',
    [
      { rows: [...ordinary(41, 16), ...spoofed(18, 16)], ...LATE },
      { rows: [...ordinary(15, 0), ...spoofed(15, 0)], ...LATE },
    ],
  ],
  [
    'was found again and again, and had grown',
    [
      { rows: [...ordinary(41, 18), ...spoofed(20, 18)], ...LATE },
      { rows: [...ordinary(17, 16), ...spoofed(17, 16, 300)], ...LATE },
      { rows: [...ordinary(15, 0), ...spoofed(15, 0, 400)], ...LATE },
    ],
  ],
  [
    'was over for a while',
    [
      { rows: [...ordinary(41, 30), ...spoofed(32, 30)], ...LATE },
      { rows: ordinary(29, 20), ...LATE },
      { rows: [...ordinary(19, 0), ...spoofed(3, 0)], ...LATE },
    ],
  ],
  [
    'is a regression whose days came late',
    [
      { rows: [...ordinary(41, 16), ...span(41, 20, 'dkim', 100), ...span(18, 16, 'foreignSpf', 100)], ...LATE },
      { rows: [...ordinary(15, 0), ...span(19, 19, 'foreignSpf', 100), ...span(15, 0, 'foreignSpf', 100)], ...LATE },
    ],
  ],
])('what was recorded in silence leaves no trace when it is told: it %s', async (_, waves) => {
  const once = (await run(waves, 'last')) as { findings: unknown[]; mails: { subject: string }[] };
  expect(once.findings.length).toBeGreaterThan(0);
  expect(once.mails.length).toBeGreaterThan(0);
  expect(await run(waves, 'each')).toEqual(once);
});

test('silence does not count: judged ten times, old history is revision 1 with one event', async () => {
  const f = await fixture();
  fixtures.push(f);
  f.setNow(new Date('2027-05-01T08:00:00Z'));
  for (let day = 14; day >= 5; day--) {
    await f.put([...ordinary(day === 14 ? 41 : day, day), ...spoofed(day, day, 30 * 2 ** (14 - day))]);
    await f.analyze();
  }
  expect(await f.findings()).toMatchObject([{ revision: 1, first_day: ago(14), last_day: ago(5) }]);
  expect(await f.events()).toMatchObject([{ event: 'opened', revision: 1, notify: false }]);
});

test('what a person spoke of in the list of findings is known to somebody: it changes, and keeps its history', async () => {
  const f = await fixture();
  fixtures.push(f);
  await f.put([...ordinary(41, 16), ...spoofed(18, 16)]);
  await f.analyze();
  const key = (await f.findings())[0]!.finding_key;
  const now = f.context.clock.now();
  await snooze(f.t.db, key, new Date(now.getTime() + 1e9), { by: 'Ada', why: 'later', now });
  await f.put([...ordinary(15, 0), ...spoofed(15, 0)]);
  expect((await f.analyze()).events).toMatchObject([{ finding_key: key, event: 'changed' }]);
});

test('what is for information is recorded once, however often it is judged', async () => {
  const f = await fixture();
  fixtures.push(f);
  await f.put(ordinary(20, 0), { work: false });
  await f.putPolicies(REPORTERS.flatMap((reporter) => policyDays(reporter, ['p=none', 'p=none', 'p=reject', 'p=reject'], 2)));
  await f.analyze();
  await f.put([...span(0, 0, 'both', 5, REPORTERS, { source: 'other.example' })]);
  await f.analyze();
  expect((await f.findings()).filter((x) => x.kind === 'policy_change')).toMatchObject([{ severity: 'info', state: 'resolved' }]);
});
