import { earlier } from '../../shared/days.ts';
import { type Candidate, domainQuery, type KnownFinding } from '../../store/findings/findings.ts';
import { short } from '../text.ts';
import { type DnsWindow, openOf } from '../window.ts';
import type { DnsRule } from './rule.ts';

const KIND = 'reports_stopped';

/**
 * DNS proved that the domain's reports are sent to us, and does so no more: its DMARC record is gone or names our mailbox no longer, or
 * the mailbox's domain does not take them any more (RFC 9990 section 4). Reporters stop at their next look, and then nothing else is seen.
 * The enricher says when it is lost: by definite answers in several checks, never by a name service that does not answer.
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
  const since = lost_since.toISOString().slice(0, 10);
  const last_day = last_checked.toISOString().slice(0, 10);
  const open = openOf(known, KIND, domain);
  const name = short(domain);
  return [
    {
      kind: KIND,
      subject: domain,
      severity: 'high',
      confidence: 0.99,
      first_day: open ? earlier(open.first_day, since) : since,
      last_day,
      summary: `Reports on ${name} are no longer sent to your mailbox: DNS does not ask for them since ${since}`,
      evidence: {
        what: `Until ${since} DNS led the reports on ${name} to your mailbox; since then, several checks say: ${short(reason ?? '', 300)}`,
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
        advice: [
          `If nobody meant to: put rua= with your mailbox back into the DMARC record of ${name} (_dmarc.${name}). If the mailbox is at another domain, that domain must also publish "v=DMARC1" at ${name}._report._dmarc of itself (RFC 9990 section 4).`,
          `If ${name} is to report elsewhere: ruawatch domains ignore ${name}. If the mailbox has another address now, name it under addresses: of the mailbox.`,
        ],
        query: domainQuery(domain),
      },
    },
  ];
}

/** Resolved when DNS leads the reports here again. */
function over(_: KnownFinding, { confirmation }: DnsWindow): string | null {
  return confirmation !== null && confirmation.lost_since === null ? 'DNS leads its reports to your mailbox again.' : null;
}
