import type { Ending } from '../../findings/end-reasons.ts';
import type { AlignmentFacts } from '../../findings/kinds/alignment_failure.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { addDays, earlier } from '../../shared/days.ts';
import { publishedTag } from '../../shared/policy.ts';
import { rankOf, type Severity } from '../../shared/severity.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { recordsQuery } from '../../store/findings/kind-queries.ts';
import type { Sender } from '../senders/catalogue.ts';
import { mayRelay, type RelayedBy, relayedBy } from '../sources/relays.ts';
import { certainty, witnesses } from '../statistics/confidence.ts';
import { failingRun, passesAgainSince } from '../statistics/series.ts';
import { shareTail } from '../statistics/tails.ts';
import type { SourceRule } from './rule.ts';
import { DOMAIN_DAYS, silent } from './silence.ts';
import {
  type Counts,
  coveredDays,
  coveredRows,
  days,
  failedOf,
  isEvidence,
  openOf,
  reportersOf,
  rounded,
  type SourceWindow,
  settledUntil,
  signerOf,
  total,
} from './window.ts';

const KIND = 'alignment_failure';
/** Fewer than this in the recent report days are a person's auto-forward or a test, not a service. */
export const LEAST = 20;
/**
 * So few will do of a stranger who was never seen before, where none of the others that a domain has brought
 * nearly as much: a dozen letters to pay are an attack that no botnet's size betrays.
 */
const LEAST_OF_STRANGER = 12;
const BEYOND_STRAYS = 3;
/** So many days the domain must have been reported on, that "never seen" says something. */
const HISTORY = 21;
/**
 * How the share that passes varies from source to source where it is half: Beta with twice this sum of
 * parameters.
 */
const PRIOR_HALF = 10;
/**
 * So many networks, none of which has more than this part of the mail, are rented to send a little from each.
 */
const SCATTERED = 5;
const LARGEST = 0.5;
/** How likely a forwarder that nothing marks is, where little mail is concerned. */
const UNMARKED = 0.4;
/** Below this share of the domain's mail, an unmarked forwarder is nearly as likely. */
const SMALL = 0.01;

/**
 * A service that authenticates its mail, but not as the domain (RFC 9989 section 4.4): SPF passes for its own
 * bounce domain, DKIM for its own `d=`, and neither aligns. Typically a mail service that was bought and not
 * set up. Per source.
 *
 * Forwarders and mailing lists that keep the author's From look the same, and nobody can set them up (RFC
 * 9989 section 7.4, RFC 7960): they are for information. Not for a source that used to pass: that is
 * authentication_regression's.
 *
 * Most of its mail must fail, by more than chance: a source of which half does would have to be this lopsided
 * with the chance `level` (beta-binomial).
 *
 * Of a source that a person approved, mail that nothing authenticates counts too: it is a rightful sender
 * that is not set up at all.
 */
export const alignmentFailure: SourceRule = {
  kind: KIND,
  scope: 'source',
  severity: ['info', 'low', 'medium', 'high'],
  tested: true,
  yieldsTo: ['unauthorized_source'],
  find,
  over,
};

function find(window: SourceWindow): Candidate[] {
  // Whatever a denied sender does, no advice helps it to pass; and one cause is one finding.
  if (window.listed?.verdict === 'denied' || window.broken) return [];
  const open = openOf(window.known, KIND, window.source);
  const failure = failureOf(window, open);
  return failure === null ? [] : [candidateOf(window, failure, open)];
}

/** The recent mail of a source, most of which fails. */
interface Failure {
  sum: Counts;
  /** Messages that fail. */
  messages: number;
  /** By what it is known to pass on mail of others; null when it is not. */
  via: RelayedBy | null;
  /** Rows and days with mail that fails. */
  rows: readonly SourceDay[];
  days: readonly string[];
  reporters: string[];
  /** Chance that a source of which half fails is this lopsided. */
  chance: number;
  /** Nobody of ours, nor anything that passes on our mail. */
  stranger: boolean;
}

/** The failure of a source; null when too little of its mail fails, or nobody can set it up. */
function failureOf(window: SourceWindow, open: KnownFinding | undefined): Failure | null {
  const settled = settledUntil(window.known, KIND, window.source);
  const recentDays = new Set(window.domainDays.map((day) => day.day));
  // On a day reported in part, most of the source's mail may be missing too.
  const rows = open ? window.rows : coveredRows(window);
  const recent = rows.filter((row) => recentDays.has(row.day) && row.day > settled);
  const sum = total(recent);
  const via = relayedBy({ ...window, relayed: total(recent).failed_signed > 0 ? window.relayed : 0 }, sum);
  const bears = via === null ? (row: Counts) => failing(window, row) : (row: Counts) => row.messages - row.passed;
  const messages = bears(sum);
  // What a person approved is a sender, whatever it looks like.
  if (messages <= sum.messages / 2 || (via !== null && isApproved(window))) return null;

  const stranger = !open && via === null && isStranger(window, sum);
  const bad = recent.filter((row) => bears(row) > 0);
  const badDays = [...new Set(bad.map((row) => row.day))].sort();
  const reporters = reportersOf(bad);
  const least = stranger ? LEAST_OF_STRANGER : LEAST;
  if (!open && (messages < least || !isEvidence({ messages, reporters, days: badDays.length }, window.domainDays))) return null;
  const chance = shareTail(messages, sum.messages, PRIOR_HALF, PRIOR_HALF);
  if (!open && !stranger && chance >= window.level) return null;
  // What has been put right must not be raised from the days before.
  if (failingRun(days(recent)).length === 0 && passesAgainSince(days(recent), badDays.at(-1)!) !== null) return null;
  return { sum, messages, via, rows: bad, days: badDays, reporters, chance, stranger: stranger || staysStranger(open, sum) };
}

