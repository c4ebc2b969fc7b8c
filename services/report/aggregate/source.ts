import { networkOf } from '../address.ts';
import type { AggregateRecord, OverrideReason } from '../model.ts';
import { normalDomain } from '../orgdomain.ts';
import { type Aligner, type Authenticated, spfCounts } from './alignment.ts';

/** The parts of a record that its source depends on. */
export interface SourceRecord extends Authenticated {
  source_ip: string | null;
  reasons: readonly OverrideReason[];
}

/** Our own verdict on a record, in the terms of the model. */
export type Verdict = Pick<
  AggregateRecord,
  'dkim_aligned' | 'spf_aligned' | 'source' | 'forwarded' | 'foreign_dkim' | 'foreign_spf'
>;

/** Override reasons by which the reporter says that the mail was forwarded (RFC 7489 appendix C). */
const FORWARDING = new Set(['forwarded', 'trusted_forwarder', 'mailing_list']);

/** Services that add a signature with a domain of their own to their customers' mail, for feedback loops. */
const CARRIERS = new Set(['amazonses.com', 'mandrillapp.com', 'mtasv.net', 'sendgrid.info']);
/** Services whose customers sign with a name assigned by the service, such as "ours.onmicrosoft.com". */
const TENANTS = new Set(['gappssmtp.com', 'onmicrosoft.com']);

/**
 * Both alignments of a record (see Aligner), of which one is enough to pass DMARC (RFC 9989 section 4.4), and
 * `source`: what a person would call the sender. It stays the same when a DKIM key of ours breaks, because
 * it never depends on an aligned identifier:
 *
 * 1. the domain of a DKIM pass that belongs to somebody else; of several the most specific (see
 *    mostSpecific);
 * 2. else that of the first SPF pass of somebody else (a mail service's bounce domain, the envelope of a
 *    forwarder);
 * 3. else the network of `source_ip`, IPv4 /24 or IPv6 /48; "unknown" when there is no address.
 *
 * "Domain" is the organizational one, except for names that a service assigns to each of its customers (see
 * senderDomain). "Somebody else" means an organizational domain other than the author's, whatever `adkim` and
 * `aspf` say: under strict alignment a subdomain of ours does not align, but is still ours. The selector is
 * not part of the source: a rotated key would make a new one.
 *
 * `forwarded` is true when the reporter says so: a reason `forwarded`, `trusted_forwarder` or `mailing_list`,
 * or `local_policy` with `arc=pass` in its comment. Nothing else in one record proves it. A foreign SPF pass
 * beside our own signature may be a forwarder that rewrote the envelope, or a mail service with its own
 * bounce domain that signs as its customer (Postmark, SparkPost). A failing own signature may be a mailing
 * list's footer, or a broken key. Failing SPF beside a passing signature may be a forwarder that did not
 * rewrite the envelope, or a sender missing from the SPF record. Distinguishing these takes the other sources
 * of the same domain, which the analyzer has.
 */
export function verdictOf(record: SourceRecord, aligner: Aligner): Verdict {
  const author = aligner.author(record);
  const { dkim, spf } = record.auth;
  let spf_aligned = false;
  let foreign_spf: string | null = null;
  for (const check of spf) {
    if (check.result !== 'pass' || check.domain === null || !spfCounts(check, spf)) continue;
    const foreign = aligner.foreign(check.domain, author);
    if (foreign !== null) foreign_spf ??= senderDomain(check.domain, foreign);
    else spf_aligned ||= aligner.spf(check.domain, author);
  }
  let dkim_aligned = false;
  let foreign_dkim: string | null = null;
  let several: string[] | null = null;
  for (const signature of dkim) {
    if (signature.result !== 'pass' || signature.domain === null) continue;
    const foreign = aligner.foreign(signature.domain, author);
    if (foreign === null) {
      dkim_aligned ||= aligner.dkim(signature.domain, author);
      continue;
    }
    const domain = senderDomain(signature.domain, foreign);
    if (foreign_dkim === null) foreign_dkim = domain;
    else if (domain !== foreign_dkim) {
      several ??= [foreign_dkim];
      several.push(domain);
    }
  }
  if (several !== null) foreign_dkim = mostSpecific(several, foreign_spf);
  const forwarded = record.reasons.length > 0 && saysForwarded(record.reasons);
  const source = sourceFrom(foreign_dkim, foreign_spf, record.source_ip);
  return { dkim_aligned, spf_aligned, source, forwarded, foreign_dkim, foreign_spf };
}

/**
 * The source, from `foreign_dkim` and `foreign_spf` as `verdictOf` returns them, and the canonical address.
 */
function sourceFrom(foreign_dkim: string | null, foreign_spf: string | null, source_ip: string | null): string {
  return foreign_dkim ?? foreign_spf ?? (source_ip === null ? 'unknown' : networkOf(source_ip));
}

/**
 * Of several foreign domains that signed, the one that says most about who wrote the mail. Services that
 * carry the mail often sign as well, so the services known to sign twice are left out first, then the domain
 * that is also in the envelope (a service that signs as itself, a forwarder, a list). Of the rest, the first
 * in alphabetical order counts, as reporters list signatures in any order.
 */
function mostSpecific(domains: readonly string[], envelope: string | null): string {
  const authors = domains.filter((domain) => !CARRIERS.has(domain));
  const left = authors.length > 0 ? authors : domains;
  const others = left.filter((domain) => domain !== envelope);
  return [...(others.length > 0 ? others : left)].sort()[0]!;
}

/**
 * The organizational domain of a sender; where a service names its customers, the customer's name below that
 * of the service: "ours-example.20230601.gappssmtp.com" (the part between is of the key) is
 * "ours-example.gappssmtp.com".
 *
 * @param domain the organizational domain of `name`
 */
function senderDomain(name: string, domain: string): string {
  if (!TENANTS.has(domain)) return domain;
  const normal = normalDomain(name);
  return normal === domain ? domain : `${normal.slice(0, normal.indexOf('.'))}.${domain}`;
}

function saysForwarded(reasons: readonly OverrideReason[]): boolean {
  for (const reason of reasons) {
    if (reason.type === null) continue;
    if (FORWARDING.has(reason.type)) return true;
    if (reason.type === 'local_policy' && reason.comment !== null && /\barc\s*=\s*pass\b/i.test(reason.comment)) return true;
  }
  return false;
}
