/** The states of a request. The first six wait for somebody or something; the others are final. */
export const STATES = [
  'draft',
  'pending',
  'approved',
  'applying',
  'active',
  'handed_over',
  'done',
  'denied',
  'expired',
  'withdrawn',
  'stale',
  'failed',
  'ended',
  'returned',
] as const;
export type State = (typeof STATES)[number];

/**
 * All steps that a request can take, from which states, and where they lead. Nothing else changes a state:
 * the statement that does so names the states of this table (store/requests/move.ts).
 */
export const STEPS = {
  submit: { from: ['draft'], to: 'pending' },
  approve: { from: ['pending'], to: 'approved' },
  deny: { from: ['pending'], to: 'denied' },
  /** While it is being applied only as long as nothing is changed. */
  withdraw: { from: ['draft', 'pending', 'approved', 'applying'], to: 'withdrawn' },
  expire: { from: ['draft', 'pending', 'approved'], to: 'expired' },
  /** A break-glass: a person of the emergency group decides alone. */
  override: { from: ['pending'], to: 'approved' },
  claim: { from: ['approved'], to: 'applying' },
  /** Applied, with nothing left to watch. */
  finish: { from: ['applying'], to: 'done' },
  /** Applied, and watched or lent until an end. */
  activate: { from: ['applying'], to: 'active' },
  /** Given to somebody else to publish. */
  hand_over: { from: ['applying'], to: 'handed_over' },
  /** Approved, with nothing to apply. */
  close: { from: ['approved'], to: 'done' },
  /** What was handed over is there. */
  appear: { from: ['handed_over', 'pending', 'approved'], to: 'done' },
  /** What was handed over is there, and what was changed beside it is watched. */
  follow: { from: ['handed_over'], to: 'active' },
  /** The state before is not what the plan says. */
  outdate: { from: ['pending', 'approved', 'applying'], to: 'stale' },
  fail: { from: ['applying', 'handed_over'], to: 'failed' },
  /** The watch is over, and nothing broke. */
  settle: { from: ['active'], to: 'done' },
  /** What was lent is taken back. */
  end: { from: ['active'], to: 'ended' },
  /** The state before was restored. */
  return: { from: ['active'], to: 'returned' },
  /** What was changed beside a part that was handed over. */
  return_part: { from: ['handed_over'], to: 'returned' },
} as const satisfies Record<string, { from: readonly State[]; to: State }>;
export type Step = keyof typeof STEPS;

/** The states in which nothing more happens. */
export const FINAL: readonly State[] = STATES.filter((state) =>
  Object.values(STEPS).every(({ from }) => !(from as readonly State[]).includes(state)),
);

/** Where a step leads from a state; null when it cannot be taken there. */
export function after(state: State, step: Step): State | null {
  const { from, to } = STEPS[step];
  return (from as readonly State[]).includes(state) ? to : null;
}
