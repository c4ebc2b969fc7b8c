import { Random } from '../../demo/random.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { type Alarm, ruawatchAlarms } from '../alarms.ts';
import { Calendar } from '../calendar.ts';
import { Site } from '../families/site.ts';
import { runWorld } from '../pipeline.ts';
import { GRACE_DAYS } from '../score.ts';
import type { DnsEvent } from './events.ts';
import { nameService } from './zones.ts';

/** Report days of a world: enough for a habit, and for what follows. */
const DAYS = [52, 62] as const;

/** What DNS says of an incident, and what reports say of it. */
const BY_DNS = ['dns_broken', 'dkim_key_missing', 'spf_limit', 'record_invalid', 'include_dangling'];
const BY_REPORTS = [
  'authentication_regression',
  'alignment_failure',
  'unauthorized_source',
  'policy_change',
  'reports_stopped',
  'reporter_silent',
];

/** What became of one event in one world. */
export interface DnsDraw {
  event: string;
  benign: boolean;
  draw: number;
  days: number;
  /** Whether a finding by DNS, and one by reports, is about the incident, mailed or not. */
  byDns: boolean;
  byReports: boolean;
  /** Findings about the incident that were mailed; null for what is benign. */
  mailed: string[] | null;
  /** Ticks from the change to the first mail: with DNS, and by the reports alone. Null: no mail. */
  delay: number | null;
  delayWithout: number | null;
  /** Mailed findings that only the run with DNS has, and that are about nothing that was planted. */
  newFalse: string[];
}

/**
 * Builds one world of an event and runs it twice: with the watcher, and without.
 * @param fresh runs its work on a migrated database of its own
 */
export async function dnsDrawOf(
  fresh: <T>(work: (db: Db) => Promise<T>) => Promise<T>,
  event: DnsEvent,
  { seed, draw, signal }: { seed: number; draw: number; signal?: AbortSignal },
): Promise<DnsDraw> {
  const run = async (watched: boolean) => {
    const random = new Random(`dns/${event.name}/${seed}/${draw}`);
    const site = new Site(random, random.fork('days').int(...DAYS));
    const planted = event.plant(site);
    const { world } = site;
    if (watched) world.dns = nameService(world, planted.changes);
    const calendar = new Calendar(world.days);
    return await fresh(async (db) => {
      const names = world.domains.map(({ name }) => name);
      await putOwn(db, names, 'listed', { now: calendar.clock(0), ignored: true });
      // The suffixes that make every domain of a world own are nobody's records.
      await db.query('delete from ruawatch.domains where domain <> all($1)', [names]);
      await runWorld(world, calendar, db, { signal });
      const { rows } = await db.query<{ kind: string }>('select distinct kind from ruawatch.findings where domain = $1', [
        planted.domain,
      ]);
      return { planted, days: world.days, alarms: await ruawatchAlarms(db, calendar), kinds: rows.map(({ kind }) => kind) };
    });
  };
  const [with_, without] = [await run(true), await run(false)];
  const { planted } = with_;
  const about = (alarm: Alarm) =>
    !event.benign &&
    alarm.domain === planted.domain &&
    alarm.tick >= planted.from &&
    alarm.tick <= planted.to + 1 + GRACE_DAYS &&
    [...BY_DNS, ...BY_REPORTS].includes(alarm.kind);
  const mails = ({ alarms }: { alarms: Alarm[] }) => alarms.filter(({ notified }) => notified);
  const keyOf = (alarm: Alarm) => `${alarm.domain} ${alarm.key}`;
  const known = new Set(mails(without).map(keyOf));
  const first = (alarms: Alarm[]) => {
    const ticks = alarms.filter(about).map(({ tick }) => tick);
    return ticks.length === 0 ? null : Math.min(...ticks) - planted.from;
  };
  const isNew = (alarm: Alarm) => !about(alarm) && !known.has(keyOf(alarm));
  return {
    event: event.name,
    benign: event.benign,
    draw,
    days: with_.days,
    byDns: with_.kinds.some((kind) => BY_DNS.includes(kind)),
    byReports: with_.kinds.some((kind) => BY_REPORTS.includes(kind)),
    mailed: event.benign ? null : [...new Set(mails(with_).filter(about).map(keyOf))],
    delay: first(mails(with_)),
    delayWithout: first(mails(without)),
    newFalse: [...new Set(mails(with_).filter(isNew).map(keyOf))],
  };
}
