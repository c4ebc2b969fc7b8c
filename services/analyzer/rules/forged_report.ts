import { addDays, earlier } from '../../shared/days.ts';
import type { ForgedDay } from '../../store/analysis/forged-reports.ts';
import { type Candidate, type Culprit, forgedQuery, type KnownFinding } from '../../store/findings/findings.ts';
import { stated, witnessed } from '../statistics/confidence.ts';
import { count, list, short } from '../text.ts';
import { type ArrivalWindow, openOf, settledUntil } from '../window.ts';
import type { ArrivalRule } from './rule.ts';

const KIND = 'forged_report';
/** Days without such a report after which the finding resolves. */
const SILENT_DAYS = 14;
/** One report may be a reporter's own mishap: a mail sent past its signer, or through a forwarder that rewrites. */
const MISMATCHED_REPORTS = 2;
const UNAUTHENTICATED_REPORTS = 3;
const WHO = 10;
/** A forger writes into the From field whom he likes: an innocent domain, for one. */
const UNPROVEN_FROM = 'by a From field that nothing proves';

/**
 * Somebody sends reports in another's name (RFC 9990 section 8: a report is only as good as the proof of who wrote it). One finding for
 * each reporter whose name is used.
 *
 * There must be proven reports of that reporter beside them, so that a small reporter that signs nothing, or calls itself by another
 * name than its domain, is no forger. Then it takes one report that contradicts a proven one of the same id, two that are authentic
 * for somebody else, or three that nothing authenticates, on two days, while proven ones go on: if those end where the others begin,
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
  const byReporter = new Map<string, ForgedDay[]>();
  for (const row of window.forged) {
    if (row.day <= settledUntil(window.known, KIND, row.reporter)) continue;
    byReporter.set(row.reporter, [...(byReporter.get(row.reporter) ?? []), row]);
  }
  return [...byReporter]
    .flatMap(([reporter, rows]) => candidate(window, reporter, rows))
    .map((one) => (window.deciders.has(one.subject) ? one : restingOn(window, one)))
    .sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

/** Resolved when none came for SILENT_DAYS. */
function over(finding: KnownFinding, window: ArrivalWindow): string | null {
  return finding.last_day <= addDays(window.now, -SILENT_DAYS) ? `No such report for ${SILENT_DAYS} days.` : null;
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
  const spread = unproven >= UNAUTHENTICATED_REPORTS && days.length >= 2 && genuine.last_day > days[0]!;
  if (!open && sum.contradicting === 0 && sum.mismatched < MISMATCHED_REPORTS && !spread) return [];

  const since = open ? earlier(open.first_day, days[0]!) : days[0]!;
  const last_day = days.at(-1)!;
  // A finding stays as long as its last report is news; then silence ends it.
  if (open && over({ ...open, last_day }, window) !== null) return [];
  const who = sendersOf(rows);
  const name = short(reporter, 60);
  const from = list(
    who.map((one) => short(one.source, 60)),
    3,
  );
  const what =
    `${count(sum.reports, 'report')} on ${short(window.domain)} in the name of ${name} ${sum.reports === 1 ? 'is' : 'are'} not from it: ` +
    `written from ${from}${sum.contradicting > 0 ? `, ${sum.contradicting} against what ${name} really reported` : ''}.`;
  return [
    {
      kind: KIND,
      subject: reporter,
      severity: sum.contradicting > 0 ? 'high' : sum.mismatched >= MISMATCHED_REPORTS ? 'medium' : 'low',
      confidence: stated(
        sum.contradicting > 0 ? 0.95 : sum.mismatched > 0 ? 0.9 * witnessed(1 + sum.mismatched) : 0.7 * witnessed(unproven),
      ),
      first_day: since,
      last_day,
      summary: `Forged reports in the name of ${name}: ${count(sum.reports, 'report')} since ${since}`,
      evidence: {
        what,
        who: who.slice(0, WHO),
        senders: who.length,
        messages: sum.messages,
        of: sum.messages + genuine.messages,
        share: sum.messages / Math.max(1, sum.messages + genuine.messages),
        per_day: sum.messages / days.length,
        since,
        last_day,
        reporters: [reporter],
        delivered: 0,
        quarantined: 0,
        rejected: 0,
        reports: sum.reports,
        contradicting: sum.contradicting,
        advice: [
          'Nothing that these reports say is counted: findings and classes rest on proven reports alone.',
          `If ${name} itself wrote them, its mails lost their signature on the way: name the server that received them in trust.authserv_ids.`,
          sum.mismatched > 0
            ? 'If not, somebody wants you to see mail that was never sent, or not to see what was: refuse mail from that sender to the rua address.'
            : 'If not, somebody wants you to see mail that was never sent, or not to see what was. Who, is not known: the domain in the From field need not have to do with it.',
        ],
        query: forgedQuery(window.domain, reporter, since, last_day),
      },
    },
  ];
}

/** What is forged in the name of a reporter whose word decides nothing may be its own doing: it is recorded, and not mailed. */
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
      what: `${evidence.what} This rests on the word of ${short(reporter, 60)} alone, whose standing is ${standing}.`,
      resting_on: [{ reporter, standing }],
    },
  };
}

/** Who wrote them, by the domain of the From field: those who told of the most messages first. */
function sendersOf(rows: readonly ForgedDay[]): Culprit[] {
  const sums = new Map<string, number>();
  for (const row of rows) {
    const sender =
      row.sender === null ? 'nobody (no From field)' : row.mismatched > 0 ? row.sender : `${row.sender} (${UNPROVEN_FROM})`;
    sums.set(sender, (sums.get(sender) ?? 0) + row.messages);
  }
  return [...sums]
    .map(([source, messages]) => ({ source, messages }))
    .sort((a, b) => b.messages - a.messages || (a.source < b.source ? -1 : 1));
}
