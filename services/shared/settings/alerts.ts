import { z } from 'zod';
import { email } from './values.ts';

/** Who is mailed about findings, and how often: docs/alerts.md. */
export const alertsSchema = z
  .strictObject({
    /** Recipients by domain; a domain not named here uses ALERT_TO. */
    domains: z.record(z.string(), z.array(email).min(1)).default({}),
    /** Maximum mails an hour to one set of recipients; further alerts are combined in one digest. */
    per_hour: z.number().int().min(1).default(10),
    /** The same for one domain. Both limits count critical findings separately from all others. */
    per_domain_hour: z.number().int().min(1).default(5),
    /**
     * More findings than this that stand at the first analysis of their domains are mailed as one summary.
     */
    first_start_mails: z.number().int().min(1).default(10),
    /** One summary mail a week to every set of recipients. */
    digest: z.enum(['weekly', 'off']).default('weekly'),
    digest_day: z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']).default('monday'),
    /** UTC. */
    digest_hour: z.number().int().min(0).max(23).default(7),
  })
  .prefault({});
