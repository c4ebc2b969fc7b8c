const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAY_MS = 86_400_000;
const RFC3164 = /^([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/;
const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?$/;
const NAMED = /^(\d\d)-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d)\.(\d{3})$/;

/**
 * Reads the time of a line: RFC 3339 in its variants, RFC 3164 ("Nov 27 14:20:01"), or BIND's. RFC 3164 has
 * neither year nor zone: the year is the one in which the time is nearest to `now`, and not more than a day
 * after it; the zone is UTC, as is that of all times without one.
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch; null when it is no such time
 */
export function readTime(text: string, now: number): number | null {
  if (ISO.test(text)) return isoTime(text);
  const old = RFC3164.exec(text);
  if (old !== null) {
    const month = MONTHS.indexOf(old[1]!.toLowerCase());
    const year = new Date(now).getUTCFullYear();
    const ms = Number((old[6] ?? '').slice(0, 3).padEnd(3, '0'));
    // On New Year's Eve lines of the next year may be there already, by a clock that is ahead.
    for (const of of [year + 1, year, year - 1]) {
      const at = utc([of, month, +old[2]!, +old[3]!, +old[4]!, Math.min(+old[5]!, 59), ms]);
      if (at !== null && at <= now + DAY_MS) return at;
    }
    return null;
  }
  const named = NAMED.exec(text);
  if (named === null) return null;
  const month = MONTHS.indexOf(named[2]!.toLowerCase());
  return utc([+named[3]!, month, +named[1]!, +named[4]!, +named[5]!, Math.min(+named[6]!, 59), +named[7]!]);
}

/**
 * Milliseconds since the epoch; null for a day or an hour that does not exist, which Date.UTC takes for one
 * of the next month or day.
 */
function utc([year, month, day, hour, minute, second, ms]: [number, number, number, number, number, number, number]):
  | number
  | null {
  const at = Date.UTC(year, month, day, hour, minute, second, ms);
  const exists =
    month >= 0 && month < 12 && hour < 24 && minute < 60 && day > 0 && (day < 29 || new Date(at).getUTCDate() === day);
  return exists ? at : null;
}

/** The time in a text that has the form of `ISO`, read by its places: every line has one. */
function isoTime(text: string): number | null {
  const two = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
  let end = 19;
  let ms = 0;
  const mark = text.charCodeAt(19);
  if (mark === 46 || mark === 44) {
    let digits = 0;
    for (end = 20; isDigit(text.charCodeAt(end)); end++) if (digits++ < 3) ms = ms * 10 + text.charCodeAt(end) - 48;
    while (digits++ < 3) ms *= 10;
  }
  // A leap second is the last one of its minute.
  const at = utc([two(0) * 100 + two(2), two(5) - 1, two(8), two(11), two(14), Math.min(two(17), 59), ms]);
  return at === null ? null : at - (end >= text.length ? 0 : offsetOf(text.slice(end)));
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

function offsetOf(zone: string): number {
  if (zone === 'Z') return 0;
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone)!;
  return (sign === '-' ? -1 : 1) * (+hours! * 60 + +minutes!) * 60_000;
}
