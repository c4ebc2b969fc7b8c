/**
 * Numbers of invented lives that tell apart what is written from what differs from it in one limit or
 * condition: of many, for each such difference the first that shows it.
 */
export const SEEDS: Readonly<Record<string, readonly number[]>> = {
  alignment_failure: [
    3, 4, 5, 7, 8, 9, 11, 13, 19, 21, 23, 25, 26, 27, 41, 48, 55, 61, 68, 71, 74, 84, 95, 99, 121, 126, 143, 152, 161, 186, 194,
    197,
  ],
  weakened_sender: [1, 4, 7, 8, 9, 11, 14, 16, 17, 21, 22, 24, 25, 32, 33, 41, 50, 62, 68, 73, 85, 129, 156, 191, 197],
  new_source: [4, 8, 9, 12, 15, 17, 18, 25, 32, 41, 46, 52, 72, 74, 76, 81, 90, 92, 99, 106, 161],
  policy_change: [1, 5, 7, 8, 9, 20, 26, 33, 43, 107, 115, 116],
  unauthorized_source: [0, 1, 2, 4, 7, 14, 16, 18, 24, 75, 79, 84, 100, 107, 109],
  abused_sender: [1, 3, 4, 5, 7, 17, 19, 22, 23, 26, 41, 48, 56, 58, 67, 71, 75, 100, 107, 139, 144, 186],
  classes: [0, 4, 5, 8, 9, 13, 16, 22, 23, 24, 27, 31, 36, 38, 43, 45, 46, 49, 66, 82, 88, 126, 145, 183],
  volume_surge: [3, 7, 8, 9, 30, 43, 50, 54, 72, 73, 74, 89, 90, 96, 97, 103, 111, 156, 166],
  reporter_silent: [0, 1, 9, 13, 16, 17, 21, 54],
  denied_source: [2, 3, 5, 9, 11, 21, 39, 48, 108],
  broken_senders: [1, 3, 5, 11, 17, 39, 41, 47, 56, 99, 100, 110, 114],
  sender_moved: [1, 3, 4, 6, 9, 12, 16, 24, 25, 32, 43, 47, 58, 67, 85, 90],
  new_host: [3, 10, 16, 19, 20, 23, 29, 34, 52, 102, 185],
  verdict_mismatch: [1, 5, 8, 31, 43, 69, 70, 81, 93, 98, 125],
  subdomain_abuse: [0, 3, 4, 11, 15, 16, 34, 35, 56, 62],
};
