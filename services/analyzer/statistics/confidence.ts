import type { Severity } from '../../shared/severity.ts';

/**
 * The lower bound of the Wilson score interval (95 %): the least share of `part` in all mail alike that the
 * `whole` seen supports. 3 of 3 give 0.44, 10 of 10 give 0.72, 1,000 of 1,000 give 0.996.
 */
export function wilson(part: number, whole: number): number {
  if (whole <= 0) return 0;
  const z = 1.96;
  const p = Math.min(1, part / whole);
  const centre = p + (z * z) / (2 * whole);
  const margin = z * Math.sqrt((p * (1 - p) + (z * z) / (4 * whole)) / whole);
  return Math.max(0, (centre - margin) / (1 + (z * z) / whole));
}

/**
 * How far to trust a count: the messages of one report are not independent of each other, so every witness (a
 * reporter on a day) adds less than the one before: 1 gives 0.5, 4 give 0.8, 9 give 0.9.
 */
export function witnessed(witnesses: number): number {
  return witnesses / (witnesses + 1);
}

/** What one witness alone leaves open. */
const ALONE = 0.25;

/**
 * How sure a finding is of what it claims: neither a share of mail nor its severity. It is the certainty
 * that neither habit nor accident nor an innocent explanation lies behind what was seen, and that what was
 * seen was seen right: one report leaves a quarter of doubt, four leave a sixteenth.
 *
 * @param chance that habit or accident alone bring it, as tested; 0 for what is a fact
 * @param otherwise how likely an innocent explanation is that reports cannot rule out
 * @param witnesses pairs of reporter and day that show it; absent where it does not rest on reports
 */
export function certainty({
  chance = 0,
  otherwise = 0,
  witnesses: seen = Number.POSITIVE_INFINITY,
}: {
  chance?: number;
  otherwise?: number;
  witnesses?: number;
}): number {
  return stated((1 - Math.min(1, chance)) * (1 - otherwise) * (1 - ALONE / Math.max(1, seen)));
}

/**
 * The least certainty with which a severity is reported: "fairly sure", and "more likely than
 * not".
 */
const LEAST_SURE: Partial<Record<Severity, number>> = { critical: 0.7, high: 0.5 };

/** The severity that a claim of this certainty can bear: no one is alerted at night for a guess. */
export function bearable(severity: Severity, confidence: number): Severity {
  if (confidence >= (LEAST_SURE[severity] ?? 0)) return severity;
  return severity === 'critical' && confidence >= LEAST_SURE.high! ? 'high' : 'medium';
}

/** Confidence as stored and shown: two digits. */
export function stated(confidence: number): number {
  return Math.round(Math.min(1, Math.max(0, confidence)) * 100) / 100;
}

/** The distinct pairs of reporter and day. */
export function witnesses(rows: readonly { reporter: string; day: string }[]): number {
  return new Set(rows.map((row) => `${row.day} ${row.reporter}`)).size;
}
