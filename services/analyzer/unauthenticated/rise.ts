import { addDays, daysBetween, earlier } from '../../shared/days.ts';
import type { NetworkDay, Rest } from '../../store/analysis/window-reads.ts';
import type { KnownFinding } from '../../store/findings/findings.ts';
import { levelOf } from '../statistics/budget.ts';
import { countTail } from '../statistics/tails.ts';
import { type DomainWindow, isEvidence, openOf, rounded, settledUntil } from '../window.ts';
import { type Concerned, culpable, ownOf, sumOf, type Told, totalsOf } from './networks.ts';
import { KIND_OF, othersOf, type Part, partOf, UNAUTHORIZED_DAYS } from './part.ts';
import { clusterChance, habitsOf, spansOf, TESTS } from './trickle.ts';

/** The least that can be an alarm, however unlikely: of one network, and of many together. */
const LEAST = 5;
const LEAST_TOGETHER = 10;
/** Open findings hold until fewer messages than this of their networks are left. */
const HOLD = 3;
/** An open finding goes on while its level is at least this unlikely to be habit. */
const STILL = 0.02;

/** Unauthenticated mail that rises above habit. */
export interface Rise {
  /** The networks it comes from, with the days concerned; those with the most messages first. */
  told: Told[];
  /** Networks too many to list that are in it. */
  others: Rest;
  open: KnownFinding | undefined;
  /** What was looked at. */
  days: readonly string[];
  /** Messages a day that are habit, and how likely habit alone brings this. */
  usual: number;
  chance: number;
}

/** The rise of one part of the unauthenticated mail; null when there is none. */
export function riseOf(window: DomainWindow, part: Part): Rise | null {
  const settled = settledUntil(window.known, KIND_OF[part], window.domain);
  const open = openOf(window.known, KIND_OF[part], window.domain);
  const from = addDays(window.today, 1 - UNAUTHORIZED_DAYS);
  const days = daysBetween(from, window.today).filter((day) => day > settled);
  const concerned = window.networks.largest
    .filter((network) => !window.excluded.has(network.source) && partOf(network, window) === part)
    .map((network): Concerned => ({ source: network.source, days: culpable(network, settled), own: ownOf(network, window) }))
    .filter((one) => one.days.length > 0);
  if (concerned.length === 0) return null;

  const totals = totalsOf(window, part, concerned, days);
  const stays = open ? { until: earlier(open.first_day, from), usual: open.evidence.usual ?? null } : null;
  const habit = habitsOf(window, part, stays);
  const { usual } = habit(window.today);
  const level = open ? STILL : levelOf(window.budget, TESTS);
  const spans = spansOf(days);
  const tail = (some: readonly string[]): number => {
    const n = some.reduce((sum, day) => sum + (totals.get(day) ?? 0), 0);
    if (n < (open ? HOLD : LEAST_TOGETHER)) return 1;
    const { mean, k } = habit(some.at(-1)!).expected(some);
    return countTail(n, mean, k);
  };
  const rising = Math.min(1, ...spans.map(tail));
  const alone = concerned
    .map((one) => ({ ...one, chance: clusterChance(one, spans, habit, open ? HOLD : LEAST) }))
    .filter((one) => one.chance < level || (open?.evidence.who.some(({ source }) => source === one.source) ?? false));
  const held = alone.reduce((n, one) => n + one.days.reduce((m, day) => m + day.failed, 0), 0);
  if (rising >= level && (open ? held < HOLD : alone.length === 0)) return null;

  // Days before it rose are habit; a network that stands out by itself is concerned since its own first day.
  const risen = rising < level ? days.filter((day) => tail([day]) < STILL) : [];
  const firstRisen = risen[0] ?? (rising < level ? days.find((day) => (totals.get(day) ?? 0) > 0) : undefined);
  const lastRisen = risen.at(-1) ?? (rising < level ? days.findLast((day) => (totals.get(day) ?? 0) > 0) : undefined);
  const names = new Set(alone.map(({ source }) => source));
  const told = concerned
    .map(({ source, days: all }) => ({
      source,
      days: all.filter(
        ({ day }) => names.has(source) || (firstRisen !== undefined && day >= firstRisen && day <= (lastRisen as string)),
      ),
    }))
    .filter((one) => one.days.length > 0)
    .map((one) => ({ ...one, ...sumOf(one.days) }))
    .sort((a, b) => b.messages - a.messages || (a.source < b.source ? -1 : 1));
  if (told.length === 0) return null;
  const seen = told.flatMap((one) => one.days);
  const evidence = {
    messages: seen.reduce((n, day) => n + day.failed, 0),
    reporters: [...new Set(seen.flatMap((day) => day.reporters))],
    days: new Set(seen.map((day) => day.day)).size,
  };
  if (!open && !isEvidence(evidence, window.domainDays, LEAST)) return null;
  if (open && beginsAgain(open, seen) && riseOf({ ...window, known: window.known.filter((one) => one !== open) }, part) === null)
    return null;
  return {
    told,
    others: firstRisen === undefined ? { networks: 0, failed: 0 } : othersOf(window, part),
    open,
    days,
    usual: rounded(usual),
    chance: rounded(Math.min(rising, ...alone.map((one) => one.chance))),
  };
}

/**
 * Whether all of it came after a week without. It is alerted once more, so it must be worth that by itself: a
 * finding stays open for long where few report days are there to end it, as of a parked domain, and a stray
 * message or two are no news.
 */
function beginsAgain(open: KnownFinding, days: readonly NetworkDay[]): boolean {
  return days.every(({ day }) => day > addDays(open.last_day, UNAUTHORIZED_DAYS));
}
