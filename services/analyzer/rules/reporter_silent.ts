import type { Ending } from '../../findings/end-reasons.ts';
import { organizationOf } from '../../report/reporters/reporters.ts';
import { addDays } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { reportsQuery } from '../../store/findings/kind-queries.ts';
import { dmarcRecordOf } from '../published/dmarc-record.ts';
import { levelOf } from '../statistics/budget.ts';
import { certainty } from '../statistics/confidence.ts';
import { Habit, Series } from '../statistics/habit.ts';
import { silenceTail } from '../statistics/tails.ts';
import type { DomainRule } from './rule.ts';
import { type DomainWindow, openOf, rounded, settledUntil } from './window.ts';

const KIND = 'reporter_silent';
/** Report days without a word: an outage is over sooner, also one with late reports before or after it. */
export const SILENT_DAYS = 8;
/** So many days more than it ever left out before. */
const BEYOND_GAPS = 3;
/** So many days of habit it takes. */
const LEAST_HABIT = 14;
/** Messages that it would have reported. */
const LEAST = 20;
/** Dispersion of a reporter's daily counts before it is known. */
const PRIOR_K = 3;
const ADVICE_DAYS = 7;

/** Silences that began within so many days of each other have one cause. */
const ONE_CAUSE_DAYS = 3;

/**
 * A reporter that reported on at least four of five days, and enough, is silent while others go on.
 * Everything it saw goes unseen from then: what the other rules find rests on the rest. Per organization,
 * which may change its name; one that is silent on many domains, and several that fell silent on one, are
 * mailed once.
 */
export const reporterSilent: DomainRule = {
  kind: KIND,
  scope: 'domain',
  severity: ['low'],
  tested: true,
  find,
  over,
};

function find(window: DomainWindow): Candidate[] {
  const { attendance } = window;
  const found: Candidate[] = [];
  const level = levelOf(window.budget, attendance.reporters.length);
  const spoken = spokenByDay(window);
  for (const reporter of attendance.reporters) {
    const open = openOf(window.known, KIND, reporter);
    const silence = silenceOf(window, spoken, reporter);
    if (silence === null || (!open && silence.base.length < LEAST_HABIT)) continue;
    const usual = usualOf(window, silence);
    if (!open && (usual.missing < LEAST || usual.chance >= level)) continue;
    found.push(candidateOf(window, silence, usual, open));
  }
  return onceEach(window, found);
}

/**
 * Marks what is mailed elsewhere: for another domain of the reporter, or for a larger reporter of this
 * domain.
 */
function onceEach({ reporting, known }: DomainWindow, found: readonly Candidate[]): Candidate[] {
  const near = (a: string, b: string) => a >= addDays(b, -ONE_CAUSE_DAYS) && a <= addDays(b, ONE_CAUSE_DAYS);
  const mailed = (one: Candidate) => (openOf(known, KIND, one.subject)?.told ?? null) !== null;
  const ranked = [...found].sort((a, b) => Number(mailed(b)) - Number(mailed(a)) || b.evidence.of - a.evidence.of);
  return ranked.map((one, i) => {
    const { since } = one.evidence;
    const outage = reporting?.elsewhere.some(
      (two) => two.kind === KIND && two.subject === one.subject && near(two.first_day, since),
    );
    const beside = ranked.slice(0, i).some((two) => near(two.evidence.since, since));
    return !mailed(one) && (outage || beside) ? { ...one, quiet: true } : one;
  });
}

