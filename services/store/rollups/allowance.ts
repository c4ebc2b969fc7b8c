/**
 * The source that all sources beyond a report's allowance are counted under. No domain or network has this
 * name.
 */
export const OTHER_SOURCES = 'other sources';

/**
 * Sources, and names below its domain, that a report may have in the rollups by name: those that pass first,
 * then those with the most messages. The largest genuine reports have a few hundred. Of a report on a botnet
 * with more, the rest is counted as a sum. All records are kept.
 */
const PROVEN = 2_000;
/** What is not proven does not count: a few names are enough to show it. */
const UNPROVEN = 100;
/** Of all reports in one mail together: an archive may hold a thousand. */
const PROVEN_MAIL = 20_000;

/**
 * The number of names a report may have in the rollups. Stored with the report, since it must leave them as
 * it entered. Null, for a report of an earlier version: all.
 */
export interface Allowance {
  proven: number | null;
  unproven: number | null;
}

/** The size of a report, and the number of names it may have in the rollups. */
export interface ReportSize extends Allowance {
  records: number;
  messages: number;
}

/**
 * @param reports the number of reports in the mail
 * @param trusted it counts because the operator says so, and gets the whole allowance
 */
export function allowanceOf(reports: number, trusted: boolean): Allowance {
  return {
    proven: trusted ? PROVEN : Math.min(PROVEN, Math.max(1, Math.floor(PROVEN_MAIL / reports))),
    unproven: Math.max(1, Math.floor(UNPROVEN / reports)),
  };
}

/**
 * The largest sum that is kept: 2^53 - 1, the largest integer a JavaScript number holds exactly. Counts are
 * bounded where they are read (limits.ts), so that no true sum comes near it; a sum of this value was capped.
 */
const LARGEST_SUM = '9007199254740991';

/** SQL: a sum of bigints, 0 for none, capped. */
const within = (sum: string) => `least(greatest(coalesce(${sum}, 0), -${LARGEST_SUM}), ${LARGEST_SUM})::bigint`;

/**
 * The function that makes the SQL of sums over these reports: `within`, or without the cap where no sum can
 * reach it, which saves a tenth of the time of a batch's rollups.
 * @param messages the messages of each report
 */
export function sumOf(messages: readonly number[]): (sum: string) => string {
  const most = messages.reduce((all, n) => all + n, 0);
  return most < Number(LARGEST_SUM) ? (sum) => `coalesce(${sum}, 0)::bigint` : within;
}

/**
 * SQL, within ON CONFLICT: the new value of a column of row `d`. Neither summand is large enough to overflow.
 */
export const added = (d: string, column: string) => `least(${d}.${column}, ${LARGEST_SUM}) + excluded.${column}`;

/** SQL: the size of a report, a row of ruawatch.reports. */
export const SIZE_SQL = `json_build_object('records', records, 'messages', messages, 'proven', allowance_proven, 'unproven', allowance_unproven)`;
