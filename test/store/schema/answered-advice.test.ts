import { afterAll, beforeAll, expect, test } from 'vitest';
import { adviceHolds, type Ending, endingSchema } from '../../../services/findings/end-reasons.ts';
import { readMigrations } from '../../../services/store/schema/migrate.ts';
import { ENDINGS } from '../../findings/endings.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());

const ADVICE = ['Do this.', 'Then that.'];
const { sql } = readMigrations().find(({ name }) => name === 'answered_advice')!;

async function put(subject: string, state: 'open' | 'resolved', evidence: object) {
  await t.db.query(
    `insert into ruawatch.findings (domain, kind, subject, severity, confidence, state, summary, evidence, first_day, last_day, opened_at, changed_at, resolved_at)
     values ('example.com', 'new_source', $1, 'low', 0.9, $2, 'A finding.', $3, '2026-10-03', '2026-10-05', now(), now(), case when $2 = 'resolved' then now() end)`,
    [subject, state, evidence],
  );
}

test('advice that the end has answered is taken from old rows, by the rule of the words; all else stays, also a second time', async () => {
  const rows: { subject: string; state: 'open' | 'resolved'; evidence: object; holds: boolean | null }[] = [
    { subject: 'open', state: 'open', evidence: { advice: ADVICE, messages: 5 }, holds: true },
    { subject: 'no end', state: 'resolved', evidence: { advice: ADVICE }, holds: true },
    { subject: 'no advice', state: 'resolved', evidence: { messages: 7, ended: { reason: 'denied' } }, holds: null },
  ];
  const all = ENDINGS.flatMap((largest): Ending[] =>
    largest.reason === 'all_recovered' ? [] : [largest, { reason: 'all_recovered', senders: 3, largest }],
  );
  const endings: Ending[] = [...all, { reason: 'closed', by: 'Ada', why: 'done' }, { reason: 'stated', text: 'It is over.' }];
  for (const [n, ended] of endings.entries()) {
    const evidence = { advice: ADVICE, messages: n, ended: endingSchema.parse(ended) };
    rows.push({ subject: `${n} ${ended.reason}`, state: 'resolved', evidence, holds: adviceHolds(ended) });
  }
  for (const { subject, state, evidence } of rows) await put(subject, state, evidence);
  const wanted = rows.map(({ subject, evidence, holds }) => [subject, holds === false ? { ...evidence, advice: [] } : evidence]);
  for (const time of ['once', 'twice']) {
    await t.db.query(sql);
    const { rows: found } = await t.db.query<{ subject: string; evidence: object }>(
      'select subject, evidence from ruawatch.findings order by finding_key',
    );
    expect(
      found.map(({ subject, evidence }) => [subject, evidence]),
      time,
    ).toEqual(wanted);
  }
});
