import { counted, list } from '../../shared/format.ts';
import type { Refused } from '../../store/alerts/refusals.ts';

/**
 * What /readyz, `doctor` and `findings` say of mails that the mail server refuses; null when there are none.
 */
export function refusedSentence({ findings, digests, requests, recipients, why, next }: Refused): string | null {
  if (findings + digests + requests === 0) return null;
  const what = [
    ...(findings > 0 ? [`about ${counted(findings, 'finding')}`] : []),
    ...(requests > 0 ? [`about ${counted(requests, 'request')}`] : []),
    ...(digests > 0 ? ['with the weekly digest'] : []),
  ].join(' and ');
  const who = recipients.length === 0 ? 'Nobody' : list(recipients);
  const when =
    next === null ? '' : `; next try ${next.toISOString().slice(0, 16).replace('T', ' ')} UTC, or when the alerter starts`;
  return `${who} could not be mailed ${what}: ${(why ?? '').replace(/\.$/, '')}${when}. Correct ALERT_TO, ALERT_FROM or SMTP_URL, or what the mail server permits.`;
}
