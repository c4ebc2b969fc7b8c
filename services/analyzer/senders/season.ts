import { addDays, daysBetween, isWeekend } from '../../shared/days.ts';
import type { SenderKind } from './catalogue.ts';

/** A surge is like an earlier one of at least this part of its size. */
const ALIKE = 0.4;
/** And at least this many times an ordinary day: what is usual repeats nothing. */
const STANDS_OUT = 1.5;
/** Days between a surge and the one that it repeats. */
const APART = 20;
/**
 * Many times the usual is what people send on the days on which the calendar or their trade says so, and no
 * more: an account in a stranger's hands knows no measure.
 */
const SEASON_TIMES = 10;
/**
 * At the end of a month (of a quarter by some calendar: fiscal years end in any month), and in the weeks of
 * sales before Christmas, as much as this, if nothing else about it is new: the first of them that is seen
 * repeats nothing yet.
 */
const FIRST_SEASON_TIMES = 25;
/** Then hardly any of it comes from other networks, and hardly any fails. */
const HARDLY = 0.1;
const FAILS = 0.01;
/**
 * As many people as a small sender knows. So many messages more than usual, for so many days, are all members
 * of a club, and an account in a stranger's hands sends more.
 */
const SMALL = 150;
const SMALL_DAYS = 3;
const SMALL_FAILS = 0.05;
/** The part of a campaign's mail that may come from networks that sent nothing before. */
const FRESH = 0.5;
/** How far the shares of the receivers may differ from those before (total variation). */
const OTHER_RECEIVERS = 0.35;
/** Mail of a weekend beside that of weekdays, below which the sender rests on weekends. */
const RESTS = 0.5;
/** Services through which campaigns are sent. */
const CAMPAIGNS: ReadonlySet<SenderKind> = new Set([
  'bulk',
  'crm',
  'ecommerce',
  'events',
  'nonprofit',
  'survey',
  'transactional',
]);

/** Far more mail than usual, of a sender all of whose mail passes. */
export interface Swell {
  /** The days of it, and its largest. */
  days: readonly string[];
  loudest: string;
  /** Messages on that day, and how many times the usual the days have. */
  most: number;
  times: number;
  kind: SenderKind | null;
  /** The part of its mail that comes from networks without any before. */
  fresh: number;
  /** The part of its mail that does not pass. */
  failing: number;
  /** Total variation between the shares of the receivers now and before; null without any before. */
  receivers: number | null;
  /** Messages of an ordinary day by habit, and what a weekend day brings beside a weekday. */
  usual: number;
  weekend: number;
  /** The sender's days before, the largest of those before the window. */
  earlier: readonly { day: string; messages: number }[];
}

/** Why a swell is no surprise. */
export type Season =
  | { why: 'recurring'; day: string; messages: number }
  /** The end of a month, a sale that everybody has. */
  | { why: 'calendar' }
  /** No more than a small sender writes to all it knows. */
  | { why: 'small' }
  /** From the usual networks of a service for campaigns, to the usual receivers. */
  | { why: 'campaign' };

/**
 * Whether far more mail than usual is a season's, and not an account in a stranger's hands: it repeats what
 * was there before, however long ago; or the calendar brings it, or the sender's trade, and nothing else
 * about it is new: the same networks, receivers and days of the week, and not out of all proportion. Null:
 * nothing of that.
 */
export function seasonOf(swell: Swell): Season | null {
  const rests = swell.weekend < RESTS;
  const before = swell.earlier.find(
    ({ day, messages }) =>
      day <= addDays(swell.loudest, -APART) &&
      messages >= Math.max(ALIKE * swell.most, STANDS_OUT * swell.usual) &&
      // A Sunday on which people send as on a Monday repeats no Monday.
      (!rests || isWeekend(day) === isWeekend(swell.loudest)),
  );
  if (before) return { why: 'recurring', ...before };
  if (isSmall(swell, rests)) return { why: 'small' };
  if (swell.fresh > FRESH || (swell.receivers !== null && swell.receivers > OTHER_RECEIVERS)) return null;
  if (rests && isWeekend(swell.loudest)) return null;
  if (swell.times > (isFirstSeason(swell) ? FIRST_SEASON_TIMES : SEASON_TIMES)) return null;
  if (swell.days.every(isOfSeason)) return { why: 'calendar' };
  return swell.kind !== null && CAMPAIGNS.has(swell.kind) ? { why: 'campaign' } : null;
}

/**
 * Whether the usual networks bring a few dozen messages more for a day or three, all of which pass, on days
 * on which people work.
 */
function isSmall({ days, most, usual, fresh, failing, loudest }: Swell, rests: boolean): boolean {
  if (most - usual > SMALL || days.length > SMALL_DAYS) return false;
  return fresh <= FRESH && failing <= SMALL_FAILS && !(rests && isWeekend(loudest));
}

/**
 * Whether all of it falls on a calendar quarter's end, the working days of another month's, or before
 * Christmas, and nothing about it is new but how much it is.
 */
function isFirstSeason({ days, fresh, failing, kind }: Swell): boolean {
  // Sales go out through services for campaigns; twenty times the mail of an office is a queue run wild in
  // any month.
  const sells = kind !== null && CAMPAIGNS.has(kind);
  return (
    fresh <= HARDLY &&
    failing <= FAILS &&
    days.every((day) => (sells && isOfSales(day)) || (isMonthsEnd(day) && (isQuarters(day) || !isWeekend(day))))
  );
}

/** The end of a month, and the weeks of sales before Christmas. */
function isOfSeason(day: string): boolean {
  return isMonthsEnd(day) || isOfSales(day);
}

/**
 * From the working day before the last of a month to the third of the next one, and the first three and last
 * two days in any case: accounts are closed and paid on working days.
 */
function isMonthsEnd(day: string): boolean {
  const date = Number(day.slice(8));
  if (date <= 3 || addDays(day, 2).slice(5, 7) !== day.slice(5, 7)) return true;
  const last = addDays(`${addDays(`${day.slice(0, 7)}-01`, 31).slice(0, 7)}-01`, -1);
  const left = day === last ? [] : daysBetween(addDays(day, 1), last);
  const gone = daysBetween(`${day.slice(0, 7)}-01`, day);
  const working = (days: readonly string[]) => days.filter((one) => !isWeekend(one)).length;
  return working(left) <= 1 || working(gone) <= 3;
}

/** Whether the month that is nearest ends with a quarter of the calendar. */
function isQuarters(day: string): boolean {
  const nearest = Number(day.slice(8)) > 15 ? day : addDays(day, -15);
  return Number(nearest.slice(5, 7)) % 3 === 0;
}

function isOfSales(day: string): boolean {
  const date = day.slice(5);
  return date >= '11-18' && date <= '12-23';
}

/**
 * Half the sum of the differences of shares: 0 alike, 1 with nothing in common; null where either has
 * nothing.
 */
export function differenceOf(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number | null {
  const sum = (of: ReadonlyMap<string, number>) => [...of.values()].reduce((n, one) => n + one, 0);
  const [all, other] = [sum(a), sum(b)];
  if (all === 0 || other === 0) return null;
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys].reduce((n, key) => n + Math.abs((a.get(key) ?? 0) / all - (b.get(key) ?? 0) / other), 0) / 2;
}
