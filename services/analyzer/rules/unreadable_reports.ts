import type { Ending } from '../../findings/end-reasons.ts';
import { withoutMail } from '../../findings/figures.ts';
import { isKnown, organizationOf } from '../../report/reporters/reporters.ts';
import { addDays } from '../../shared/days.ts';
import type { AsideMails } from '../../store/analysis/reading.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { differingQuery, unreadQuery } from '../../store/findings/kind-queries.ts';
import type { MailWindow } from '../mail-window.ts';
import type { InstallationRule } from './rule.ts';
import { openOf } from './window.ts';

const KIND = 'unreadable_reports';
/** The installation has one finding of this kind, whoever sends what. */
export const EVERYTHING = '*';

/** Arrival days that are looked at; a weekend is shorter. */
const RECENT_DAYS = 3;
/** What is usual: the days before. */
export const HABIT_DAYS = 28;
/** So many mails set aside, this share of all reports, and twice the usual share are sudden. */
const LEAST = 5;
const LEAST_SHARE = 0.2;
const TIMES_USUAL = 2;
/** It goes on while a tenth of the mails of a week is set aside. */
export const OVER_DAYS = 7;
const OVER_SHARE = 0.1;
const OVER_LEAST = 3;
/** A known reporter is missed: a report a day was usual, on ten days at least, and less than half is left. */
const HABIT_LEAST_DAYS = 10;
const LEFT = 0.5;
/** Its reports are there and of no use: three at least, and half of what is missing. */
const UNUSABLE = 3;
const EXPLAINED = 0.5;
const MOST_NAMED = 5;

/**
 * A sudden share of the mails cannot be read, or the reports of a known reporter can no longer be read or
 * proven: the fault may be in our reader. Anybody can send mails that look like damaged reports, so their
 * share alone is low, and they make one finding however many they are. Nobody can keep a known reporter's own
 * reports away: that these fall to less than half while unusable ones come in their place is medium. So is a
 * report that counts and that the two readers read in different ways: what it adds to the evidence may be
 * wrong.
 */
export const unreadableReports: InstallationRule = {
  kind: KIND,
  scope: 'installation',
  severity: ['low', 'medium'],
  tested: false,
  find,
  over,
};

/** A known reporter whose reports cannot be used any more. */
interface Missed {
  reporter: string;
  /** Mails set aside and reports not proven, of the last days. */
  unusable: number;
  good: number;
  /** What is usual in as many days. */
  expected: number;
}

const sum = <T>(items: readonly T[], of: (item: T) => number) => items.reduce((all, item) => all + of(item), 0);

/** Counts of the arrival days from `from` on, up to and without `to`. */
function shareOf({ days }: MailWindow, from: string, to: string): { mails: number; aside: number; share: number } {
  const within = days.filter(({ day }) => day >= from && day < to);
  const aside = sum(within, (day) => day.aside);
  const mails = aside + sum(within, (day) => day.read);
  return { mails, aside, share: aside / Math.max(1, mails) };
}

function find(window: MailWindow): Candidate[] {
  const { today } = window;
  const end = addDays(today, 1);
  const begin = addDays(end, -RECENT_DAYS);
  const recent = shareOf(window, begin, end);
  const usual = shareOf(window, addDays(begin, -HABIT_DAYS), begin);
  const open = openOf(window.known, KIND, EVERYTHING);
  const missed = missedReporters(window, begin, open);
  const sudden = recent.aside >= LEAST && recent.share >= LEAST_SHARE && recent.share >= TIMES_USUAL * usual.share;
  if (!sudden && missed.length === 0 && window.differing.length === 0 && !(open && goesOn(window))) return [];
  return [candidateOf(window, { from: open ? addDays(end, -OVER_DAYS) : begin, end, usual: usual.share, missed, open })];
}

/** Whether what was found before still holds, by the last week. */
function goesOn(window: MailWindow): boolean {
  if (window.differing.length > 0) return true;
  const end = addDays(window.today, 1);
  const week = shareOf(window, addDays(end, -OVER_DAYS), end);
  return week.aside >= OVER_LEAST && week.share >= OVER_SHARE;
}

