import type { DomainCheck } from '../check/check.ts';

/**
 * The policy that applies to the domain, and where it was found; null when there is none or it is unknown.
 */
export function policyOf({ dmarc }: DomainCheck) {
  return dmarc?.discovery.state === 'found' ? dmarc.discovery : null;
}
