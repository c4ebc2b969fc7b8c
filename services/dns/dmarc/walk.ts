import type { AskOptions, Dns } from '../client/types.ts';
import { type DmarcRecord, isDmarc, type Policy, parseDmarc } from './record.ts';

/** A domain with more labels is queried once, and then from this many labels on (RFC 9989 section 4.10). */
const MOST_LABELS = 7;

/** What is published at `_dmarc` of one domain. */
export type WalkStep =
  | { domain: string; state: 'record'; record: DmarcRecord }
  | { domain: string; state: 'none' }
  /** Several DMARC records: they count as none. */
  | { domain: string; state: 'several'; texts: readonly string[] }
  /** Nobody could say; `message` is a sentence. */
  | { domain: string; state: 'unknown'; message: string };

/** The DNS tree walk from a domain upwards (RFC 9989 section 4.10). */
export interface Walk {
  domain: string;
  /** In the order of the queries, the domain itself first. */
  steps: readonly WalkStep[];
  /** Section 4.10.2; null when a name service that could not answer may have made the difference. */
  organizationalDomain: string | null;
}

/** The DMARC policy of a domain (RFC 9989 section 4.10.1). */
export type Discovery =
  | {
      state: 'found';
      record: DmarcRecord;
      /** Whose record it is: the domain, its organizational domain, or the public suffix domain above. */
      at: string;
      /**
       * The requested handling of mail that fails, and the tag that requests it; "none" where the tags are
       * invalid and a rua exists.
       */
      policy: Policy;
      tag: 'p' | 'sp' | 'np';
      /** Whether the domain exists; null when that does not matter and was not queried. */
      exists: boolean | null;
      /**
       * Null when a name service that could not answer may have made the difference; the policy is then that
       * of the domain's own record.
       */
      organizationalDomain: string | null;
      walk: Walk;
    }
  /**
   * DMARC does not apply. With `record`, there is one, but its policy is invalid and it requests no reports.
   */
  | { state: 'none'; record: DmarcRecord | null; walk: Walk }
  | { state: 'unknown'; message: string; walk: Walk };

/** The names that the walk asks at, longest first: at most eight. */
export function walkNames(domain: string): string[] {
  const labels = domain.replace(/\.$/, '').toLowerCase().split('.');
  const names = [labels.join('.')];
  for (let count = Math.min(MOST_LABELS, labels.length - 1); count > 0; count--) names.push(labels.slice(-count).join('.'));
  return names;
}

/** The DMARC records of one name, without any walk. */
async function dmarcAt(domain: string, dns: Dns, options: AskOptions = {}): Promise<WalkStep> {
  const answer = await dns.ask(`_dmarc.${domain}`, 'TXT', options);
  if (answer.state === 'unknown') return { domain, state: 'unknown', message: answer.message };
  if (answer.state !== 'records') return { domain, state: 'none' };
  const texts = answer.records.map((strings) => strings.join('')).filter(isDmarc);
  if (texts.length > 1) return { domain, state: 'several', texts };
  const record = texts[0] === undefined ? null : parseDmarc(texts[0]);
  return record === null ? { domain, state: 'none' } : { domain, state: 'record', record };
}

/** Walks up the tree from a domain until a record has psd=y or psd=n, or the names end. */
export async function walkTree(domain: string, dns: Dns, options: AskOptions = {}): Promise<Walk> {
  const steps: WalkStep[] = [];
  const names = walkNames(domain);
  for (const name of names) {
    const step = await dmarcAt(name, dns, options);
    steps.push(step);
    if (step.state === 'record' && step.record.psd !== 'u') break;
  }
  return { domain: names[0]!, steps, organizationalDomain: organizationalDomainOf(names[0]!, steps) };
}

/**
 * Section 4.10.2. An unknown step may have a record: nothing is concluded that such a record could change.
 */
function organizationalDomainOf(domain: string, steps: readonly WalkStep[]): string | null {
  if (steps.some((step) => step.state === 'unknown')) return null;
  const found = steps.flatMap((step) => (step.state === 'record' ? [step] : []));
  for (const { domain: at, record } of found) {
    if (record.psd === 'n') return at;
    if (record.psd === 'y' && at !== domain)
      return domain
        .split('.')
        .slice(-(at.split('.').length + 1))
        .join('.');
  }
  return found.at(-1)?.domain ?? domain;
}

/** Finds the policy that applies to mail from a domain. */
export async function discoverPolicy(domain: string, dns: Dns, options: AskOptions = {}): Promise<Discovery> {
  const walk = await walkTree(domain, dns, options);
  const unknown = walk.steps.find((step) => step.state === 'unknown');
  const first = walk.steps[0]!;
  const own = first.state === 'record' ? first : null;
  // The domain's own record applies, whatever is published above.
  if (own === null && (walk.organizationalDomain === null || unknown !== undefined)) {
    const message = unknown?.state === 'unknown' ? unknown.message : 'The name service gave no answer.';
    return { state: 'unknown', message, walk };
  }
  const at = (name: string) => walk.steps.find((step) => step.state === 'record' && step.domain === name);
  const psd = walk.steps.find((step) => step.state === 'record' && step.record.psd === 'y');
  const step = own ?? at(walk.organizationalDomain ?? walk.domain) ?? psd;
  if (step === undefined || step.state !== 'record') return { state: 'none', record: null, walk };
  const { record } = step;
  const told = { state: 'found', record, at: step.domain, organizationalDomain: walk.organizationalDomain, walk } as const;
  if (record.policyInvalid) {
    if (record.rua.length === 0) return { state: 'none', record, walk };
    return { ...told, policy: 'none', tag: 'p', exists: null };
  }
  if (step.domain === walk.domain) return { ...told, policy: record.p!, tag: 'p', exists: null };
  // Whether it exists matters only where sp and np differ.
  const existing = record.sp ?? record.p!;
  const missing = record.np ?? existing;
  if (existing === missing && record.np === null) {
    return { ...told, policy: existing, tag: record.sp === null ? 'p' : 'sp', exists: null };
  }
  const exists = await domainExists(walk.domain, dns, options);
  if (typeof exists === 'string') return { state: 'unknown', message: exists, walk };
  if (exists) return { ...told, policy: existing, tag: record.sp === null ? 'p' : 'sp', exists };
  return { ...told, policy: missing, tag: 'np', exists };
}

/**
 * Whether a domain exists in the sense of RFC 8020, as in RFC 9989 section 3.2.8: NXDOMAIN applies to every
 * type.
 * @returns a sentence when the query failed
 */
async function domainExists(domain: string, dns: Dns, options: AskOptions): Promise<boolean | string> {
  const answer = await dns.ask(domain, 'A', options);
  if (answer.state === 'unknown') return answer.message;
  // An alias exists, whatever it leads to.
  return answer.state !== 'nxdomain' || answer.aliases.length > 0;
}
