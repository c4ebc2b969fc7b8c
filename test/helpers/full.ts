/**
 * Set by `.ci/full`, which takes hours: every case, and all draws of a property. `.ci/run` takes fewer, from
 * seeds of its own, so that many runs come to as much.
 */
export const FULL = process.env.RUAWATCH_FULL === '1';

/** How many draws of a property, or cases of a kind: `all` in `.ci/full`, `some` on every run. */
export const draws = (all: number, some: number): number => (FULL ? all : some);
