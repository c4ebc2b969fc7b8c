/** Seeds to look at while rules are written and constants chosen. */
export const TUNING_SEEDS: readonly number[] = Array.from({ length: 9 }, (_, i) => 1 + i);
/** Seeds that published figures are made of. Nobody tunes on them. */
export const REPORTED_SEEDS: readonly number[] = Array.from({ length: 20 }, (_, i) => 101 + i);

/**
 * Reads seeds as the command line has them: numbers and ranges, or `tuning`, or `reported`.
 * @throws Error that says how to write them
 */
export function seedsOf(text: string): number[] {
  if (text === 'tuning') return [...TUNING_SEEDS];
  if (text === 'reported') return [...REPORTED_SEEDS];
  return text.split(',').flatMap((part) => {
    const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(part.trim()) ?? [];
    if (first === undefined) throw new Error(`--seed ${text}: give numbers and ranges, such as 1, 1-9 or 101-105,7.`);
    const [from, to] = [Number(first), Number(last ?? first)];
    if (to < from) throw new Error(`--seed ${text}: ${from}-${to} runs backwards.`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
