import { DAY_MS } from '../../shared/days.ts';
import type { Context } from '../../shared/runtime/service.ts';
import { unverifiedSentence } from '../../shared/unverified.ts';
import { VERIFIED_DAYS, verifiedShare } from '../../store/reports/verified-share.ts';

/**
 * Says once a day that reports cannot be verified: nothing is found then, and silence would look like health.
 */
export async function sayUnverified({ config, db, clock, log }: Pick<Context, 'config' | 'db' | 'clock' | 'log'>): Promise<void> {
  if (config.trust.check === 'off') return;
  const share = await verifiedShare(db, new Date(clock.now().getTime() - VERIFIED_DAYS * DAY_MS));
  const sentence = unverifiedSentence(share);
  if (sentence !== null) log.warn(share, sentence);
}
