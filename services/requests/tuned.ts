import { durationText } from '../shared/format.ts';
import { groupBy } from '../shared/group-by.ts';
import type { ReduceWish } from './plans/reduce.ts';
import { notCovered } from './scope.ts';

/** What is known of the grants of one target that lent the same. */
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
  used_median: number | null;
  used_most: number | null;
  /** `longest_hours` of the settings, in seconds. */
  longest: number;
  /** `default_hours` of the settings, in seconds; null without. */
  usual: number | null;
  names: readonly string[];
  names_used: readonly string[];
  /** The names that the settings lend; null for all. */
  lends: readonly string[] | null;
}

/** So many grants say enough about a target. */
const ENOUGH = 5;
/** What a use is multiplied with, so that the next one is not cut short. */
const SPARE = 1.5;
const STEPS_S = [900, 1800, 3600, 7200, 4 * 3600, 8 * 3600, 24 * 3600, 72 * 3600, 168 * 3600];
/** Names and their octets that a setting is proposed with. */
const MOST_NAMES = 10;
const MOST_TEXT = 200;
const BACK = 'The settings are restored by hand.';

/**
 * What the use of grants proposes, each as a change of the settings that people decide about. Nothing for
 * what nobody knows enough of.
 * @param all of any targets
 */
export function tunedFromUse(all: readonly UsedTarget[]): ReduceWish[] {
  const targets = groupBy(all, ({ setting, server }) => `${setting} ${server}`);
  return [
    ...all.flatMap(notLent),
    ...[...targets.values()].flatMap((rows) => {
      const one = together(rows);
      if (one.known < ENOUGH || one.used_most === null) return [];
      return [...shorterMost(one, one.used_most), ...shorterUsual(one), ...fewerNames(one)];
    }),
  ];
}

/** All that one target lent: a setting of it is for all of them. */
function together(rows: readonly UsedTarget[]): UsedTarget {
  const sum = (of: (row: UsedTarget) => number) => rows.reduce((n, row) => n + of(row), 0);
  const most = (of: (row: UsedTarget) => number | null) => {
    const there = rows.flatMap((row) => of(row) ?? []);
    return there.length === 0 ? null : Math.max(...there);
  };
  return {
    ...rows[0]!,
    grants: sum(({ grants }) => grants),
    known: sum(({ known }) => known),
    unused: sum(({ unused }) => unused),
    asked_most: most(({ asked_most }) => asked_most)!,
    used_median: most(({ used_median }) => used_median),
    used_most: most(({ used_most }) => used_most),
    names: [...new Set(rows.flatMap(({ names }) => names))].sort(),
    names_used: [...new Set(rows.flatMap(({ names_used }) => names_used))].sort(),
  };
}

const seenText = ({ grants, unused }: UsedTarget): string =>
  `${grants} grants, ${unused} of them never seen in use (sessions are looked for every minute)`;

function notLent(one: UsedTarget): ReduceWish[] {
  if (one.known < ENOUGH || one.unused !== one.known || one.setting !== 'access.database') return [];
  return [
    {
      what: `${one.setting}.${one.server}: ${one.what}`,
      before: `${one.what} is lent`,
      after: `${one.what} is not lent`,
      run: `Take ${one.what} out of groups of ${one.server} (${one.setting}).`,
      seen: { by: 'settings', id: `group:${one.server}`, value: one.what },
      summary: `Lend ${one.what} at ${one.server} no more: none of its grants was seen in use.`,
      why: [`Tuned from use: ${seenText(one)}.`],
      back: BACK,
    },
  ];
}

const enoughFor = (seconds: number): number | undefined => STEPS_S.find((step) => step >= seconds * SPARE);

function shorterMost(one: UsedTarget, used: number): ReduceWish[] {
  const enough = enoughFor(used);
  if (enough === undefined || enough >= one.longest) return [];
  return [
    {
      what: `longest_hours of ${one.setting}.${one.server}`,
      before: durationText(one.longest),
      after: durationText(enough),
      run: `${one.setting}: ${one.server}: longest_hours: ${enough / 3600}`,
      seen: { by: 'settings', id: `longest:${one.server}`, value: String(enough) },
      summary: `Lend at ${one.server} for ${durationText(enough)} at most, in place of ${durationText(one.longest)}.`,
      why: [
        `Tuned from use: ${seenText(one)}; asked for ${durationText(one.asked_most)} at most, used for ${durationText(Math.max(1, used))} at most.`,
      ],
      back: BACK,
    },
  ];
}

function shorterUsual(one: UsedTarget): ReduceWish[] {
  const enough = enoughFor(Math.max(1, one.used_median!));
  const most = Math.min(one.longest, enoughFor(one.used_most!) ?? one.longest);
  // What is the most that is proposed needs no default besides.
  if (enough === undefined || enough >= most || (one.usual !== null && enough >= one.usual)) return [];
  const before = one.usual === null ? 'not set: --for has to be said' : durationText(one.usual);
  return [
    {
      what: `default_hours of ${one.setting}.${one.server}`,
      before,
      after: durationText(enough),
      run: `${one.setting}: ${one.server}: default_hours: ${enough / 3600}`,
      seen: { by: 'settings', id: `default:${one.server}`, value: String(enough) },
      summary: `Lend at ${one.server} for ${durationText(enough)} when nobody asks for another time.`,
      why: [`Tuned from use: ${seenText(one)}; half of the uses took ${durationText(Math.max(1, one.used_median!))} or less.`],
      back: BACK,
    },
  ];
}

function fewerNames(one: UsedTarget): ReduceWish[] {
  const { names_used: used, lends } = one;
  const text = used.join(' ');
  if (used.length === 0 || used.length > MOST_NAMES || text.length > MOST_TEXT) return [];
  if (lends !== null && notCovered(lends, used) === null) return [];
  // What was asked for and used is as narrow as it can be; all names may be asked for all the same.
  return [
    {
      what: `names of ${one.setting}.${one.server}`,
      before: lends === null ? 'all names of its zones' : lends.join(' ').slice(0, MOST_TEXT),
      after: text,
      run: `${one.setting}: ${one.server}: names: [${used.join(', ')}]`,
      seen: { by: 'settings', id: `names:${one.server}`, value: text },
      summary: `Lend at ${one.server} the names ${used.join(', ')} alone.`,
      why: [
        `Tuned from use: ${seenText(one)}; no other names were changed${neverChanged(one).length === 0 ? '' : `, and never changed: ${neverChanged(one).slice(0, MOST_NAMES).join(', ')}`}.`,
      ],
      back: BACK,
    },
  ];
}

/** The names that were asked for and never changed: what a narrower scope leaves out. */
export const neverChanged = ({ names, names_used }: Pick<UsedTarget, 'names' | 'names_used'>): string[] =>
  names.filter((name) => !names_used.some((used) => used === name || (name.startsWith('.') && used.endsWith(name))));
