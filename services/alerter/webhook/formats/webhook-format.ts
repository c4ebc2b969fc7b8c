import type { FindingEvent } from '../../../store/alerts/outbox.ts';
import type { RequestPost } from '../../requests/post.ts';

/** How events are written for one kind of receiver. Pure: the same events give the same bytes. */
export interface WebhookFormat {
  /** @param console the setting `console.url`; null when it is not set */
  one(event: FindingEvent, console?: string | null): Buffer;
  /**
   * Many events in one call, for receivers that show calls to people: they fall under the hour's budget. Null
   * where every event is a call of its own.
   */
  many: ((events: readonly FindingEvent[]) => Buffer) | null;
  /** What stood at a first start, in one call, whatever the receiver. The gravest first. */
  standing(events: readonly FindingEvent[], console?: string | null): Buffer;
  /** Something that happened to a request. */
  request(post: RequestPost, console: string | null): Buffer;
  /** The same of many, in one call; null where every event is a call of its own. */
  requests: ((posts: readonly RequestPost[], console: string | null) => Buffer) | null;
}
