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

/** What the rest of ruawatch must know of a rule's findings beside their words. */
export interface Traits {
  /**
   * What its kind is called in sentences and lists; null for a rule whose findings are of another rule's
   * kind.
   */
  name: string | null;
  /** Mail that others forge, and that is to be kept out; or rightful mail of senders, which is to arrive. */
  mail?: 'forged' | 'rightful';
  /** What its messages are a part of: all mail of the domain, or all mail of its senders. */
  partOf?: 'domain' | 'senders';
  /**
   * What its figures count where it is not mail that came: reports that are proven to be no reports, mail
   * that would have been reported, or mail that the next policy would have touched, which may be none.
   */
  counts?: 'reports' | 'absent' | 'touched';
  /** It says of one record what is wrong with it, whatever was declared. */
  ofRecord?: true;
  /** Strangers send the mail: what the same networks do to several domains is one campaign. */
  campaign?: true;
  /**
   * Its subject is a reporter, whose reports are not what its figures would say: forged ones, or such as no
   * longer come.
   */
  ofReporter?: true;
  /** Its subject is a reporter, and the reports of that one prove it. */
  byReporter?: true;
  /** It stops own mail where the policy is enforced: it is fixed before anything new is published. */
  stopsMail?: true;
  /** While it is open, a stricter policy would cost mail. */
  againstPolicy?: true;
  /** While it is open and some of its mail is delivered, it is not clear whose mail is whose. */
  contested?: true;
  /** Where it is critical, it is looked for before the rest of the domain's work. */
  urgent?: true;
  /** It rests on the word of reporters who decide nothing: few are open below a domain at a time. */
  unproven?: true;
  /**
   * One cause opens it for many domains at once, or one of each subject: it is mailed for one of them, and
   * counted once.
   */
  sharedCause?: 'kind' | 'subject';
  /** Closed as expected, it proposes to approve the sender that is its subject. */
  approvable?: true;
  /** It is found in the logs of own servers. */
  ofLogs?: true;
}

/** Words as a kind makes them: each sentence of its advice has its page with it. */
export type KindWords = Omit<Words, 'advice' | 'pages'> & { advice: Advice[] };

/** The facts of one rule, its traits and the words for them. `facts.rule` is the name of the rule's file. */
export interface Kind<Schema extends z.ZodType<{ rule: string }>> {
  facts: Schema;
  traits: Traits;
  words(told: Told, facts: z.output<Schema>): KindWords;
}

/** Keeps the type of the schema. */
export function kind<Schema extends z.ZodType<{ rule: string }>>(
  facts: Schema,
  traits: Traits,
  words: Kind<Schema>['words'],
): Kind<Schema> {
  return { facts, traits, words };
}
