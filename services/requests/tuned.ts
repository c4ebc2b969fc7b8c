import { durationText } from '../shared/format.ts';
import type { ReduceWish } from './plans/reduce.ts';

/** What is known of the grants of one target. */
export interface UsedTarget {
  /** The setting, such as access.database. */
  setting: string;
  server: string;
  /** What was lent, such as the name of a role. */
  what: string;
  grants: number;
  known: number;
  unused: number;
  asked_most: number;
  used_most: number | null;
  /** `longest_hours` of the settings, in seconds. */
  longest: number;
  names: readonly string[];
  names_used: readonly string[];
}

/** So many grants say enough about a target. */
const ENOUGH = 5;
/** What the longest use is multiplied with, so that the next one is not cut short. */
const SPARE = 1.5;
const STEPS_S = [900, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 24 * 3600, 72 * 3600, 168 * 3600];

/** What the use of grants proposes, each as a change of the settings that people decide about. Nothing for what nobody knows enough of. */
export function tunedFromUse(one: UsedTarget): ReduceWish[] {
  if (one.known < ENOUGH) return [];
  const where = `${one.setting}.${one.server}`;
  const seen = `${one.grants} grants, ${one.unused} of them never seen in use (sessions are looked for every minute)`;
  if (one.unused === one.known && one.setting === 'access.database')
    return [
      {
        what: `${where}: ${one.what}`,
        before: `${one.what} is lent`,
        after: `${one.what} is not lent`,
        run: `Take ${one.what} out of groups of ${one.server} (${one.setting}).`,
        seen: { by: 'settings', id: `group:${one.server}`, value: one.what },
        summary: `Lend ${one.what} at ${one.server} no more: none of its grants was seen in use.`,
        why: [`Tuned from use: ${seen}.`],
        back: 'The settings are put back by hand.',
      },
    ];
  if (one.used_most === null) return [];
  const enough = STEPS_S.find((step) => step >= one.used_most! * SPARE);
  if (enough === undefined || enough >= one.longest) return [];
  return [
    {
      what: `longest_hours of ${where}`,
      before: durationText(one.longest),
      after: durationText(enough),
      run: `${one.setting}: ${one.server}: longest_hours: ${enough / 3600}`,
      seen: { by: 'settings', id: `longest:${one.server}`, value: String(enough) },
      summary: `Lend at ${one.server} for ${durationText(enough)} at most, in place of ${durationText(one.longest)}.`,
      why: [
        `Tuned from use: ${seen}; asked for ${durationText(one.asked_most)} at most, used for ${durationText(Math.max(1, one.used_most))} at most.`,
      ],
      back: 'The settings are put back by hand.',
    },
  ];
}

/** The names that were asked for and never changed: what a narrower scope leaves out. */
export const neverChanged = ({ names, names_used }: Pick<UsedTarget, 'names' | 'names_used'>): string[] =>
  names.filter((name) => !names_used.some((used) => used === name || (name.startsWith('.') && used.endsWith(name))));
