import { Random } from '../demo/random.ts';
import type { Db } from '../services/shared/runtime/db.ts';
import { type Alarm, namesOfIncidents, ruawatchAlarms } from './alarms.ts';
import { baselineAlarms } from './baselines/index.ts';
import { Calendar } from './calendar.ts';
import { type Confusion, confusion } from './classes.ts';
import { buildFamilyWorld } from './families/build.ts';
import type { Family } from './families/family.ts';
import { type Case, type Judgement, judge } from './judge.ts';
import { readMails, type SentMail } from './outbox.ts';
import { runWorld } from './pipeline.ts';
import { type Wording, wordingOf } from './wording.ts';

/** One world of a family and what was said of it. */
export interface Draw {
  family: string;
  benign: boolean;
  draw: number;
  days: number;
  domains: number;
  mails: number;
  /** Of ruawatch first, then of each baseline. */
  judgements: Judgement[];
  classes: Confusion;
  wording: Wording;
  sent: SentMail[];
}

/**
 * Builds a world of a family, runs it on a fresh database and judges what the analyzer and the baselines made
 * of it.
 */
export async function drawOf(
  db: Db,
  family: Family,
  options: {
    seed: number;
    draw: number;
    nameless?: boolean;
    onTick?: (tick: number, mails: number) => void;
    signal?: AbortSignal;
  },
): Promise<Draw> {
  const { seed, draw } = options;
  const random = new Random(`family/${family.name}/${seed}/${draw}`);
  const world = buildFamilyWorld(family, random, options.nameless);
  const { days } = world;
  const calendar = new Calendar(days);
  const passage = await runWorld(world, calendar, db, options);
  const names = await namesOfIncidents(db, world);
  const cases = world.incidents.map((one): Case => ({ ...one, names: names.get(one.id)!, expected: one.expected! }));
  // Whether the next policy is safe is a line in the digest, and no family is about it.
  const alarms = (await ruawatchAlarms(db, calendar)).filter(({ kind }) => kind !== 'policy_ready');
  // A peer that is started later reads all of its mailbox then.
  const { firstTick = 1 } = world;
  const peers = [...(await baselineAlarms(db, calendar, [...world.truth.keys()]))].map(([system, list]): [string, Alarm[]] => [
    system,
    list.filter(({ tick }) => tick >= firstTick),
  ]);
  const all: [string, Alarm[]][] = [['ruawatch', alarms], ...peers];
  const judgements = all.map(([system, of]) => judge(system, of, cases, world.traps));
  return {
    family: family.name,
    benign: family.benign,
    draw,
    days: days - firstTick + 1,
    domains: world.domains.length,
    mails: passage.mails,
    judgements,
    classes: await confusion(db, world),
    wording: await wordingOf(db, judgements[0]!, cases),
    sent: await readMails(db, calendar),
  };
}
