import type { Ending } from '../../findings/ending.ts';
import { addDays, daysBetween, earlier } from '../../shared/days.ts';
import { publishedTag } from '../../shared/policy.ts';
import type { Severity } from '../../shared/severity.ts';
import type { Network, NetworkDay, ReporterDay, Rest } from '../../store/analysis/window-reads.ts';
import { recordsQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { levelOf } from '../statistics/budget.ts';
import { stated, wilson, witnessed } from '../statistics/confidence.ts';
import { Habit, Series } from '../statistics/habit.ts';
import { countTail } from '../statistics/tails.ts';
import { coveredDays, type DomainWindow, isEvidence, openOf, rounded, settledUntil } from '../window.ts';
import type { DomainRule } from './rule.ts';
import { silent } from './silence.ts';

const KIND = 'unauthorized_source';
/** Days the rule looks at, and report days without such mail after which the finding resolves. */
export const UNAUTHORIZED_DAYS = 7;
/**
 * Every day by itself and the sums of three and of seven that end with it: of all networks together and of
 * each alone.
 */
const SUMS = [1, 3, 7];
const TESTS = 2 * SUMS.length;
/** The least that can be an alarm, however unlikely: of one network, and of many together. */
const LEAST = 5;
const LEAST_TOGETHER = 10;
/** Open findings hold until fewer messages than this of their networks are left. */
const HOLD = 3;
/** An open finding goes on while its level is at least this unlikely to be habit. */
const STILL = 0.02;
/**
 * Before anything is known of a domain: so many messages a day, worth so many days; and how bursty forged
 * mail is.
 */
const PRIOR_MEAN = 1.5;
const PRIOR_DAYS = 3;
const PRIOR_K = 1.5;
/** Messages a network sends in a day, before anything is known; worth so many networks. */
const PRIOR_CLUSTER = 1.5;
const PRIOR_CLUSTERS = 5;
const WHO = 10;

/**
 * Which mail: as the domain itself, or as names below it. A network counts as what most of its mail is, so
 * that one cause is one finding.
 */
export type Part = 'domain' | 'below';
const KIND_OF: Record<Part, string> = { domain: KIND, below: 'subdomain_abuse' };

/** A network's unauthenticated mail of the days looked at. */
interface Concerned {
  source: string;
  days: NetworkDay[];
  /** What it used to send a day, such as a forwarder that breaks everything. */
  own: number;
}

/**
 * Mail in the domain's name that nothing authenticates and no forwarder explains (RFC 9989 section 5.3.5:
 * neither mechanism yields an aligned identifier, nor any other). One finding for the domain, whatever the
 * number of networks: a botnet is one cause.
 *
 * Every domain gets a trickle of it. An alarm is what rises above that habit, in one of two ways: all of it
 * together (a day, three or seven, against the negative binomial of Habit); or one network alone, where the
 * trickle comes a message or two from each (the geometric law of how much a network sends).
 *
 * Each day of the week looked back on is tested by itself, against the habit before it and all that its
 * reporters, the awaited ones too, may bring: so it does not matter how often or in what order that week was
 * looked at, and there is nothing to wait for.
 *
 * A network that mostly passes is a rightful sender with noise and stays out. So does one whose own mail
 * stops passing as the failing mail begins: that is a sender that broke, and authentication_regression's as
 * soon as it shows. A network where both go on side by side (a spoofer beside a forwarder) is in.
 *
 * Networks most of whose mail comes from below the domain are subdomain_abuse's.
 */
export const unauthorizedSource: DomainRule = {
  kind: KIND,
  scope: 'domain',
  severity: ['low', 'medium', 'high', 'critical'],
  tested: true,
  find,
  over,
};

function find(window: DomainWindow): Candidate[] {
  const rise = riseOf(window, 'domain');
  return rise === null ? [] : [candidate(window, rise)];
}

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

/**
 * Which part a network's mail belongs to: what an open finding says of it already, else what most of it is.
 */
function partOf(network: Network, window: DomainWindow): Part {
  for (const part of ['below', 'domain'] as const) {
    const open = openOf(window.known, KIND_OF[part], window.domain);
    if (open?.evidence.who.some(({ source }) => source === network.source)) return part;
  }
  const sum = (of: 'below' | 'failed') => network.days.reduce((n, day) => n + day[of], 0);
  return 2 * sum('below') > sum('failed') ? 'below' : 'domain';
}

function othersOf({ networks }: DomainWindow, part: Part): Rest {
  const { others, others_below: below } = networks;
  if (part === 'below') return below;
  return { networks: others.networks - below.networks, failed: others.failed - below.failed };
}

/** What a reporter saw of one part on a day. */
function backgroundOf(row: ReporterDay, part: Part): { messages: number; networks: number } {
  if (part === 'below') return { messages: row.background_below, networks: row.networks_below };
  return { messages: row.background - row.background_below, networks: row.networks - row.networks_below };
}

export type Told = { source: string; days: NetworkDay[] } & ReturnType<typeof sumOf>;

/** What both kinds say of a rise: the numbers of a finding, and the networks in words. */
export function numbersOf(window: DomainWindow, { told, others, open, days, usual, chance }: Rise) {
  const sum = sumOf(told.flatMap((one) => one.days));
  const messages = sum.messages + others.failed;
  const networks = told.length + others.networks;
  const dayList = [...new Set(told.flatMap((one) => one.days.map((day) => day.day)))].sort();
  const reporters = [...new Set(told.flatMap((one) => one.days.flatMap((day) => day.reporters)))].sort();
  const first = dayList[0]!;
  const since = open ? earlier(open.first_day, first) : first;
  const last_day = dayList.at(-1)!;
  const again = open && first > addDays(open.last_day, UNAUTHORIZED_DAYS) ? first : open?.evidence.again;
  const of = Math.max(
    messages,
    window.reporterDays.reduce((n, row) => n + (days.includes(row.day) ? row.messages : 0), 0),
  );
  const seen = new Set(told.flatMap((one) => one.days.flatMap((day) => day.reporters.map((r) => `${day.day} ${r}`)))).size;
  return {
    confidence: stated(wilson(sum.messages, sum.messages + sum.passed) * witnessed(seen)),
    first,
    evidence: {
      who: told.slice(0, WHO).map((c) => ({ source: c.source, messages: c.messages, delivered: c.delivered })),
      senders: networks,
      messages,
      of,
      share: messages / of,
      per_day: messages / dayList.length,
      since,
      ...(again === undefined ? {} : { again }),
      last_day,
      reporters,
      usual,
      chance,
      delivered: sum.delivered,
      quarantined: sum.quarantined,
      rejected: sum.rejected,
    },
  };
}

function candidate(window: DomainWindow, found: Rise): Candidate {
  const { confidence, first, evidence } = numbersOf(window, found);
  const { messages, delivered, since, last_day } = evidence;
  return {
    kind: KIND,
    subject: window.domain,
    severity: severityOf(messages, delivered),
    confidence,
    first_day: since,
    last_day,
    evidence: {
      ...evidence,
      facts: { rule: KIND, p: publishedTag(window.policy, 'p') },
      query: recordsQuery({ domain: window.domain, from: first, to: last_day, rows: 'unauthenticated' }),
    },
  };
}

/** Resolved when the rule saw enough newer report days and holds no more. */
function over(finding: KnownFinding, window: DomainWindow): Ending | null {
  return silent(finding, coveredDays(window), UNAUTHORIZED_DAYS)
    ? { reason: 'no_such_mail', days: UNAUTHORIZED_DAYS, unusual: true }
    : null;
}

/** Unauthenticated messages of each day: of the networks listed one by one, and of those too many to list. */
function totalsOf(
  window: DomainWindow,
  part: Part,
  concerned: readonly Concerned[],
  days: readonly string[],
): Map<string, number> {
  const totals = new Map<string, number>();
  for (const one of concerned) for (const { day, failed } of one.days) totals.set(day, (totals.get(day) ?? 0) + failed);
  if (othersOf(window, part).failed === 0) return totals;
  // More networks than are listed: all that is unauthenticated counts.
  for (const day of days) {
    const all = window.reporterDays.reduce((n, row) => n + (row.day === day ? backgroundOf(row, part).messages : 0), 0);
    totals.set(day, Math.max(all, totals.get(day) ?? 0));
  }
  return totals;
}

interface Trickle {
  /** A day. */
  usual: number;
  /** Messages a network sends in a day, on the mean. */
  cluster: number;
  expected(days: readonly string[]): { mean: number; k: number };
}

/**
 * The spans of days that are tested; the longest only as it ends today, for what was before it is not loaded.
 */
function spansOf(days: readonly string[]): string[][] {
  return SUMS.flatMap((n) =>
    days.map((_, i) => days.slice(Math.max(0, i + 1 - n), i + 1)).slice(n === UNAUTHORIZED_DAYS ? -1 : 0),
  );
}

/**
 * What habit each span is held against, by its last day: that of the days before the week that it ends. An
 * open finding keeps its own.
 */
function habitsOf(
  window: DomainWindow,
  part: Part,
  open: { until: string; usual: number | null } | null,
): (last: string) => Trickle {
  const habits = new Map<string, Trickle>();
  return (last) => {
    const until = open?.until ?? addDays(last, 1 - UNAUTHORIZED_DAYS);
    const habit = habits.get(until) ?? habitOf(window, part, until, open?.usual ?? null);
    habits.set(until, habit);
    return habit;
  };
}

/**
 * The habit of the days before `until`, drawn to a prior where few are known.
 * @param stored what was usual when the open finding began, for when those days have left the window
 */
function habitOf(window: DomainWindow, part: Part, until: string, stored: number | null): Trickle {
  const base = window.attendance.habitBefore(until);
  const series = new Series();
  let messages = 0;
  let networks = 0;
  const inBase = new Set(base);
  for (const row of window.reporterDays) {
    const background = backgroundOf(row, part);
    if (background.messages === 0 || !inBase.has(row.day)) continue;
    series.add(row.reporter, row.day, background.messages);
    messages += background.messages;
    networks += background.networks;
  }
  const cluster = (messages + PRIOR_CLUSTERS * PRIOR_CLUSTER) / (networks + PRIOR_CLUSTERS);
  if (stored !== null && base.length < UNAUTHORIZED_DAYS) {
    return { usual: stored, cluster, expected: (days) => ({ mean: Math.max(0.1, stored) * days.length, k: PRIOR_K }) };
  }
  const habit = new Habit({ attendance: window.attendance, series, base, prior: PRIOR_K, robust: true });
  const known = base.length / (base.length + PRIOR_DAYS);
  const drawn = (mean: number, days: number) => mean * known + days * PRIOR_MEAN * (1 - known);
  return {
    usual: drawn(habit.usual, 1),
    cluster,
    expected: (days) => {
      const { mean, k } = habit.expected(days);
      return { mean: drawn(mean, days.length), k };
    },
  };
}

/**
 * How unlikely it is that any network of the trickle sends as much as this one, on a day or over several. How
 * much one sends is geometric with the mean `cluster`; as many networks are in it as the trickle brings.
 */
function clusterChance(
  one: Concerned,
  spans: readonly (readonly string[])[],
  habitOn: (last: string) => Trickle,
  least: number,
): number {
  let chance = 1;
  for (const some of spans) {
    const sent = one.days.reduce((sum, { day, failed }) => sum + (some.includes(day) ? failed : 0), 0);
    const beyond = Math.floor(sent - 2 * one.own * some.length);
    if (beyond < least) continue;
    const habit = habitOn(some.at(-1)!);
    const networks = Math.max(1, habit.expected(some).mean / habit.cluster);
    chance = Math.min(chance, networks * (1 - 1 / habit.cluster) ** (beyond - 1));
  }
  return chance;
}

/**
 * The days since unauthenticated mail took the upper hand on a network; none when it never did, or when a
 * sender of ours broke.
 */
function culpable(network: Network, settled: string): NetworkDay[] {
  const days = network.days.filter((day) => day.day > settled).sort((a, b) => (a.day < b.day ? -1 : 1));
  const bad = days.filter((day) => day.failed > day.passed);
  const good = days.filter((day) => day.passed >= day.failed && day.passed > 0);
  if (bad.length === 0) return [];
  const mean = (some: NetworkDay[]) => some.reduce((n, day) => n + day.passed, 0) / some.length;
  const goodDays = good.length + network.before.days;
  const usual = goodDays === 0 ? 0 : (good.reduce((n, day) => n + day.passed, 0) + network.before.passed) / goodDays;
  if (usual > 0 && network.before.passed >= network.before.failed && mean(bad) < usual / 3) return [];
  return days.filter((day) => day.day >= bad[0]!.day && day.failed > 0);
}

function ownOf(network: Network, window: DomainWindow): number {
  const base = window.attendance.habitBefore(addDays(window.today, 1 - UNAUTHORIZED_DAYS)).length;
  return base === 0 ? 0 : network.before.failed / base;
}

function sumOf(days: readonly NetworkDay[]) {
  const sum = { messages: 0, passed: 0, delivered: 0, quarantined: 0, rejected: 0 };
  for (const day of days) {
    sum.messages += day.failed;
    sum.passed += day.passed;
    sum.delivered += Math.min(day.failed, day.delivered);
    sum.quarantined += Math.min(day.failed, day.quarantined);
    sum.rejected += Math.min(day.failed, day.rejected);
  }
  return sum;
}

/**
 * Harm is what reached people: a campaign that receivers turned away is worth knowing, not worth waking up
 * for.
 */
export function severityOf(messages: number, delivered: number): Severity {
  const share = delivered / messages;
  if (delivered >= 1000 && share >= 0.5) return 'critical';
  if (delivered >= 100 && share >= 0.2) return 'high';
  if (messages >= 1000 || delivered >= 20) return 'medium';
  return 'low';
}
