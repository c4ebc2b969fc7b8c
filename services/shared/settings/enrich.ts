import { z } from 'zod';
import { nameServers } from './values.ts';

/** What the enricher asks DNS: docs/sources.md. */
export const enrichSchema = z
  .strictObject({
    /** Whether the enricher looks up the host names of source addresses. */
    dns: z.enum(['on', 'off']).default('on'),
    /** The former place of `dns_servers`; used when that is not set. */
    dns_servers: nameServers,
    /** Queries a second, and queries in flight at once, of one process. */
    queries_per_second: z.number().positive().max(10_000).default(20),
    concurrency: z.number().int().min(1).max(256).default(10),
    /** Days until an address is looked up again: when it has a confirmed name, and when it has none. */
    keep_days: z.number().int().min(1).max(365).default(30),
    keep_nothing_days: z.number().int().min(1).max(365).default(3),
  })
  .prefault({});
