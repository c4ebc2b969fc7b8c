const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAY_MS = 86_400_000;
const RFC3164 = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)?$/;
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/;
const NAMED = /^(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d)\.(\d{3})$/;

/**
 * Reads the time of a line: RFC 3339 in its variants, RFC 3164 ("Nov 27 14:20:01"), or BIND's. RFC 3164 has neither year nor zone: the
 * year is the one in which the time is nearest to `now`, and not more than a day after it; the zone is UTC, as is that of all times without one.
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch; null when it is no such time
 */
export function readTime(text: string, now: number): number | null {
  const iso = ISO.exec(text);
  if (iso !== null) {
    const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = iso;
    // A leap second is the last one of its minute.
    const at = utc([+year!, +month! - 1, +day!, +hour!, +minute!, Math.min(+second!, 59), +fraction.padEnd(3, '0').slice(0, 3)]);
    return at === null ? null : at - offsetOf(zone);
  }
  const old = RFC3164.exec(text);
  if (old !== null) {
    const month = MONTHS.indexOf(old[1]!.toLowerCase());
    if (month === -1) return null;
    const year = new Date(now).getUTCFullYear();
    // On New Year's Eve lines of the next year may be there already, by a clock that is ahead.
    for (const of of [year + 1, year, year - 1]) {
      const at = utc([of, month, +old[2]!, +old[3]!, +old[4]!, Math.min(+old[5]!, 59), 0]);
      if (at !== null && at <= now + DAY_MS) return at;
    }
    return null;
  }
  const named = NAMED.exec(text);
  if (named === null) return null;
  const month = MONTHS.indexOf(named[2]!.toLowerCase());
  return month === -1 ? null : utc([+named[3]!, month, +named[1]!, +named[4]!, +named[5]!, Math.min(+named[6]!, 59), +named[7]!]);
}

/** Milliseconds since the epoch; null for a day or an hour that does not exist, which Date.UTC takes for one of the next month or day. */
function utc([year, month, day, hour, minute, second, ms]: [number, number, number, number, number, number, number]):
  | number
  | null {
  const at = Date.UTC(year, month, day, hour, minute, second, ms);
  const exists = month < 12 && hour < 24 && minute < 60 && second < 60 && new Date(at).getUTCDate() === day;
  return exists ? at : null;
}

function offsetOf(zone: string): number {
  if (zone === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone)!;
  return (sign === '-' ? -1 : 1) * (+hours! * 60 + +minutes!) * 60_000;
}
