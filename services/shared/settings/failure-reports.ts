import { z } from 'zod';

/** What failure reports keep, and for how long. */
export const failureReportsSchema = z
  .strictObject({
    /** Keep local parts of addresses and subjects; they are redacted otherwise. */
    keep_personal_data: z.boolean().default(false),
    /** Days after which failure reports and their mails are deleted. */
    retention_days: z.number().int().min(1).max(3650).default(30),
  })
  .prefault({});
