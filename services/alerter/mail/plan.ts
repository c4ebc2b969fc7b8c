import { groupBy } from '../../shared/group-by.ts';
import { byGravity, rankOf } from '../../shared/severity.ts';
import type { UnhandledEvent } from '../../store/alerts/outbox.ts';
import type { Step } from '../../store/findings/findings.ts';
import { recipientsOf } from './recipients.ts';

/** A finding to report. */
export interface Item {
  finding_key: number;
  domain: string;
  /** All recipients of the finding; the mail is for those of its group. */
  all: string[];
  /** The events that these recipients were not mailed about, marked together. */
  events: number[];
  /** The event whose state is reported. */
  newest: number;
  step: Step;
  /** Since when it has been waiting. */
  at: Date;
  severity: string;
  /** It is critical and not over: nothing less severe delays it. */
  urgent: boolean;
  /** It was there when its domain was first analyzed, and nobody was mailed about it yet. */
  standing: boolean;
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
 * Decides which events are mailed to whom, and as what. Pure; the cap comes later. Each recipient is planned
 * for by what he was mailed about; those for whom it comes to the same mail get it together. A recipient who
 * was refused waits until the mail is due again, or until something new happens to the finding.
 * @param digest whether there is a weekly one, which lists what is over
 */
export function planOf(
  events: UnhandledEvent[],
  { domains, alertTo, digest, now }: { domains: Record<string, string[]>; alertTo: string[]; digest: boolean; now: Date },
): Plan {
  const byFinding = groupBy(events, (event) => event.finding_key);
  const plan: Plan = { quiet: [], groups: [] };
  const groups = new Map<string, Plan['groups'][number]>();
  for (const list of byFinding.values()) {
    const all = recipientsOf(list[0]!.domain, domains, alertTo);
    const { shares, waiting } = sharesOf(list, all, { digest, now });
    if (shares.length === 0 && !waiting) plan.quiet.push(...list.map((event) => event.event_key));
    for (const share of shares) {
      const id = share.recipients.join('\n');
      const group = groups.get(id) ?? { recipients: share.recipients, items: [] };
      if (!groups.has(id)) plan.groups.push(group);
      groups.set(id, group);
      group.items.push(itemOf(share, all));
    }
  }
  for (const group of plan.groups) group.items.sort((a, b) => byGravity(a, b) || a.newest - b.newest);
  return plan;
}

/** The recipients of a finding for whom its events come to the same mail. */
interface Share {
  recipients: string[];
  events: UnhandledEvent[];
  step: Step;
}

/** @returns also whether a recipient waits for the next try after a refusal */
function sharesOf(
  list: UnhandledEvent[],
  all: readonly string[],
  { digest, now }: { digest: boolean; now: Date },
): { shares: Share[]; waiting: boolean } {
  const shares = new Map<string, Share>();
  let waiting = false;
  for (const recipient of all) {
    const events = list.filter((event) => !event.mailed_to.includes(recipient));
    const news = events.filter((event) => event.notify);
    if (news.length > 0 && news.every((event) => waits(event, recipient, now))) {
      waiting = true;
      continue;
    }
    const step = stepOf(
      events,
      events.some((event) => event.known || event.known_to.includes(recipient)),
      digest,
    );
    if (step === null) continue;
    const id = `${step} ${events.map((event) => event.event_key).join(' ')}`;
    const share = shares.get(id) ?? { recipients: [], events, step };
    share.recipients.push(recipient);
    shares.set(id, share);
  }
  return { shares: [...shares.values()], waiting };
}

/** Whether a recipient was refused a mail about an event, and the next try is still to come. */
function waits({ retry_at, refused_for, mailed_to }: UnhandledEvent, recipient: string, now: Date): boolean {
  if (retry_at === null || retry_at <= now) return false;
  // An older version did not note who was refused: everybody was.
  return refused_for.includes(recipient) || (refused_for.length === 0 && mailed_to.length === 0);
}

function itemOf({ events, step }: Share, all: string[]): Item {
  const newest = events.at(-1)!;
  return {
    finding_key: newest.finding_key,
    domain: newest.domain,
    all,
    events: events.map((event) => event.event_key),
    newest: newest.event_key,
    step,
    at: events.find((event) => event.notify)!.at,
    severity: newest.severity,
    urgent: newest.severity === 'critical' && step !== 'resolved',
    standing: step === 'opened' && events.some((event) => event.standing),
    refusals: events.reduce((sum, event) => sum + event.refusals, 0),
  };
}

/**
 * What the events that a recipient was not mailed about are reported as together; null when they are not
 * worth a mail.
 * @param known whether he was mailed about the finding before
 * @param digest whether there is a weekly one
 */
function stepOf(events: UnhandledEvent[], known: boolean, digest: boolean): Step | null {
  const newest = events.at(-1);
  if (newest === undefined || newest.silent || !events.some(({ notify }) => notify)) return null;
  if (newest.event === 'resolved') return known && !(digest && isMinor(newest)) ? 'resolved' : null;
  if (!known) return 'opened';
  return events.some((one) => one.event === 'reopened') ? 'reopened' : newest.event === 'reminded' ? 'reminded' : 'changed';
}

/**
 * The end of a finding that was never more than low is listed in the digest, and nobody is interrupted for
 * it.
 */
function isMinor({ gravest }: UnhandledEvent): boolean {
  return rankOf(gravest) < rankOf('medium');
}
