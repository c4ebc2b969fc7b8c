import { expect, test } from 'vitest';
import type { Db } from '../../../services/shared/runtime/db.ts';
import { DNS_EVENTS } from '../../../simulate/dns/events.ts';
import { dnsFigures } from '../../../simulate/dns/main.ts';
import { type DnsDraw, dnsDrawOf } from '../../../simulate/dns/run.ts';
import { testDatabase } from '../../helpers/database.ts';

const fresh = async <T>(work: (db: Db) => Promise<T>): Promise<T> => {
  const database = await testDatabase();
  try {
    return await work(database.db);
  } finally {
    await database.drop();
  }
};

test('a key that is withdrawn while it is in use: DNS and reports show one incident, on the day itself', async () => {
  const event = DNS_EVENTS.find(({ name }) => name === 'key-withdrawn')!;
  const result = await dnsDrawOf(fresh, event, { seed: 1, draw: 1 });
  expect(result).toMatchObject({ byDns: true, byReports: true, delay: 0, newFalse: [] });
  expect(result.mailed).toHaveLength(1);
  expect(result.delayWithout).toBeGreaterThan(0);
});

test('the figures: what is one incident, and what is a new false alarm', () => {
  const draw = (given: Partial<DnsDraw>): DnsDraw => ({
    event: 'a',
    benign: false,
    draw: 1,
    days: 60,
    byDns: true,
    byReports: true,
    mailed: ['x'],
    delay: 0,
    delayWithout: 1,
    newFalse: [],
    ...given,
  });
  const lines = dnsFigures([
    draw({}),
    draw({ mailed: ['x', 'y'], delay: 2 }),
    draw({ byDns: false }),
    draw({ event: 'b', benign: true, mailed: null, delay: null, delayWithout: null, newFalse: ['z'] }),
  ]);
  expect(lines).toContain('| a | 3 | 3 of 3 | 2 of 3 | 0, 1 | 0 |');
  expect(lines).toContain('| b | 1 |  |  |  | 1 |');
  expect(lines.at(-2)).toMatch(/^One incident where both DNS and reports show it: 1 of 2 \(50 %/);
  expect(lines.at(-1)).toBe('New false alarms: 1 in 4 worlds.');
});
