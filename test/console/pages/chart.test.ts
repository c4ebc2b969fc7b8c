import { expect, test } from 'vitest';
import { type Mark, stacked } from '../../../services/console/pages/chart.ts';
import { addDays } from '../../../services/shared/days.ts';
import { markup } from '../shown.ts';

const daysOf = (n: number) => Array.from({ length: n }, (_, i) => addDays('2026-01-01', i));
const LAYERS = [
  { key: 'passed', label: 'Passed' },
  { key: 'forwarded', label: 'Forwarded' },
  { key: 'failed', label: 'Failed' },
];
/** Day n has n messages that passed, times `by`, and each seventh one five that failed; none is forwarded. */
const amount = (by: number) => (day: string, key: string) => {
  const n = (Date.parse(day) - Date.parse('2025-12-31')) / 86_400_000;
  return key === 'passed' ? n * by : key === 'failed' && n % 7 === 0 ? 5 : 0;
};
const shown = (n: number, { by = 1, marks = [] }: { by?: number; marks?: readonly Mark[] } = {}) =>
  String(stacked(daysOf(n), LAYERS, amount(by), { title: 'Mail by day', ...(marks.length > 0 && { marks }) }));

const MARKS = [
  { day: '2026-01-02', said: ['p=none became p=quarantine', 'since 2026-01-01, ada approved it'] },
  { day: '2026-01-03', said: ['<b>'] },
  { day: '2026-01-04', said: [] },
];

test.each<[string, string]>([
  ['days', shown(5, { marks: MARKS })],
  ['one day', shown(1)],
  ['no mail', String(stacked(daysOf(2), LAYERS, () => 0, { title: 'Mail by day' }))],
  ['one message', String(stacked(daysOf(2), LAYERS, (_, key) => (key === 'failed' ? 0.5 : 0), { title: 'Mail by day' }))],
  ['thousands', shown(9, { by: 250 })],
  ['millions', shown(11, { by: 250_000 })],
  ['days as they are', shown(120)],
  ['weeks', shown(121)],
  ['whole weeks', shown(126)],
  ['weeks and a day', shown(127)],
])('a chart of %s', async (name, chart) => {
  await expect(markup(chart)).toMatchFileSnapshot(`golden/charts/${name.replaceAll(' ', '-')}.txt`);
});
