/** How grave a finding is, mildest first. */
export const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** The place of a severity: 0 for `info`, 4 for `critical`, -1 for one that is not known. */
export function rankOf(severity: string): number {
  return (SEVERITIES as readonly string[]).indexOf(severity);
}

/** Sorts the gravest first. */
export function byGravity(a: { severity: string }, b: { severity: string }): number {
  return rankOf(b.severity) - rankOf(a.severity);
}
