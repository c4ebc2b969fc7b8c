import { addDays } from '../../shared/days.ts';
import { type Candidate, type KnownFinding, reportsQuery } from '../../store/findings/findings.ts';
import { levelOf } from '../statistics/budget.ts';
import { stated, witnessed } from '../statistics/confidence.ts';
import { Habit, Series } from '../statistics/habit.ts';
import { silenceTail } from '../statistics/tails.ts';
import { count, number, percent, short } from '../text.ts';
import { type DomainWindow, openOf, settledUntil } from '../window.ts';
import type { DomainRule } from './rule.ts';

const KIND = 'reporter_silent';
/** Report days without a word: an outage is over sooner, and late reports come sooner. */
const SILENT_DAYS = 6;
/** So many days of habit it takes. */
const LEAST_HABIT = 14;
/** Messages that it would have told of. */
const LEAST = 20;
/** Dispersion of a reporter's daily counts before it is known. */
const PRIOR_K = 3;
const ADVICE_DAYS = 7;

/**
 * A reporter that spoke on at least four of five days, and enough, says nothing any more while others go on. Everything it saw goes unseen from
 * then: what the other rules find rests on the rest. Per reporter.
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
  const { attendance, domain } = window;
  const found: Candidate[] = [];
  const level = levelOf(window.budget, attendance.reporters.length);
  const spokenOn = new Map<string, Set<string>>();
  for (const row of window.reporterDays) {
    const on = spokenOn.get(row.day) ?? new Set();
    on.add(row.reporter);
    spokenOn.set(row.day, on);
  }
  const reportDays = [...spokenOn.keys()].sort();
  for (const reporter of attendance.reporters) {
    const last = reportDays.findLast((day) => spokenOn.get(day)!.has(reporter))!;
    const open = openOf(window.known, KIND, reporter);
    const base = attendance.habitBefore(addDays(last, 1));
    if (base.length < LEAST_HABIT && !open) continue;
    if (!attendance.isRegular(reporter, base) || last <= settledUntil(window.known, KIND, reporter)) continue;
    // Days on which somebody else who is regular spoke: that of a domain nobody reports on is not one reporter's silence.
    const silent = reportDays.filter(
      (day) => day > last && [...spokenOn.get(day)!].some((other) => attendance.isRegular(other, base)),
    );
    if (silent.length < SILENT_DAYS) continue;
    const series = new Series();
    let messages = 0;
    let all = 0;
    for (const row of window.reporterDays) {
      if (!base.includes(row.day)) continue;
      all += row.messages;
      if (row.reporter !== reporter) continue;
      series.add(reporter, row.day, row.messages);
      messages += row.messages;
    }
    const habit = new Habit(attendance, series, base, PRIOR_K, false);
    const { mean, k } = habit.expectedOf(reporter, silent);
    const chance = silenceTail(mean, k);
    if (!open && (mean < LEAST || chance >= level)) continue;
    const since = silent[0]!;
    const usual = habit.usual;
    const name = short(reporter, 60);
    found.push({
      kind: KIND,
      subject: reporter,
      severity: 'low',
      confidence: stated((1 - chance) * witnessed(silent.length)),
      first_day: open ? open.first_day : since,
      last_day: silent.at(-1)!,
      summary: `${name} reports no more on ${short(domain)}: nothing since ${last}, ${count(Math.round(usual), 'message')} a day before`,
      evidence: {
        what: `${name} reported on ${number(attendance.days(reporter, base))} of ${count(base.length, 'day')} until ${last}, ${percent(messages / Math.max(1, all))} of all mail; on ${count(silent.length, 'report day')} since it says nothing while others do.`,
        who: [],
        senders: 0,
        messages: 0,
        of: Math.round(mean),
        share: 0,
        per_day: 0,
        since,
        last_day: silent.at(-1)!,
        reporters: [reporter],
        usual: Number(usual.toPrecision(3)),
        chance: Number(chance.toPrecision(3)),
        delivered: 0,
        quarantined: 0,
        rejected: 0,
        advice: [
          `Until it speaks again, ${percent(messages / Math.max(1, all))} of the mail goes unseen: what is said of your senders rests on the other reporters.`,
          `Look whether its mails are held up: the mailbox's spam folder, its quota, and ruawatch messages list --state quarantined. Then look whether _dmarc.${short(domain)} still names the rua address, and whether that address's domain still allows it (RFC 9990 section 4).`,
        ],
        query: reportsQuery(domain, reporter, addDays(last, -ADVICE_DAYS)),
      },
    });
  }
  return found;
}

/** Resolved when it speaks again. */
function over(finding: KnownFinding, window: DomainWindow): string | null {
  const again = window.reporterDays
    .filter((row) => row.reporter === finding.subject && row.day >= finding.first_day)
    .map((row) => row.day)
    .sort()[0];
  return again === undefined ? null : `It reports again since ${again}.`;
}