function missedReporters(window: MailWindow, begin: string, open: KnownFinding | undefined): Missed[] {
  const habitBegin = addDays(begin, -HABIT_DAYS);
  const facts = open?.evidence.facts;
  const before = new Map(facts?.rule === KIND ? facts.missed.map((one) => [one.reporter, one]) : []);
  const names = new Set([...window.arrivals.map(({ reporter }) => reporter), ...before.keys()].filter(isKnown));
  /** By the organization that the From fields claim. */
  const setAside = new Map<string, number>();
  for (const { sender, mails, last_day } of window.aside) {
    if (last_day < begin) continue;
    const key = organizationOf(sender);
    setAside.set(key, (setAside.get(key) ?? 0) + mails);
  }
  return [...names].sort().flatMap((reporter): Missed[] => {
    const own = window.arrivals.filter((row) => row.reporter === reporter);
    const habit = own.filter(({ day, good }) => day >= habitBegin && day < begin && good > 0);
    const recent = own.filter(({ day }) => day >= begin);
    const good = sum(recent, (row) => row.good);
    const unusable = sum(recent, (row) => row.bad) + (setAside.get(organizationOf(reporter)) ?? 0);
    const was = before.get(reporter);
    // Its habit is forgotten while it goes on.
    if (was !== undefined)
      return unusable > 0 && good <= LEFT * was.expected ? [{ reporter, unusable, good, expected: was.expected }] : [];
    const expected = (sum(habit, (row) => row.good) / HABIT_DAYS) * RECENT_DAYS;
    const missing = expected - good;
    const enough = habit.length >= HABIT_LEAST_DAYS && expected >= RECENT_DAYS && good <= LEFT * expected;
    return enough && unusable >= UNUSABLE && unusable >= EXPLAINED * missing
      ? [{ reporter, unusable, good, expected: Math.round(expected) }]
      : [];
  });
}

/** The largest groups, with their sums. */
function largest(aside: readonly AsideMails[], of: (one: AsideMails) => string): { name: string; mails: number }[] {
  const sums = new Map<string, number>();
  for (const one of aside) sums.set(of(one), (sums.get(of(one)) ?? 0) + one.mails);
  return [...sums]
    .map(([name, mails]) => ({ name: name.slice(0, 80), mails }))
    .sort((a, b) => b.mails - a.mails || (a.name < b.name ? -1 : 1))
    .slice(0, MOST_NAMED);
}

interface Found {
  from: string;
  end: string;
  /** The share that is usual. */
  usual: number;
  missed: Missed[];
  open: KnownFinding | undefined;
}

function candidateOf(window: MailWindow, { from, end, usual, missed, open }: Found): Candidate {
  const { mails, aside, share } = shareOf(window, from, end);
  const groups = window.aside.filter(({ last_day }) => last_day >= from);
  const { differing } = window;
  const days = [...groups, ...differing].flatMap(({ first_day, last_day }) => [first_day, last_day]).sort();
  const since = open?.evidence.since ?? days.find((day) => day >= from) ?? from;
  const last_day = days.at(-1) ?? window.today;
  const surely = missed.length > 0 || differing.some(({ proven }) => proven > 0);
  return {
    kind: KIND,
    subject: EVERYTHING,
    severity: surely ? 'medium' : 'low',
    confidence: surely ? 0.9 : 0.6,
    first_day: open?.first_day ?? since,
    last_day,
    evidence: {
      ...withoutMail(since, last_day),
      reporters: missed.map(({ reporter }) => reporter),
      facts: {
        rule: KIND,
        mails,
        aside,
        share,
        usual,
        codes: largest(groups, ({ code }) => code),
        senders: largest(groups, ({ sender }) => sender || 'nobody'),
        missed,
        differing: differing
          .slice(0, MOST_NAMED)
          .map(({ reporter, reports }) => ({ name: reporter.slice(0, 80), mails: reports })),
      },
      query: differing.length > 0 && aside === 0 ? differingQuery(since) : unreadQuery(from),
    },
  };
}

function over(_: KnownFinding, window: MailWindow): Ending | null {
  return goesOn(window) ? null : { reason: 'readable_again', days: OVER_DAYS };
}
