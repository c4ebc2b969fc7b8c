import type { DomainCheck } from '../check/check.ts';
import type { AskOptions, Dns } from '../client/types.ts';
import type { GuardFinding } from './codes.ts';
import { compareKey, keyAt } from './dkim.ts';
import { compareDmarc } from './dmarc.ts';
import type { Guard, GuardedDomain } from './file.ts';
import { compareRecords, compareTransport } from './others.ts';
import { compareSpf } from './spf.ts';

/**
 * The selectors of a domain that are to have a key, in any environment, by its records or a workload that
 * signs with it.
 */
export function wantedSelectors({ environments }: Guard, domain: string): string[] {
  const declared = environments.flatMap(({ domains }) =>
    domains.filter((one) => one.domain === domain).flatMap(({ wanted }) => Object.entries(wanted.dkim?.selectors ?? {})),
  );
  const signing = environments.flatMap(({ workloads }) => workloads.flatMap(({ signers }) => signers));
  return [
    ...new Set([
      ...declared.flatMap(([selector, { state }]) => (state === 'key' ? [selector] : [])),
      ...signing.flatMap((signer) => (signer.domain === domain ? [signer.selector] : [])),
    ]),
  ];
}

/**
 * Where the records of a domain differ from what is declared of it. What nobody answers differs from nothing.
 * @param check from checkDomain
 */
export async function compareDomain(
  { environment, domain, wanted }: GuardedDomain,
  check: DomainCheck,
  dns: Dns,
  options: AskOptions = {},
): Promise<GuardFinding[]> {
  const place = { environment, domain };
  const keys = Object.entries(wanted.dkim?.selectors ?? {});
  const found = await Promise.all(
    keys.map(async ([selector, key]) => compareKey(place, selector, key, await keyAt(domain, selector, dns, options))),
  );
  return [
    ...(wanted.spf === undefined || check.spf === null ? [] : compareSpf(place, wanted.spf, check.spf)),
    ...found.flat(),
    ...(wanted.dmarc === undefined || check.dmarc === null ? [] : compareDmarc(place, wanted.dmarc, check.dmarc)),
    ...compareTransport(place, wanted, check),
    ...(await compareRecords(place, wanted.records, dns, options)),
  ];
}