/** Who reported on each report day, the oldest first. */
function spokenByDay({ reporterDays }: DomainWindow): ReadonlyMap<string, ReadonlySet<string>> {
  const spoken = new Map<string, Set<string>>();
  for (const row of reporterDays) {
    const on = spoken.get(row.day) ?? new Set();
    on.add(row.reporter);
    spoken.set(row.day, on);
  }
  return new Map([...spoken].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A regular reporter says nothing any more. */
interface Silence {
  reporter: string;
  /** Report day on which it last reported. */
  last: string;
  /** The days of habit that end with that day. */
  base: readonly string[];
  /** Report days since then. */
  days: readonly string[];
}

/**
 * The silence of a reporter; null when it was never regular, or has not been silent for long: for SILENT_DAYS
 * of which its reports should have come by now, as late as they used to come, and for longer than it used to
 * leave out.
 */
function silenceOf(
  { attendance, known, reporting, today }: DomainWindow,
  spoken: ReadonlyMap<string, ReadonlySet<string>>,
  reporter: string,
): Silence | null {
  const reportDays = [...spoken.keys()];
  const last = reportDays.findLast((day) => spoken.get(day)!.has(reporter))!;
  if (goesOn(reporter, last, { spoken, undecided: reporting?.undecided ?? new Map() })) return null;
  const base = attendance.habitBefore(addDays(last, 1));
  if (!attendance.isRegular(reporter, base) || last <= settledUntil(known, KIND, reporter)) return null;
  // Days on which somebody else who is regular reported: that of a domain nobody reports on is not one
  // reporter's silence.
  const others = new Set(attendance.reporters.filter((other) => other !== reporter && attendance.isRegular(other, base)));
  const due = addDays(today, -(reporting?.lateness?.get(reporter) ?? 0));
  const told = reportDays.filter((day) => day <= due && [...spoken.get(day)!].some((other) => others.has(other)));
  const days = told.filter((day) => day > last);
  const gaps = longestGap(told.filter((day) => day >= base[0]! && day <= last).map((day) => spoken.get(day)!.has(reporter)));
  return days.length < Math.max(SILENT_DAYS, gaps + BEYOND_GAPS) ? null : { reporter, last, base, days };
}

/** The most days in a row on which a reporter did not report. */
function longestGap(spoke: readonly boolean[]): number {
  let [longest, gap] = [0, 0];
  for (const did of spoke) {
    gap = did ? 0 : gap + 1;
    longest = Math.max(longest, gap);
  }
  return longest;
}

/** Whether its organization reports under another name or address since. */
function goesOn(
  reporter: string,
  last: string,
  { spoken, undecided }: { spoken: ReadonlyMap<string, ReadonlySet<string>>; undecided: ReadonlyMap<string, string> },
): boolean {
  const organization = organizationOf(reporter);
  const since = new Set([...spoken].flatMap(([day, some]) => (day > last ? [...some] : [])));
  for (const [other, day] of undecided) if (day > last) since.add(other);
  return [...since].some((other) => organizationOf(other) === organization);
}

/** What a silent reporter used to report, and would have reported since. */
interface Usual {
  per_day: number;
  /** Its part of all messages reported on the days of habit. */
  share: number;
  /** Messages that it would have reported on the silent days. */
  missing: number;
  /** Chance of such a silence by its habit. */
  chance: number;
}

function usualOf({ attendance, reporterDays }: DomainWindow, { reporter, base, days }: Silence): Usual {
  const series = new Series();
  const others = new Series();
  for (const row of reporterDays) (row.reporter === reporter ? series : others).add(row.reporter, row.day, row.messages);
  const habit = new Habit({ attendance, series, base, prior: PRIOR_K, robust: false });
  const { mean, k } = habit.expectedOf(reporter, days);
  // Over holidays, or after a campaign, there is less to report for all.
  const usual = new Habit({ attendance, series: others, base, prior: PRIOR_K, robust: false }).expected(days).mean;
  const missing = mean * Math.min(1, others.on(days) / Math.max(1, usual));
  const messages = series.on(base);
  const share = messages / Math.max(1, messages + others.on(base));
  return { per_day: habit.usual, share, missing, chance: silenceTail(missing, k) };
}

function candidateOf(window: DomainWindow, silence: Silence, usual: Usual, open: KnownFinding | undefined): Candidate {
  const { reporter, last, base, days } = silence;
  const since = days[0]!;
  const last_day = days.at(-1)!;
  return {
    kind: KIND,
    subject: reporter,
    severity: 'low',
    confidence: certainty({ chance: usual.chance, witnesses: days.length }),
    first_day: open ? open.first_day : since,
    last_day,
    evidence: {
      who: [],
      senders: 0,
      messages: 0,
      of: Math.round(usual.missing),
      share: 0,
      per_day: 0,
      since,
      last_day,
      reporters: [reporter],
      usual: rounded(usual.per_day),
      chance: rounded(usual.chance),
      delivered: 0,
      quarantined: 0,
      rejected: 0,
      facts: {
        rule: KIND,
        last,
        reported: window.attendance.days(reporter, base),
        of_days: base.length,
        share: usual.share,
        silent_days: days.length,
        record: dmarcRecordOf(window.reporting?.published, window.domain, since),
        spread: window.reporting?.spread.get(reporter) ?? null,
      },
      query: reportsQuery(window.domain, reporter, addDays(last, -ADVICE_DAYS)),
    },
  };
}

/** Resolved when it reports again. */
function over(finding: KnownFinding, window: DomainWindow): Ending | null {
  const organization = organizationOf(finding.subject);
  const again = window.reporterDays
    .filter((row) => row.day >= finding.first_day && organizationOf(row.reporter) === organization)
    .map((row) => row.day)
    .sort()[0];
  return again === undefined ? null : { reason: 'reports_again', since: again };
}
