import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../../services/shared/runtime/db.ts';
import { type NewFinding, openFindings, updateFindings } from '../../services/store/findings/findings.ts';
import { ruawatchAlarms } from '../../simulate/alarms.ts';
import { Calendar } from '../../simulate/calendar.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

const calendar = new Calendar(90);
const finding: NewFinding = {
  kind: 'unauthorized_source',
  subject: 'a.example',
  severity: 'medium',
  confidence: 0.9,
  first_day: calendar.text(30),
  last_day: calendar.text(31),
  evidence: {
    who: [
      { source: '240.1.2.0/24', messages: 9 },
      { source: '240.9.9.0/24', messages: 3 },
    ],
    senders: 2,
    messages: 12,
    of: 100,
    share: 0.12,
    per_day: 6,
    since: calendar.text(30),
    last_day: calendar.text(31),
    reporters: ['google.com'],
    delivered: 0,
    quarantined: 0,
    rejected: 12,
    facts: { rule: 'unauthorized_source', p: null },
    query: '',
  },
  state: 'open',
  notify: true,
};

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

test('an alarm is what opened or changed, with the day it did and those it names', async () => {
  const info: NewFinding = { ...finding, kind: 'policy_change', severity: 'info', state: 'resolved', notify: false };
  const ready: NewFinding = { ...info, kind: 'policy_ready', evidence: { ...finding.evidence, who: [] } };
  const service: NewFinding = { ...finding, kind: 'alignment_failure', subject: 'mailer.example', notify: false };
  const opened = await transaction(database.db, (tx) =>
    openFindings(tx, 'a.example', calendar.clock(32), [
      finding,
      info,
      ready,
      { ...service, evidence: { ...finding.evidence, who: [] } },
    ]),
  );
  const { finding_key } = opened.find((one) => one.kind === finding.kind)!;
  for (const [tick, event] of [
    [40, 'changed'],
    [50, 'resolved'],
  ] as const) {
    await transaction(database.db, (tx) =>
      updateFindings(tx, 'a.example', calendar.clock(tick), [{ ...finding, finding_key, event }]),
    );
  }
  const told = await ruawatchAlarms(database.db, calendar);
  expect(told.map(({ tick, kind, names, notified }) => [tick, kind, names, notified])).toEqual([
    [32, 'alignment_failure', ['mailer.example'], false],
    [32, 'policy_ready', null, false],
    [32, 'unauthorized_source', ['240.1.2.0/24', '240.9.9.0/24'], true],
    [40, 'unauthorized_source', ['240.1.2.0/24', '240.9.9.0/24'], true],
  ]);
});
