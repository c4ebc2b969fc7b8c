import { earlier } from '../../shared/days.ts';
import { type Candidate, type KnownFinding, recordsQuery, type Severity } from '../../store/findings/findings.ts';
import { publishedTag } from '../policy.ts';
import { passesOn } from '../sources/identity.ts';
import { stated, wilson, witnessed, witnesses } from '../statistics/confidence.ts';
import { failingRun, passesAgainSince } from '../statistics/series.ts';
import { shareTail } from '../statistics/tails.ts';
import { count, short } from '../text.ts';
import {
  type Counts,
  days,
  failedOf,
  isEvidence,
  judgedDays,
  judgedRows,
  openOf,
  reportersOf,
  type SourceWindow,
  saidToForward,
  settledUntil,
  signerOf,
  total,
} from '../window.ts';
import { DENIED } from './broken_senders.ts';
import type { SourceRule } from './rule.ts';
import { DOMAIN_DAYS, silent } from './silence.ts';

const KIND = 'alignment_failure';
/** Fewer than this in the recent report days are a person's auto-forward or a test, not a service. */
const LEAST = 20;
/** How the share that passes varies from source to source where it is half: Beta with twice this sum of parameters. */
const PRIOR_HALF = 10;
/** Below this share of the domain's mail, an unmarked forwarder is nearly as likely. */
const SMALL = 0.01;

/**
 * A service that authenticates its mail, but not as the domain (RFC 9989 section 4.4): SPF passes for its own bounce domain, DKIM
 * for its own `d=`, and neither aligns. Typically a mail service that was bought and not set up. Per source.
 *
 * Not for forwarders and mailing lists, which look the same and which nobody can set up (RFC 9989 section 7.4), nor for a source that
 * used to pass: that is authentication_regression's.
 *
 * Most of its mail must fail, by more than chance: a source of which half does would have to be this lopsided with the chance `level` (beta-binomial).
 *
 * Of a source that a person approved, mail that nothing authenticates counts too: it is a rightful sender that is not set up at all.
 */
export const alignmentFailure: SourceRule = {
  kind: KIND,
  scope: 'source',
  severity: ['low', 'medium', 'high'],
  tested: true,
  find,
  over,
};

function find(window: SourceWindow): Candidate[] {
  // Whatever a denied sender does, no advice helps it to pass; and one cause is one finding.
  if (window.listed?.verdict === 'denied' || window.broken) return [];
  const { domain, source } = window;
  const settled = settledUntil(window.known, KIND, source);
  const recentDays = new Set(window.domainDays.map((day) => day.day));
  const open = openOf(window.known, KIND, source);
  // Of days that are half told, most of the source's mail may be untold as well.
  const rows = open ? window.rows : judgedRows(window);
  const recent = rows.filter((row) => recentDays.has(row.day) && row.day > settled);
  const sum = total(recent);
  const approved = window.listed?.verdict === 'approved';
  const failing = (row: Pick<Counts, 'failed_authenticated' | 'failed_unauthenticated'>) =>
    approved ? failedOf(row) : row.failed_authenticated;
  if (failing(sum) <= sum.messages / 2 || saidToForward(sum) || passesOn(window.sender)) return [];

  const bad = recent.filter((row) => failing(row) > 0);
  const badDays = [...new Set(bad.map((row) => row.day))].sort();
  const reporters = reportersOf(bad);
  const seen = { messages: failing(sum), reporters, days: badDays.length };
  if (!open && (seen.messages < LEAST || !isEvidence(seen, window.domainDays))) return [];
  const chance = shareTail(seen.messages, sum.messages, PRIOR_HALF, PRIOR_HALF);
  if (!open && chance >= window.level) return [];
  // What has been put right must not be raised from the days before.
  if (failingRun(days(recent)).length === 0 && passesAgainSince(days(recent), badDays.at(-1)!) !== null) return [];

  const first = [...new Set(window.rows.filter((row) => failing(row) > 0 && row.day > settled).map((row) => row.day))].sort()[0]!;
  const since = open ? earlier(open.first_day, first) : first;
  const last_day = badDays.at(-1)!;
  const messages = failing(sum);
  const mechanism = mechanismOf(sum);
  const signer = signerOf(bad);
  const domainMessages = window.domainDays.reduce((n, day) => n + day.messages, 0);
  const small = !approved && messages < SMALL * domainMessages;
  const bare = sum.failed_unauthenticated > sum.failed_authenticated;
  const as = {
    spf: `SPF passes for ${short(source)}`,
    dkim: `DKIM passes for d=${short(signer ?? source)}`,
    both: `SPF passes for its return path and DKIM for d=${short(signer ?? source)}`,
  }[mechanism];
  return [
    {
      kind: KIND,
      subject: source,
      severity: severityOf(messages, sum, small),
      confidence: stated(wilson(messages, sum.messages) * witnessed(witnesses(bad)) * (small ? 0.6 : 1)),
      first_day: since,
      last_day,
      summary: bare
        ? `${short(source)}, approved to send as ${short(domain)}, is not set up: ${count(messages, 'message')} since ${since} fail DMARC (neither SPF nor DKIM passes)`
        : `${short(source)} sends as ${short(domain)} but authenticates as itself: ${count(messages, 'message')} since ${since} fail DMARC (${MECHANISM[mechanism]})`,
      evidence: {
        what: bare
          ? `${count(messages, 'message')} of ${short(source)} in the name of ${short(domain)} have neither a passing SPF nor a passing DKIM; the list of senders approves it (${short(window.listed!.by_name, 40)}).`
          : `${count(messages, 'message')} of ${short(source)} in the name of ${short(domain)} authenticate as somebody else: ${as}, and neither aligns with ${short(domain)}.`,
        who: [{ source, messages, delivered: Math.min(messages, sum.failed_delivered) }],
        senders: 1,
        messages,
        of: sum.messages,
        share: messages / sum.messages,
        per_day: messages / badDays.length,
        chance: Number(chance.toPrecision(3)),
        since,
        last_day,
        reporters,
        delivered: Math.min(messages, sum.failed_delivered),
        quarantined: Math.min(messages, sum.quarantined),
        rejected: Math.min(messages, sum.rejected),
        mechanism: bare ? 'both' : mechanism,
        advice: bare
          ? [
              `Let ${short(source)} sign with DKIM (d=${short(domain)}) and publish its key under _domainkey.${short(domain)}.`,
              `Also let its return path (MAIL FROM) be at ${short(domain)}, and add its addresses to the SPF record there.`,
            ]
          : adviceOf(window, signer, small),
        query: recordsQuery({ domain, source, from: badDays[0]!, to: last_day, rows: 'failing' }),
      },
    },
  ];
}

