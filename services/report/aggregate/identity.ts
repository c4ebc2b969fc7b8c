import { createHash, type Hash, hash } from 'node:crypto';
import type { AggregateRecord, AggregateReport } from '../model.ts';
import { organizationalDomain } from '../orgdomain.ts';
import { domainOf, isReserved } from '../reporters/reporters.ts';
import type { ReportMetadata } from './metadata.ts';

/** Separators of the canonical form; none can occur in a value, as XML forbids them. */
const FIELD = '\x1f';
const ITEM = '\x1e';
const GROUP = '\x1d';
/** Characters gathered before they are hashed: many small updates cost more than the hashing. */
const GATHERED = 32_768;

/**
 * The content hash of a report, over its records as they come and its metadata last. Fields are in a fixed
 * order, repeated ones in document order, so that neither white space nor encoding nor the order of different
 * siblings changes the hash. Our own conclusions are not part of it.
 */
export class ContentHash {
  /** For a long report; a short one is hashed in one go, which spares the object. */
  private hash: Hash | null = null;
  private gathered = '';

  /**
   * Adds a record: its address (as sent, when it is none), its count, and `restOf` it. Returns how much text
   * it holds.
   */
  record(ip: string | null, count: number, rest: string): number {
    const line = `${ip ?? ''}${FIELD}${count}${rest}`;
    this.gathered += line;
    this.gathered += '\n';
    if (this.gathered.length >= GATHERED) {
      this.hash ??= createHash('sha256');
      this.hash.update(this.gathered);
      this.gathered = '';
    }
    return line.length;
  }

  /** SHA-256, hex. */
  finish(metadata: ReportMetadata, begin: number, end: number): string {
    const { policy } = metadata;
    const fields = [
      metadata.version,
      metadata.org_name,
      metadata.org_email,
      metadata.extra_contact_info,
      metadata.report_id,
      metadata.generator,
      metadata.errors.join(ITEM),
      begin,
      end,
      policy.domain,
      policy.adkim,
      policy.aspf,
      policy.p,
      policy.sp,
      policy.np,
      policy.pct,
      policy.fo,
      policy.testing,
      policy.discovery_method,
    ];
    const rest = `${this.gathered}\n${fields.join(FIELD)}`;
    return this.hash === null ? hash('sha256', rest) : this.hash.update(rest).digest('hex');
  }
}

/** Everything a record says but its address and count, in the canonical form. */
export function restOf(r: AggregateRecord): string {
  let rest = `${FIELD}${r.disposition ?? ''}${FIELD}${r.dkim ?? ''}${FIELD}${r.spf ?? ''}`;
  rest += `${FIELD}${r.header_from ?? ''}${FIELD}${r.envelope_from ?? ''}${FIELD}${r.envelope_to ?? ''}`;
  for (const reason of r.reasons) rest += `${GROUP}${reason.type ?? ''}${ITEM}${reason.comment ?? ''}`;
  rest += FIELD;
  for (const d of r.auth.dkim) {
    rest += `${GROUP}${d.domain ?? ''}${ITEM}${d.selector ?? ''}${ITEM}${d.result ?? ''}${ITEM}${d.human_result ?? ''}`;
  }
  rest += FIELD;
  for (const s of r.auth.spf) {
    rest += `${GROUP}${s.domain ?? ''}${ITEM}${s.scope ?? ''}${ITEM}${s.result ?? ''}${ITEM}${s.human_result ?? ''}`;
  }
  return rest;
}

/**
 * What distinguishes reporters of the same name, so that nobody can supersede another's report by using the
 * same name: the domain of the address, unless the name already says it, or is one that nobody else can prove
 * (reporters.ts). A proven mail shares at least one of the two.
 */
function besideName({ org_name, org_email }: ReportMetadata): string {
  const domain = org_name === null ? null : domainOf(org_email);
  if (domain === null || isReserved(org_name!)) return '';
  const [name, organization] = [domainOf(org_name), organizationalDomain(domain)];
  return name !== null && organizationalDomain(name) === organization ? '' : `${ITEM}${organization}`;
}

/**
 * Who reported on what, when, under which id (docs/schema.md, "Words"): SHA-256, hex. For a report without
 * an id, its content counts.
 */
export function identityOf(
  metadata: ReportMetadata,
  { domain, begin, end, content_hash }: Pick<AggregateReport, 'domain' | 'begin' | 'end' | 'content_hash'>,
): string {
  const reporter = (metadata.org_name ?? metadata.org_email ?? '').toLowerCase() + besideName(metadata);
  const id = metadata.report_id ?? `content ${content_hash}`;
  return hash('sha256', [reporter, domain, id, begin, end].join(FIELD));
}
