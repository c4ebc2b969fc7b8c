import type { Ending } from '../../findings/end-reasons.ts';
import { addDays, daysBetween } from '../../shared/days.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { contradictedQuery } from '../../store/findings/kind-queries.ts';
import { levelOf } from '../statistics/budget.ts';
import { certainty } from '../statistics/confidence.ts';

import { shareTail } from '../statistics/tails.ts';
import type { DomainRule } from './rule.ts';
import { type DomainWindow, openOf, settledUntil } from './window.ts';

const KIND = 'verdict_mismatch';
/** Days the rule looks at, and report days of the reporter without, after which the finding resolves. */
const RECENT = 7;
const OVER_DAYS = 3;
/** The least that counts: messages, days, and share of what the reporter reports. */
const LEAST = 20;
const DAYS = 2;
const SHARE = 0.2;
/** How the share of contradictions varies from day to day: Beta with this sum of parameters. */
const PRIOR_SHARE = 20;

/**
 * A reporter's own verdict contradicts the results it reports: it calls failing what is aligned and passes by
 * its own words, or the contrary (RFC 9990: policy_evaluated against auth_results). We count by the results;
 * people who read the raw report do not, and the receiver treated the mail by its verdict. Per reporter,
 * against its own habit: one that always does so is not news.
 */
export const verdictMismatch: DomainRule = {
  kind: KIND,
  scope: 'domain',
  severity: ['low'],
  tested: true,
  find,
  over,
};

function find(window: DomainWindow): Candidate[] {
  const from = addDays(window.today, 1 - RECENT);
  const level = levelOf(window.budget, window.attendance.reporters.length);
  return window.attendance.reporters.flatMap((reporter): Candidate[] => {
    const open = openOf(window.known, KIND, reporter);
    const settled = settledUntil(window.known, KIND, reporter);
    const rows = window.reporterDays.filter((row) => row.reporter === reporter);
    const recent = rows.filter((row) => row.day >= from && row.day > settled);
    const bad = recent.filter((row) => row.contradicted >= (SHARE / 2) * row.messages && row.contradicted > 0);
    if (bad.length === 0) return [];
    // Since it began: the days before are habit.
    const first = bad[0]!.day;
    const since = recent.filter((row) => row.day >= first);
    const messages = since.reduce((n, row) => n + row.contradicted, 0);
    const of = since.reduce((n, row) => n + row.messages, 0);
    let chance = open?.evidence.chance ?? 0;
    if (!open) {
      if (bad.length < DAYS || messages < LEAST || messages < SHARE * of) return [];
      const base = new Set(daysBetween(window.from, addDays(from, -1)));
      const before = rows.filter((row) => base.has(row.day));
      const told = before.reduce((n, row) => n + row.messages, 0);
      const usual = (before.reduce((n, row) => n + row.contradicted, 0) + 0.2) / (told + 2);
      chance = shareTail(messages, of, usual * PRIOR_SHARE, (1 - usual) * PRIOR_SHARE);
      if (chance >= level) return [];
    }
    const last_day = bad.at(-1)!.day;
    const begun = open && open.first_day < first ? open.first_day : first;
    return [
      {
        kind: KIND,
        subject: reporter,
        severity: 'low',
        confidence: certainty({ chance, witnesses: bad.length }),
        first_day: begun,
        last_day,
        evidence: {
          who: [],
          senders: 0,
          messages,
          of,
          share: messages / of,
          per_day: messages / bad.length,
          since: begun,
          last_day,
          reporters: [reporter],
          delivered: 0,
          quarantined: 0,
          rejected: 0,
          facts: { rule: KIND },
          query: contradictedQuery(window.domain, reporter, begun, last_day),
        },
      },
    ];
  });
}

/** Resolved when the reporter has reported on several days without. */
function over(finding: KnownFinding, window: DomainWindow): Ending | null {
  const after = window.reporterDays.filter((row) => row.reporter === finding.subject && row.day > finding.last_day);
  const last = after.map((row) => row.day).sort()[OVER_DAYS - 1];
  return last === undefined ? null : { reason: 'verdicts_agree', days: OVER_DAYS, until: last };
}