/**
 * Whether it is somebody never seen before who has nothing of ours: no signature, not even a broken one,
 * which what passes on our mail would have, and more mail than any of the strays (web forms of others, tests)
 * that every domain has.
 */
function isStranger(window: SourceWindow, sum: Counts): boolean {
  const { sender, listed, own, strays, attendance } = window;
  if (strays == null || sender !== null || listed !== null || own || sum.passed > 0 || sum.failed_signed > 0) return false;
  const first = window.rows.map(({ day }) => day).sort()[0]!;
  const days = window.domainDays.map(({ day }) => day).sort();
  if (first < days[0]! || attendance.first === '' || attendance.first > addDays(first, -HISTORY)) return false;
  return sum.messages >= BEYOND_STRAYS * strays;
}

/** What was reported as a stranger's is so until some of it is ours. */
function staysStranger(open: KnownFinding | undefined, sum: Counts): boolean {
  const facts = open?.evidence.facts;
  return facts?.rule === KIND && facts.stranger === true && sum.passed === 0 && sum.failed_signed === 0;
}

/**
 * Messages that count as failing: of an approved source or an own server, those that nothing authenticates
 * too.
 */
function failing(window: SourceWindow, row: Pick<Counts, 'failed_authenticated' | 'failed_unauthenticated'>): number {
  return isApproved(window) || window.own || window.outgrown ? failedOf(row) : row.failed_authenticated;
}

function isApproved({ listed }: SourceWindow): boolean {
  return listed?.verdict === 'approved';
}

function candidateOf(window: SourceWindow, failure: Failure, open: KnownFinding | undefined): Candidate {
  const { domain, source } = window;
  const { sum, messages, via, rows, days: badDays, reporters, chance, stranger } = failure;
  const since = sinceOf(window, open, badDays[0]!);
  const told = sumSince(window, failure, since);
  const last_day = badDays.at(-1)!;
  const approved = isApproved(window);
  const domainMessages = window.domainDays.reduce((n, day) => n + day.messages, 0);
  // No forwarder sends through a service for newsletters.
  const unmarked = window.sender === null || mayRelay(window.sender);
  const small = unmarked && !approved && !window.own && !window.outgrown && messages < SMALL * domainMessages;
  const bare = sum.failed_unauthenticated > sum.failed_authenticated;
  return {
    kind: KIND,
    subject: source,
    severity: via === null ? unlessAtPace(open, severityOf(messages, sum, small), failure) : 'info',
    ...(via !== null && { lasting: true as const }),
    confidence: certainty({
      chance: open ? Math.min(chance, open.evidence.chance ?? 1) : chance,
      otherwise: small && via === null && !stranger ? UNMARKED : 0,
      witnesses: witnesses(rows),
    }),
    first_day: since,
    last_day,
    evidence: {
      who: [{ source, messages: told.messages, delivered: told.delivered }],
      senders: 1,
      ...told,
      share: told.messages / told.of,
      per_day: messages / badDays.length,
      chance: rounded(chance),
      since,
      ...beforeThat(window, since),
      last_day,
      reporters,
      mechanism: bare ? 'both' : mechanismOf(sum),
      facts: {
        rule: KIND,
        bare,
        admitted_by: window.own ? (window.admittedBy ?? null) : null,
        outgrown: bare && window.outgrown ? { name: window.outgrown.name, include: window.outgrown.include[0] ?? null } : null,
        approved_by: approved ? window.listed!.by_name : null,
        signer: signerOf(rows),
        small,
        ...(stranger && { stranger }),
        scattered: scatteredOf(window, failure),
        relayed_by: via,
        p: publishedTag(window.policy, 'p'),
        strict_spf: publishedTag(window.policy, 'aspf') === 's',
        strict_dkim: strictOf(window, signerOf(rows)),
        service: serviceOf(window.sender, domain),
      },
      query: recordsQuery({ domain, source, from: since, to: last_day, rows: 'failing' }),
    },
  };
}

