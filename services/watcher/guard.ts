import { setMaxListeners } from 'node:events';
import type { CheckOptions } from '../dns/check/check.ts';
import type { Dns } from '../dns/client/types.ts';
import { GuardChecker, type GuardedCheck } from '../dns/guard/check.ts';
import type { Guard, GuardedDomain } from '../dns/guard/file.ts';

/** Declared domains of one own domain that are compared in a round, and the time for all of them. */
const MOST_DOMAINS = 40;
const TIMEOUT_MS = 60_000;

/** The declared domains and all names above them, any of which may be an own domain. */
export function namesAround({ environments }: Guard): string[] {
  const domains = environments.flatMap((one) => one.domains.map(({ domain }) => domain));
  return [...new Set(domains.flatMap((domain) => above(domain)))];
}

/** A name and the names above it. */
function above(domain: string): string[] {
  const labels = domain.split('.');
  return labels.slice(0, -1).map((_, n) => labels.slice(n).join('.'));
}

/**
 * The declarations that are compared in the round of an own domain: those of the domain and of names below it
 * that are below no other own domain, and those of domains that are not own and are compared with one of
 * them.
 */
export function guardedBy(own: string, { environments }: Guard, watched: ReadonlySet<string>): GuardedDomain[] {
  const ownerOf = (domain: string) => above(domain).find((name) => watched.has(name)) ?? null;
  return environments
    .flatMap(({ domains }) => domains)
    .filter(({ domain, like }) => (ownerOf(domain) ?? (like === null ? null : ownerOf(like))) === own)
    .slice(0, MOST_DOMAINS);
}

/** Compares declared domains with DNS, one after the other. */
export async function compareDeclared(
  guard: Guard,
  domains: readonly GuardedDomain[],
  dns: Dns,
  { signal, ...options }: CheckOptions & { signal: AbortSignal },
): Promise<GuardedCheck[]> {
  const both = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  setMaxListeners(0, both);
  const checker = new GuardChecker(guard, dns, { ...options, signal: both });
  const found: GuardedCheck[] = [];
  for (const one of domains) found.push(await checker.of(one));
  return found;
}
