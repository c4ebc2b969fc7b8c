import { z } from 'zod';
import { seconds } from './values.ts';

/** How mails are read, and what one may cost: docs/reading.md. */
export const parserSchema = z
  .strictObject({
    concurrency: z.number().int().min(1).max(64).default(2),
    batch_messages: z.number().int().min(1).max(1000).default(100),
    /**
     * The budget for reading one mail. A mail that exceeds it is quarantined: `time_budget`,
     * `memory_budget`.
     */
    time_budget_seconds: seconds(120),
    memory_budget_mb: z.number().int().min(32).default(64),
    /** Read mails in threads, where the budgets apply; false is meant for debugging. */
    isolate: z.boolean().default(true),
  })
  .prefault({});
