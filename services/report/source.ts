import { networkOf } from './address.ts';
import { Aligner, type AlignmentPolicy, type Authenticated, spfCounts } from './alignment.ts';
import type { AggregateRecord, OverrideReason } from './model.ts';
import { organizationalDomain } from './orgdomain.ts';

/** What `sourceOf` looks at of a record. */
export interface SourceRecord extends Authenticated {
  source_ip: string | null;
  reasons: readonly OverrideReason[];
}

/** Who sent, in the terms of the model. */
export type Source = Pick<AggregateRecord, 'source' | 'forwarded' | 'foreign_dkim' | 'foreign_spf'>;

/** Override reasons by which the reporter itself says that the mail came through somebody else (RFC 7489 appendix C). */
const FORWARDING = new Set(['forwarded', 'trusted_forwarder', 'mailing_list']);

/**
 * What a person would call the sender of a record. It stays the same when a DKIM key of ours breaks, because it never rests on an
 * aligned identifier:
 *
 * 1. the organizational domain of the first SPF pass that belongs to somebody else (the mail service's bounce domain);
 * 2. else that of the first DKIM pass of somebody else (the mail service's own signature);
 * 3. else the network of `source_ip`, IPv4 /24 or IPv6 /48; "unknown" when there is no address.
 *
 * "Somebody else" means another organizational domain than the author's, whatever `adkim` and `aspf` say: under strict alignment
 * a subdomain of ours does not align, and still is ours.
 *
 * `forwarded` is true when the reporter says so: a reason `forwarded`, `trusted_forwarder` or `mailing_list`, or `local_policy` with
 * `arc=pass` in its comment. Nothing else in one record proves it. A foreign SPF pass beside our own signature is a forwarder
 * that rewrote the envelope, and just as well a mail service with its own bounce domain that signs as its customer (Postmark,
 * SparkPost); an own signature that fails is a mailing list's footer, and just as well a broken key; failing SPF beside a passing
 * signature is a forwarder that did not rewrite, and just as well a sender forgotten in the SPF record. Telling those
 * apart takes the other sources of the same domain, which the analyzer has.
 */
export function sourceOf(record: SourceRecord, policy: AlignmentPolicy | Aligner): Source {
  const aligner = policy instanceof Aligner ? policy : new Aligner(policy);
  const author = aligner.author(record);
  let foreign_dkim: string | null = null;
  let foreign_spf: string | null = null;
  for (const signature of record.auth.dkim) {
    if (signature.result !== 'pass' || signature.domain === null) continue;
    if (author === null || !aligner.related(signature.domain, author)) foreign_dkim ??= organizationalDomain(signature.domain);
  }
  const spf = record.auth.spf;
  for (const check of spf) {
    if (check.result !== 'pass' || check.domain === null || foreign_spf !== null || !spfCounts(check, spf)) continue;
    if (author === null || !aligner.related(check.domain, author)) foreign_spf = organizationalDomain(check.domain);
  }
  const forwarded = record.reasons.length > 0 && saysForwarded(record.reasons);
  const network = record.source_ip === null ? 'unknown' : null;
  const source = foreign_spf ?? foreign_dkim ?? network ?? networkOf(record.source_ip as string);
  return { source, forwarded, foreign_dkim, foreign_spf };
}

function saysForwarded(reasons: readonly OverrideReason[]): boolean {
  for (const reason of reasons) {
    if (reason.type === null) continue;
    if (FORWARDING.has(reason.type)) return true;
    if (reason.type === 'local_policy' && reason.comment !== null && /\barc\s*=\s*pass\b/i.test(reason.comment)) return true;
  }
  return false;
}
