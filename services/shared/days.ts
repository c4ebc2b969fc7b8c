/** Report days are UTC days. They are written YYYY-MM-DD everywhere, so that they compare as texts. */

/** Milliseconds of a day. */
export const DAY_MS = 86_400_000;

/** The UTC day of a moment. */
export function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

/** `day` moved by `n` days. */
export function addDays(day: string, n: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + n * DAY_MS).toISOString().slice(0, 10);
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

/** Days whose place in the week is kept: habits ask for the same few days millions of times. */
const KEPT = 4096;
const weekends = new Map<string, boolean>();

export function isWeekend(day: string): boolean {
  let found = weekends.get(day);
  if (found === undefined) {
    if (weekends.size >= KEPT) weekends.clear();
    found = [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay());
    weekends.set(day, found);
  }
  return found;
}
