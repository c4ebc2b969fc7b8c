import type { SourceDay } from '../../store/analysis.ts';
import { type Candidate, type KnownFinding, recordsQuery, type Severity } from '../../store/findings.ts';
import { stated, wilson, witnessed, witnesses } from '../confidence.ts';
import { failingRun, passesAgainSince } from '../series.ts';
import { count, number, percent, short } from '../text.ts';
import {
  type Counts,
  type Day,
  days,
  failedOf,
  isWeekend,
  later,
  openOf,
  reportersOf,
  type SourceWindow,
  settledUntil,
  total,
} from '../window.ts';
import { DOMAIN_DAYS, silent } from './silence.ts';

const KIND = 'authentication_regression';
/** The clear before: on at least so many of the last mail days before the change, so many messages, this share passing. */
const BEFORE_DAYS = 5;
const BEFORE_LOOK = 14;
const BEFORE_MESSAGES = 20;
const BEFORE_SHARE = 0.8;
/** The clear after. */
const AFTER_DAYS = 2;
const AFTER_MESSAGES = 20;
const AFTER_SHARE = 0.6;
/** The passing mail must be gone, not outnumbered: at most this part of what those days used to bring. */
const LEFT = 0.5;

/**
 * A source whose mail passed until a day and fails since (RFC 9989 section 5.1.6 asks to mend such streams): a rotated key that
 * was not published, an SPF include that was dropped. Per source; it takes the place of alignment_failure and unauthorized_source.
 *
 * What must not look like it: a weekend (days without mail are no days; what a Saturday should bring is taken from Saturdays); a reporter
 * that always fails and is the only one left (only reporters that saw the source pass before are heard); one reporter's own
 * trouble (half of those must agree); a spoofer in the network of a sender (its passing mail goes on).
 */
export function authenticationRegression(window: SourceWindow): Candidate[] {
  const open = openOf(window.known, KIND, window.source);
  if (open) return stillFailing(window, open);

  const all = days(window.rows);
  const run = failingRun(all);
  const change = run[0]?.day;
  if (change === undefined || run.at(-1)!.day <= settledUntil(window.known, KIND, window.source)) return [];
  const beforeDays = all.filter((day) => day.day < change).slice(-BEFORE_LOOK);
  const firstBefore = beforeDays[0]?.day;
  if (firstBefore === undefined) return [];

  const before = window.rows.filter((row) => row.day >= firstBefore && row.day < change);
  const after = window.rows.filter((row) => row.day >= change);
  const heard = witnessesOf(before, after);
  const beforeSum = total(before.filter((row) => heard.has(row.reporter)));
  const afterRows = after.filter((row) => heard.has(row.reporter));
  const afterSum = total(afterRows);
  const failing = failedOf(afterSum);

  const clearBefore =
    beforeDays.filter((day) => day.passed > day.failed).length >= BEFORE_DAYS &&
    beforeSum.passed >= BEFORE_MESSAGES &&
    beforeSum.passed >= BEFORE_SHARE * (beforeSum.passed + failedOf(beforeSum));
  const clearAfter =
    days(afterRows).filter((day) => day.failed > day.passed).length >= AFTER_DAYS &&
    failing >= AFTER_MESSAGES &&
    failing >= AFTER_SHARE * (afterSum.passed + failing);
  if (
    !clearBefore ||
    !clearAfter ||
    !passingMailGone(
      beforeDays,
      all.filter((day) => day.day >= change),
    )
  )
    return [];
  const agreeing = [...heard].filter((reporter) => mostlyFails(afterRows.filter((row) => row.reporter === reporter)));
  const present = new Set(afterRows.map((row) => row.reporter));
  if (agreeing.length * 2 < present.size) return [];

  const lastGood = beforeDays.findLast((day) => day.passed > day.failed)!.day;
  return [
    candidate(window, {
      since: change,
      lastGood,
      after,
      mechanism: mechanismOf(beforeSum, afterSum),
      before: `${percent(beforeSum.passed / (beforeSum.passed + failedOf(beforeSum)))} of ${count(beforeSum.passed + failedOf(beforeSum), 'message')} passed in the ${count(beforeDays.length, 'mail day')} before`,
      confidence: stated(
        wilson(failing, afterSum.passed + failing) * witnessed(witnesses(afterRows.filter((row) => failedOf(row) > 0))),
      ),
    }),
  ];
}

/** Resolved when the source passes again, or when it sends nothing that fails for as long as the rule looks. */
export function authenticationRegressionResolved(finding: KnownFinding, window: SourceWindow): string | null {
  const again = passesAgainSince(days(window.rows), finding.last_day);
  if (again !== null) return `Its mail passes DMARC again since ${again}.`;
  return silent(finding, window.domainDays, DOMAIN_DAYS)
    ? `It sent no failing mail on the last ${DOMAIN_DAYS} report days.`
    : null;
}

/** An open regression goes on as long as the newest mail fails, also when the good days have left the window. */
function stillFailing(window: SourceWindow, open: KnownFinding): Candidate[] {
  const after = window.rows.filter((row) => row.day >= open.first_day);
  if (failingRun(days(after)).length === 0) return [];
  const sum = total(after);
  return [
    candidate(window, {
      since: open.first_day,
      lastGood: open.evidence.last_good_day ?? open.first_day,
      after,
      mechanism: open.evidence.mechanism ?? 'both',
      before: null,
      confidence: stated(
        wilson(failedOf(sum), sum.passed + failedOf(sum)) * witnessed(witnesses(after.filter((row) => failedOf(row) > 0))),
      ),
    }),
  ];
}

