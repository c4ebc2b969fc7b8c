import type { Ending } from '../../findings/end-reasons.ts';
import { addDays, daysBetween, earlier, isWeekend } from '../../shared/days.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import type { Sender } from '../senders/catalogue.ts';
import { MORE, OF_DOMAIN, RECENT, RECORD, SUMS } from '../senders/rising.ts';
import { differenceOf, type Season, seasonOf } from '../senders/season.ts';
import { isAligned } from '../senders/units.ts';
import { sourcesOf, whoOf } from '../senders/who.ts';
import { ownerOf } from '../sources/owner.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { Habit, Series } from '../statistics/habit.ts';
import { countTail } from '../statistics/tails.ts';
import type { SenderRule } from './rule.ts';
import { coveredDays, openOfSender, reportersOf, rounded, type SenderWindow, settledOfSender, total } from './window.ts';

const KIND = 'volume_surge';
const TESTS = SUMS.length;
/** So many days without, and it is over. */
const OVER_DAYS = 3;
/** So many days of habit it takes. */
const LEAST_HABIT = 14;
/** What is worth a word, however unlikely: this many times the habit, and MORE messages. */
const TIMES = 2;
/** More of one that sends in bursts, so that a campaign may be a large one. */
const RECORD_OF_BURSTS = 3;
const BURSTY_K = 2;
/** So many weekend days, or weekdays, before they are a habit of their own. */
const ALIKE_DAYS = 6;
/** Without the reporter that saw the most of it, the others must have seen a rise too. */
const OTHERS_TIMES = 1.5;
const OTHERS_CHANCE = 0.01;
/** A day of the surge: less likely to be habit than this. */
const STILL = 0.01;
/** A mailbox provider's mail, or an own server's, that rises so many times is an account taken over. */
const ACCOUNT_TIMES = 3;
/** So much less than this may have come from the other networks of a hoster. */
const MOVED_TIMES = 10;
/** Dispersion of a sender's daily mail before it is known. */
const PRIOR_K = 5;

/**
 * A rightful sender sends far more than it used to: a queue run wild, a mailing to the wrong list, a
 * compromised account. Per source, against the negative binomial of its own habit, whose dispersion a sender
 * of campaigns widens by itself. One reporter alone proves nothing: it may have reported twice. Days are
 * tested as those of unauthorized_source are: each against what was before it and what may still come.
 */
export const volumeSurge: SenderRule = {
  kind: KIND,
  scope: 'sender',
  severity: ['info', 'low', 'medium'],
  tested: true,
  yieldsTo: ['new_source', 'unauthorized_source'],
  find,
  over,
};

function find(window: SenderWindow): Candidate[] {
  const { rows } = window;
  const sum = total(rows);
  if (sum.passed < 0.8 * sum.messages || window.listed?.verdict === 'denied') return [];
  const settled = settledOfSender(window, KIND);
  const days = daysBetween(addDays(window.today, 1 - RECENT), window.today).filter((day) => day > settled);
  const series = new Series();
  for (const row of rows) series.add(row.reporter, row.day, row.messages);
  // The cheap question first: most sources of most days send what they always do.
  if (series.on(days) < MORE) return [];
  const open = openOfSender(window, KIND);
  const surge = surgeOf(window, { series, days, settled, open });
  return surge === null || (!open && awaitsNames(window)) ? [] : [candidateOf(window, series, surge, open)];
}

/** Whether mail of today may turn out to be this sender's, or this sender's mail another's. */
function awaitsNames({ of, senders }: SenderWindow): boolean {
  return of.unnamed || senders.some((one) => one.unnamed && one.sources.some(({ passed }) => passed >= MORE / 2));
}

/** What the source sent in the week, and what is on file for it. */
interface Week {
  series: Series;
  days: readonly string[];
  settled: string;
  open: KnownFinding | undefined;
}

/** Days on which a source sends far more than its habit. */
interface Surge {
  days: readonly string[];
  habit: Habit;
  /** Chance of the least likely span of days by the habit. */
  chance: number;
}

