import { z } from 'zod';
import { endingSchema } from './end-reasons.ts';
import type { Figures } from './figures.ts';
import { type Facts, readFacts } from './kinds/index.ts';
import { newsSchema } from './news.ts';

/**
 * The version of the evidence that this program writes: it is counted up when a field goes or changes its
 * meaning. Rows without `v` are those of versions 0.1.0 and earlier, which stored sentences and no facts.
 */
export const EVIDENCE_VERSION = 1;

/**
 * A value that is not as it should be counts as absent: a row that somebody edited must not stop an analysis
 * or a mail.
 */
const number = z.number().min(0).max(Number.MAX_SAFE_INTEGER).catch(0);
const text = z.string().catch('');
const optional = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined);
/** The elements that fit the schema. */
const listOf = <T extends z.ZodType>(schema: T) =>
  z
    .array(z.unknown())
    .catch([])
    .transform((items) =>
      items.flatMap((item): z.output<T>[] => {
        const read = schema.safeParse(item);
        return read.success ? [read.data] : [];
      }),
    );
const mechanism = z.enum(['dkim', 'spf', 'both']);

const culprit = z.looseObject({
  source: z.string(),
  messages: number,
  delivered: optional(number),
  reports: optional(number),
  unproven: optional(z.boolean()),
  host: optional(z.string()),
  service: optional(z.string()),
  asn: optional(z.number()),
  owner: optional(z.string()),
  country: optional(z.string()),
});
const tagChange = z.looseObject({ tag: z.string(), from: z.string(), to: z.string(), since: z.string() });
const brokenSender = z.looseObject({
  source: z.string(),
  mechanism: mechanism.catch('both'),
  since: text,
  last_good_day: text,
  last_day: text,
  messages: number,
  of: number,
  per_day: number,
  delivered: number,
  quarantined: number,
  rejected: number,
  reporters: listOf(z.string()),
  confidence: number,
  before: optional(z.union([z.string(), z.object({ passed: number, of: number, days: number })])),
  names: optional(listOf(z.string())),
  survives_on: optional(z.enum(['dkim', 'spf'])),
  unsigned: optional(z.boolean()),
  unaligned: optional(listOf(z.object({ mechanism: z.enum(['dkim', 'spf']), domain: z.string(), own: z.boolean() }))),
  sender: optional(z.string()),
  error: optional(z.enum(['permerror', 'temperror'])),
  at: optional(listOf(z.string())),
});
const mendedSender = z.looseObject({ source: z.string(), day: text, why: text, ended: optional(endingSchema) });

const evidenceSchema = z.looseObject({
  v: optional(z.number()),
  who: listOf(culprit),
  senders: number,
  messages: number,
  of: number,
  share: number,
  per_day: number,
  since: text,
  sent_since: optional(z.string()),
  again: optional(z.string()),
  last_day: text,
  reporters: listOf(z.string()),
  reporter_names: optional(z.record(z.string(), z.string())),
  missing: optional(listOf(z.string())),
  usual: optional(z.number()),
  chance: optional(z.number()),
  delivered: number,
  quarantined: number,
  rejected: number,
  mechanism: optional(mechanism),
  last_good_day: optional(z.string()),
  broken: optional(listOf(brokenSender)),
  mended: optional(listOf(mendedSender)),
  tags: optional(listOf(tagChange)),
  reports: optional(number),
  contradicting: optional(number),
  claimed: optional(number),
  names: optional(listOf(z.looseObject({ name: z.string(), messages: number, used: z.boolean().catch(false) }))),
  names_in_all: optional(number),
  policy: optional(z.string()),
  resting_on: optional(listOf(z.looseObject({ reporter: z.string(), standing: z.string() }))),
  by_class: optional(z.record(z.string(), z.number())),
  news: optional(newsSchema),
  query: text,
  resolved_day: optional(z.string()),
  ended: optional(endingSchema),
  /** Of a finding that came back: why it had been over, where that was a decision. */
  decided: optional(endingSchema),
});

/**
 * The sentences of a stored row: what people see who query the table, and all that rows without facts have.
 */
const sentencesSchema = z.object({ what: text, advice: listOf(z.string()), resolved_why: text });
export type StoredSentences = z.output<typeof sentencesSchema>;

/** Why a finding is open, as data. sentences.ts and kinds/ make the sentences of it. */
export interface Evidence extends Figures {
  /**
   * What the title, the cause and the advice are made of; null in rows of older versions, which have
   * `sentences` alone.
   */
  facts: Facts | null;
  /** The sentences of the row that this was read from; absent in what a rule found. */
  sentences?: StoredSentences | undefined;
}

/**
 * Reads the evidence of a row, of whatever version: the one place where that is done. Never throws: what is
 * absent or malformed has an empty value, and facts that are not known (an older version's, a newer one's)
 * are null.
 */
export function readEvidence(stored: unknown): Evidence {
  const object = typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? stored : {};
  const { v, mended, ...evidence } = evidenceSchema.parse(object);
  const sentences = sentencesSchema.parse(object);
  for (const name of ['what', 'advice', 'resolved_why']) delete evidence[name];
  return {
    ...evidence,
    ...(mended && {
      mended: mended.map(({ source, day, why, ended }) => ({ source, day, ended: ended ?? { reason: 'stated', text: why } })),
    }),
    facts: v === EVIDENCE_VERSION ? readFacts((object as { facts?: unknown }).facts) : null,
    sentences,
  };
}
