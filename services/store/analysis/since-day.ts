/**
 * SQL: the reports on one domain that begin on a day or later. Compared as a row, for which only the index on
 * (domain, begin_at) serves: rows lie in the order of their time, so the planner would rather read the
 * reports on all domains since then by the index on begin_at.
 * @param domain the parameter that holds the domain
 * @param day the one that holds the day
 */
export function sinceDay(domain: string, day: string): string {
  return `domain = ${domain} and (domain, begin_at) >= (${domain}, ${day}::date::timestamp at time zone 'UTC')`;
}
