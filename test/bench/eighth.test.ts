import { expect, test } from 'vitest';
import { eighthLoad } from '../../bench/eighth.ts';
import { readMessage } from '../../services/report/read.ts';

test('what was drawn for a report of the eighth load is what the reader gives, value by value', async () => {
  const receivers = new Set<string>();
  for await (const { raw, domain, records, messages, head, rows } of eighthLoad({ seed: 5, mails: 60, sources: 'random' })) {
    receivers.add(head.org_name);
    const read = [];
    for await (const event of readMessage(raw)) {
      if (event.type === 'records') read.push(...event.records);
      else expect(event).toMatchObject({ type: 'report', report: { ...head, domain, records, messages, problems: [] } });
    }
    expect(read).toMatchObject(rows);
  }
  expect(receivers.size).toBeGreaterThan(10);
});