function candidate(
  window: SourceWindow,
  found: {
    since: string;
    lastGood: string;
    after: readonly SourceDay[];
    mechanism: 'dkim' | 'spf' | 'both';
    before: string | null;
    confidence: number;
  },
): Candidate {
  const { domain, source } = window;
  const sum = total(found.after);
  const messages = failedOf(sum);
  const bad = found.after.filter((row) => failedOf(row) > 0);
  const last_day = bad.map((row) => row.day).reduce(later);
  const badDays = new Set(bad.map((row) => row.day)).size;
  const name = { dkim: 'DKIM', spf: 'SPF', both: 'DKIM and SPF' }[found.mechanism];
  return {
    kind: KIND,
    subject: source,
    severity: severityOf(messages, sum),
    confidence: found.confidence,
    first_day: found.since,
    last_day,
    summary: `Mail of ${short(domain)} through ${short(source)} stopped passing DMARC on ${found.since} (${name}): ${count(messages, 'message')} failed since`,
    evidence: {
      what: `${name} of ${short(source)} aligned with ${short(domain)} until ${found.lastGood} and ${found.mechanism === 'both' ? 'do' : 'does'} not since ${found.since}: ${number(messages)} of ${count(sum.messages, 'message')} fail${found.before === null ? '' : `; ${found.before}`}.`,
      who: [{ source, messages, delivered: Math.min(messages, sum.failed_delivered) }],
      senders: 1,
      messages,
      of: sum.messages,
      share: messages / sum.messages,
      per_day: messages / Math.max(1, badDays),
      since: found.since,
      last_day,
      reporters: reportersOf(bad),
      delivered: Math.min(messages, sum.failed_delivered),
      quarantined: Math.min(messages, sum.quarantined),
      rejected: Math.min(messages, sum.rejected),
      mechanism: found.mechanism,
      last_good_day: found.lastGood,
      advice: adviceOf(found.mechanism, short(domain), short(source), found.since),
      query: recordsQuery({ domain, source, from: found.since, to: last_day, rows: 'failing' }),
    },
  };
}

/** The reporters that saw the source pass before the change and reported on it after. */
function witnessesOf(before: readonly SourceDay[], after: readonly SourceDay[]): Set<string> {
  const saw = new Set(after.map((row) => row.reporter));
  const heard = new Set<string>();
  for (const reporter of saw) {
    const sum = total(before.filter((row) => row.reporter === reporter));
    if (sum.passed > 0 && sum.passed >= BEFORE_SHARE * (sum.passed + failedOf(sum))) heard.add(reporter);
  }
  return heard;
}

function mostlyFails(rows: readonly SourceDay[]): boolean {
  const sum = total(rows);
  return failedOf(sum) > sum.passed;
}

/** Whether the days after bring at most LEFT of the passing mail that days of their kind (weekday, weekend) used to bring. */
function passingMailGone(before: readonly Day[], after: readonly Day[]): boolean {
  const mean = (some: readonly Day[]) => some.reduce((n, day) => n + day.passed, 0) / some.length;
  let expected = 0;
  let came = 0;
  for (const day of after) {
    const alike = before.filter((other) => isWeekend(other.day) === isWeekend(day.day));
    expected += mean(alike.length > 0 ? alike : before);
    came += day.passed;
  }
  return came <= LEFT * expected;
}

/** Which mechanism carried the mail before and does not after. */
function mechanismOf(before: Counts, after: Counts): 'dkim' | 'spf' | 'both' {
  const share = (part: number, sum: Counts) => part / Math.max(1, sum.messages);
  const fell = (name: 'dkim_aligned' | 'spf_aligned') =>
    share(before[name], before) >= 0.5 && share(after[name], after) < share(before[name], before) / 2;
  const dkim = fell('dkim_aligned');
  const spf = fell('spf_aligned');
  if (dkim === spf) {
    if (dkim) return 'both';
    return before.dkim_aligned >= before.spf_aligned ? 'dkim' : 'spf';
  }
  return dkim ? 'dkim' : 'spf';
}

function severityOf(messages: number, sum: Counts): Severity {
  const lost = sum.quarantined + sum.rejected;
  if (lost >= 1000) return 'critical';
  if (messages >= 100 || lost >= 20) return 'high';
  return 'medium';
}

function adviceOf(mechanism: 'dkim' | 'spf' | 'both', domain: string, source: string, since: string): string[] {
  const dkim = `Compare the DKIM selector that ${source} signs with, and its public key, with what is published under _domainkey.${domain}: a key replaced on one side only is the usual cause.`;
  const spf = `Look at what changed in the SPF record of ${domain} around ${since} (a dropped include or address, more than 10 DNS lookups), and whether the return path (MAIL FROM) is still at ${domain}.`;
  return mechanism === 'dkim' ? [dkim] : mechanism === 'spf' ? [spf] : [dkim, spf];
}