/** Tests the spans of the week, each against its own habit; null when all of it may be habit. */
function surgeOf(window: SenderWindow, week: Week): Surge | null {
  const { series, days, settled, open } = week;
  const baseFor = basesOf(window, series, open);
  let found: Base | null = null;
  let least = 1;
  for (const some of spansOf(days, settled)) {
    const base = baseFor(some.at(-1)!);
    if (base === null || (!open && !isRecord(window, some, series, base))) continue;
    const chance = chanceOf(some, series, base.habit);
    if (chance < least) {
      least = chance;
      found = base;
    }
  }
  if (found === null || least >= (open ? STILL : window.level / TESTS)) return null;
  const surging = days.filter((day) => {
    const own = baseFor(day);
    return own !== null && chanceOf([day], series, own.habit) < STILL;
  });
  if (surging.length === 0) return null;
  if (!open && !(domainRises(window, found, surging, series) && hosterRises(window, found, surging, series))) return null;
  return { days: surging, habit: found.habit, chance: least };
}

/**
 * The base that a span of days is held against, by its last day: of an open finding, what was before the
 * finding. Each base is made once.
 */
function basesOf(window: SenderWindow, series: Series, open: KnownFinding | undefined): (last: string) => Base | null {
  const from = addDays(window.today, 1 - RECENT);
  const first = open ? '' : window.rows.map((row) => row.day).sort()[0]!;
  const bases = new Map<string, Base | null>();
  return (last) => {
    const until = open ? earlier(open.first_day, from) : addDays(last, 1 - RECENT);
    const known = bases.get(until);
    if (known !== undefined) return known;
    const base = baseOf(window, series, until, first);
    bases.set(until, base);
    return base;
  };
}

function candidateOf(window: SenderWindow, series: Series, surge: Surge, open: KnownFinding | undefined): Candidate {
  const { domain, source } = window;
  const { days, habit, chance } = surge;
  const since = open ? earlier(open.first_day, days[0]!) : days[0]!;
  const last_day = days.at(-1)!;
  // All that is reported is of the same days, a milder one among them too.
  const span = daysBetween(days[0]!, last_day);
  const rows = window.rows.filter((row) => span.includes(row.day));
  const sent = total(rows);
  const timesOf = (some: readonly string[]) => series.on(some) / Math.max(1, habit.expected(some).mean);
  const { mean } = habit.expected(span);
  const seen = series.on(span);
  const times = timesOf(days);
  const all = window.domainDays.reduce((n, day) => n + (span.includes(day.day) ? day.messages : 0), 0);
  const of = Math.max(seen, all);
  const season = open ? null : ofPeople(window.sender, seasonOfSurge(window, { ...surge, series, times }));
  return {
    kind: KIND,
    subject: open?.subject ?? source,
    severity: season === null ? severityOf(window, times, seen) : 'info',
    confidence: certainty({ chance: Math.min(chance, open?.evidence.chance ?? 1), witnesses: witnesses(rows) }),
    first_day: since,
    last_day,
    evidence: {
      ...whoOf(window.of, days[0]!, last_day),
      messages: seen,
      of,
      share: seen / of,
      per_day: seen / span.length,
      since,
      last_day,
      reporters: reportersOf(rows),
      usual: rounded(habit.usual),
      chance: rounded(chance),
      delivered: sent.delivered,
      quarantined: sent.quarantined,
      rejected: sent.rejected,
      facts: {
        rule: KIND,
        times: rounded(timesOf(span)),
        days: span.length,
        expected: rounded(mean),
        season,
        name: window.of.name,
        own: isOwnServer(window),
        service: window.sender === null ? null : { id: window.sender.id, kind: window.sender.kind },
      },
      query: recordsQuery({ domain, ...sourcesOf(window.of), from: since, to: last_day, rows: 'all' }),
    },
  };
}

