import type { AggregateRecord, DkimAuth, PolicyPublished, SpfAuth } from '../model.ts';
import { isPublicSuffix, normalDomain, organizationalDomain } from '../orgdomain.ts';

/** The parts of a record that alignment depends on. */
export interface Authenticated {
  header_from: string | null;
  auth: { dkim: readonly DkimAuth[]; spf: readonly SpfAuth[] };
}

/** The parts of a policy that alignment depends on. */
export type AlignmentPolicy = Pick<PolicyPublished, 'domain' | 'adkim' | 'aspf' | 'discovery_method'>;

/**
 * Decides identifier alignment under one published policy (RFC 7489 section 3.1, RFC 9989 section 4.4).
 *
 * Strict (`s`) compares whole names, relaxed (`r`, and anything else, it being the default) organizational
 * domains. These come from the public suffix list (RFC 7489 section 3.2) when `discovery_method` is `psl` or
 * absent. For `treewalk` the receiver walked the DNS (RFC 9989 section 4.10), which cannot be repeated for a
 * past day. The report names the domain at which the walk found the policy: names at or below it share an
 * organizational domain, unless it is a public suffix (a PSD record speaks for many organizations); other
 * names are compared by the public suffix list. This differs from a true walk only where a domain below the
 * organizational one publishes `psd=n`, or a record was found at a name under a suffix that the list does not
 * have.
 *
 * A record without `header_from` is evaluated with the policy domain in its place: the policy was found for
 * that domain.
 */
export class Aligner {
  private readonly strictDkim: boolean;
  private readonly strictSpf: boolean;
  private readonly policyDomain: string | null;
  /** The domain the tree walk found, when it can stand for an organization. */
  private readonly walked: string | null;
  /** The author asked about last, and its organizational domain: most records of a report have the same. */
  private lastAuthor: string | null = null;
  private organization = '';

  constructor(policy: AlignmentPolicy) {
    this.strictDkim = policy.adkim === 's';
    this.strictSpf = policy.aspf === 's';
    this.policyDomain = policy.domain;
    this.walked =
      policy.discovery_method === 'treewalk' && policy.domain !== null && !isPublicSuffix(policy.domain)
        ? normalDomain(policy.domain)
        : null;
  }

  /**
   * The name that the record is evaluated against: RFC5322.From, or the policy domain when the report does
   * not say.
   */
  author(record: Authenticated): string | null {
    return record.header_from ?? this.policyDomain;
  }

  /** Whether a DKIM `d=` domain aligns with the author's. */
  dkim(domain: string | null, author: string | null): boolean {
    return this.aligned(domain, author, this.strictDkim);
  }

  /** Whether an SPF domain aligns with the author's. */
  spf(domain: string | null, author: string | null): boolean {
    return this.aligned(domain, author, this.strictSpf);
  }

  /**
   * The organizational domain of a name that belongs to another organization than the author, whatever the
   * alignment mode: what separates "foreign" from "own". Null when both belong to one.
   */
  foreign(domain: string, author: string | null): string | null {
    if (domain === author) return null;
    const top = organizationalDomain(domain);
    if (author === null) return top;
    if (author !== this.lastAuthor) {
      this.lastAuthor = author;
      this.organization = organizationalDomain(author);
    }
    if (top === this.organization) return null;
    return this.walked !== null && atOrBelow(domain, this.walked) && atOrBelow(author, this.walked) ? null : top;
  }

  private aligned(domain: string | null, author: string | null, strict: boolean): boolean {
    if (domain === null || author === null) return false;
    return strict ? domain === author || normalDomain(domain) === normalDomain(author) : this.foreign(domain, author) === null;
  }
}

/**
 * Whether an SPF result speaks for DMARC: scope `mfrom`, or none given. `helo` counts only when the report
 * has no other result, which is how a null reverse-path looks: its identity is postmaster at the HELO name
 * (RFC 7208 section 2.4, RFC 7489 section 3.1.2).
 */
export function spfCounts(check: SpfAuth, all: readonly SpfAuth[]): boolean {
  if (check.scope !== 'helo') return true;
  for (const other of all) if (other.scope !== 'helo') return false;
  return true;
}

/** DMARC passes when either mechanism passes with an aligned domain; it fails only when both fail. */
export function dmarcPass(alignment: Pick<AggregateRecord, 'dkim_aligned' | 'spf_aligned'>): boolean {
  return alignment.dkim_aligned || alignment.spf_aligned;
}

function atOrBelow(name: string, top: string): boolean {
  const normal = normalDomain(name);
  return normal === top || normal.endsWith(`.${top}`);
}
