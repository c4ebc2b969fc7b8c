import type { z } from 'zod';
import type { Figures } from '../figures.ts';

/** A finding as its words need it. */
export interface Told {
  domain: string;
  subject: string;
  evidence: Figures;
}

/**
 * A page of the console that shows what the command in a sentence prints, or takes the decision that it asks
 * for.
 */
export type Page =
  | 'dns_check'
  | 'dns_history'
  | 'dns_records'
  | 'doctor'
  | 'lookalikes'
  | 'policy_status'
  | 'quarantine'
  | 'requests'
  | 'senders';

/** A sentence of advice, with the page of the console where it is followed. */
export type Advice = string | { says: string; page: Page };

export const seenOn = (page: Page, says: string): Advice => ({ says, page });

/** What people read of a finding: the only place where its sentences are made. */
export interface Words {
  /**
   * One sentence without a full stop, what is wrong first, that names the domain once and counts no messages:
   * the subject of the mail is made of it, and lists begin with it. About 50 characters beside the names.
   */
  title: string;
  /** What "Resolved: " stands before: the same without a verb that says it goes on. */
  topic: string;
  /** One line that is understood without anything beside it: the column `summary`. */
  summary: string;
  /** What happened, in one sentence or two. */
  what: string;
  /** What to do, in sentences, the most important first. */
  advice: string[];
  /**
   * For each sentence of the advice, the page of the console where it is followed; absent where no page is
   * known.
   */
  pages?: readonly (Page | null)[];
  /** The senders that a person can approve or deny because of it. */
  senders?: SenderAction[];
  /**
   * Why somebody may have meant it to be so, for `findings resolve --as expected`; absent where nobody can.
   */
  expected?: string;
  /** The addresses of pages in the advice that are ours, from the catalogue: nothing that a report said. */
  links?: string[];
}

/** A decision about a sender that a finding asks for. */
export interface SenderAction {
  verdict: 'approve' | 'deny';
  /** In full, as `senders approve` takes it. */
  source: string;
  /** The beginning of a sentence, without a colon. */
  when: string;
  /** The reason that is kept: letters and blanks only. */
  why: string;
}

/** Words as a kind makes them: each sentence of its advice has its page with it. */
export type KindWords = Omit<Words, 'advice' | 'pages'> & { advice: Advice[] };

/** The facts of one rule and the words for them. `facts.rule` is the name of the rule's file. */
export interface Kind<Schema extends z.ZodType<{ rule: string }>> {
  facts: Schema;
  words(told: Told, facts: z.output<Schema>): KindWords;
}

/** Keeps the type of the schema. */
export function kind<Schema extends z.ZodType<{ rule: string }>>(facts: Schema, words: Kind<Schema>['words']): Kind<Schema> {
  return { facts, words };
}
