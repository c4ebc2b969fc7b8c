import { expect, test } from 'vitest';
import { path } from '../../../services/console/html.ts';
import * as tables from '../../../services/console/pages/domain-tables.ts';
import type { Table } from '../../../services/console/tables.ts';
import { markup } from '../shown.ts';

const at = (day: number) => new Date(Date.UTC(2026, 10, day, 4, 5, 6));

const SENDER = {
  sender: 'mail.example',
  name: 'mail.example',
  class: 'authorized',
  why: 'It passes since 2026-11-01.',
  sources: 1,
  messages: 1000,
  passed: 995,
  dkim_aligned: 990,
  spf_aligned: 0,
  failed_delivered: 2,
  last_day: '2026-11-07',
  before: 1000,
};
const senders = [
  SENDER,
  { ...SENDER, name: 'Several', sources: 2, before: 500 },
  { ...SENDER, name: 'All pass', sources: 2, passed: 1000, before: 2000 },
  { ...SENDER, name: 'More delivered than failed', sources: 3, failed_delivered: 9, before: 99 },
  { ...SENDER, class: 'of-a-later-version', messages: 0, passed: 0, dkim_aligned: 0, before: 0 },
  { ...SENDER, messages: 1099, before: 100 },
  { ...SENDER, messages: 1100, before: 100 },
  { ...SENDER, before: null },
];
const REPORTER = { reporter: 'google.com', messages: 30, passed: 20, delivered: 1, quarantined: 2, rejected: 3 };
const reporters = [true, false, null].map((decides) => ({ ...REPORTER, last_day: '2026-11-07', decides }));
const DECISION = {
  source: 'mail.example',
  sender: 'mail',
  verdict: 'approved',
  by_name: 'ada',
  why: 'ours',
  since: at(1),
} as const;
const NEVER = { until: null, ended_at: null, ended_by: null, ended_why: null };
const NAME = { messages: 4, passed: 3, failed_delivered: 1, last_day: '2026-11-07' };
const RECORD = {
  purpose: 'spf',
  name: 'example.com',
  type: 'TXT',
  value: 'v=spf1 -all',
  published: true,
  first_seen: at(1),
  gone_at: null,
  unanswered_why: null,
  differ_since: null,
};
const FAULT = {
  code: 'spf_missing',
  severity: 'high',
  name: 'example.com',
  message: 'Since 2026-11-01.',
  part: null,
  since: at(2),
};

test.each<[string, Table]>([
  ['senders', tables.sendersTable('example.com', senders)],
  ['senders without a trend', tables.sendersTable('example.com', senders.slice(-1))],
  ['reporters', tables.reportersTable({ domain: 'example.com', from: '2026-11-01' }, reporters)],
  [
    'reporters of a sender',
    tables.reportersTable(
      { domain: 'example.com', from: '2026-11-01', to: '2026-11-07', sender: 'mail.example' },
      reporters.slice(0, 1),
    ),
  ],
  [
    'missing',
    tables.missingTable(
      [true, false].map((others_report) => ({
        reporter: 'mx.example.net',
        last_day: '2026-11-01',
        days_of_28: 27,
        missed_days: 6,
        others_report,
      })),
    ),
  ],
  [
    'decisions',
    tables.decisionsTable('example.com', [
      { ...DECISION, ...NEVER },
      { ...DECISION, ...NEVER, until: at(30), sender: null },
      { ...DECISION, verdict: 'denied', until: null, ended_at: at(9), ended_by: 'eve', ended_why: 'gone' },
    ]),
  ],
  ['decisions that hold', tables.decisionsTable('example.com', [{ ...DECISION, ...NEVER }])],
  [
    'names',
    tables.namesTable([
      { ...NAME, name: 'news.example.com' },
      { ...NAME, name: 'x.example.com', messages: 0, passed: 0 },
    ]),
  ],
  [
    'records',
    tables.recordsTable([
      { ...RECORD, differ_since: at(3) },
      { ...RECORD, purpose: 'of-a-later-version', published: false, gone_at: at(4) },
      { ...RECORD, published: false, unanswered_why: 'It did not answer.', differ_since: at(3) },
      { ...RECORD, purpose: 'dkim', value: 'k'.repeat(160) },
      { ...RECORD, purpose: 'dkim', value: `${'k'.repeat(160)}l` },
    ]),
  ],
  ['records without a fault', tables.recordsTable([RECORD])],
  [
    'faults',
    tables.faultsTable([
      { ...FAULT, publish: 'v=spf1 -all' },
      { ...FAULT, severity: 'of-a-later-version', publish: null },
      { ...FAULT, severity: null, publish: null },
    ]),
  ],
])('the table of %s, as it is shown and as a file', async (name, table) => {
  const text = `${markup(table.html(path`/page`))}${JSON.stringify([table.name, table.columns, table.data()], null, 1)}\n`;
  await expect(text).toMatchFileSnapshot(`golden/tables/${name.replaceAll(' ', '-')}.txt`);
});
