import { expect, test } from 'vitest';
import { columns, inWords, legend, passBar, shareBar, sparkline } from '../../services/mails/chart.ts';
import { expectGolden } from './cases.ts';

const day = (n: number, messages: number, passed = messages) => ({ day: `2026-05-0${n}`, messages, passed });

test('a block a day, the largest day the highest, a bar before the week, the dates and the scale beside it', () => {
  expect(sparkline([day(1, 0), day(2, 1), day(3, 50), day(4, 100)], '2026-05-03')).toBe('05-01 | ▁|▅█| 05-04, highest: 100');
  expect(sparkline([], '2026-05-03')).toBe('');
});

test('a bar of a share is neither full nor empty unless the share is', () => {
  expect([0, 0.001, 0.5, 0.999, 1].map((share) => shareBar(share, 4))).toEqual(['░░░░', '█░░░', '██░░', '███░', '████']);
});

test('columns show failing mail on top, however little of it there is, and pale days before the week', () => {
  const heights = (html: string) =>
    [...html.matchAll(/class="([\w -]+)" bgcolor="#\w+" height="(\d+)"/g)].map(([, kind, px]) => [kind, Number(px)]);
  expect(heights(columns([day(1, 0), day(2, 1_000, 999), day(3, 500, 0), day(4, 1)], '2026-05-03'))).toEqual([
    ['track', 1],
    ['old-fail thin', 1],
    ['old', 43],
    ['fail', 22],
    ['pass', 2],
  ]);
});

test('columns have a scale and the days of both weeks', () => {
  const html = columns([day(1, 10), day(2, 1_204_000), day(3, 500)], '2026-05-03');
  const words = html
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&nbsp;', ' ')
    .replace(/\s+/g, ' ')
    .trim();
  expect(words).toBe('1,204,000 0 week before 05-01 to 05-02 this week 05-03 to 05-03');
});

test('failing mail differs from passing mail without colours: it is hollow', () => {
  const html = columns([day(1, 100, 50), day(3, 100, 50)], '2026-05-03');
  expect(html.match(/class="(?:old-)?fail" bgcolor="#ffffff"[^>]*border:1px solid/g)).toHaveLength(2);
  expect(html).not.toMatch(/class="(?:pass|old)"[^>]*border/);
  expect(legend()).toMatch(/class="pass".*passes DMARC \(filled\).*class="fail".*border:1px solid.*fails \(hollow, on top\)/);
});

test('the days of the week in words: the largest, and those on which most failed', () => {
  const week = [day(1, 9_000, 0), day(3, 100, 90), day(4, 200, 200), day(5, 50, 0), day(6, 7, 4), day(7, 8, 7), day(8, 0)];
  expect(inWords(week, '2026-05-03')).toBe(
    'Most on 05-04: 200 messages. Failed: 50 of 50 on 05-05, 10 of 100 on 05-03, 3 of 7 on 05-06 and some on 1 more day.',
  );
  expect(inWords([day(1, 5, 0), day(3, 5)], '2026-05-03')).toBe('Most on 05-03: 5 messages. None failed.');
  expect(inWords([day(1, 5, 0), day(3, 0)], '2026-05-03')).toBe('');
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
  expect(sparkline(steps(0), '2026-05-01')).toBe('05-01 || ▂▃▄▅▆▇██| 05-09, highest: 800');
  expect(
    sparkline(
      [1, 12, 13, 24, 25, 99, 100].map((n, i) => day(i + 1, n)),
      '2026-05-20',
    ),
  ).toBe('05-01 |▁▁▂▂▃██| 05-07, highest: 100');
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
  expect(sparkline([day(1, 0), day(2, 0)], '2026-05-02')).toBe('05-01 | | | 05-02, highest: 0');
  expect(sparkline([day(1, 1), day(2, 0)], '2026-05-02')).toBe('05-01 |█| | 05-02, highest: 1');
  expect(columns([day(1, 1)], '2026-05-01')).toContain('height="44"');
});

test('the earlier of equal days comes first, and of more than three days with failures the others are counted', () => {
  const day = (n: number, messages: number, passed: number) => ({ day: `2026-10-0${n}`, messages, passed });
  const said = (...days: ReturnType<typeof day>[]) => inWords(days, '2026-10-01');
  expect(said(day(1, 5, 5), day(2, 9, 9), day(3, 9, 9))).toBe('Most on 10-02: 9 messages. None failed.');
  const failing = [day(1, 5, 4), day(2, 9, 8), day(3, 9, 7), day(4, 3, 2), day(5, 2, 1)];
  expect(said(...failing.slice(0, 3))).toBe(
    'Most on 10-02: 9 messages. Failed: 2 of 9 on 10-03, 1 of 5 on 10-01 and 1 of 9 on 10-02.',
  );
  expect(said(...failing.slice(0, 4))).toBe(
    'Most on 10-02: 9 messages. Failed: 2 of 9 on 10-03, 1 of 5 on 10-01, 1 of 9 on 10-02 and some on 1 more day.',
  );
  expect(said(...failing)).toMatch(/, 1 of 9 on 10-02 and some on 2 more days\.$/);
});

test('a line of days needs one day', () => {
  expect(sparkline([], '2026-10-01')).toBe('');
  expect(sparkline([{ day: '2026-10-01', messages: 3, passed: 3 }], '2026-10-01')).toBe('10-01 ||█| 10-01, highest: 3');
});
