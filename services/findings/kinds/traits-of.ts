import { type Facts, KINDS } from './index.ts';
import type { Traits } from './kind.ts';

/** @param rule of a finding's facts, or its kind; what this version does not know has none */
export function traitsOf(rule: string | undefined): Partial<Traits> {
  return rule !== undefined && Object.hasOwn(KINDS, rule) ? KINDS[rule as Facts['rule']].traits : {};
}

/** The rules about mail that others forge. */
export const forgedRules = (): string[] => rulesWith('mail').filter((rule) => traitsOf(rule).mail === 'forged');

/** The rules whose findings have a trait. */
export function rulesWith(trait: Exclude<keyof Traits, 'name'>): string[] {
  return Object.entries(KINDS).flatMap(([rule, { traits }]: [string, { traits: Traits }]) =>
    traits[trait] === undefined ? [] : [rule],
  );
}
