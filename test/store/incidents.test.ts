import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate, readMigrations } from '../../services/store/schema/migrate.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ empty: true });
});
afterEach(() => t.drop());

const evidence = (source: string, extra: object = {}) => ({
  what: 'It fails.',
  who: [{ source, messages: 30, delivered: 30 }],
  ...{ messages: 30, of: 40, share: 0.75, per_day: 10, since: '2026-05-20', last_day: '2026-05-22', last_good_day: '2026-05-19' },
  ...{ reporters: ['google.com'], delivered: 30, quarantined: 0, rejected: 0, mechanism: 'dkim' },
  ...extra,
});

/** A finding as it was written before there were incidents, and its event. */
async function old(subject: string, extra: object = {}, mechanism = 'dkim', domain = 'example.com'): Promise<number> {
  const row = { state: 'open', acknowledged_at: null, first_day: '2026-05-20', last_day: '2026-05-22', ...extra };
  const { rows } = await t.db.query<{ finding_key: number }>(
    `insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, resolved_at, first_day, last_day,
            summary, evidence, acknowledged_at, acknowledged_by)
     values ($1, 'authentication_regression', $2, 'high', $3, 0.9, '2026-05-21Z', '2026-05-21Z', case when $3 = 'resolved' then timestamptz '2026-05-25Z' end,
             $4, $5, 'It fails', $6, $7::timestamptz, case when $7::timestamptz is not null then 'Ada' end) returning finding_key`,
    [domain, subject, row.state, row.first_day, row.last_day, evidence(subject, { mechanism }), row.acknowledged_at],
  );
  const key = rows[0]!.finding_key;
  await t.db.query(
    `insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify, handled_at)
     select finding_key, 1, 'opened', opened_at, severity, summary, evidence, true, opened_at from ruawatch.findings where finding_key = $1`,
    [key],
  );
  return key;
}

test('findings of single senders are put together by what was lost, and nothing of it is told again', async () => {
  const migrations = readMigrations();
  const at = migrations.findIndex(({ name }) => name === 'incidents');
  await migrate(t.db, migrations.slice(0, at));
  const heard = await old('a.example', { acknowledged_at: '2026-05-22Z' });
  const kept = await old('b.example', { last_day: '2026-05-24' });
  const both = await old('198.51.100.0/24', { first_day: '2026-05-18' }, 'both');
  const spf = await old('c.example', {}, 'spf');
  const over = await old('d.example', { state: 'resolved' });
  const other = await old('a.example', {}, 'dkim', 'example.org');
  await migrate(t.db, migrations);

  const { rows } = await t.db.query(
    `select finding_key, domain, subject, state, acknowledged_by, first_day, last_day, revision,
            (select jsonb_agg(b ->> 'source' order by b ->> 'source') from jsonb_array_elements(evidence -> 'broken') b) as sources
       from ruawatch.findings order by finding_key`,
  );
  const open = {
    domain: 'example.com',
    state: 'open',
    acknowledged_by: null,
    revision: 1,
    last_day: '2026-05-22',
    first_day: '2026-05-20',
  };
  const joined = { ...open, state: 'resolved', subject: 'dkim' };
  expect(rows).toEqual([
    { ...joined, finding_key: heard, sources: ['a.example'] },
    {
      ...open,
      ...{ finding_key: kept, subject: 'dkim', first_day: '2026-05-18', last_day: '2026-05-24' },
      sources: ['198.51.100.0/24', 'a.example', 'b.example'],
    },
    { ...joined, finding_key: both, first_day: '2026-05-18', sources: ['198.51.100.0/24'] },
    { ...open, finding_key: spf, subject: 'spf', sources: ['c.example'] },
    { ...joined, finding_key: over, sources: ['d.example'] },
    { ...open, finding_key: other, domain: 'example.org', subject: 'dkim', sources: ['a.example'] },
  ]);
  const { rows: events } = await t.db.query(
    `select finding_key, event, notify, evidence ->> 'resolved_why' as why, jsonb_array_length(evidence -> 'broken') as told
       from ruawatch.finding_events where event = 'resolved' or finding_key = $1 order by finding_key`,
    [kept],
  );
  const why = `It shares its cause with finding ${kept} and goes on there.`;
  expect(events).toEqual([
    { finding_key: heard, event: 'resolved', notify: false, why, told: 1 },
    { finding_key: kept, event: 'opened', notify: true, why: null, told: 3 },
    { finding_key: both, event: 'resolved', notify: false, why, told: 1 },
  ]);
  const { rows: due } = await t.db.query('select from ruawatch.finding_events where handled_at is null');
  expect(due).toEqual([]);
});