/** What is reported about it: all since it began, however far the days reach that it is judged by. */
function sumSince(window: SourceWindow, { via }: Failure, since: string) {
  const sum = total(window.rows.filter(({ day }) => day >= since));
  const messages = via === null ? failing(window, sum) : sum.messages - sum.passed;
  return {
    messages,
    of: sum.messages,
    delivered: Math.min(messages, sum.failed_delivered),
    quarantined: Math.min(messages, sum.quarantined),
    rejected: Math.min(messages, sum.rejected),
  };
}

/**
 * Where the days that are looked at begin with it: since when the source was seen, as nobody knows how long
 * it was so.
 */
function beforeThat({ rows, firstSeen }: SourceWindow, since: string): { sent_since?: string } {
  const begins = rows.every(({ day }) => day >= since);
  return begins && firstSeen !== null && firstSeen < since ? { sent_since: firstSeen } : {};
}

/**
 * The signing domain, where it is another name of the domain's organization and strict alignment alone keeps
 * it out.
 */
function strictOf({ domain, policy }: SourceWindow, signer: string | null): string | null {
  const strict = publishedTag(policy, 'adkim') === 's';
  return strict && signer !== null && organizationalDomain(signer) === organizationalDomain(domain) ? signer : null;
}

/**
 * The number of networks behind an unknown sender that looks like a forger's snowshoe: a little from each of
 * many, none of which sends mail of ours, under a name that has nothing of ours. Null where it does not.
 */
function scatteredOf({ domain, source, sender, scatter, own, listed }: SourceWindow, { sum, via }: Failure): number | null {
  if (!scatter || sender !== null || own || via !== null || listed !== null || sum.passed > 0) return null;
  const labelOf = (name: string) => organizationalDomain(name).split('.')[0]!;
  if (scatter.networks < SCATTERED || scatter.shared > 0 || labelOf(source).includes(labelOf(domain))) return null;
  return scatter.most <= LARGEST * sum.messages ? scatter.networks : null;
}

/** The first day of the window with mail that fails, or that of the open finding. */
function sinceOf(window: SourceWindow, open: KnownFinding | undefined, seen: string): string {
  const settled = settledUntil(window.known, KIND, window.source);
  const bad = window.rows.filter((row) => failing(window, row) > 0 && row.day > settled);
  const first = bad.map((row) => row.day).sort()[0] ?? seen;
  return open ? earlier(open.first_day, first) : first;
}

/**
 * Resolved when the source's mail passes again, or when it has sent none that fails for as long as the rule
 * looks back.
 */
function over(finding: KnownFinding, window: SourceWindow): Ending | null {
  if (window.listed?.verdict === 'denied') return { reason: 'denied' };
  if (window.broken) return { reason: 'regressed' };
  const again = passesAgainSince(days(coveredRows(window)), finding.last_day);
  if (again !== null) return { reason: 'passes', since: again };
  return silent(finding, coveredDays(window), DOMAIN_DAYS) ? { reason: 'no_such_mail', days: DOMAIN_DAYS } : null;
}

function mechanismOf(sum: Counts): 'spf' | 'dkim' | 'both' {
  const spf = sum.failed_foreign_spf >= sum.failed_authenticated / 2;
  const dkim = sum.failed_foreign_dkim >= sum.failed_authenticated / 2;
  if (spf && dkim) return 'both';
  return sum.failed_foreign_spf >= sum.failed_foreign_dkim ? 'spf' : 'dkim';
}

/**
 * A rightful sender whose mail is turned away hurts now; one whose mail still arrives hurts on the day the
 * policy is tightened.
 */
function severityOf(messages: number, sum: Counts, small: boolean): Severity {
  if (small) return 'low';
  const lost = (sum.quarantined + sum.rejected) / sum.messages;
  if (messages >= 100) return lost >= LOST ? 'high' : 'medium';
  return lost >= LOST ? 'medium' : 'low';
}

/** So much faster, it is more than what goes on. */
const FASTER = 2;
/** From this part of its mail on, receivers turn it away. */
const LOST = 0.5;

/**
 * What is reported already and goes on as it was, at its pace and with its fate, does not become more severe
 * from day to day.
 */
function unlessAtPace(open: KnownFinding | undefined, severity: Severity, { messages, days, sum }: Failure): Severity {
  if (!open || open.severity === 'info' || rankOf(severity) <= rankOf(open.severity)) return severity;
  const { per_day, quarantined, rejected, messages: before } = (open.told ?? open).evidence;
  const wasLost = quarantined + rejected >= LOST * before;
  const isLost = sum.quarantined + sum.rejected >= LOST * sum.messages;
  return messages / days.length < FASTER * per_day && wasLost === isLost ? open.severity : severity;
}

function serviceOf(sender: Sender | null, domain: string): AlignmentFacts['service'] {
  if (!sender?.align) return null;
  const { name, align, source, records } = sender;
  const of = (text: string) => text.replaceAll('{domain}', domain);
  const publish = records.map((one) => ({ name: of(one.name), type: one.type, value: of(one.value) }));
  return { name, align, source: source ?? null, ...(publish.length > 0 && { publish }) };
}
