import type { Alarm } from './alarms.ts';
import { KINDS, QUIET_KINDS } from './kinds.ts';
import type { Incident, Trap } from './model.ts';

/**
 * Days after an incident's last report day in which an alarm still counts for it: reports are late, and
 * evidence takes days.
 */
export const GRACE_DAYS = 7;
/** An alarm that names nobody counts for a lasting incident only as long as it is news. */
const NEWS_DAYS = 14;
/** Days per month, for false alarms per domain and month. */
const MONTH = 30;

/** What the scorer knows of an incident. */
export interface ScoredIncident
  extends Pick<Incident, 'id' | 'domain' | 'type' | 'strength' | 'begin' | 'end' | 'messages' | 'of' | 'seen'> {
  names: ReadonlySet<string>;
}

export interface Detection {
  type: string;
  strength: string;
  bucket: Bucket;
  /** Ticks from the first mail that mentions it to the alarm; 0 is the same day. Null: not detected. */
  delay: number | null;
  /** Alarms that reported it. */
  alarms: number;
}

/**
 * `strong`: at least 5 % of the domain's messages on its days, or 50 of them; or of a type that has no
 * messages. `weak`: 10 to 49 that fail both. `faint`: less, or other.
 */
export type Bucket = 'strong' | 'weak' | 'faint';

export interface FalseAlarm {
  system: string;
  kind: string;
  domain: string;
  tick: number;
  summary: string;
  /** What the model did there at the time that should have raised none. */
  traps: string[];
}

export interface Score {
  system: string;
  detections: Detection[];
  true_alarms: number;
  false_alarms: FalseAlarm[];
  excused: number;
  domain_months: number;
}

/**
 * Holds alarms against the truth.
 *
 * An incident is detected by the first notified alarm of a kind that detects it (KINDS), on its domain, from
 * the first tick after its begin until GRACE_DAYS after its end, which names one of its senders; one that
 * names nobody must come within NEWS_DAYS and GRACE_DAYS. Alarms that detect something are true: each kind
 * counts once an incident, whatever it repeats. Alarms that are excused by an incident count neither way. All
 * others are false; the same one again within three ticks is one.
 */
export function score(
  system: string,
  alarms: readonly Alarm[],
  incidents: readonly ScoredIncident[],
  extent: { traps: readonly Trap[]; domains: number; days: number },
): Score {
  const told = new Map<string, { first: number; kinds: Set<string>; keys: Set<string> }>();
  const false_alarms: FalseAlarm[] = [];
  const lastFalse = new Map<string, number>();
  let excused = 0;
  for (const alarm of [...alarms].sort((a, b) => a.tick - b.tick)) {
    const near = incidents.filter(
      (one) => one.domain === alarm.domain && alarm.tick > one.begin && alarm.tick <= one.end + 1 + GRACE_DAYS,
    );
    const kind = alarm.system === 'ruawatch' ? alarm.kind : `${alarm.system} ${alarm.kind}`;
    const fits = near.filter((one) => KINDS[one.type]!.detect.includes(kind) && namesIt(alarm, one));
    const quiet = !alarm.notified && !QUIET_KINDS.includes(alarm.kind);
    if (quiet) continue;
    for (const one of fits) {
      const entry = told.get(one.id) ?? { first: alarm.tick, kinds: new Set<string>(), keys: new Set<string>() };
      entry.kinds.add(alarm.kind);
      entry.keys.add(alarm.key);
      told.set(one.id, entry);
    }
    if (fits.length > 0) continue;
    if (near.some((one) => KINDS[one.type]!.excuse.includes(kind) && namesIt(alarm, one))) {
      excused++;
      continue;
    }
    const key = `${alarm.domain} ${alarm.key}`;
    const before = lastFalse.get(key);
    lastFalse.set(key, alarm.tick);
    if (before !== undefined && alarm.tick - before <= 3) continue;
    const around = extent.traps.filter(
      (t) => (t.domain === '*' || t.domain === alarm.domain) && alarm.tick > t.begin && alarm.tick <= t.end + 1 + GRACE_DAYS,
    );
    const { kind: bare, domain, tick, summary } = alarm;
    false_alarms.push({ system, kind: bare, domain, tick, summary, traps: [...new Set(around.map((t) => t.what))] });
  }
  const detections = incidents
    .filter((one) => one.seen !== null)
    .map((one): Detection => {
      const { type, strength } = one;
      const entry = told.get(one.id);
      const delay = entry ? Math.max(0, entry.first - one.seen!) : null;
      return { type, strength, bucket: bucketOf(one), delay, alarms: entry?.keys.size ?? 0 };
    });
  const true_alarms = [...told.values()].reduce((n, { kinds }) => n + kinds.size, 0);
  return { system, detections, true_alarms, false_alarms, excused, domain_months: (extent.domains * extent.days) / MONTH };
}

