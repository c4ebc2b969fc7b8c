import { addDays, dayOf } from '../shared/days.ts';
import { groupBy } from '../shared/group-by.ts';
import { transaction } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { noteDomains } from '../store/analysis/note-work.ts';
import {
  isReading,
  type LastReport,
  loadHeard,
  loadLastReports,
  loadReportedDays,
  loadSilences,
  type Silence,
  saveSilences,
} from '../store/analysis/silences.ts';
import { HourlyLook } from './hourly.ts';
import { ARRIVAL_DAYS, type ReportSilence, silenceOf } from './statistics/report-habit.ts';

/**
 * How far back to look for the last report, and how long ago a domain may have fallen silent to be news.
 */
const LOOK_BACK = 100;
const NEWS_DAYS = 30;
const HABIT_DAYS = 42;
/** A mailbox that was not read for so long brings no reports, and that is what its own error says. */
const READ_HOURS = 6;
/** Domains whose last report is of days so close to each other have one cause. */
const ONE_CAUSE_DAYS = 2;
/** So many domains, and this part of all, are silent at once: each needs less evidence. */
const TOGETHER = 3;
const TOGETHER_SHARE = 0.5;
/** Other domains named beside the one that the mail is about. */
const NAMED = 20;
/** Domains that are still reported on whose reporters are looked up. */
const SAMPLE = 50;

/**
 * Looks by the clock for own domains on which nobody reports any more: no report comes that would wake the
 * analysis. Notes those that fell silent, or are reported on again, for the analyzer. Does nothing while no
 * mailbox is read.
 */
export const silenceWatch = (context: Context): HourlyLook =>
  new HourlyLook(context, findSilences, ({ db }) => isReading(db, READ_HOURS));

/** Finds all silences of this day and notes what changed. @returns the domains noted for the analyzer */
export async function findSilences({ db, clock, log }: Pick<Context, 'db' | 'clock' | 'log'>): Promise<string[]> {
  const today = dayOf(clock.now());
  const last = withoutNamesBelow(await loadLastReports(db, addDays(today, -LOOK_BACK), today));
  const due = addDays(today, -ARRIVAL_DAYS);
  const quiet = last.filter(({ last_day }) => last_day !== null && last_day < due);
  const reported = last.filter(({ last_day }) => last_day !== null && last_day >= due);
  const before = new Map((await loadSilences(db)).map((one) => [one.domain, one]));
  if (quiet.length === 0 && before.size === 0) return [];
  const found = await silencesOf(db, { quiet, reported, before, today });
  const key = ({ told_by, others_in_all, since }: Silence) => JSON.stringify([told_by, others_in_all, since]);
  const now = new Map(found.map((one) => [one.domain, one]));
  const changed = [...new Set([...before.keys(), ...now.keys()])].filter((domain) => {
    const [was, is] = [before.get(domain), now.get(domain)];
    return was === undefined || is === undefined || key(was) !== key(is);
  });
  await transaction(db, async (tx) => {
    await saveSilences(tx, found);
    await noteDomains(tx, changed);
  });
  if (changed.length > 0)
    log.info({ domains: changed.slice(0, NAMED), count: changed.length }, 'domains fell silent or are reported on again');
  return changed;
}

/** A name below a domain that is reported on itself is no domain of its own: its mail comes and goes. */
function withoutNamesBelow(last: readonly LastReport[]): LastReport[] {
  const names = new Set(last.map(({ domain }) => domain));
  return last.filter(({ domain }) => {
    for (let rest = domain; rest.includes('.'); ) {
      rest = rest.slice(rest.indexOf('.') + 1);
      if (names.has(rest)) return false;
    }
    return true;
  });
}

interface Quiet {
  quiet: readonly LastReport[];
  reported: readonly LastReport[];
  before: ReadonlyMap<string, Silence>;
  today: string;
}

async function silencesOf(db: Context['db'], { quiet, reported, before, today }: Quiet): Promise<Silence[]> {
  const judged = quiet.filter(({ domain, last_day }) => before.has(domain) || last_day! >= addDays(today, -NEWS_DAYS));
  const oldest = judged.map(({ last_day }) => last_day!).sort()[0];
  if (oldest === undefined) return [];
  const names = judged.map(({ domain }) => domain);
  const days = groupBy(await loadReportedDays(db, names, addDays(oldest, -HABIT_DAYS)), ({ domain }) => domain);
  const sample = reported.slice(0, SAMPLE).map(({ domain }) => domain);
  const heard = sample.length === 0 ? null : await loadHeard(db, sample, addDays(today, -ARRIVAL_DAYS - 1));
  const together = judged.length >= TOGETHER && judged.length >= TOGETHER_SHARE * (judged.length + reported.length);
  const silent = judged.flatMap(({ domain, last_day }) => {
    const own = days.get(domain) ?? [];
    const strict = silenceOf(own, { last: last_day!, today, heard, together: false });
    const found =
      strict ?? (together || before.has(domain) ? silenceOf(own, { last: last_day!, today, heard, together: true }) : null);
    return found === null ? [] : [{ domain, sure: strict !== null, ...found }];
  });
  // What many have in common is believed when some of them are silent beyond their own habit.
  const believed = silent.filter((one) => one.sure || before.has(one.domain) || (together && silent.some(({ sure }) => sure)));
  return inGroups(believed, { before, today, reported: reported.length });
}

type Found = ReportSilence & { domain: string };

/** Puts together what fell silent at the same time: one domain of each group is mailed about. */
function inGroups(
  silent: readonly Found[],
  { before, today, reported }: Pick<Quiet, 'before' | 'today'> & { reported: number },
): Silence[] {
  const groups: Found[][] = [];
  for (const one of [...silent].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : b.usual - a.usual))) {
    const group = groups.at(-1);
    if (group && one.since <= addDays(group[0]!.since, ONE_CAUSE_DAYS)) group.push(one);
    else groups.push([one]);
  }
  return groups.flatMap((group) => {
    const largest = [...group].sort((a, b) => b.usual - a.usual || (a.domain < b.domain ? -1 : 1));
    // It stays the one that was mailed.
    const lead = largest.find(({ domain }) => before.get(domain)?.told_by === domain) ?? largest[0]!;
    return group.map(({ domain, since, usual, expected, chance, reporters }): Silence => {
      const others = largest.filter((one) => one.domain !== domain).map((one) => one.domain);
      return {
        domain,
        since,
        last_day: addDays(today, -ARRIVAL_DAYS),
        usual,
        expected,
        chance,
        reporters,
        told_by: lead.domain,
        others: others.slice(0, NAMED),
        others_in_all: others.length,
        reported,
      };
    });
  });
}
