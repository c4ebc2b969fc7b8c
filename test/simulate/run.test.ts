import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Outcome, simulate } from '../../simulate/run.ts';
import { summarize } from '../../simulate/score.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let database: TestDatabase;
let outcome: Outcome;

beforeAll(async () => {
  database = await testDatabase();
  outcome = await simulate(database.db, { seed: 4, domains: 2, days: 40 });
});
afterAll(() => database.drop());

test('every mail of the model went through the pipeline', async () => {
  const { rows } = await database.db.query<{ state: string; n: number }>(
    'select state, count(*)::int as n from dmarc.messages group by 1',
  );
  expect(rows).toEqual([{ state: 'stored', n: outcome.passage.mails }]);
});

test('the rows in the database are those of the truth', async () => {
  const told = outcome.world.incidents.filter((one) => one.addresses.size > 0);
  expect(told.length).toBeGreaterThan(0);
  for (const one of told) {
    const { rows } = await database.db.query<{ messages: number }>(
      `select coalesce(sum(count), 0) as messages from dmarc.records
        where domain = $1 and source_ip = any($2::inet[]) and (begin_at + interval '1 hour')::date - $3::date between $4 and $5`,
      [one.domain, [...one.addresses], '2026-05-21', one.begin, one.end],
    );
    expect(rows[0]!.messages).toBeGreaterThanOrEqual(one.messages);
  }
});

test('what the analyzer told is scored beside the rules of four others', () => {
  expect(outcome.scores.map((one) => one.system)).toEqual(['ruawatch', 'DmarcAnalyzerApp', 'dmarq', 'helliott20', 'trollByte']);
  const [own] = outcome.scores.map((one) => summarize([one]));
  expect(own!.incidents).toBe(outcome.world.incidents.filter((one) => one.seen !== null).length);
  expect(own!.incidents).toBeGreaterThan(0);
  const told = outcome.alarms.filter((alarm) => alarm.notified).length;
  expect(told).toBeGreaterThan(0);
  expect(own!.true_alarms + own!.false_alarms + own!.excused).toBeLessThanOrEqual(told);
});

test('the findings bear the simulated time', () => {
  for (const { tick } of outcome.alarms) {
    expect(tick).toBeGreaterThanOrEqual(1);
    expect(tick).toBeLessThanOrEqual(40);
  }
});

test('the classes of the sources are held against the truth', () => {
  const { classes } = outcome;
  expect(classes.messages.authorized).toBeDefined();
  expect(classes.messages_right).toBeGreaterThan(0.5);
});
