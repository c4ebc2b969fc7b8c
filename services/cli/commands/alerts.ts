import { sendTestAlerts } from '../../alerter/index.ts';
import { readEvidence } from '../../findings/evidence.ts';
import { storedForm } from '../../findings/sentences/finding.ts';
import { DAY_MS, dayOf } from '../../shared/days.ts';
import { SettingsError } from '../../shared/errors.ts';
import { escaped } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import type { FindingEvent } from '../../store/alerts/outbox.ts';

/**
 * `alerts test`: sends a made-up alert and a sample digest to all recipients by every channel, and prints
 * what the servers answered. It needs no database.
 * @returns 1 when any of them was not accepted
 * @throws SettingsError when there is no channel, or nobody to mail
 */
export async function runAlertsTest(config: Config, out: (line: string) => void, now = new Date()): Promise<number> {
  if (config.smtpUrl === null && config.webhooks.length === 0)
    throw new SettingsError('There is nothing to test: set SMTP_URL, ALERT_FROM and ALERT_TO, or a webhook.');
  const tried = await sendTestAlerts(config, sampleEvent(now), now);
  for (const { what, ok, said } of tried) out(escaped(`${ok ? 'ok   ' : 'FAIL '} ${what}: ${said}`));
  return tried.every(({ ok }) => ok) ? 0 : 1;
}

/** A finding about a domain that nobody can own (RFC 2606). */
function sampleEvent(at: Date): FindingEvent {
  const day = (n: number) => dayOf(new Date(at.getTime() - n * DAY_MS));
  const found = {
    finding_key: 0,
    revision: 1,
    event: 'opened' as const,
    at,
    domain: 'test.example',
    kind: 'unauthorized_source',
    subject: '203.0.113.0/24',
    severity: 'critical',
    confidence: 0.93,
    evidence: {
      who: [{ source: '203.0.113.0/24', messages: 1204, delivered: 1190 }],
      senders: 1,
      messages: 1204,
      of: 12_400,
      share: 1204 / 12_400,
      per_day: 401,
      since: day(4),
      last_day: day(2),
      reporters: ['google.com', 'Enterprise Outlook'],
      delivered: 1190,
      quarantined: 10,
      rejected: 4,
      facts: { rule: 'unauthorized_source' as const, p: 'none' },
    },
  };
  const { summary, evidence: stored } = storedForm(found as unknown as Parameters<typeof storedForm>[0]);
  return { ...found, summary, stored, evidence: readEvidence(stored) };
}
