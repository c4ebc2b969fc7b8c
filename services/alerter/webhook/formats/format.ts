import type { FindingEvent } from '../../../store/alerts/outbox.ts';

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
}
