/**
 * Numbers of invented lives that tell apart what is written from what differs from it in one limit or
 * condition: of many, for each such difference the first that shows it.
 */
export const SEEDS: Readonly<Record<string, readonly number[]>> = {
  unsigned_mail: [1, 8, 14, 15, 18, 20, 34],
  unauthorized_workload: [0, 2, 3, 5, 16, 23, 31, 58, 208],
  key_not_published: [0, 1, 4, 16, 19, 30, 31],
  verify_failed: [1, 2, 3, 8, 16, 18, 19, 20],
  sending_not_reported: [0, 2, 7, 10, 19, 25, 28, 55, 65, 72],
  source_not_in_logs: [0, 2, 3, 11, 13, 16, 18, 19, 22, 44, 64, 155],
};
