import { daysBetween } from '../../shared/days.ts';
import { number, percent } from '../../shared/format.ts';
import type * as store from '../../store/console/domain.ts';
import { type Html, html } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type Table, tableOf } from '../tables.ts';
import { type Mark, stacked } from './chart.ts';
import { day, shares } from './format.ts';
import { type PolicyTags, weakerBelow } from './policy-below.ts';

const CLASSES = ['authorized', 'misaligned', 'forwarded', 'unknown', 'unauthorized'] as const;
const MOST_MARKS = 12;

/** The messages of some days, and how many of them passed. */
export function sumsOf(days: readonly store.ClassDay[]): { messages: number; passed: number } {
  const total = (of: (one: store.ClassDay) => number) => days.reduce((sum, one) => sum + of(one), 0);
  return { messages: total((one) => one.messages), passed: total((one) => one.passed) };
}

/** The mail of a range by class and by what receivers did, with marks where something happened. */
export function charts(
  classes: readonly store.ClassDay[],
  { from, to }: store.Range,
  timeline: readonly store.TimelineEntry[] = [],
): Html {
  const w = words.domain;
  const days = daysBetween(from, to);
  const at = new Map(classes.map((one) => [`${one.day} ${one.class}`, one]));
  const fate = fatesOf(classes);
  const layers = CLASSES.map((key) => ({ key, label: w.classes[key] ?? key }));
  const fates = FATES.map((key) => ({ key, label: w.fates[key] }));
  const amount = (one: string, key: string) => at.get(`${one} ${key}`)?.messages ?? 0;
  const done = (one: string, key: string) => fate.get(`${one} ${key}`) ?? 0;
  return html`<div class="charts">
${stacked(days, layers, amount, { title: w.by_class, marks: marksOf(timeline, days) })}
${stacked(days, fates, done, { title: w.by_fate })}</div>
<details class="rest"><summary>${w.classes_mean}</summary><dl class="classes">${CLASSES.map((key) => html`<div><dt><span class="key ${key}"></span>${w.classes[key]}</dt><dd class="quiet">${w.means[key]}</dd></div>`)}</dl></details>`;
}

/** What receivers did: that they stop what is forged is good news, and that they stop the rest is not. */
const FATES = ['all-delivered', 'forged-stopped', 'forged-delivered', 'all-quarantined', 'all-rejected'] as const;

/** Messages by day and fate. */
function fatesOf(classes: readonly store.ClassDay[]): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (day: string, key: (typeof FATES)[number], n: number) =>
    sums.set(`${day} ${key}`, (sums.get(`${day} ${key}`) ?? 0) + n);
  for (const { day, class: of, delivered, quarantined, rejected } of classes) {
    // All of the class, as the chart beside it: also mail that passes although a person denied its sender.
    if (of === 'unauthorized') {
      add(day, 'forged-delivered', delivered);
      add(day, 'forged-stopped', quarantined + rejected);
      continue;
    }
    add(day, 'all-delivered', delivered);
    add(day, 'all-quarantined', quarantined);
    add(day, 'all-rejected', rejected);
  }
  return sums;
}

/** The newest days on which a record or a finding changed, each once. */
function marksOf(timeline: readonly store.TimelineEntry[], days: readonly string[]): Mark[] {
  const marks = new Map<string, string[]>();
  for (const one of timeline) {
    const said = markOf(one);
    if (said === false || !days.includes(day(one.at))) continue;
    const of = marks.get(day(one.at)) ?? [];
    if (of.length < 3 && !of.includes(said)) marks.set(day(one.at), [...of, said]);
  }
  return [...marks]
    .slice(0, MOST_MARKS)
    .map(([on, said]) => ({ day: on, said }))
    .sort((a, b) => (a.day < b.day ? -1 : 1));
}

/** What the chart says of it; false for what is no mark. */
function markOf({ what, event, subject, summary }: store.TimelineEntry): string | false {
  const w = words.domain;
  if (what === 'finding')
    return ['opened', 'resolved', 'reopened'].includes(event) && `${words.finding.events[event]}: ${summary ?? ''}`;
  if (what === 'dns') return `${event === 'published' ? w.record_new : w.record_gone}: ${subject}`;
  if (what === 'sending') return event === 'begins' && `${w.logs.sending!.begins}: ${subject} ${summary ?? ''}`;
  if (what === 'change') return `${w.changes[event] ?? event}: ${subject}`;
  return what === 'request' && event === 'open' && `${w.request_made}: ${summary ?? ''}`;
}

interface Lost {
  key: string;
  failed: number;
  forwarded: number;
  /** As names below the domain, whose policy lets it through. */
  through: number;
  already: number;
  all: number;
}

/**
 * What each class would have lost to a policy that is enforced.
 * @param open the part of failing mail as names below the domain that `sp` and `np` let through
 */
