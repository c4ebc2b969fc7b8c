import { expect, test } from 'vitest';
import { addResult, countReports, emptyResult, type MessageResult } from '../../services/parser/batch-result.ts';

const message = (message_key: number, part: Partial<MessageResult> = {}): MessageResult => ({
  ...{ message_key, state: 'stored', code: null, reason: null, reports: [], tls: [], failures: [], refuted: [] },
  unverified: false,
  ...part,
});
const report = (outcome: MessageResult['reports'][number]['outcome'], records: number) => ({
  ...{ key: 1, outcome, records, messages: 1_000, reporter_trust: null },
});

test('reports of all kinds are counted by what became of them, and records of those that are no duplicates', () => {
  expect(countReports([])).toEqual({
    ...{ reports: 0, records: 0, tls_reports: 0, failure_reports: 0, duplicates: 0, superseded: 0 },
  });
  expect(
    countReports([
      message(1, {
        reports: [report('stored', 1), report('duplicate', 10), report('superseded', 100), report('superseding', 1_000)],
        tls: ['duplicate'],
        failures: ['stored', 'superseding'],
      }),
      message(2),
      message(3, { reports: [report('stored', 5)], tls: ['stored', 'stored', 'superseded'], failures: ['duplicate', 'stored'] }),
    ]),
  ).toEqual({ reports: 4, records: 1_106, tls_reports: 3, failure_reports: 3, duplicates: 3, superseded: 4 });
});

test('results are added up, with each domain once', () => {
  const total = emptyResult();
  addResult(total, { messages: [message(1)], domains: ['b.example', 'a.example'], busy: [4] });
  addResult(total, { messages: [message(2), message(3)], domains: ['a.example', 'c.example'], busy: [5] });
  expect(total).toEqual({
    messages: [message(1), message(2), message(3)],
    domains: ['b.example', 'a.example', 'c.example'],
    busy: [4, 5],
  });
});
