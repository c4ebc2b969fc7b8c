import { expect, test } from 'vitest';
import { columns, passBar, shareBar, sparkline } from '../../../services/alerter/templates/chart.ts';

const day = (n: number, messages: number, passed = messages) => ({ day: `2026-05-0${n}`, messages, passed });

test('a block a day, the largest day the highest, a bar before the week', () => {
  expect(sparkline([day(1, 0), day(2, 1), day(3, 50), day(4, 100)], '2026-05-03')).toBe(' ▁|▅█');
  expect(sparkline([], '2026-05-03')).toBe('');
});

test('a bar of a share is neither full nor empty unless the share is', () => {
  expect([0, 0.001, 0.5, 0.999, 1].map((share) => shareBar(share, 4))).toEqual(['░░░░', '█░░░', '██░░', '███░', '████']);
});

test('columns show failing mail on top, however little of it there is, and pale days before the week', () => {
  const heights = (html: string) =>
    [...html.matchAll(/class="([\w-]+)" bgcolor="#\w+" height="(\d+)"/g)].map(([, kind, px]) => [kind, Number(px)]);
  expect(heights(columns([day(1, 0), day(2, 1_000, 999), day(3, 500, 0), day(4, 1)], '2026-05-03'))).toEqual([
    ['track', 1],
    ['old-fail', 1],
    ['old', 35],
    ['fail', 18],
    ['pass', 2],
  ]);
});

test('the bar of what passes has no part for nothing', () => {
  const parts = (passed: number, messages: number) =>
    [...passBar(passed, messages).matchAll(/class="(\w+)"[^>]* width="(\d+)%"/g)].map(([, kind, n]) => `${kind} ${n}`);
  expect(parts(0, 0)).toEqual([]);
  expect(parts(0, 9)).toEqual(['fail 100']);
  expect(parts(9, 9)).toEqual(['pass 100']);
  expect(parts(1, 10_000)).toEqual(['pass 1', 'fail 99']);
  expect(parts(9_999, 10_000)).toEqual(['pass 99', 'fail 1']);
});