/** Whether it is a season's: it repeats itself, or the calendar or the sender's trade brings it. */
function seasonOfSurge(
  window: SenderWindow,
  { days, series, times, habit }: Surge & { series: Series; times: number },
): Season | null {
  const loudest = days.reduce((a, b) => (series.on([b]) > series.on([a]) ? b : a));
  // A receiver that has yet to report of these days is not one that they brought nothing to.
  const reported = new Set(window.reporterDays.map(({ reporter, day }) => `${day} ${reporter}`));
  const isHeard = (reporter: string) => days.every((day) => reported.has(`${day} ${reporter}`));
  const shares = (during: boolean) => {
    const sums = new Map<string, number>();
    for (const { reporter, day, messages } of window.rows)
      if (days.includes(day) === during && isHeard(reporter)) sums.set(reporter, (sums.get(reporter) ?? 0) + messages);
    return sums;
  };
  const now = window.of.sources.map(({ recent, first_day }) => ({
    messages: recent.reduce((n, { day, messages }) => n + (days.includes(day) ? messages : 0), 0),
    fresh: first_day >= days[0]!,
  }));
  const all = now.reduce((n, { messages }) => n + messages, 0);
  return seasonOf({
    days,
    loudest,
    most: series.on([loudest]),
    times,
    kind: window.sender?.kind ?? null,
    fresh: now.reduce((n, { messages, fresh }) => n + (fresh ? messages : 0), 0) / Math.max(1, all),
    failing: failingOn(window, days),
    receivers: differenceOf(shares(true), shares(false)),
    usual: habit.usual,
    weekend: habit.weekend,
    earlier: [...(window.of.earlier ?? []), ...daysOf(window)],
  });
}

/** The part of its mail of some days that does not pass, 0 to 1. */
function failingOn({ rows }: SenderWindow, days: readonly string[]): number {
  const { messages, passed } = total(rows.filter(({ day }) => days.includes(day)));
  return (messages - passed) / Math.max(1, messages);
}

/** The messages of each day of the window. */
function daysOf({ rows }: SenderWindow): { day: string; messages: number }[] {
  const sums = new Map<string, number>();
  for (const { day, messages } of rows) sums.set(day, (sums.get(day) ?? 0) + messages);
  return [...sums].map(([day, messages]) => ({ day, messages }));
}

/** Resolved when three report days are back at the habit. */
function over(finding: KnownFinding, window: SenderWindow): Ending | null {
  const after = coveredDays(window).filter((day) => day.day > finding.last_day);
  return after.length >= OVER_DAYS ? { reason: 'usual_again', since: after.at(-1)!.day } : null;
}

/** The days before, and the habit they make. */
interface Base {
  days: readonly string[];
  /** Messages of the best of them. */
  record: number;
  habit: Habit;
}

/**
 * What was before a day; null when that is too little. @param first the first day of the source; empty when
 * it need not be known for long
 */
function baseOf(window: SenderWindow, series: Series, until: string, first: string): Base | null {
  const days = window.attendance.habitBefore(until);
  if (days.length < LEAST_HABIT || first > days[days.length - LEAST_HABIT]!) return null;
  const record = Math.max(...days.map((day) => series.on([day])));
  return { days, record, habit: new Habit({ attendance: window.attendance, series, base: days, prior: PRIOR_K, robust: false }) };
}

/** The spans of days that end in the week and are tested. */
function spansOf(days: readonly string[], settled: string): string[][] {
  return SUMS.flatMap((n) => days.map((last) => daysBetween(addDays(last, 1 - n), last).filter((day) => day > settled)));
}

/**
 * Whether the loudest day of some is more than ever, and a part of the domain's mail that is worth a word.
 */
function isRecord(window: SenderWindow, some: readonly string[], series: Series, { days, habit, record: best }: Base): boolean {
  const loudest = some.reduce((a, b) => (series.on([b]) > series.on([a]) ? b : a));
  const most = series.on([loudest]);
  const alike = window.sender?.kind === 'mailbox_provider' ? days.filter((day) => isWeekend(day) === isWeekend(loudest)) : [];
  // People write on weekdays: what is much on a Sunday is held against Sundays.
  const record = alike.length >= ALIKE_DAYS ? Math.max(...alike.map((day) => series.on([day]))) : best;
  if (most < RECORD * record) return false;
  const bursty = habit.expected([window.today]).k < BURSTY_K;
  const ofDomain = window.reporterDays.reduce((n, row) => n + (row.day === loudest ? row.messages : 0), 0);
  return most >= (bursty ? RECORD_OF_BURSTS : RECORD) * record && most - habit.usual >= OF_DOMAIN * ofDomain;
}

