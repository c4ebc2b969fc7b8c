import type { z } from 'zod';
import type { Figures } from '../figures.ts';

/** A finding as its words need it. */
export interface Told {
  domain: string;
  subject: string;
  evidence: Figures;
}

/** What people read of a finding: the only place where its sentences are made. */
export interface Words {
  /**
   * A few words without counts of messages and, as far as it can do without, without the domain: every place
   * shows that beside it.
   */
  title: string;
  /** One line that is understood without anything beside it: the column `summary`. */
  summary: string;
  /** What happened, in one sentence or two. */
  what: string;
  /** What to do, in sentences, the most important first. */
  advice: string[];
}

/** The facts of one rule and the words for them. `facts.rule` is the name of the rule's file. */
export interface Kind<Schema extends z.ZodType<{ rule: string }>> {
  facts: Schema;
  words(told: Told, facts: z.output<Schema>): Words;
}

/** Keeps the type of the schema. */
export function kind<Schema extends z.ZodType<{ rule: string }>>(facts: Schema, words: Kind<Schema>['words']): Kind<Schema> {
  return { facts, words };
}
