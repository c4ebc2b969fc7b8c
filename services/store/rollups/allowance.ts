/** The source that all beyond a report's allowance are in the rollups. No domain and no network is called so. */
export const OTHER_SOURCES = 'other sources';

/**
 * Sources (and names below its domain) that a report has in the rollups by name: those that pass first, then those with the most messages.
 * The largest genuine reports have some hundreds; who reports on a botnet of more is heard of the rest as a sum. The records are all kept.
 */
const PROVEN = 2_000;
/** What is not proven counts for nothing, and needs no more than to be seen. */
const UNPROVEN = 100;
/** Of all reports of one mail together: an archive may hold a thousand. */
const PROVEN_MAIL = 20_000;

/** What a report may have in the rollups by name. Stored with it: it must leave them as it entered. Null in those of earlier versions: all. */
export interface Allowance {
  proven: number | null;
  unproven: number | null;
}

/** How large a report is, and how much of it the rollups may name. */
export interface ReportSize extends Allowance {
  records: number;
  messages: number;
}

/**
 * @param reports how many there are in the mail
 * @param trusted it counts by the operator's word, who may  */
export function allowanceOf(reports: number, trusted: boolean): Allowance {
  return {
    proven: trusted ? PROVEN : Math.min(PROVEN, Math.max(1, Math.floor(PROVEN_MAIL / reports))),
    unproven: Math.max(1, Math.floor(UNPROVEN / reports)),
  };
}

/**
 * The largest sum that is kept: 2^53 - 1, what a JavaScript number holds exactly. Counts are bounded where they are read (limits.ts), so that
 * no true sum comes near it; one that shows it has stopped there, and says no more than "more than anybody sent".
 */
const LARGEST_SUM = '9007199254740991';

/** SQL: a sum of bigints, 0 for none, within what is kept. */
const within = (sum: string) => `least(greatest(coalesce(${sum}, 0), -${LARGEST_SUM}), ${LARGEST_SUM})::bigint`;

/**
 * The SQL to make sums over these reports with: `within`, and simpler where none of them can come near its bounds, which is a tenth of what the
 * rollups of a batch cost.
 * @param messages of each report
 */
export function sumOf(messages: readonly number[]): (sum: string) => string {
  const most = messages.reduce((all, n) => all + n, 0);
  return most < Number(LARGEST_SUM) ? (sum) => `coalesce(${sum}, 0)::bigint` : within;
}

/** SQL, within ON CONFLICT: what a column of row `d` becomes. Neither summand can be large enough to overflow. */
export const added = (d: string, column: string) => `least(${d}.${column}, ${LARGEST_SUM}) + excluded.${column}`;

/** SQL: the size of a report, a row of ruawatch.reports. */
export const SIZE_SQL = `json_build_object('records', records, 'messages', messages, 'proven', allowance_proven, 'unproven', allowance_unproven)`;
