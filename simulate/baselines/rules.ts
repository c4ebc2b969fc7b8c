import { isolationScores } from './forest.ts';
import { type DayTotal, type Look, passRate } from './rows.ts';

/** What a peer's rule says at a tick. The same key again is the same alarm still standing. */
export interface PeerAlarm {
  kind: string;
  key: string;
  /** Null: it speaks of the domain as a whole. */
  names: string[] | null;
  summary: string;
}

export interface Baseline {
  name: string;
  look(look: Look): PeerAlarm[];
}

/**
 * A peer that has just been installed knows no address: what it says in its first week is held against
 * nobody.
 */
const SETTLED = 8;
const ORDER = ['none', 'quarantine', 'reject'];

const whole = (kind: string, summary: string): PeerAlarm => ({ kind, key: kind, names: null, summary });
const messages = (day: DayTotal | undefined): number => (day ? day.passed + day.failed : 0);

/**
 * How far the newest day's pass rate lies below that of the seven report days before; null when either is not
 * known.
 */
function drop(look: Look): number | null {
  const [newest, ...before] = look.days;
  const now = passRate(newest ? [newest] : []);
  const usual = passRate(before.slice(0, 7));
  return now === null || usual === null ? null : usual - now;
}

function newAddresses(look: Look, least: number): PeerAlarm[] {
  if (look.tick < SETTLED) return [];
  const seen = new Map<string, number>();
  for (const { address, messages: n } of look.arrived.flatMap((report) => report.addresses)) {
    seen.set(address, (seen.get(address) ?? 0) + n);
  }
  const fresh = [...seen].filter(([address, n]) => {
    const before = look.known.get(address) ?? 0;
    return before < least && before + n >= least;
  });
  if (fresh.length === 0) return [];
  const names = fresh.map(([address]) => address);
  // One mail a day, however many addresses are new.
  return [
    { kind: 'new_source', key: `new_source ${names[0]}`, names, summary: `${names.length} new addresses, such as ${names[0]}` },
  ];
}

/**
 * The newest report day's pass rate 15 points under the mean of seven days, with 100 messages; a policy that
 * became weaker.
 */
const dmarcAnalyzerApp: Baseline = {
  name: 'DmarcAnalyzerApp',
  look(look) {
    const alarms: PeerAlarm[] = [];
    if (look.arrived.length > 0 && messages(look.days[0]) >= 100 && (drop(look) ?? 0) >= 0.15) {
      alarms.push(whole('drop', 'pass rate 15 points below seven days'));
    }
    let last = look.earlier.findLast((report) => report.p !== null)?.p ?? null;
    for (const { p } of look.arrived) {
      if (p === null) continue;
      if (last !== null && ORDER.indexOf(p) < ORDER.indexOf(last)) alarms.push(whole('policy', `p=${last} became p=${p}`));
      last = p;
    }
    return alarms.slice(0, 2);
  },
};

/** A new address at any volume; 100 failures in a day; no report for two days; a drop of ten points. */
const dmarq: Baseline = {
  name: 'dmarq',
  look(look) {
    const alarms = newAddresses(look, 1);
    const days = new Set(look.arrived.map((report) => report.day));
    if (look.days.some((day) => days.has(day.day) && day.failed >= 100)) alarms.push(whole('failures', '100 failures in a day'));
    const last = look.arrived.at(-1)?.tick ?? look.earlier.at(-1)?.tick;
    if (last !== undefined && look.tick - last >= 2) alarms.push(whole('no_report', 'no report for two days'));
    if (look.arrived.length > 0 && (drop(look) ?? 0) >= 0.1) alarms.push(whole('drop', 'pass rate 10 points lower'));
    return alarms;
  },
};

/** The last report's pass rate ten points under the one before; a new address with ten messages. */
const helliott20: Baseline = {
  name: 'helliott20',
  look(look) {
    const alarms = newAddresses(look, 10);
    const [before, last] = [...look.earlier.slice(-2), ...look.arrived].slice(-2);
    if (look.arrived.length > 0 && before && last && passRate([before])! - passRate([last])! >= 0.1) {
      alarms.push(whole('drop', 'pass rate of the last report 10 points lower'));
    }
    return alarms;
  },
};

/**
 * A tenth of the day's mail fails; volume half as much again, or a third less, than the week before; the
 * strangest twentieth of days.
 */
const trollByte: Baseline = {
  name: 'trollByte',
  look(look) {
    const [newest, ...before] = look.days;
    if (look.arrived.length === 0 || !newest) return [];
    const alarms: PeerAlarm[] = [];
    if ((passRate([newest]) ?? 1) <= 0.9) alarms.push(whole('failure_rate', 'a tenth of the mail fails'));
    const week = before.slice(0, 7);
    if (week.length === 7) {
      const usual = week.reduce((n, day) => n + messages(day), 0) / 7;
      if (messages(newest) >= 1.5 * usual) alarms.push(whole('volume_up', 'volume up by half'));
      if (messages(newest) <= 0.7 * usual) alarms.push(whole('volume_down', 'volume down by a third'));
    }
    if (strange(look)) alarms.push(whole('anomaly', 'among the strangest 5 % of days'));
    return alarms;
  },
};

function strange(look: Look): boolean {
  const window = look.days.slice(0, 30);
  if (window.length < 14) return false;
  const points = window.map((day) => [Math.log1p(messages(day)), day.failed / Math.max(1, messages(day)), day.addresses.size]);
  const scores = isolationScores(points, `${look.domain}/${look.tick}`);
  const higher = scores.filter((score) => score > scores[0]!).length;
  return higher < Math.ceil(0.05 * window.length);
}

/**
 * The alarm rules of four other tools, as read in their sources in 2026, once a day on the rows of this
 * pipeline.
 */
export const BASELINES: readonly Baseline[] = [dmarcAnalyzerApp, dmarq, helliott20, trollByte];
