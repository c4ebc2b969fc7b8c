import type { Alarm } from './alarms.ts';
import type { Expectation, Severity } from './families/expectation.ts';
import type { Trap } from './model.ts';
import { GRACE_DAYS } from './score.ts';
import { MEANING } from './vocabulary.ts';

/** An alarm that names nobody counts for a lasting incident only as long as it is news. */
const NEWS_DAYS = 14;
/** The same false alarm again within so many ticks is one. */
const SAME_DAYS = 3;
/** Incidents with fewer reported messages are faint: their recall is counted apart. */
const FAINT = 50;
export const SEVERITIES: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical'];

/** What the judge knows of an incident. */
export interface Case {
  id: string;
  domain: string;
  begin: number;
  end: number;
  messages: number;
  /** The first tick at which a mail mentions it; null: none ever did. */
  seen: number | null;
  names: ReadonlySet<string>;
  expected: Expectation;
}

export interface Verdict {
  alarm: Alarm;
  verdict: 'true' | 'excused' | 'false';
  incident: string | null;
}

/** What became of an incident. */
export interface Found {
  id: string;
  what: string;
  messages: number;
  faint: boolean;
  /** Ticks from the first mail that mentions it to the first alarm; null: missed. */
  delay: number | null;
  /** Mails about it: one for each finding and evening, whatever it says, resolved ones left out. */
  mails: number;
}

export interface Judgement {
  system: string;
  verdicts: Verdict[];
  found: Found[];
  /** False alarms, without the same one again. */
  wrong: { alarm: Alarm; traps: string[] }[];
}

/**
 * Holds alarms against what families expect. An alarm is true if its kind means what is expected on its
 * domain, or on one that it names beside it, from the first tick after the begin to GRACE_DAYS after the end,
 * and it names one of the senders (or nobody, within NEWS_DAYS). One that only goes along with an incident is
 * excused. All others are false.
 */
export function judge(system: string, alarms: readonly Alarm[], cases: readonly Case[], traps: readonly Trap[]): Judgement {
  const verdicts = alarms.filter(({ notified }) => notified).map((alarm) => verdictOf(alarm, cases));
  const found = cases
    .filter(({ seen, expected }) => seen !== null && !expected.optional)
    .map((one): Found => {
      const about = verdicts.filter(({ verdict, incident }) => verdict === 'true' && incident === one.id);
      const mails = new Set(about.map(({ alarm }) => `${alarm.tick} ${alarm.key}`)).size;
      const delay = about.length === 0 ? null : Math.max(0, Math.min(...about.map(({ alarm }) => alarm.tick)) - one.seen!);
      const { id, messages } = one;
      const faint = MEANING[one.expected.what].noMessages !== true && messages < FAINT;
      return { id, what: one.expected.what, messages, faint, delay, mails };
    });
  const wrong: Judgement['wrong'] = [];
  const last = new Map<string, number>();
  for (const { alarm, verdict } of verdicts) {
    if (verdict !== 'false') continue;
    const key = `${alarm.domain} ${alarm.key}`;
    const before = last.get(key);
    last.set(key, alarm.tick);
    if (before !== undefined && alarm.tick - before <= SAME_DAYS) continue;
    const around = traps.filter(
      (t) => ['*', alarm.domain].includes(t.domain) && alarm.tick > t.begin && alarm.tick <= t.end + 1 + GRACE_DAYS,
    );
    wrong.push({ alarm, traps: [...new Set(around.map(({ what }) => what))] });
  }
  return { system, verdicts, found, wrong };
}

function verdictOf(alarm: Alarm, cases: readonly Case[]): Verdict {
  const kind = alarm.system === 'ruawatch' ? alarm.kind : `${alarm.system} ${alarm.kind}`;
  const { also } = alarm;
  const isAbout = (domain: string) => domain === alarm.domain || also === 'many' || also?.includes(domain) === true;
  const near = cases.filter(
    ({ domain, begin, end }) => isAbout(domain) && alarm.tick > begin && alarm.tick <= end + 1 + GRACE_DAYS,
  );
  const fits = near.filter((one) => MEANING[one.expected.what].detect.includes(kind) && names(alarm, one));
  const fit = fits.find((one) => !one.expected.optional) ?? fits[0];
  if (fit) return { alarm, verdict: fit.expected.optional ? 'excused' : 'true', incident: fit.id };
  const beside = near.find((one) => MEANING[one.expected.what].excuse.includes(kind) && names(alarm, one));
  return { alarm, verdict: beside ? 'excused' : 'false', incident: beside?.id ?? null };
}

function names(alarm: Alarm, one: Case): boolean {
  if (!MEANING[one.expected.what].bySource) return true;
  if (alarm.names === null) return alarm.tick <= Math.min(one.end, one.begin + NEWS_DAYS) + 1 + GRACE_DAYS;
  return alarm.names.some((name) => one.names.has(name));
}
