import type { AskOptions, Dns } from '../client/types.ts';
import { type Finding, finding } from './finding.ts';

/**
 * What the resolver says of a domain's DNSSEC: `validated`: it has validated an answer (AD, RFC 4035 section 3.2.3); `unsigned`: it
 * validates others, and this domain has no keys; `no_chain`: the domain has keys, and the zone above names none of them;
 * `not_validating`: the resolver does not validate, so that nothing can be said.
 */
export type DnssecState = 'validated' | 'unsigned' | 'no_chain' | 'not_validating' | 'unknown';

export interface DnssecCheck {
  findings: Finding[];
  state: DnssecState;
}

const ROOT_TIMEOUT_MS = 1_000;

/** Checks whether a domain's answers can be validated. A resolver that validates answers SERVFAIL to what is bogus: that is unknown. */
export async function checkDnssec(domain: string, dns: Dns, options: AskOptions = {}): Promise<DnssecCheck> {
  const own = await dns.ask(domain, 'SOA', options);
  if (own.state === 'unknown') return { state: 'unknown', findings: [] };
  if (own.authenticated) return { state: 'validated', findings: [] };
  // The root is signed: a resolver that validates says so of it, and at once. One that cannot reach it would cost every domain six
  // seconds.
  const timeout = AbortSignal.timeout(ROOT_TIMEOUT_MS);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const root = await dns.ask('.', 'NS', { ...options, signal });
  if (root.state !== 'records' || !root.authenticated) return { state: 'not_validating', findings: [] };
  const keys = await dns.ask(domain, 'DNSKEY', options);
  if (keys.state === 'unknown') return { state: 'unknown', findings: [] };
  if (keys.state === 'records') {
    const message = `${domain} is signed (DNSKEY), but nothing above vouches for its keys: nobody can validate the signatures. Have the registrar publish the DS record.`;
    return { state: 'no_chain', findings: [finding('dnssec_no_chain', { domain, message })] };
  }
  const message = `${domain} is not signed (DNSSEC): whoever controls the network on the way to a resolver can forge its records, MX and MTA-STS among them.`;
  return { state: 'unsigned', findings: [finding('dnssec_unsigned', { domain, message })] };
}
