import type { RequestStory } from '../../store/alerts/request-mails.ts';

/** Events that ask people of the group that decides. All others are news. */
const ASKS = new Set(['open', 'stage', 'remind', 'escalate']);
/** What keeps nobody waiting, however many mails there were. */
const URGENT = new Set(['escalate', 'override', 'fail', 'return', 'unreachable']);

/** Whether a mail about an event asks its reader for a decision. */
export function isAsk(event: string, { asked }: Pick<RequestStory, 'asked'>, recipient: string): boolean {
  return ASKS.has(event) && asked.has(recipient);
}

/**
 * Whether a mail about an event is still of use to a person: what asks for a decision is not when the request
 * is settled, when its stage is over, or when that person has decided or is not asked any more.
 */
export function isWanted(event: { event: string; event_key: number }, story: RequestStory, recipient: string): boolean {
  if (!ASKS.has(event.event)) return true;
  if (story.request.state !== 'pending') return false;
  if (story.history.some((one) => one.event === 'stage' && one.event_key > event.event_key)) return false;
  // Who was asked before learns that the next stage has begun.
  return event.event === 'stage' || story.asked.has(recipient);
}

/** Whether a mail goes before others, and is counted apart from them. */
export function isUrgentStep(event: string, { request }: Pick<RequestStory, 'request'>): boolean {
  return URGENT.has(event) || request.emergency;
}
