import { Random } from '../../demo/random.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { listRequests } from '../../services/store/requests/requests.ts';
import { Calendar } from '../calendar.ts';
import { Site } from '../families/site.ts';
import { runWorld } from '../pipeline.ts';
import type { ReturnWorld } from './attacks.ts';

/**
 * Report days before the step, enough for a habit, and after it: the watch, and a day for the last reports.
 */
const BEFORE = [38, 45] as const;
const AFTER = 6;
/** Messages of an ordinary day. */
const VOLUME = [800, 12_000] as const;

/** What became of one policy step. */
export interface ReturnDraw {
  world: string;
  draw: number;
  volume: number;
  breaks: boolean;
  /** Of the request at the end: `done`, `returned` or, where something is wrong, another state. */
  state: string;
  outcome: string | null;
}

/** Whether the step ended as it had to. */
export const isRight = ({ breaks, state }: Pick<ReturnDraw, 'breaks' | 'state'>): boolean =>
  state === (breaks ? 'returned' : 'done');

export async function returnDrawOf(
  db: Db,
  one: ReturnWorld,
  { seed, draw, signal }: { seed: number; draw: number; signal?: AbortSignal },
): Promise<ReturnDraw> {
  // All worlds of a draw are one world, but for what is planted.
  const random = new Random(`returns/${seed}/${draw}`);
  const step = random.fork('days').int(...BEFORE);
  const site = new Site(random, step + AFTER);
  const domain = site.domain({ p: 'none', volume: Math.round(site.between(...VOLUME)) });
  domain.publishes({ p: 'reject' }, step);
  one.plant(site, domain, step);
  const { world } = site;
  world.steps = [{ tick: step, domain: domain.name, from: 'none', to: 'reject' }];
  const calendar = new Calendar(world.days);
  await putOwn(db, [domain.name], 'listed', { now: calendar.clock(0), ignored: true });
  await runWorld(world, calendar, db, { signal });
  const [request] = await listRequests(db, { limit: 1 });
  const { state, outcome } = request!;
  return { world: one.name, draw, volume: Math.round(domain.volume), breaks: one.breaks, state, outcome };
}
