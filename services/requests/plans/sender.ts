import { counted } from '../../shared/format.ts';
import type { Plan, SenderChange } from '../plan.ts';

export interface SenderWish {
  domain: string;
  source: string;
  is_service: boolean;
  before: SenderChange['before'];
  after: 'approved' | 'denied' | null;
  /** ISO 8601; null for good. */
  until: string | null;
  /** What reports say of it over the last days; null when they do not mention it. */
  seen: { days: number; messages: number; passed: number; class: string | null } | null;
  finding: Plan['finding'];
}

/** A plan for the list of senders. It changes how reports are read, and no mail. */
export function planSender({ domain, source, is_service, before, after, until, seen, finding }: SenderWish): Plan {
  const verb = after === 'approved' ? 'Approve' : after === 'denied' ? 'Deny' : 'Take the entry on';
  const where = domain === '*' ? 'every domain' : domain;
  const end = until === null ? '' : ` until ${until.slice(0, 10)}`;
  const warnings = [
    ...(after === 'approved' && seen !== null && seen.messages > 0 && seen.passed === 0
      ? [
          `None of its ${counted(seen.messages, 'message')} passed DMARC: approving it hides that somebody may be forging ${where}.`,
        ]
      : []),
    ...(after === 'approved' && seen === null ? ['No report mentions it: nothing shows that it sends.'] : []),
    ...(after === 'denied' && seen?.class === 'authorized'
      ? [
          `${counted(seen.passed, 'message')} of it passed DMARC in ${seen.days} days: if it is yours, alarms about your own mail follow.`,
        ]
      : []),
    ...(domain === '*' ? ['It is for every domain.'] : []),
  ];
  return {
    version: 1,
    kind: after === 'denied' ? 'sender.deny' : 'sender.approve',
    domain,
    summary: `${verb} ${source}${is_service ? ' (service)' : ''} as a sender of ${where}${end}.`,
    warnings,
    why:
      seen === null
        ? []
        : [
            `${counted(seen.messages, 'message')} in the last ${seen.days} days, of which ${seen.passed.toLocaleString('en')} passed DMARC${seen.class === null ? '' : `; class ${seen.class}`}.`,
          ],
    risk: warnings.length > 0 ? 'medium' : 'low',
    risk_because: ['It changes how reports are read, and no mail.', ...(warnings.length > 0 ? ['There is a warning.'] : [])],
    changes: [{ target: 'senders', domain, source, is_service, before, after, until }],
    back: { watch_hours: 0, text: 'The entry ends, and the previous one is restored; reports decide again.' },
    finding,
    reviews: null,
  };
}
