/** Report days are UTC days. They are written YYYY-MM-DD everywhere, so that they compare as texts. */

/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** The UTC day of a moment. */
export function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

/** Days of which something is kept: habits ask for the same few days millions of times. */
const KEPT = 4096;
const numbers = new Map<string, number>();
const names = new Map<number, string>();

/** `day` moved by `n` days. */
export function addDays(day: string, n: number): string {
  const number = kept(numbers, day, () => Date.parse(`${day}T00:00:00Z`) / DAY_MS) + n;
  return kept(names, number, () => new Date(number * DAY_MS).toISOString().slice(0, 10));
}

/** All days from `from` to `to`, both included. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}

/** The earlier of two days. */
export function earlier(a: string, b: string): string {
  return a < b ? a : b;
}

/** The later of two days. */
export function later(a: string, b: string): string {
  return a > b ? a : b;
}

const weekends = new Map<string, boolean>();

export function isWeekend(day: string): boolean {
  return kept(weekends, day, () => [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay()));
}

/** What is known of a key, or is found out now. Too many keys, and it is begun anew. */
function kept<Key, Value>(known: Map<Key, Value>, key: Key, find: () => Value): Value {
  let value = known.get(key);
  if (value === undefined) {
    value = find();
    if (known.size >= KEPT) known.clear();
    known.set(key, value);
  }
  return value;
}
