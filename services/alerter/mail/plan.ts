import { byGravity } from '../../shared/severity.ts';
import type { UnhandledEvent } from '../../store/alerts/outbox.ts';
import type { Step } from '../../store/findings/findings.ts';
import { recipientsOf } from './recipients.ts';

/** A finding to report. */
export interface Item {
  finding_key: number;
  domain: string;
  /** All its unhandled events, settled together. */
  events: number[];
  /** The event whose state is reported. */
  newest: number;
  step: Step;
  /** Since when it has been waiting. */
  at: Date;
  severity: string;
  /** It is critical and not over: nothing less severe delays it. */
  urgent: boolean;
  /** How often mails about it were refused: each try is another mail. */
  refusals: number;
}

export interface Plan {
  /** Events that are settled without a mail. */
  quiet: number[];
  /** What is due for each set of recipients, the most severe first. */
  groups: { recipients: string[]; items: Item[] }[];
}

/**
 * Decides which events are mailed to whom, and as what. Pure; the cap comes later. A finding whose mail was refused waits until
 * it is due again, or until something new happens to it.
 */
export function planOf(events: UnhandledEvent[], domains: Record<string, string[]>, alertTo: string[], now: Date): Plan {
  const byFinding = new Map<number, UnhandledEvent[]>();
  for (const event of events) {
    const list = byFinding.get(event.finding_key);
    if (list) list.push(event);
    else byFinding.set(event.finding_key, [event]);
  }
  const plan: Plan = { quiet: [], groups: [] };
  const groups = new Map<string, Plan['groups'][number]>();
  for (const list of byFinding.values()) {
    if (list.every(({ retry_at }) => retry_at !== null && retry_at > now)) continue;
    const newest = list.at(-1)!;
    const keys = list.map((event) => event.event_key);
    const recipients = recipientsOf(newest.domain, domains, alertTo);
    const step = stepOf(list);
    if (step === null || recipients.length === 0) {
      plan.quiet.push(...keys);
      continue;
    }
    const id = recipients.join('\n');
    let group = groups.get(id);
    if (!group) {
      group = { recipients, items: [] };
      groups.set(id, group);
      plan.groups.push(group);
    }
    group.items.push({
      finding_key: newest.finding_key,
      domain: newest.domain,
      events: keys,
      newest: newest.event_key,
      step,
      at: list.find((event) => event.notify)!.at,
      severity: newest.severity,
      urgent: newest.severity === 'critical' && step !== 'resolved',
      refusals: list.reduce((sum, event) => sum + event.refusals, 0),
    });
  }
  for (const group of plan.groups) group.items.sort((a, b) => byGravity(a, b) || a.newest - b.newest);
  return plan;
}

/** What a finding's unhandled events are reported as together; null when they are not worth a mail. */
function stepOf(events: UnhandledEvent[]): Step | null {
  const { event, told, silent } = events.at(-1)!;
  if (silent || !events.some(({ notify }) => notify)) return null;
  if (event === 'resolved') return told ? 'resolved' : null;
  if (!told) return 'opened';
  return events.some((one) => one.event === 'reopened') ? 'reopened' : event === 'reminded' ? 'reminded' : 'changed';
}
