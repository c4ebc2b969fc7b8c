import { scaleLinear, scalePoint } from 'd3-scale';
import { area, stack } from 'd3-shape';
import { number } from '../../shared/format.ts';
import { type Html, html } from '../html.ts';
import { shares } from './format.ts';

const WIDTH = 880;
const HEIGHT = 220;
const LEFT = 56;
const BOTTOM = 24;
const TOP = 8;
const LABELS = 6;

/** A part of a stacked chart: the name of its color in console.css, and its label. */
export interface Layer {
  key: string;
  label: string;
}

/** A day on which something happened. */
export interface Mark {
  day: string;
  label: string;
}

/**
 * Days as areas one upon the other, with its scale, the names of its layers and their sums beside it.
 * @param days YYYY-MM-DD, without gaps
 * @param amountOf what a layer has on a day
 * @param about.title what it shows, for those who do not see it
 * @param about.marks days that get a line and a number, explained below the chart
 */
export function stacked(
  days: readonly string[],
  layers: readonly Layer[],
  amountOf: (day: string, key: string) => number,
  { title, marks = [] }: { title: string; marks?: readonly Mark[] },
): Html {
  const shown = layers.filter(({ key }) => days.some((day) => amountOf(day, key) > 0));
  const series = stack<string, string>()
    .keys(shown.map(({ key }) => key))
    .value(amountOf)([...days]);
  const most = Math.max(1, ...series.flatMap((one) => one.map(([, to]) => to)));
  const x = scalePoint([...days], [LEFT, WIDTH - 8]);
  const y = scaleLinear([0, most], [HEIGHT - BOTTOM, TOP]).nice(4);
  const shape = area<[number, number] & { data: string }>(
    ({ data }) => x(data)!,
    ([from]) => y(from),
    ([, to]) => y(to),
  );
  const sums = shown.map(({ key, label }) => ({ key, label, sum: days.reduce((all, day) => all + amountOf(day, key), 0) }));
  const parts = shares(sums.map(({ sum }) => sum));
  return html`<figure class="chart"><figcaption>${title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${title}: ${sums.map(({ label, sum }) => `${label} ${number(sum)}`).join(', ')}`}">
${y.ticks(4).map(
  (tick) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - 8}" y1="${y(tick)}" y2="${y(tick)}"/>
<text class="tick" x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${compact(tick)}</text>`,
)}
${series.map((one) => html`<path class="layer ${one.key}" d="${shape(one as never)}"/>`)}
${labelled(days).map((day) => html`<text class="tick" x="${x(day)}" y="${HEIGHT - 6}" text-anchor="${day === days[0] ? 'start' : day === days.at(-1) ? 'end' : 'middle'}">${day.slice(5)}</text>`)}
${marks.map(
  ({ day }, i) => html`<line class="mark" x1="${x(day)!}" x2="${x(day)!}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>
<text class="mark-number" x="${x(day)!}" y="${TOP + 2 + 12 * (i % 2)}" text-anchor="middle">${i + 1}</text>`,
)}
</svg>
<ul class="legend">${sums.map(
    ({ key, label, sum }, i) =>
      html`<li><span class="key ${key}"></span>${label} ${number(sum)} <span class="quiet">${parts[i]}</span></li>`,
  )}</ul>${marks.length > 0 && html`<ol class="marks">${marks.map(({ day, label }) => html`<li><span class="date">${day}</span> ${label}</li>`)}</ol>`}</figure>`;
}

function labelled(days: readonly string[]): string[] {
  const step = Math.max(1, Math.ceil(days.length / LABELS));
  return days.filter((_, i) => i % step === 0 && (i === 0 || days.length - i > step / 2));
}

/** 12500 as "12.5k" */
function compact(n: number): string {
  return n >= 1e6 ? `${n / 1e6}M` : n >= 1000 ? `${n / 1000}k` : String(n);
}
