import { z } from 'zod';

const keptDays = z.number().int().min(1).max(36_500).nullable().default(null);

/**
 * Days that data is kept; null keeps it for ever. Raw mails, records and daily totals are deleted by month:
 * docs/retention.md.
 */
export const retentionSchema = z
  .strictObject({
    raw_days: keptDays.default(400),
    /** Raw mails that are not reports; deleted one by one, not by month. */
    ignored_days: keptDays.default(30),
    /**
     * Gigabytes (10^9) of raw mail; above that, ignored mails are deleted first, then quarantined ones.
     * Null sets no limit.
     */
    raw_total_gb: z.number().positive().nullable().default(20),
    records_days: keptDays,
    rollups_days: keptDays,
    /** Rows of the audit chain; what is left can still be verified. */
    audit_days: z
      .number()
      .int()
      .min(365, 'must be at least 365, or null: the audit chain is kept for a year')
      .max(36_500)
      .nullable()
      .default(null),
  })
  .prefault({});
