import { addDays } from '../shared/days.ts';
import { parsePolicy, TAGS } from '../shared/policy.ts';
import type { PolicyDay } from '../store/analysis/window-reads.ts';

/** Reporters that have been silent for longer do not say what is published now. */
const CURRENT_DAYS = 3;

/**
 * The policy in effect, tag by tag what most reporters of the newest days saw last, in the spelling of
 * ruawatch.policy_days with defaults written out; null when nothing is known.
 */
export function currentPolicy(policyDays: readonly PolicyDay[]): string | null {
  const last = new Map<string, PolicyDay>();
  for (const row of policyDays) {
    const before = last.get(row.reporter);
    if (before === undefined || row.day > before.day || (row.day === before.day && row.reports > before.reports)) {
      last.set(row.reporter, row);
    }
  }
  const newest = [...last.values()].reduce((day, row) => (row.day > day ? row.day : day), '');
  if (newest === '') return null;
  const policies = [...last.values()]
    .filter((row) => row.day > addDays(newest, -CURRENT_DAYS))
    .map((row) => parsePolicy(row.policy));
  const tags = TAGS.map((tag) => [tag, commonest(policies.map((policy) => policy[tag]).filter((value) => value !== null))]);
  return tags
    .filter(([, value]) => value !== null)
    .map(([tag, value]) => `${tag}=${value}`)
    .join('; ');
}

/**
 * The most frequent; of equals the first in the alphabet, so that the order of rows does not matter. Null of
 * none.
 */
export function commonest(values: readonly string[]): string | null {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0] ?? null;
}
