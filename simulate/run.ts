import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Db, openPool } from '../services/shared/runtime/db.ts';
import { putOwn } from '../services/store/domains/domains.ts';
import { adminUrl, openEmbedded } from '../services/store/schema/embedded.ts';
import { migrate } from '../services/store/schema/migrate.ts';
import { type Alarm, namesOfIncidents, ruawatchAlarms } from './alarms.ts';
import { classesOf, type Ending, findingsOf } from './attacked.ts';
import { planAttacks } from './attackers.ts';
import { baselineAlarms } from './baselines/index.ts';
import { Calendar } from './calendar.ts';
import { type Confusion, confusion } from './classes.ts';
import type { World } from './model.ts';
import { type Passage, runWorld } from './pipeline.ts';
import { GRACE_DAYS, type Score, type ScoredIncident, score } from './score.ts';
import { buildWorld } from './world.ts';

export interface Outcome {
  seed: number;
  world: World;
  passage: Passage;
  alarms: Alarm[];
  /** Of ruawatch first, then of each baseline. */
  scores: Score[];
  classes: Confusion;
  /** For a run of the same world with attackers to be held against. */
  ending: Ending;
}

/**
 * One seed on a fresh database: builds the world, runs it, scores what the analyzer and the baselines made of
 * it.
 */
export async function simulate(
  db: Db,
  options: {
    seed: number;
    domains: number;
    days: number;
    /** Strangers mail reports too (attackers.ts). */
    attackers?: boolean;
    onTick?: (tick: number, mails: number) => void;
    signal?: AbortSignal;
  },
): Promise<Outcome> {
  const { seed, domains, days } = options;
  const calendar = new Calendar(days);
  const world = buildWorld({ seed, domains, days });
  const planned = options.attackers ? planAttacks(world) : [];
  const passage = await runWorld(world, calendar, db, { ...options, attacks: planned });
  const names = await namesOfIncidents(db, world);
  const incidents = [...world.incidents.map((one) => ({ ...one, names: names.get(one.id)! })), ...readyEnough(world)];
  const alarms = await ruawatchAlarms(db, calendar);
  const told = [...(await baselineAlarms(db, calendar, [...world.truth.keys()]))];
  const scores = [['ruawatch', alarms] as const, ...told].map(([system, of]) =>
    score(system, of, incidents, { traps: world.traps, domains, days }),
  );
  const seen = incidents.filter((one) => one.seen !== null);
  const detections = new Map(seen.map((one, i) => [one.id, scores[0]!.detections[i]!]));
  const ending = { alarms, detections, classes: await classesOf(db), findings: await findingsOf(db, calendar) };
  return { seed, world, passage, alarms, scores, classes: await confusion(db, world), ending };
}

/**
 * What makes the next policy unsafe. A service that is not set up stays so to the end, and a `standing` one
 * is there from the first day.
 */
const IN_THE_WAY = ['dkim_broken', 'spf_broken', 'misaligned_service'];

/**
 * Where policy_ready is not wrong without having been planned: nothing is misaligned yet, and nothing was
 * broken lately.
 */
export function readyEnough(world: World): ScoredIncident[] {
  const fit = world.domains.filter(({ policy }) => policy.p !== 'reject');
  return fit.flatMap(({ name }) => {
    const broken = world.incidents
      .filter((one) => one.domain === name && IN_THE_WAY.includes(one.type))
      .sort((a, b) => a.begin - b.begin);
    // From GRACE_DAYS after what broke last (the scorer adds as many to the end) to a week before what breaks
    // next.
    const starts = [0, ...broken.map((_, i) => Math.max(...broken.slice(0, i + 1).map((one) => one.end)) + GRACE_DAYS)];
    const ends = [...broken.map((one) => one.begin - GRACE_DAYS - 1), world.days];
    return starts.map((begin, i): ScoredIncident => {
      const fixed = {
        domain: name,
        type: 'ready_enough',
        strength: '',
        messages: 0,
        of: 0,
        seen: null,
        names: new Set<string>(),
      };
      return { id: `${name}/ready_enough/${begin}`, begin, end: ends[i]!, ...fixed };
    });
  });
}

/**
 * A server to run on: that of DATABASE_URL, where a database of our own is made and dropped, or an embedded
 * one in a temporary folder.
 */
export async function withServer<T>(databaseUrl: string | undefined, work: (url: string) => Promise<T>): Promise<T> {
  if (databaseUrl) return work(databaseUrl);
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-simulate-'));
  chmodSync(folder, 0o755); // the server's own user must be able to enter
  try {
    const server = await openEmbedded(path.join(folder, 'data'));
    try {
      return await work(adminUrl(server));
    } finally {
      await server.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let databases = 0;

/** Makes a migrated database, and drops it again. */
export async function withDatabase<T>(url: string, work: (db: Db) => Promise<T>): Promise<T> {
  const name = `ruawatch_simulate_${process.pid}_${++databases}`;
  const admin = openPool(url, { max: 1 });
  const fresh = new URL(url);
  fresh.pathname = `/${name}`;
  try {
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.query(`create database ${name}`);
    // What is simulated can be simulated again.
    await admin.query(`alter database ${name} set synchronous_commit = off`);
    const db = openPool(fresh.href, { name: 'ruawatch simulate', max: 4 });
    try {
      await migrate(db);
      // What it reports on is ours.
      await putOwn(db, ['example', 'test', 'com', 'net', 'org'], 'listed', { now: new Date(), ignored: true });
      return await work(db);
    } finally {
      await db.end();
      await admin.query(`drop database if exists ${name} with (force)`);
    }
  } finally {
    await admin.end();
  }
}
