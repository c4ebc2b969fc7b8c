import { z } from 'zod';
import { seconds } from './values.ts';

/** What the analyzer looks at, and when: docs/detection.md. */
export const analyzerSchema = z
  .strictObject({
    /** How long new rows may wait for the rest of a backlog before they are analyzed. */
    patience_seconds: seconds(60),
    /** The window that rules look at, in report days. */
    window_days: z.number().int().min(14).max(180).default(42),
    /** Findings whose newest evidence is older than this are recorded but not mailed. */
    quiet_after_days: z.number().int().min(1).default(14),
    /** False alarms allowed per domain and month; lower values delay detection and raise the thresholds. */
    false_alarms_per_month: z.number().positive().max(100).default(1),
    /** How long a low or medium finding about a network without a name waits for the enricher. */
    wait_for_names_hours: z.number().min(0).max(72).default(6),
  })
  .prefault({});