/** Resolved when the source's mail passes again, or when it has sent none that fails for as long as the rule looks back. */
function over(finding: KnownFinding, window: SourceWindow): string | null {
  if (window.listed?.verdict === 'denied') return DENIED;
  if (window.broken) return 'It used to pass: see authentication_regression.';
  const again = passesAgainSince(days(judgedRows(window)), finding.last_day);
  if (again !== null) return `Its mail passes DMARC since ${again}.`;
  return silent(finding, judgedDays(window), DOMAIN_DAYS) ? `No such mail on the last ${DOMAIN_DAYS} report days.` : null;
}

const MECHANISM = { spf: 'SPF passes unaligned', dkim: 'DKIM passes unaligned', both: 'SPF and DKIM pass unaligned' };

function mechanismOf(sum: Counts): 'spf' | 'dkim' | 'both' {
  const spf = sum.failed_foreign_spf >= sum.failed_authenticated / 2;
  const dkim = sum.failed_foreign_dkim >= sum.failed_authenticated / 2;
  if (spf && dkim) return 'both';
  if (spf === dkim) return sum.failed_foreign_spf >= sum.failed_foreign_dkim ? 'spf' : 'dkim';
  return spf ? 'spf' : 'dkim';
}

/** A rightful sender whose mail is turned away hurts now; one whose mail still arrives hurts on the day the policy is tightened. */
function severityOf(messages: number, sum: Counts, small: boolean): Severity {
  if (small) return 'low';
  const lost = (sum.quarantined + sum.rejected) / sum.messages;
  if (messages >= 100) return lost >= 0.5 ? 'high' : 'medium';
  return lost >= 0.5 ? 'medium' : 'low';
}

function adviceOf(window: SourceWindow, signer: string | null, small: boolean): string[] {
  const domain = short(window.domain);
  const source = short(window.source);
  const p = publishedTag(window.policy, 'p');
  const strict = publishedTag(window.policy, 'aspf') === 's';
  return [
    window.sender?.align
      ? `If you use ${window.sender.name}: ${window.sender.align} (${window.sender.source ?? 'see its documentation'})`
      : `If ${source} sends for you, let it sign with d=${domain}: turn on custom DKIM (its "domain authentication") and publish the key it names under ${domain}${signer === null ? '' : `; now it signs with d=${short(signer)}`}.`,
    strict
      ? `SPF alignment is strict (aspf=s): its return path (MAIL FROM) would have to be exactly @${domain}; rely on DKIM, or relax aspf.`
      : `Also give it a custom return path (MAIL FROM) at a subdomain such as bounce.${domain}, so that SPF aligns.`,
    small
      ? 'At this volume it may as well be a forwarder or mailing list, for which nothing is to be set up.'
      : `If you do not know it, somebody uses it in your name${p === null || p === 'reject' ? '' : `, and p=${p} lets them`}: report the abuse to ${source}.`,
  ];
}