function namesIt(alarm: Alarm, incident: ScoredIncident): boolean {
  if (!KINDS[incident.type]!.bySource) return true;
  if (alarm.names === null) return alarm.tick <= Math.min(incident.end, incident.begin + NEWS_DAYS) + 1 + GRACE_DAYS;
  return alarm.names.some((name) => incident.names.has(name));
}

const NO_MESSAGES = ['policy_weakened', 'policy_ready', 'reporter_silent', 'forged_report'];
const FAIL_BOTH = ['spoofing', 'parked_spoofing', 'botnet', 'subdomain_abuse'];

export function bucketOf(one: ScoredIncident): Bucket {
  if (NO_MESSAGES.includes(one.type) || one.messages >= 50 || (one.messages >= 10 && one.messages >= 0.05 * one.of))
    return 'strong';
  return one.messages >= 10 && FAIL_BOTH.includes(one.type) ? 'weak' : 'faint';
}

export interface Summary {
  system: string;
  incidents: number;
  detected: number;
  recall: number | null;
  recall_strong: number | null;
  recall_weak: number | null;
  true_alarms: number;
  false_alarms: number;
  excused: number;
  precision: number | null;
  false_per_domain_month: number;
  /** Median days to detection of what was detected. */
  median_days: number | null;
  alarms_per_detected: number | null;
  by_type: TypeSummary[];
  false_by_kind: Record<string, number>;
}

export interface TypeSummary {
  type: string;
  strength: string;
  incidents: number;
  detected: number;
  recall: number;
  median_days: number | null;
}

/** One line of figures over any number of seeds. */
export function summarize(scores: readonly Score[]): Summary {
  const all = scores.flatMap((one) => one.detections);
  const found = all.filter((one) => one.delay !== null);
  const false_alarms = scores.flatMap((one) => one.false_alarms);
  const true_alarms = sum(scores.map((one) => one.true_alarms));
  const types = new Map<string, Detection[]>();
  for (const one of all) {
    const key = `${one.type} | ${one.strength}`;
    types.set(key, [...(types.get(key) ?? []), one]);
  }
  const false_by_kind: Record<string, number> = {};
  for (const { kind } of false_alarms) false_by_kind[kind] = (false_by_kind[kind] ?? 0) + 1;
  return {
    system: scores[0]?.system ?? '',
    incidents: all.length,
    detected: found.length,
    recall: ratio(found.length, all.length),
    recall_strong: recallOf(all.filter((one) => one.bucket === 'strong')),
    recall_weak: recallOf(all.filter((one) => one.bucket === 'weak')),
    true_alarms,
    false_alarms: false_alarms.length,
    excused: sum(scores.map((one) => one.excused)),
    precision: ratio(true_alarms, true_alarms + false_alarms.length),
    false_per_domain_month: false_alarms.length / Math.max(Number.MIN_VALUE, sum(scores.map((one) => one.domain_months))),
    median_days: median(found.map((one) => one.delay!)),
    alarms_per_detected: ratio(sum(found.map((one) => one.alarms)), found.length),
    by_type: [...types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, list]) => typeSummary(list)),
    false_by_kind,
  };
}

function typeSummary(list: readonly Detection[]): TypeSummary {
  const { type, strength } = list[0]!;
  const found = list.filter((one) => one.delay !== null);
  const recall = found.length / list.length;
  return {
    type,
    strength,
    incidents: list.length,
    detected: found.length,
    recall,
    median_days: median(found.map((one) => one.delay!)),
  };
}

function recallOf(list: readonly Detection[]): number | null {
  return ratio(list.filter((one) => one.delay !== null).length, list.length);
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}

function median(list: readonly number[]): number | null {
  if (list.length === 0) return null;
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
