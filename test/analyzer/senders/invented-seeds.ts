/**
 * Numbers of invented lives that tell apart what is written from what differs from it in one limit or
 * condition: of many, for each such difference the first that shows it.
 */
export const SEEDS: Readonly<Record<string, readonly number[]>> = {
  season: [1, 4, 5, 7, 11, 14, 16, 18, 24, 25, 26, 28, 32, 33, 36, 50, 51, 54, 57, 61, 78, 103, 104, 160, 351, 370, 596],
  rising: [2, 5, 12, 20, 21, 36, 41, 42, 61, 411],
  mix: [9, 17, 20, 21, 25, 43, 48, 92, 107, 125],
  keys: [1, 2, 3, 4, 7, 20, 44, 45, 160, 191, 207],
  hoster: [2, 4, 10, 20, 23, 37, 38, 39, 68, 203],
  siblings: [9, 43, 48, 80],
  surges: [2, 3, 4, 6, 7, 17, 25, 34, 39, 71, 74, 235],
  cause: [1, 3, 16, 17, 45, 93, 137, 311, 347],
  units: [0, 5, 8, 16, 37, 41, 64, 65, 114, 121, 148, 251, 537],
  who: [0, 1, 3, 44],
  windows: [2, 5, 8, 15],
  unaligned: [1, 4, 7, 9, 10, 14, 22, 30, 38, 41, 59, 60, 63, 366],
  together: [7, 9, 15, 17, 18, 19, 22, 25, 27, 28, 33, 39, 44, 48],
  replay: [0, 1, 8, 11, 18, 41, 52, 65, 136],
};
