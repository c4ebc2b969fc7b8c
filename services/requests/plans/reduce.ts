import type { ManualChange, Plan } from '../plan.ts';

/** A right that somebody has for good, and what is asked for instead. */
export interface ReduceWish extends Omit<ManualChange, 'target'> {
  /** "Remove" or "lend": what the request says in a line. */
  summary: string;
  why: readonly string[];
  back: string;
}

/** A plan that takes a standing right away, or makes a setting of lending narrower: people do it by hand. */
export function planReduce({ summary, why, back, ...change }: ReduceWish): Plan {
  return {
    version: 1,
    kind: 'rights.reduce',
    domain: '*',
    summary,
    warnings: [],
    why: [...why],
    risk: 'medium',
    risk_because: ['What still needs the right stops working: look at its last use first.'],
    changes: [{ target: 'manual', ...change }],
    back: { watch_hours: 0, text: back },
    finding: null,
    reviews: null,
  };
}
