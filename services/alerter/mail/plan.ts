import type { UnhandledEvent } from '../../store/alerts/outbox.ts';
import type { Telling } from '../templates/facts.ts';
import { recipientsOf } from './recipients.ts';

/** A finding to tell. */
export interface Item {
  findingKey: number;
  domain: string;
  /** All its unhandled events, settled together. */
  events: number[];
  /** The event whose words are told. */
  newest: number;
  telling: Telling;
  /** Since when it waits to be told. */
  at: Date;
  severity: string;
  /** It is critical and not over: nothing lesser keeps it waiting. */
  urgent: boolean;
}

export interface Plan {
  /** Events that are settled without a mail. */
  quiet: number[];
  /** What each set of recipients is to be told, the gravest first. */
  groups: { recipients: string[]; items: Item[] }[];
}

const GRAVEST_FIRST = ['critical', 'high', 'medium', 'low', 'info'];

/** Decides which events are told to whom, and how. Pure; the cap comes later. */
export function planOf(events: UnhandledEvent[], domains: Record<string, string[]>, alertTo: string[]): Plan {
  const byFinding = new Map<number, UnhandledEvent[]>();
  for (const event of events) {
    const list = byFinding.get(event.findingKey);
    if (list) list.push(event);
    else byFinding.set(event.findingKey, [event]);
  }
  const plan: Plan = { quiet: [], groups: [] };
  const groups = new Map<string, Plan['groups'][number]>();
  for (const list of byFinding.values()) {
    const newest = list.at(-1)!;
    const keys = list.map((event) => event.eventKey);
    const recipients = recipientsOf(newest.domain, domains, alertTo);
    const telling = tellingOf(list);
    if (telling === null || recipients.length === 0) {
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
      findingKey: newest.findingKey,
      domain: newest.domain,
      events: keys,
      newest: newest.eventKey,
      telling,
      at: list.find((event) => event.notify)!.at,
      severity: newest.severity,
      urgent: newest.severity === 'critical' && telling !== 'resolved',
    });
  }
  for (const group of plan.groups) group.items.sort((a, b) => rank(a) - rank(b) || a.newest - b.newest);
  return plan;
}

/** How a finding's unhandled events are told together; null when they are not worth a mail. */
function tellingOf(events: UnhandledEvent[]): Telling | null {
  const { event, told, silent } = events.at(-1)!;
  if (silent || !events.some(({ notify }) => notify)) return null;
  if (event === 'resolved') return told ? 'resolved' : null;
  if (!told) return 'opened';
  return events.some((one) => one.event === 'reopened') ? 'reopened' : event === 'reminded' ? 'reminded' : 'changed';
}

function rank(item: Item): number {
  const at = GRAVEST_FIRST.indexOf(item.severity);
  return at < 0 ? GRAVEST_FIRST.length : at;
}
