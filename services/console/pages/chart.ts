import { scaleLinear, scalePoint } from 'd3-scale';
import { area, stack } from 'd3-shape';
import { number, sentenceCase } from '../../shared/format.ts';
import { type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';
import { dated, shares } from './format.ts';

const WIDTH = 880;
const HEIGHT = 226;
const LEFT = 60;
const BOTTOM = 30;
const TOP = 14;
const LABELS = 5;
/** Of more days, a point is the average of a week: a year of days has no room to be told apart. */
const MOST_POINTS = 120;
const WEEK = 7;

/** A part of a stacked chart: the name of its color in console.css, and its label. */
export interface Layer {
  key: string;
  label: string;
}

/** A day on which something happened. */
export interface Mark {
  day: string;
  /** What happened, each a line. */
  said: readonly string[];
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
  const points = pointsOf(days);
  const series = stack<Point, string>()
    .keys(shown.map(({ key }) => key))
    .value((point, key) => point.days.reduce((sum, day) => sum + amountOf(day, key), 0) / point.days.length)(points);
  const most = Math.max(1, ...series.flatMap((one) => one.map(([, to]) => to)));
  const x = scalePoint([...days], [LEFT, WIDTH - 8]);
  const y = scaleLinear([0, most], [HEIGHT - BOTTOM, TOP]).nice(4);
  const shape = area<[number, number] & { data: Point }>(
    ({ data }) => x(data.at)!,
    ([from]) => y(from),
    ([, to]) => y(to),
  ).digits(1);
  const said = points.length < days.length ? words.domain.weekly(title) : title;
  const sums = shown.map(({ key, label }) => ({ key, label, sum: days.reduce((all, day) => all + amountOf(day, key), 0) }));
  const parts = shares(sums.map(({ sum }) => sum));
  return html`<figure class="chart"><figcaption>${said}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${said}: ${sums.map(({ label, sum }) => `${label} ${number(sum)}`).join(', ')}`}">
${y.ticks(4).map(
  (tick) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - 8}" y1="${y(tick)}" y2="${y(tick)}"/>
<text class="tick" x="${LEFT - 8}" y="${y(tick) + 6}" text-anchor="end">${compact(tick)}</text>`,
)}
${series.map((one) => html`<path class="layer ${one.key}" d="${shape(one as never)}"/>`)}
${labelled(days).map((day) => html`<text class="tick" x="${x(day)}" y="${HEIGHT - 6}" text-anchor="${day === days[0] ? 'start' : day === days.at(-1) ? 'end' : 'middle'}">${day.slice(5)}</text>`)}
${marks.map(
  ({ day }, i) => html`<line class="mark" x1="${x(day)!}" x2="${x(day)!}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>
<text class="mark-number" x="${x(day)!}" y="${TOP + 6 + 20 * (i % 2)}" text-anchor="middle">${i + 1}</text>`,
)}
</svg>
<ul class="legend">${sums.map(
    ({ key, label, sum }, i) =>
      html`<li><span class="key ${key}"></span>${label} ${number(sum)} <span class="quiet">${parts[i]}</span></li>`,
  )}</ul>${marks.length > 0 && html`<ol class="marks">${marks.map(({ day, said }) => html`<li><span class="date">${day}</span>${said.map((one) => html`<br>${dated(sentenceCase(one))}`)}</li>`)}</ol>`}</figure>`;
}

/** Some days, and the one at whose place their average stands. */
interface Point {
  at: string;
  days: readonly string[];
}

/** The points of a chart: its days, or its weeks, of which the first may be shorter. */
function pointsOf(days: readonly string[]): Point[] {
  if (days.length <= MOST_POINTS) return days.map((day) => ({ at: day, days: [day] }));
  const weeks: string[][] = [];
  for (let end = days.length; end > 0; end -= WEEK) weeks.unshift(days.slice(Math.max(0, end - WEEK), end));
  return weeks.map((week, i) => ({
    at: i === 0 ? week[0]! : i === weeks.length - 1 ? week.at(-1)! : week[Math.floor(week.length / 2)]!,
    days: week,
  }));
}

function labelled(days: readonly string[]): string[] {
  const step = Math.max(1, Math.ceil(days.length / LABELS));
  return days.filter((_, i) => i % step === 0 && days.length - i > step / 2);
}

/** 12500 as "12.5k" */
function compact(n: number): string {
  return n >= 1e6 ? `${n / 1e6}M` : n >= 1000 ? `${n / 1000}k` : String(n);
}
