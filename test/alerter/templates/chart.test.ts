import { expect, test } from 'vitest';
import { columns, passBar, shareBar, sparkline } from '../../../services/alerter/templates/chart.ts';
import { expectGolden } from './cases.ts';

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

test('each height of a block, of a column and of what fails in it', () => {
  const steps = (passed: number) => Array.from({ length: 9 }, (_, n) => day(n + 1, n * 100, n * passed));
  expect(sparkline(steps(0), '2026-05-01')).toBe('| ▂▃▄▅▆▇██');
  expect(
    sparkline(
      [1, 12, 13, 24, 25, 99, 100].map((n, i) => day(i + 1, n)),
      '2026-05-20',
    ),
  ).toBe('▁▁▂▂▃██');
  const bars = (html: string) => html.replaceAll('<td valign', '\n<td valign');
  return expectGolden('charts.txt', {
    'no days': columns([], '2026-05-03'),
    'a few messages': bars(columns([day(1, 0), day(2, 9, 8), day(3, 9, 8), day(4, 1, 0), day(5, 4)], '2026-05-03')),
    'half of it fails': bars(columns(steps(50), '2026-05-05')),
    'all of it fails': bars(columns(steps(0), '2026-05-05')),
    'what passes': [passBar(0, 0), passBar(1, 2), passBar(99, 100), passBar(1, 1)].join('\n'),
  });
});

test('days that are all without mail, and one message alone', () => {
  expect(sparkline([day(1, 0), day(2, 0)], '2026-05-02')).toBe(' | ');
  expect(sparkline([day(1, 1), day(2, 0)], '2026-05-02')).toBe('█| ');
  expect(columns([day(1, 1)], '2026-05-01')).toContain('height="36"');
});
