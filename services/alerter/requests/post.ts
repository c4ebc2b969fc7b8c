import type { RequestHistory, RequestStory } from '../../store/alerts/request-mails.ts';

/** An event of a request with all that is known of the request. */
export interface RequestPost {
  /** The key of the event in the story's history. */
  event: number;
  story: RequestStory;
}

/** What happened, of a post. */
export const eventOf = ({ story, event }: RequestPost): RequestHistory =>
  story.history.find(({ event_key }) => event_key === event)!;
