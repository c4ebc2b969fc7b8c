import type { Ending } from '../../findings/ending.ts';
import { addDays } from '../../shared/days.ts';
import { reportsQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { levelOf } from '../statistics/budget.ts';
import { stated, witnessed } from '../statistics/confidence.ts';
import { Habit, Series } from '../statistics/habit.ts';
import { silenceTail } from '../statistics/tails.ts';
import { type DomainWindow, openOf, rounded, settledUntil } from '../window.ts';
import type { DomainRule } from './rule.ts';

const KIND = 'reporter_silent';
/** Report days without a word: an outage is over sooner, and late reports come sooner. */
const SILENT_DAYS = 6;
/** So many days of habit it takes. */
const LEAST_HABIT = 14;
/** Messages that it would have reported. */
const LEAST = 20;
/** Dispersion of a reporter's daily counts before it is known. */
const PRIOR_K = 3;
const ADVICE_DAYS = 7;

/**
 * A reporter that spoke on at least four of five days, and enough, says nothing any more while others go on.
 * Everything it saw goes unseen from then: what the other rules find rests on the rest. Per reporter.
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
    // Days on which somebody else who is regular spoke: that of a domain nobody reports on is not one
    // reporter's silence.
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
    const habit = new Habit({ attendance, series, base, prior: PRIOR_K, robust: false });
    const { mean, k } = habit.expectedOf(reporter, silent);
    const chance = silenceTail(mean, k);
    if (!open && (mean < LEAST || chance >= level)) continue;
    const since = silent[0]!;
    const usual = habit.usual;
    found.push({
      kind: KIND,
      subject: reporter,
      severity: 'low',
      confidence: stated((1 - chance) * witnessed(silent.length)),
      first_day: open ? open.first_day : since,
      last_day: silent.at(-1)!,
      evidence: {
        who: [],
        senders: 0,
        messages: 0,
        of: Math.round(mean),
        share: 0,
        per_day: 0,
        since,
        last_day: silent.at(-1)!,
        reporters: [reporter],
        usual: rounded(usual),
        chance: rounded(chance),
        delivered: 0,
        quarantined: 0,
        rejected: 0,
        facts: {
          rule: KIND,
          last,
          reported: attendance.days(reporter, base),
          of_days: base.length,
          share: messages / Math.max(1, all),
          silent_days: silent.length,
        },
        query: reportsQuery(domain, reporter, addDays(last, -ADVICE_DAYS)),
      },
    });
  }
  return found;
}

/** Resolved when it speaks again. */
function over(finding: KnownFinding, window: DomainWindow): Ending | null {
  const again = window.reporterDays
    .filter((row) => row.reporter === finding.subject && row.day >= finding.first_day)
    .map((row) => row.day)
    .sort()[0];
  return again === undefined ? null : { reason: 'reports_again', since: again };
}
