import { expect, test } from 'vitest';
import { withoutMail } from '../../services/findings/figures.ts';

test('what no mail is counted for has figures that add up to nothing, and its days', () => {
  const { since, last_day, who, reporters, ...counts } = withoutMail('2026-05-01', '2026-05-29');
  expect([since, last_day, who, reporters]).toEqual(['2026-05-01', '2026-05-29', [], []]);
  expect(Object.keys(counts).sort()).toEqual([
    'delivered',
    'messages',
    'of',
    'per_day',
    'quarantined',
    'rejected',
    'senders',
    'share',
  ]);
  expect(new Set(Object.values(counts))).toEqual(new Set([0]));
});