/**
 * Whether the domain as a whole sends at least half as much more: else mail has only changed its name, as
 * while a name server was slow.
 */
function domainRises(window: SenderWindow, { days: base, habit }: Base, days: readonly string[], series: Series): boolean {
  const all = new Series();
  for (const row of window.reporterDays) all.add(row.reporter, row.day, row.messages);
  const usual = new Habit({ attendance: window.attendance, series: all, base, prior: PRIOR_K, robust: false });
  return all.on(days) - usual.expected(days).mean >= (series.on(days) - habit.expected(days).mean) / 2;
}

/**
 * Whether all networks of its hoster from which the domain sends rise with it: a hoster moves the mail of its
 * customers between its networks, and one of them is no sender by itself. What is out of all proportion is
 * told in any case.
 */
function hosterRises(
  { of, senders }: SenderWindow,
  { days: base, habit }: Base,
  days: readonly string[],
  series: Series,
): boolean {
  const owner = of.grouped || of.sources[0] === undefined ? null : ownerOf(of.sources[0]);
  const seen = series.on(days);
  const { mean } = habit.expected(days);
  if (owner === null || seen >= MOVED_TIMES * mean) return true;
  const kin = senders.filter((one) => one.key !== of.key && !one.grouped).flatMap(({ sources }) => sources);
  const each = kin.filter((one) => isAligned(one) && ownerOf(one) === owner).flatMap((one) => one.each ?? []);
  const sum = (some: readonly string[]) => each.reduce((n, { day, messages }) => n + (some.includes(day) ? messages : 0), 0);
  const usual = mean + (sum(base) / base.length) * days.length;
  return seen + sum(days) >= TIMES * usual;
}

function chanceOf(some: readonly string[], series: Series, habit: Habit): number {
  const n = series.on(some);
  const { mean, k } = habit.expected(some);
  if (n < TIMES * mean || n - mean < MORE) return 1;
  const excess = (reporter: string) => series.on(some) - series.on(some, reporter) - (mean - habit.expected(some, reporter).mean);
  const loudest = series.reporters().sort((a, b) => excess(b) - excess(a) || (a < b ? -1 : 1))[0]!;
  const others = habit.expected(some, loudest);
  const seen = series.on(some, loudest);
  // Where one reporter is nearly all there is, it must say more than twice what it might say by reporting
  // twice.
  if (others.mean < 5) return n >= 2 * TIMES * mean ? countTail(n, mean, k) : 1;
  if (seen < OTHERS_TIMES * others.mean || countTail(seen, others.mean, others.k) >= OTHERS_CHANCE) return 1;
  return countTail(n, mean, k);
}

/**
 * People's mail has no campaigns and no sales: only what it did before, or a few dozen messages, is no
 * surprise.
 */
function ofPeople(service: Sender | null, season: Season | null): Season | null {
  return service?.kind === 'mailbox_provider' && season?.why !== 'recurring' && season?.why !== 'small' ? null : season;
}

/**
 * People's mail, and that of a server, does not rise suddenly: somebody else has an account, or runs a
 * script.
 */
function severityOf(window: SenderWindow, times: number, messages: number): Severity {
  const { sender } = window;
  if ((sender?.kind === 'mailbox_provider' || isOwnServer(window)) && times >= ACCOUNT_TIMES) return 'medium';
  return times >= 10 || (times >= 5 && messages >= 1000) ? 'medium' : 'low';
}

/** One of the domain's own servers, by its names or by the SPF record. */
function isOwnServer({ domain, own, sender, of: { key } }: SenderWindow): boolean {
  return sender === null && (own || key === domain || key.endsWith(`.${domain}`) || domain.endsWith(`.${key}`));
}
