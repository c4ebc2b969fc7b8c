import { UNPROVEN_KINDS } from '../services/analyzer/save.ts';
import type { Db } from '../services/shared/runtime/db.ts';
import type { Alarm } from './alarms.ts';
import { ATTACKS, type Attack } from './attackers.ts';
import type { Calendar } from './calendar.ts';
import type { Layout } from './layout.ts';
import type { Detection } from './score.ts';

/** What a world looks like at its end, for one with attackers to be held against the same without. */
export interface Ending {
  alarms: readonly Alarm[];
  /** By incident. */
  detections: ReadonlyMap<string, Detection>;
  /** By domain and source: the classes. */
  classes: ReadonlyMap<string, string>;
  /** By domain, kind and subject. */
  findings: ReadonlyMap<string, Finding>;
}

/** How a finding ended up. */
export interface Finding {
  severity: string;
  /** The tick at which it was last resolved; null while it is open. */
  resolved: number | null;
}

/** What an attack came to, on its domain. */
export interface Damage {
  attack: Attack;
  /** True incidents that were found without it and not, or over a day later, with it. */
  hidden: string[];
  /** Findings that ended over a day earlier with it, or only with it. */
  ended: string[];
  ready_won: number;
  ready_lost: number;
  /** Sources whose class it made authorized, or took from authorized. */
  classes: string[];
  /**
   * Alarms that only it brought, but for those that are marked as resting on its word, and those about the
   * forger; and findings whose severity it changed.
   */
  raised: string[];
  /** Those that are marked. */
  marked: number;
}

/** Ticks by which a finding may come later and still be no hidden one: statistics differ by a day. */
const LATER = 1;

export async function classesOf(db: Db): Promise<Map<string, string>> {
  const { rows } = await db.query<{ key: string; class: string }>(
    `select domain || ' ' || source as key, class from dmarc.sources where class is not null`,
  );
  return new Map(rows.map((row) => [row.key, row.class]));
}

/** The findings as they are at the end; of several about the same, the newest. */
export async function findingsOf(db: Db, calendar: Calendar): Promise<Map<string, Finding>> {
  const { rows } = await db.query<{ key: string; severity: string; resolved_at: Date | null }>(
    `select domain || ' ' || kind || ' ' || subject as key, severity, case when state = 'resolved' then resolved_at end as resolved_at
       from ruawatch.findings order by finding_key`,
  );
  return new Map(
    rows.map(({ key, severity, resolved_at }) => [key, { severity, resolved: resolved_at && calendar.tickAt(resolved_at) }]),
  );
}

/** Holds a world with attackers against the same world without. */
export function damageOf(attacks: readonly Attack[], without: Ending, attacked: Ending): Damage[] {
  return attacks.map((attack) => {
    const ours = ({ domain }: { domain: string }) => domain === attack.domain;
    const [before, after] = [without.alarms.filter(ours), attacked.alarms.filter(ours)];
    const ready = (alarms: readonly Alarm[]) => alarms.some((one) => one.kind === 'policy_ready');
    const known = new Set(before.map((one) => one.key));
    const brought = after.filter((one) => !known.has(one.key));
    const hidden = [...without.detections].filter(([id, { delay }]) => {
      if (!id.startsWith(`${attack.domain}/`) || delay === null) return false;
      const now = attacked.detections.get(id)?.delay ?? null;
      return now === null || now > delay + LATER;
    });
    const changed = [...new Set([...without.classes.keys(), ...attacked.classes.keys()])].filter((key) => {
      const [was, is] = [without.classes.get(key), attacked.classes.get(key)];
      return key.startsWith(`${attack.domain} `) && was !== is && (was === 'authorized' || is === 'authorized');
    });
    const both = [...without.findings].flatMap(([key, was]) => {
      const is = attacked.findings.get(key);
      return is && key.startsWith(`${attack.domain} `) ? [{ key, was, is }] : [];
    });
    const ended = both.filter(
      ({ was, is }) => is.resolved !== null && (was.resolved === null || is.resolved < was.resolved - LATER),
    );
    const worse = both.filter(({ was, is }) => was.severity !== is.severity);
    return {
      attack,
      hidden: hidden.map(([id]) => id),
      ended: ended.map(({ key, is }) => `${key}, day ${is.resolved}`),
      ready_won: Number(ready(after) && !ready(before)),
      ready_lost: Number(ready(before) && !ready(after)),
      classes: changed.map((key) => `${key}: ${without.classes.get(key) ?? 'unseen'} → ${attacked.classes.get(key) ?? 'unseen'}`),
      raised: [
        ...brought
          .filter(({ kind }) => !UNPROVEN_KINDS.includes(kind))
          .map((one) => `day ${one.tick} ${one.kind}: ${one.summary}`),
        ...worse.map(({ key, was, is }) => `${key}: ${was.severity} → ${is.severity}`),
      ],
      marked: brought.filter(({ kind }) => UNPROVEN_KINDS.includes(kind)).length,
    };
  });
}

/** A line an attack, and what came through. */
export function printedDamage(seed: number, damages: readonly Damage[], layout: Layout): string[] {
  const through = damages.flatMap(({ attack, hidden, ended, classes, raised }) =>
    [
      ...hidden.map((id) => `hidden ${id}`),
      ...ended.map((text) => `ended ${text}`),
      ...classes.map((text) => `class ${text}`),
      ...raised,
    ].map((text) => `${attack.aim}: ${text}`),
  );
  return [
    `seed ${seed}, the same world with attackers:`,
    '',
    ...layout([
      ['attack', 'domain', 'hidden', 'ended', 'ready won', 'ready lost', 'classes', 'raised', 'marked'],
      ...damages.map(({ attack, hidden, ended, ready_won, ready_lost, classes, raised, marked }) => [
        ATTACKS[attack.aim],
        attack.domain,
        ...[hidden.length, ended.length, ready_won, ready_lost, classes.length, raised.length, marked].map(String),
      ]),
    ]),
    ...(through.length > 0 ? ['', ...through] : []),
    '',
  ];
}

/** How much came through in all: to be 0. */
export const cameThrough = (damages: readonly Damage[]): number =>
  damages.reduce((n, { hidden, ended, ready_won, ready_lost, classes, raised }) => {
    return n + hidden.length + ended.length + ready_won + ready_lost + classes.length + raised.length;
  }, 0);
