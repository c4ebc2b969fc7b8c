/** Times in reports, independent of the clock and the time zone of the machine. */

/** Seconds since the epoch, and whether the text states its zone. */
export interface Moment {
  seconds: number;
  zoned: boolean;
}

/** 9999-12-31T23:59:59Z: the last time with a four-digit year. */
export const LAST_SECOND = 253_402_300_799;

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt\s_](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i;

/**
 * A date-time of RFC 3339; a missing time is midnight, and a missing zone is UTC. Seconds since the epoch are
 * accepted as well. Null for anything else.
 */
export function internetTime(text: string): Moment | null {
  if (/^\d{9,12}(?:\.\d*)?$/.test(text)) {
    const seconds = Math.floor(Number(text));
    return seconds <= LAST_SECOND ? { seconds, zoned: true } : null;
  }
  const match = RFC3339.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', zone] = match;
  return moment([year, month, day, hour, minute, second].map(Number), zone);
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const RFC5322 =
  /(?:^|[\s,])(\d{1,2})[\s-]+(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[\s-]+(\d{4}|\d{2})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([+-]\d{4}|[A-Z]{1,5}\b)?/i;
/** Zones of RFC 5322 section 4.3, in minutes; any other name means the same as -0000. */
const NAMED: Readonly<Record<string, number>> = {
  ut: 0,
  utc: 0,
  gmt: 0,
  z: 0,
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
};

/** A date-time of a mail (RFC 5322 section 3.3, obsolete forms included); null for anything else. */
export function mailTime(text: string): Moment | null {
  const match = RFC5322.exec(text);
  if (match === null) return null;
  const [, day, name, year, hour, minute, second = '0', zone] = match as unknown as [string, ...string[]];
  const month = MONTHS.indexOf((name as string).toLowerCase()) + 1;
  const given = Number(year);
  const whole = (year as string).length === 4 ? given : given < 50 ? 2000 + given : 1900 + given;
  return moment([whole, month, ...[day, hour, minute, second].map(Number)], zone);
}

/** @param parts year, month, day, hour, minute, second */
function moment(parts: readonly number[], zone: string | undefined): Moment | null {
  const [year, month, day, hour, minute, second] = parts as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || hour > 24 || minute > 59 || second > 60) return null;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999, and turns a day that a month does not have into one
  // of another month.
  if (year < 100 || new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== day) return null;
  const offset = zone === undefined ? undefined : offsetOf(zone);
  return { seconds: ms / 1000 - (offset ?? 0) * 60, zoned: offset !== undefined };
}

/** Minutes east of UTC; undefined for an undefined name. */
function offsetOf(zone: string): number | undefined {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (match === null) return NAMED[zone.toLowerCase()];
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === '-' ? -minutes : minutes;
}
