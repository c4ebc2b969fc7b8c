/** What people said of the findings of one kind that were mailed. */
export interface Judged {
  kind: string;
  mailed: number;
  right: number;
  expected: number;
  false: number;
}

/** How often a kind was right. */
export interface Reviewed extends Judged {
  /**
   * Of those that were right or false, the part that was right; null without any. What was expected counts
   * neither way.
   */
  precision: number | null;
  unjudged: number;
}

/** What the verdicts suggest. Nothing of it is done by itself. */
export interface Review {
  kinds: Reviewed[];
  /** A smaller or larger `analyzer.false_alarms_per_month`; null: too few verdicts, or it may stay. */
  budget: { now: number; proposed: number; seen: number } | null;
  /** Sources whose mail somebody expects: the list of senders would say so for good. */
  approvals: { domain: string; source: string; why: string }[];
}

/** Verdicts that it takes to say anything of the budget. */
const LEAST = 10;
/** So many false ones are too many, and so few allow for more. */
const TOO_MANY = 0.2;
const FEW = 0.02;
/** The smallest and the largest budget that are proposed. */
const SMALLEST = 0.05;
const LARGEST = 2;

/**
 * Precision by kind as people saw it, and what it suggests. Pure.
 * @param given `budget` is `analyzer.false_alarms_per_month`; `domains` and `months` are what the verdicts
 *   are about
 */
export function reviewOf(
  judged: readonly Judged[],
  approvals: Review['approvals'],
  given: { budget: number; domains: number; months: number },
): Review {
  const kinds = judged.map((one): Reviewed => {
    const decided = one.right + one.false;
    const spoken = decided + one.expected;
    return { ...one, precision: decided === 0 ? null : one.right / decided, unjudged: Math.max(0, one.mailed - spoken) };
  });
  const sum = (of: 'right' | 'false' | 'expected') => kinds.reduce((n, one) => n + one[of], 0);
  const all = sum('right') + sum('false') + sum('expected');
  const seen = sum('false') / Math.max(1, given.domains) / Math.max(1 / 30, given.months);
  return { kinds, budget: all < LEAST ? null : budgetOf(sum('false') / all, given.budget, seen), approvals };
}

function budgetOf(share: number, now: number, seen: number): Review['budget'] {
  const proposed = share > TOO_MANY ? Math.max(SMALLEST, now / 2) : share < FEW ? Math.min(LARGEST, now * 1.5) : now;
  return proposed === now ? null : { now, proposed: Number(proposed.toPrecision(2)), seen };
}
