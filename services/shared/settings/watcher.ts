import { z } from 'zod';

const SELECTOR = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/** Which DNS records are watched: docs/dns.md. */
export const watcherSchema = z
  .strictObject({
    /** Whether the watcher asks for the DNS records of own domains. */
    dns: z.enum(['on', 'off']).default('on'),
    /** Between two rounds of a domain, give or take a tenth. */
    every_minutes: z.number().min(1).max(10_080).default(60),
    /** Queries a second of one process, to all servers together. */
    queries_per_second: z.number().positive().max(10_000).default(50),
    /** DKIM selectors by domain, beside those in reports: DNS has no list of them. */
    selectors: z.record(z.string(), z.array(z.string().regex(SELECTOR, 'must be a selector, such as s1'))).default({}),
    lookalikes: z
      .strictObject({
        /**
         * DNS queries a day (UTC) for names that may be mistaken for own domains, for all domains together;
         * 0 asks nothing.
         */
        questions_a_day: z.number().int().min(0).max(10_000_000).default(20_000),
        /** Names watched for each domain, the most similar first. */
        names: z.number().int().min(1).max(100_000).default(1_000),
      })
      .prefault({}),
  })
  .prefault({});
