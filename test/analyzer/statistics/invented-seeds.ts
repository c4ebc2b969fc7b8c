/**
 * Numbers of invented lives that tell apart what is written from what differs from it in one limit or
 * condition: of many, for each such difference the first that shows it.
 */
export const SEEDS: Readonly<Record<string, readonly number[]>> = {
  habit: [0, 1, 2, 3, 5, 7, 9, 12, 31, 38, 39, 146, 147, 152, 174, 194, 196, 315, 330, 515],
  reports: [0, 1, 4, 6, 8, 18, 24, 25, 44, 54, 98, 101, 163, 293, 357, 398, 402, 441, 461, 560, 825, 942],
  odds: [0, 3, 4, 5, 29],
  series: [3, 4, 40, 46, 66, 70, 75, 119, 181, 186, 1273, 1388],
};
