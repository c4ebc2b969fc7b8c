import { addDays } from '../../shared/days.ts';
import type { NetworkDay, Rest } from '../../store/analysis/window-reads.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import { type DomainWindow, isEvidence, openOf, rounded, settledUntil } from '../rules/window.ts';
import { HOLD, LEAST, Measure, type Range } from './measure.ts';
import { type Concerned, culpable, type Harm, ownOf, sumOf, type Told } from './networks.ts';
import { KIND_OF, NO_REST, othersOf, type Part, partOf, UNAUTHORIZED_DAYS } from './part.ts';
import { clusterChance } from './trickle.ts';

/** An open finding is something new when it grows to so many times the messages a day, and by so many. */
const TIMES = 3;
const MUCH = 100;

/** Unauthenticated mail that rises above habit. */
export interface Rise {
  /** The networks it comes from, with the days concerned; those with the most messages first. */
  told: Told[];
  /** Networks too many to list that are in it, on the days concerned. */
  others: Rest;
  open: KnownFinding | undefined;
  /** The day on which an open finding began again or became much larger; its numbers are those since. */
  again: string | undefined;
  /** What was looked at. */
  days: readonly string[];
  /**
   * The most that any days tested brought beyond habit, which severity rests on: it can only grow with the
   * attack, whichever days it is reported for.
   */
  harm: Harm;
  /** Messages a day that are habit, and how likely habit alone brings this. */
  usual: number;
  chance: number;
}

interface Alone extends Concerned {
  chance: number;
}

/** The rise of one part of the unauthenticated mail; null when there is none. */
export function riseOf(window: DomainWindow, part: Part): Rise | null {
  const settled = settledUntil(window.known, KIND_OF[part], window.domain);
  const open = openOf(window.known, KIND_OF[part], window.domain);
  const concerned = concernedIn(window, part, settled);
  const from = addDays(window.today, 1 - UNAUTHORIZED_DAYS);
  const measure = new Measure(window, part, concerned, { open, from, settled });
  const alone = aloneOf(concerned, measure, open);
  const range = measure.range();
  const held = sumOf(alone.flatMap(({ days }) => days)).messages;
  if (range === null && (open ? held < HOLD : alone.length === 0)) return null;

  const all = toldOf(concerned, alone, range);
  const again = open && againSince(open, all, othersIn(window, part, range), measure);
  const told = since(all, again);
  if (told.length === 0) return null;
  const seen = told.flatMap((one) => one.days);
  if (!open && !isEvidence(evidenceOf(seen), window.domainDays, LEAST)) return null;
  if (open && ceased(open, seen) && riseOf(without(window, open), part) === null) return null;
  const rising = Math.min(1, ...measure.spans.map((span) => measure.tail(span)));
  return {
    told,
    others: sinceOf(othersIn(window, part, range), again),
    open,
    again,
    days: measure.days,
    harm: harmOf(measure, alone),
    usual: rounded(measure.habit(window.today).usual),
    chance: rounded(Math.min(rising, ...alone.map((one) => one.chance))),
  };
}

/** The networks of a part that sent unauthenticated mail which no sender of ours caused. */
function concernedIn(window: DomainWindow, part: Part, settled: string): Concerned[] {
  return window.networks.largest
    .filter((network) => !window.excluded.has(network.source) && partOf(network, window) === part)
    .map((network) => ({ source: network.source, days: culpable(network, settled), own: ownOf(network, window) }))
    .filter((one) => one.days.length > 0);
}

/** Networks that stand out by themselves, and those that the open finding names. */
function aloneOf(concerned: readonly Concerned[], measure: Measure, open: KnownFinding | undefined): Alone[] {
  const named = new Set(open?.evidence.who.map(({ source }) => source));
  return concerned
    .map((one) => ({ ...one, chance: clusterChance(one, measure.spans, measure.habit, open ? HOLD : LEAST) }))
    .filter((one) => one.chance < measure.level || named.has(one.source));
}

/**
 * The networks with the days concerned: days before it rose are habit; a network that stands out by itself is
 * concerned since its own first day.
 */
