import { createHash, type Hash, hash } from 'node:crypto';
import { Bytes } from '../bytes.ts';
import type { AggregateReport } from '../model.ts';
import { organizationalDomain } from '../orgdomain.ts';
import { domainOf, isReserved } from '../reporters/reporters.ts';
import * as el from '../xml/report-elements.ts';
import type { RecordFields, Spans } from './record.ts';
import type { ReportMetadata } from './report-metadata.ts';

/** Separators of the canonical form; none can occur in a value, as XML forbids them. */
const FIELD = '\x1f';
const ITEM = '\x1e';
const [FIELD_OCTET, ITEM_OCTET, GROUP_OCTET] = [0x1f, 0x1e, 0x1d];
/** Octets gathered before they are hashed: many small updates cost more than the hashing. */
const GATHERED = 32_768;
const NOTHING_SPECIAL = new Uint8Array(0x80);
/** Where the values after the count begin among the single ones. */
const SAID = [el.DISPOSITION, el.E_DKIM, el.E_SPF, el.HEADER_FROM, el.ENVELOPE_FROM, el.ENVELOPE_TO].map(
  (what) => 2 * (what - el.SOURCE_IP),
);

/**
 * The content hash of a report, over its records as they come and its metadata last. Fields are in a fixed
 * order, repeated ones in document order, so that neither white space nor encoding nor the order of different
 * siblings changes the hash. Our own conclusions are not part of it.
 */
export class ContentHash {
  /** For a long report; a short one is hashed in one go, which spares the object. */
  private hash: Hash | null = null;
  private readonly gathered = new Bytes(1_024);

  /** Adds a record, its address as sent when it is none. Returns how many octets it holds. */
  record(record: RecordFields): number {
    const { gathered } = this;
    const before = gathered.used;
    const { singles, reasons, dkim, spf, codes } = record;
    this.value(codes, singles, 0);
    gathered.octet(FIELD_OCTET);
    gathered.decimal(record.count);
    for (const at of SAID) {
      gathered.octet(FIELD_OCTET);
      this.value(codes, singles, at);
    }
    this.groups(codes, reasons);
    gathered.octet(FIELD_OCTET);
    this.groups(codes, dkim);
    gathered.octet(FIELD_OCTET);
    this.groups(codes, spf);
    gathered.octet(10);
    const length = gathered.used - before;
    if (gathered.used >= GATHERED) {
      this.hash ??= createHash('sha256');
      this.hash.update(gathered.written);
      gathered.used = 0;
    }
    return length;
  }

  private groups(codes: Uint16Array, { at, used, size }: Spans): void {
    for (let k = 0; k < used; k += 2) {
      this.gathered.octet(k % size === 0 ? GROUP_OCTET : ITEM_OCTET);
      this.value(codes, at, k);
    }
  }

  private value(codes: Uint16Array, list: Int32Array, at: number): void {
    const from = list[at]!;
    if (from >= 0) this.gathered.characters(codes, from, list[at + 1]!, NOTHING_SPECIAL);
  }

  /** SHA-256, hex. */
  finish(metadata: ReportMetadata, begin: number, end: number): string {
    const fields = metadata.hashed(begin, end).map((field) => (Array.isArray(field) ? field.join(ITEM) : field));
    this.gathered.text(`\n${fields.join(FIELD)}`);
    const rest = this.gathered.written;
    return this.hash === null ? hash('sha256', rest) : this.hash.update(rest).digest('hex');
  }
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
