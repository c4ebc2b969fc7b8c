import type { Ending } from '../../findings/ending.ts';
import { dayOf, earlier } from '../../shared/days.ts';
import { domainQuery } from '../../store/findings/evidence-queries.ts';
import type { Candidate, KnownFinding } from '../../store/findings/findings.ts';
import { type DnsWindow, openOf } from '../window.ts';
import type { DnsRule } from './rule.ts';

const KIND = 'reports_stopped';

/**
 * DNS proved that the domain's reports are sent to us, and does so no more: its DMARC record is gone or names
 * our mailbox no longer, or the mailbox's domain does not take them any more (RFC 9990 section 4). Reporters
 * stop at their next look, and then nothing else is seen. The enricher says when it is lost: by definite
 * answers in several checks, never by a name service that does not answer.
 */
export const reportsStopped: DnsRule = {
  kind: KIND,
  scope: 'dns',
  severity: ['high'],
  tested: false,
  find,
  over,
};

function find({ domain, confirmation, known }: DnsWindow): Candidate[] {
  if (!confirmation?.lost_since || !confirmation.last_checked) return [];
  const { lost_since, last_checked, reason } = confirmation;
  const since = dayOf(lost_since);
  const last_day = dayOf(last_checked);
  const open = openOf(known, KIND, domain);
  return [
    {
      kind: KIND,
      subject: domain,
      severity: 'high',
      confidence: 0.99,
      first_day: open ? earlier(open.first_day, since) : since,
      last_day,
      evidence: {
        who: [],
        senders: 0,
        messages: 0,
        of: 0,
        share: 0,
        per_day: 0,
        since,
        last_day,
        reporters: [],
        delivered: 0,
        quarantined: 0,
        rejected: 0,
        facts: { rule: KIND, reason },
        query: domainQuery(domain),
      },
    },
  ];
}

/** Resolved when DNS leads the reports here again. */
function over(_: KnownFinding, { confirmation }: DnsWindow): Ending | null {
  return confirmation !== null && confirmation.lost_since === null ? { reason: 'dns_restored' } : null;
}
