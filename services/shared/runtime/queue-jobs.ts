import { createHash } from 'node:crypto';
import { z } from 'zod';

const keys = z.array(z.number().int().positive()).min(1).max(1000);

/**
 * Every queue of the program: what its jobs carry, how often they are tried, and how their ids are made. A
 * job carries keys of rows, never the work itself: the row is the truth, the job a wake-up, and a sweeper
 * adds a new job for a row whose job was lost. So a queue may be emptied at any time, and adding a job may
 * fail without losing work.
 */
export const QUEUES = {
  /** Messages in state `received`, to be parsed. */
  parse: {
    payload: z.strictObject({ messages: keys }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 0,
    /** First key, last key and a digest of all: a batch has the same id however often it is added. */
    jobId: (p: { messages: number[] }) => `parse-${p.messages[0]}-${p.messages.at(-1)}-${digest(p.messages)}`,
  },
  /** Messages with rows in trust_checks, whose reports' authenticity is to be verified. */
  verify: {
    payload: z.strictObject({ messages: keys }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 0,
    jobId: (p: { messages: number[] }) => `verify-${p.messages[0]}-${p.messages.at(-1)}-${digest(p.messages)}`,
  },
  /** Domains with rows in analysis_work. Delayed, so that a burst of batches is analyzed once. */
  analyze: {
    payload: z.strictObject({ domains: z.array(z.string()).min(1).max(1000) }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 1_000,
    jobId: (p: { domains: string[] }) => `analyze-${digest(p.domains)}`,
  },
  /** Findings with events that no alert has been made for yet. */
  alert: {
    payload: z.strictObject({ findings: keys }),
    attempts: 8,
    backoffMs: 1_000,
    delayMs: 500,
    jobId: (p: { findings: number[] }) => `alert-${digest(p.findings)}`,
  },
} as const;

export type QueueName = keyof typeof QUEUES;
export type Payload<N extends QueueName> = z.infer<(typeof QUEUES)[N]['payload']>;
export const QUEUE_NAMES = Object.keys(QUEUES) as QueueName[];

function digest(all: readonly (number | string)[]): string {
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16);
}
