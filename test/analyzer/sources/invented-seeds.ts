/**
 * Numbers of invented lives that tell apart what is written from what differs from it in one limit or
 * condition: of many, for each such difference the first that shows it.
 */
export const SEEDS: Readonly<Record<string, readonly number[]>> = {
  identity: [0, 1, 2, 3, 4, 7, 8, 9, 12, 16, 35, 51, 56, 62, 64, 71, 72, 116, 154, 171],
  relays: [0, 1, 2, 8, 14, 15, 18, 22, 24, 35, 94, 114, 358],
  standing: [0, 1, 2, 4],
  sure: [0, 1, 2, 4, 6, 8, 16, 18, 38, 232],
};
