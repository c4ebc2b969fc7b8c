import type { Reporter } from '../../report/reporters/reporters.ts';
import { clipped, keyText } from '../sql-text.ts';

/**
 * The column `trust` of a report: it counts; it waits for the verification of its mail; it does not count.
 */
export type TrustClass = 'ok' | 'pending' | 'bad';

/** The column `reporter_trust`: what the verification of a report's mail found. */
export type ReporterTrust = 'authenticated' | 'unauthenticated' | 'mismatched';

/** What is known of a report's origin. */
export interface Trust {
  /** Null: it was not to be verified. */
  reporter_trust: ReporterTrust | null;
  trust: Exclude<TrustClass, 'pending'>;
  /** The domain of the mail's From field. */
  domain: string | null;
  reason: string;
  reporter: Reporter;
}

export const classOf = (trust: Trust | null): TrustClass => trust?.trust ?? 'pending';

/** The texts of a verification's result as their columns take them. */
export function trustTexts({ reason, domain }: Trust): { trust_reason: string; trust_domain: string | null } {
  return { trust_reason: clipped(reason, 500), trust_domain: domain === null ? null : keyText(domain) };
}

/** A reporter's key as its columns take it. */
export const reporterKey = ({ key }: Reporter): string => keyText(key);