function toldOf(concerned: readonly Concerned[], alone: readonly Alone[], range: Range | null): Told[] {
  const names = new Set(alone.map(({ source }) => source));
  return summed(
    concerned.map(({ source, days }) => ({
      source,
      days: days.filter(({ day }) => names.has(source) || (range !== null && day >= range.first && day <= range.last)),
    })),
  );
}

function since(told: readonly Told[], day: string | undefined): Told[] {
  if (day === undefined) return [...told];
  return summed(told.map(({ source, days }) => ({ source, days: days.filter((one) => one.day >= day) })));
}

function summed(networks: readonly { source: string; days: NetworkDay[] }[]): Told[] {
  return networks
    .filter((one) => one.days.length > 0)
    .map((one) => ({ ...one, ...sumOf(one.days) }))
    .sort((a, b) => b.messages - a.messages || (a.source < b.source ? -1 : 1));
}

function othersIn(window: DomainWindow, part: Part, range: Range | null): Rest {
  const others = othersOf(window, part);
  const days = others.days.filter(({ day }) => range !== null && day >= range.first && day <= range.last);
  return { ...others, days };
}

function sinceOf(others: Rest, day: string | undefined): Rest {
  const days = day === undefined ? others.days : others.days.filter((one) => one.day >= day);
  return days.length === 0 ? NO_REST : { ...others, failed: days.reduce((n, one) => n + one.failed, 0), days };
}

/** The larger of what all brought together beyond habit, and what those brought that stand out. */
function harmOf(measure: Measure, alone: readonly Alone[]): Harm {
  const { messages, delivered } = sumOf(alone.flatMap(({ days }) => days));
  const spans = measure.rising().map((span) => measure.beyond(span));
  return {
    messages: Math.max(messages, ...spans.map((one) => one.messages)),
    delivered: Math.max(delivered, ...spans.map((one) => one.delivered)),
  };
}

function evidenceOf(seen: readonly NetworkDay[]) {
  return {
    messages: seen.reduce((n, day) => n + day.failed, 0),
    reporters: [...new Set(seen.flatMap((day) => day.reporters))],
    days: new Set(seen.map((day) => day.day)).size,
  };
}

/**
 * The day on which an open finding began again after a week without, or grew far beyond what was last
 * reported of it, as a botnet does after a trickle: what is said is then said of the days since. It must also
 * be far beyond what is known by now of the days before: those were counted from the reports that were in
 * then, and late ones, or the rest of an import, make them larger as well.
 */
function againSince(open: KnownFinding, told: readonly Told[], others: Rest, measure: Measure): string | undefined {
  const totals = new Map<string, number>();
  for (const { day, failed } of [...told.flatMap((one) => one.days), ...others.days])
    totals.set(day, (totals.get(day) ?? 0) + failed);
  const days = [...totals.keys()].sort();
  const first = days[0];
  if (first !== undefined && first > addDays(open.last_day, UNAUTHORIZED_DAYS)) return first;
  const reported = open.told?.evidence ?? open.evidence;
  const isGrown = (day: string, before: number) => totals.get(day)! >= TIMES * before && totals.get(day)! - before >= MUCH;
  const grown = days.find(
    (day) => isGrown(day, reported.per_day) && isGrown(day, measure.meanBetween(reported.since ?? open.first_day, day)),
  );
  if (grown !== undefined && grown > (reported.again ?? open.first_day)) return grown;
  // What it grew to before is reported as long as it goes on.
  const before = open.evidence.again;
  return before !== undefined && before <= days.at(-1)! ? before : undefined;
}

/**
 * Whether all of it came after a week without. It is alerted once more, so it must be worth that by itself: a
 * finding stays open for long where few report days are there to end it, as of a parked domain, and a stray
 * message or two are no news.
 */
function ceased(open: KnownFinding, days: readonly NetworkDay[]): boolean {
  return days.every(({ day }) => day > addDays(open.last_day, UNAUTHORIZED_DAYS));
}

function without(window: DomainWindow, open: KnownFinding): DomainWindow {
  return { ...window, known: window.known.filter((one) => one !== open) };
}
