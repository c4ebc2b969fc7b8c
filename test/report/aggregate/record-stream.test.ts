import { expect, test } from 'vitest';
import type { Limits } from '../../../services/report/limits.ts';
import { METADATA, POLICY, readAll, recordXml } from '../build.ts';

const records = [1, 2, 3].map((count) => recordXml({ count })).join('');
const before = `<feedback>${METADATA}${POLICY}${records}</feedback>`;
const behind = `<feedback>${records}${METADATA}${POLICY}</feedback>`;
const between = `<feedback>${POLICY}${records}${METADATA}</feedback>`;

test.each<[string, string, Partial<Limits>, [string, string] | null]>([
  ['as many records', before, { records: 3 }, null],
  ['a record more', before, { records: 2 }, ['too_many_records', 'The report has more than 2 records.']],
  ['as many messages', before, { messages: 6 }, null],
  ['a message more', before, { messages: 5 }, ['too_many_messages', 'The report counts more than 5 messages.']],
  ['as many records before the policy', behind, { heldRecords: 3 }, null],
  [
    'a record more before the policy',
    behind,
    { heldRecords: 2 },
    [
      'records_before_policy',
      'More than 2 records come before report_metadata and policy_published, without which they cannot be evaluated.',
    ],
  ],
  [
    'a record more before the metadata',
    between,
    { heldRecords: 2 },
    [
      'records_before_policy',
      'More than 2 records come before report_metadata and policy_published, without which they cannot be evaluated.',
    ],
  ],
  ['records behind both', before, { heldRecords: 1 }, null],
  ['records behind both, the policy first', before.replace(METADATA + POLICY, POLICY + METADATA), { heldRecords: 1 }, null],
])('%s than the limit', async (_what, text, limits, refusal) => {
  const { reports, records: read, events } = await readAll(text, limits);
  if (refusal === null) {
    expect(reports).toMatchObject([{ records: 3, messages: 6, problems: [] }]);
    expect(read.map(({ count }) => count)).toEqual([1, 2, 3]);
  } else {
    const [code, message] = refusal;
    expect(events.at(-1)).toMatchObject({ type: 'refused', problem: { code, message } });
  }
});
