import type { Family } from '../family.ts';

/** Families by authors who have not read the rules. All of them are reported. */
export const FRESH: readonly Family[] = [];
