/** Numbers and lists as people read them: one form in mails, on the terminal and in stored sentences. */

const grouped = new Intl.NumberFormat('en-US');

/** 4210 as "4,210". */
export function number(n: number): string {
  // What has nothing to group is as it is: Intl takes many times as long.
  if (Number.isInteger(n) && n >= 0 && n < 1000) return String(n);
  return grouped.format(n);
}

/** "1 message", "4,210 messages". */
export function counted(n: number, singular: string, plural = `${singular}s`): string {
  return `${number(n)} ${n === 1 ? singular : plural}`;
}

/** "3 of 40 messages", and "all 40 messages" where that is all. */
export function outOf(n: number, of: number, singular: string): string {
  return n === of && n > 1 ? `all ${counted(n, singular)}` : `${number(n)} of ${counted(of, singular)}`;
}

/**
 * A share from 0 to 1 as "98%", and what has grown to more than it was, such as 2.504, as "250%"; what is not
 * quite all or nothing is never rounded to it.
 */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return 'under 0.1%';
  if (value < 100 && value > 99.9) return 'over 99.9%';
  const digits = value < 10 || (value > 99 && value < 100) ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0$/, '')}%`;
}

/**
 * "a", "a and b", "a, b and c"; with more than `most` names "a, b and 7 more".
 * @param total how many there are, if `names` does not hold all of them
 */
export function list(names: readonly string[], most = 3, total = names.length): string {
  const shown = names.slice(0, total > most ? most - 1 : most);
  const rest = total - shown.length;
  const all = rest > 0 ? [...shown, `${number(rest)} more`] : shown;
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

/** At most `most` characters. Names come from reports and may be of any length. */
export function short(name: string, most = 80): string {
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/**
 * A length of time in its two largest units: "2 hours", "1 day and 6 hours", "90 seconds" as "1 minute and 30
 * seconds".
 */
export function durationText(seconds: number): string {
  let left = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const n = Math.floor(left / size);
    if (n > 0) parts.push(counted(n, unit));
    left -= n * size;
  }
  return list(parts.slice(0, 2)) || '0 seconds';
}

/** A text that begins a sentence: its first letter in upper case. */
export const sentenceCase = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
