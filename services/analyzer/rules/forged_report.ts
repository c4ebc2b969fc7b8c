import type { Ending } from '../../findings/end-reasons.ts';
import type { Culprit } from '../../findings/figures.ts';
import { addDays, earlier } from '../../shared/days.ts';
import { groupBy } from '../../shared/group-by.ts';
import type { ForgedDay, GenuineReports } from '../../store/analysis/forged-reports.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { forgedQuery } from '../../store/findings/kind-queries.ts';
import { certainty } from '../statistics/confidence.ts';
import type { ArrivalRule } from './rule.ts';
import { type ArrivalWindow, openOf, settledUntil } from './window.ts';

const KIND = 'forged_report';
/** Days without such a report after which the finding resolves. */
const SILENT_DAYS = 14;
/**
 * One report may be a reporter's own mishap: a mail sent past its signer, or through a forwarder that
 * rewrites.
 */
const MISMATCHED_REPORTS = 2;
const UNAUTHENTICATED_REPORTS = 3;
/**
 * Fewer will do of those that claim so many times what a proven report of the reporter tells, where enough of
 * those are known: a mishap of the reporter's own tells what it always does.
 */
const FLOOD_REPORTS = 2;
const FLOOD = 5;
const KNOWN_REPORTS = 14;
const WHO = 10;
/** Shown as the sender of a mail without a From field. */
const NO_FROM = '(no From field)';

/**
 * Somebody sends reports in another's name (RFC 9990 section 8: a report is only as good as the proof of who
 * wrote it). One finding for each reporter whose name is used.
 *
 * There must be proven reports of that reporter beside them, so that a small reporter that signs nothing, or
 * calls itself by another name than its domain, is no forger. Then it takes one report that contradicts a
 * proven one of the same id, two that are authentic for somebody else, or three that nothing authenticates
 * (two, if they claim a flood), on two days, while proven ones go on: if those end where the others begin,
 * the reporter's own signature broke.
 */
export const forgedReport: ArrivalRule = {
  kind: KIND,
  scope: 'arrival',
  severity: ['low', 'medium', 'high'],
  tested: false,
  find,
  over,
};

function find(window: ArrivalWindow): Candidate[] {
  const unsettled = window.forged.filter(({ day, reporter }) => day > settledUntil(window.known, KIND, reporter));
  return [...groupBy(unsettled, ({ reporter }) => reporter)]
    .flatMap(([reporter, rows]) => candidate(window, reporter, rows))
    .map((one) => (window.deciders.has(one.subject) ? one : restingOn(window, one)))
    .sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

/** Resolved when none came for SILENT_DAYS. */
function over(finding: KnownFinding, window: ArrivalWindow): Ending | null {
  return finding.last_day <= addDays(window.now, -SILENT_DAYS) ? { reason: 'no_such_report', days: SILENT_DAYS } : null;
}

function candidate(window: ArrivalWindow, reporter: string, rows: readonly ForgedDay[]): Candidate[] {
  const genuine = window.genuine.find((g) => g.reporter === reporter);
  if (!genuine) return [];
  const sum = { reports: 0, messages: 0, mismatched: 0, contradicting: 0 };
  for (const row of rows) {
    sum.reports += row.reports;
    sum.messages += row.messages;
    sum.mismatched += row.mismatched;
    sum.contradicting += row.contradicting;
  }
  const open = openOf(window.known, KIND, reporter);
  const days = [...new Set(rows.map((row) => row.day))].sort();
  const unproven = sum.reports - sum.mismatched;
  const least = claimsFlood(sum, genuine) ? FLOOD_REPORTS : UNAUTHENTICATED_REPORTS;
  const spread = unproven >= least && days.length >= 2 && genuine.last_day > days[0]!;
  if (!open && sum.contradicting === 0 && sum.mismatched < MISMATCHED_REPORTS && !spread) return [];

  const since = open ? earlier(open.first_day, days[0]!) : days[0]!;
  const last_day = days.at(-1)!;
  // A finding stays as long as its last report is news; then silence ends it.
  if (open && over({ ...open, last_day }, window) !== null) return [];
  const who = sendersOf(rows);
  return [
    {
      kind: KIND,
      subject: reporter,
      severity: sum.contradicting > 0 ? 'high' : sum.mismatched >= MISMATCHED_REPORTS ? 'medium' : 'low',
      confidence: certainty(
        sum.contradicting > 0
          ? { otherwise: 0.05 }
          : sum.mismatched > 0
            ? { otherwise: 0.1, witnesses: sum.mismatched }
            : { otherwise: 0.3, witnesses: unproven },
      ),
      first_day: since,
      last_day,
      evidence: {
        who: who.slice(0, WHO),
        senders: who.length,
        // What they claim is no mail: a number of it would be read as one.
        messages: 0,
        of: 0,
        share: 0,
        per_day: sum.reports / days.length,
        claimed: sum.messages,
        since,
        last_day,
        reporters: [reporter],
        delivered: 0,
        quarantined: 0,
        rejected: 0,
        reports: sum.reports,
        contradicting: sum.contradicting,
        facts: { rule: KIND, mismatched: sum.mismatched },
        query: forgedQuery(window.domain, reporter, since, last_day),
      },
    },
  ];
}

function claimsFlood(forged: { reports: number; messages: number }, genuine: GenuineReports): boolean {
  const usual = genuine.messages / genuine.reports;
  return genuine.reports >= KNOWN_REPORTS && forged.messages >= FLOOD * usual * forged.reports;
}

/**
 * What is forged in the name of a reporter whose word decides nothing may be its own doing: it is recorded,
 * and not mailed.
 */
function restingOn({ others }: ArrivalWindow, forged: Candidate): Candidate {
  const reporter = forged.subject;
  const standing = others.get(reporter) ?? 'new';
  const { evidence } = forged;
  return {
    ...forged,
    severity: 'low',
    quiet: true,
    evidence: {
      ...evidence,
      resting_on: [{ reporter, standing }],
    },
  };
}

/**
 * Who wrote them, by the domain of the From field, which is anybody's choice unless the mail is authentic for
 * it. Those with the most reports first.
 */
function sendersOf(rows: readonly ForgedDay[]): Culprit[] {
  const sums = new Map<string, Culprit>();
  for (const { sender, mismatched, reports } of rows) {
    const unproven = sender !== null && mismatched === 0;
    const key = `${unproven} ${sender}`;
    const sum = sums.get(key) ?? { source: sender ?? NO_FROM, messages: 0, reports: 0, ...(unproven && { unproven }) };
    sum.reports! += reports;
    sums.set(key, sum);
  }
  return [...sums.values()].sort((a, b) => b.reports! - a.reports! || (a.source < b.source ? -1 : 1));
}
