import { addDays } from '../../shared/days.ts';
import { coveredDays, type SenderWindow } from '../rules/window.ts';
import { passesOn } from '../sources/identity.ts';
import { Habit, Series } from '../statistics/habit.ts';
import { isAligned, type SenderData } from './units.ts';

/** A sender or network that another has taken the place of. */
export interface Predecessor {
  /** `moved`: it is silent since the other began; `migrated`: it sends as much less as the other sends. */
  how: 'moved' | 'migrated';
  key: string;
  name: string;
  sources: string[];
}

/** So many days of habit are needed to say that a sender sends less. */
const HABIT = 10;
/** Silent: at most this part of what is expected, where at least so much is. */
const SILENT = 0.05;
const LEAST = 4;
/** Of the mail of a sender that has moved, the other brings between these parts. */
const ALIKE = [0.25, 4] as const;
/** A sender that is replaced sends less than this part of its habit, and less by this part of what is new. */
const FALLEN = 0.85;
const REPLACED = 0.5;
/** So many times the usual mail of others is more than a move brings. */
const ADDED = 2;
/** Newest days that a fall is measured on. */
const NEWEST = 3;

/**
 * The sender that a new one has taken the place of; null when none fell as the new one rose. Only days after
 * its first are compared: on the day of the move both have sent.
 * @param first first day of the new sender, YYYY-MM-DD
 */
export function predecessorOf(window: SenderWindow, first: string): Predecessor | null {
  const fallen = fallsBeside(window, first).flatMap(
    ({ other, expected, seen, now }): { how: Predecessor['how']; less: number; other: SenderData }[] => {
      const silent = expected >= LEAST && seen <= SILENT * expected;
      const alike = now >= ALIKE[0] * expected && now <= ALIKE[1] * expected;
      const less = expected - seen;
      if (silent && alike) return [{ how: 'moved', less, other }];
      if (seen <= FALLEN * expected && less >= REPLACED * now) return [{ how: 'migrated', less, other }];
      return [];
    },
  );
  const [most] = fallen.sort((a, b) => b.less - a.less);
  if (most === undefined) return null;
  const { key, name, service, sources } = most.other;
  // Between services it is a migration, however sudden.
  const how = most.how === 'moved' && (service !== null || window.of.service !== null) ? 'migrated' : most.how;
  return { how, key, name, sources: sources.slice(0, 20).map(({ source }) => source) };
}

/**
 * Whether a new service may yet turn out to take the place of another, or of own servers: one that sends more
 * than the new one, and as much less than it used to, as far as its mail varies from day to day. A move over
 * weeks begins with so little that the fall does not show in the first days.
 * @param first first day of the new sender, YYYY-MM-DD
 */
export function mayReplace(window: SenderWindow, first: string): boolean {
  if (window.of.service === null) return false;
  return fallsBeside(window, first).some(({ other, expected, seen, now, spread }) => {
    if (
      other.service === null ? !isOwn(other, window.domain) : other.service.kind === 'mailbox_provider' || passesOn(other.service)
    )
      return false;
    return expected >= now && seen <= expected - REPLACED * now + spread;
  });
}

/**
 * Whether a new sender brings mail on top of that of others it is like, and does not take over theirs:
 * together they send twice what the others used to.
 * @param others keys of senders
 */
export function bringsMore(window: SenderWindow, first: string, others: ReadonlySet<string>): boolean {
  const beside = fallsBeside(window, first).filter(({ other }) => others.has(other.key));
  const sum = (of: 'expected' | 'seen') => beside.reduce((n, one) => n + one[of], 0);
  return beside.length > 0 && beside[0]!.now + sum('seen') >= ADDED * Math.max(LEAST, sum('expected'));
}

/** The own servers, by the domain of their names or signatures. */
function isOwn({ key, grouped }: SenderData, domain: string): boolean {
  return grouped && (key === domain || domain.endsWith(`.${key}`) || key.endsWith(`.${domain}`));
}

/** What a sender of old sends beside a new one, in the newest days since that began. */
interface Fall {
  other: SenderData;
  /** Messages by its habit, their standard deviation, and those seen. */
  expected: number;
  spread: number;
  seen: number;
  /** Messages of the new sender. */
  now: number;
}

function fallsBeside(window: SenderWindow, first: string): Fall[] {
  const days = coveredDays(window)
    .map(({ day }) => day)
    .filter((day) => day > first)
    .sort();
  if (days.length === 0) return [];
  const newest = days.slice(-NEWEST);
  const now = seriesOf(window.of).on(newest);
  const base = window.attendance.habitBefore(first);
  if (base.length < HABIT || now === 0) return [];
  return window.senders.flatMap((other): Fall[] => {
    if (other.key === window.of.key || other.firstSeen === null || other.firstSeen >= addDays(first, -HABIT)) return [];
    const series = seriesOf(other);
    const habit = new Habit({ attendance: window.attendance, series, base, prior: 5, robust: true });
    const { mean, k } = habit.expected(newest);
    return [{ other, expected: mean, spread: Math.sqrt(mean + (mean * mean) / k), seen: series.on(newest), now }];
  });
}

/** What moved within a sender: its networks that began, and those that were silent from then on. */
export interface Renumbering {
  from: string[];
  to: string[];
  first: string;
}

/** Days that old and new networks may both send. */
const OVERLAP = 4;

/**
 * The old and new networks of a sender, where most of what it sent comes from new ones and the old ones are
 * silent; null where nothing moved.
 * @param since first of the newest days
 */
export function renumberingOf({ of, today, domainDays }: SenderWindow, since: string): Renumbering | null {
  const own = of.sources.filter(isAligned);
  const began = own.filter(({ first_day, passed }) => first_day >= since && passed >= LEAST);
  if (began.length === 0) return null;
  const first = began.map(({ first_day }) => first_day).sort()[0]!;
  const before = own.filter((one) => one.first_day < addDays(first, -HABIT));
  const left = before.filter(({ last_day }) => last_day >= addDays(first, -NEWEST) && last_day <= addDays(first, OVERLAP));
  const sum = (some: typeof own) => some.reduce((n, { passed }) => n + passed, 0);
  const quiet = domainDays.filter(({ day }) => left.every(({ last_day }) => day > last_day)).length;
  if (left.length === 0 || sum(left) < sum(before) / 2 || quiet < 2 || first > addDays(today, -1)) return null;
  return { from: left.map(({ source }) => source), to: began.map(({ source }) => source), first };
}

function seriesOf({ rows }: SenderData): Series {
  const series = new Series();
  for (const row of rows) series.add(row.reporter, row.day, row.messages);
  return series;
}
