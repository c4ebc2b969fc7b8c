import { counted } from '../../shared/format.ts';
import type { Refused } from '../../store/alerts/refusals.ts';

/** What /readyz, `doctor` and `findings` say of alerts that the mail server refuses; null when there are none. */
export function refusedSentence({ findings, why, next }: Refused): string | null {
  if (findings === 0) return null;
  const when =
    next === null ? '' : `; next try ${next.toISOString().slice(0, 16).replace('T', ' ')} UTC, or when the alerter starts`;
  return `Nobody could be mailed about ${counted(findings, 'finding')}: ${(why ?? '').replace(/\.$/, '')}${when}. Correct ALERT_TO, ALERT_FROM or SMTP_URL, or what the mail server permits.`;
}
