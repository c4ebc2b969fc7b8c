/**
 * SQL: whether a finding that somebody resolved by hand goes on, by the newest reports: the column `goes_on`
 * of dmarc.findings. The first condition decides for most rows.
 * @param row an alias of ruawatch.findings
 */
export const goesOn = (row: string): string =>
  `(${row}.state = 'resolved' and ${row}.evidence #>> '{ended,reason}' = 'closed' and coalesce(ruawatch.goes_on(${row}), false))`;