function lostOf(classes: readonly store.ClassDay[], open: number): Lost[] {
  const { messages: all } = sumsOf(classes);
  return CLASSES.map((key) => {
    const of = classes.filter((one) => one.class === key);
    const sum = (what: (one: store.ClassDay) => number) => of.reduce((total, one) => total + what(one), 0);
    const failed = sum((one) => one.messages - one.passed);
    const forwarded = key === 'forwarded' ? failed : sum((one) => one.forwarded);
    const kept = sum((one) => one.quarantined + one.rejected);
    const through = Math.round(open * sum((one) => one.below));
    return { key, failed, forwarded, through, already: Math.min(failed, kept), all };
  }).filter(({ failed }) => failed > 0);
}

/** What a stricter policy would have done to the mail of the range, by the class of who sent it. */
export function funnelTable(classes: readonly store.ClassDay[], open: number): Table {
  const w = words.domain;
  const lost = lostOf(classes, open);
  const stopped = (one: Lost) => one.failed - one.through;
  return tableOf<Lost>(
    'funnel',
    [
      {
        key: 'class',
        label: w.class,
        as: 'head',
        of: (one) => one.key,
        show: ({ key }) => html`<span class="key ${key}"></span>${w.classes[key]}`,
      },
      { key: 'would_be_stopped', label: w.would_lose, as: 'number', of: stopped },
      {
        key: 'share_of_all',
        label: w.of_all,
        as: 'number',
        of: (one) => Number((stopped(one) / one.all).toFixed(4)),
        show: (one) => percent(stopped(one) / one.all),
      },
      { key: 'of_it_forwarded', label: w.of_forwarded, as: 'number', of: (one) => one.forwarded },
      ...(lost.some(({ through }) => through > 0)
        ? [{ key: 'let_through_below', label: w.below_through, as: 'number' as const, of: (one: Lost) => one.through }]
        : []),
      { key: 'stopped_already', label: w.already, as: 'number', of: (one) => one.already },
    ],
    lost,
  );
}

const BAR = 600;

/**
 * All mail of the range as one bar: what passes, what stays although it fails, and what each policy would
 * stop.
 * @param now.open the part of failing mail as names below the domain that `sp` and `np` let through
 */
export function funnel(
  classes: readonly store.ClassDay[],
  { policy, open }: { policy: PolicyTags; open: number },
  table: Html,
): Html {
  const w = words.domain;
  const { messages: all, passed } = sumsOf(classes);
  const lost = lostOf(classes, open);
  const through = lost.reduce((sum, one) => sum + one.through, 0);
  const wanted = lost
    .filter(({ key }) => key !== 'unauthorized')
    .reduce((sum, one) => sum + one.failed - one.forwarded - one.through, 0);
  const forwarded = lost.reduce((sum, one) => sum + one.forwarded, 0);
  const stopped = lost
    .filter(({ key }) => key === 'unauthorized')
    .reduce((sum, one) => sum + one.failed - one.forwarded - one.through, 0);
  const already = lost.filter(({ key }) => key === 'unauthorized').reduce((sum, one) => sum + Math.min(one.already, stopped), 0);
  const parts = [
    { is: 'delivered', label: w.funnel_passes, count: passed },
    { is: 'forwarded', label: w.funnel_forwarded, count: forwarded },
    { is: 'misaligned', label: w.funnel_wanted, count: wanted },
    { is: 'forged-delivered', label: w.funnel_below, count: through },
    { is: 'forged-stopped', label: w.funnel_stopped, count: stopped },
  ].filter(({ count }) => count > 0);
  let at = 0;
  const bars = parts.map(({ is, count }) => {
    const width = (BAR * count) / Math.max(1, all);
    at += width;
    return html`<rect class="${is}" x="${at - width}" y="0" width="${width}" height="14"/>`;
  });
  const partOf = shares(parts.map(({ count }) => count));
  const said = parts.map(({ label, count }) => `${label} ${number(count)}`).join(', ');
  return html`<p>${w.funnel_says(policy.p ?? 'none', { stopped, already, wanted, part: percent(wanted / Math.max(1, all)), below: through > 0 })}${through > 0 && ` ${w.funnel_says_below(weakerBelow(policy), number(through))}`}</p>
<figure class="fate"><svg viewBox="0 0 ${BAR} 14" preserveAspectRatio="none" role="img" aria-label="${said}">${bars}</svg>
<ul class="legend">${parts.map(
    ({ is, label, count }, i) =>
      html`<li><span class="key ${is}"></span>${label} ${number(count)} <span class="quiet">${partOf[i]}</span></li>`,
  )}</ul></figure>
<p class="quiet">${w.funnel_difference}</p>
${lost.length > 0 && table}`;
}
