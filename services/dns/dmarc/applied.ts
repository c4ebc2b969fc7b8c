import type { DmarcRecord, Policy } from './record.ts';

/** From the weakest. */
export const ORDER: readonly Policy[] = ['none', 'quarantine', 'reject'];

/** The policies of a domain as receivers are asked to apply them. */
export interface Policies {
  policy: Policy;
  subdomains: Policy;
  nonexistent: Policy;
}

/** The policies that a record asks for; t=y makes each one step weaker (RFC 9989 section 4.7). */
export function policiesOf(record: DmarcRecord, policy: Policy): Policies {
  const weaker = (one: Policy): Policy => (record.testing ? (ORDER[Math.max(0, ORDER.indexOf(one) - 1)] as Policy) : one);
  const subdomains = record.sp ?? record.p ?? 'none';
  return { policy: weaker(policy), subdomains: weaker(subdomains), nonexistent: weaker(record.np ?? subdomains) };
}
