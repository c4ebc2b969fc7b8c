import { sleep } from '../shared/clock.ts';
import { sentenceOf } from '../shared/errors.ts';
import { redisTrouble } from '../shared/runtime/redis-trouble.ts';
import type { Context, Service } from '../shared/runtime/service.ts';
import { ping } from '../store/schema/server.ts';
import { measurer } from './gauges.ts';
import type { Opened } from './open.ts';

/** How long /readyz waits for a server. */
const ANSWER_MS = 6_000;

/** What runs, as the health port sees it. */
export interface State {
  /** Null while a server is waited for. */
  context: (Context & Opened) | null;
  running: Service[];
  wanted: number;
  /** What `start` waits for before any service runs. */
  waiting: string | null;
  measure?: () => Promise<void>;
}

/** Measures what /metrics shows, for as long as a scrape may wait. */
export async function measureState(state: State): Promise<void> {
  if (state.context === null) return;
  state.measure ??= measurer(state.context);
  await endsWithin(state.measure(), ANSWER_MS);
}

/** What /readyz shows: a sentence for each thing that is missing. */
export async function readiness({ context, running, wanted, waiting }: State): Promise<string[]> {
  if (context === null) return [waiting === null ? 'the services are starting' : `waiting: ${waiting}`];
  const waits: string[] = running.length < wanted ? ['the services are starting'] : [];
  const check = async (what: string, ask: Promise<unknown>, who: (error: unknown) => string = () => what) => {
    try {
      if (!(await endsWithin(ask, ANSWER_MS))) waits.push(`${who(null)}: no answer for ${ANSWER_MS / 1000} seconds`);
    } catch (error) {
      waits.push(`${who(error)}: ${sentenceOf(error)}`);
    }
  };
  const { queues } = context;
  const queue = (error: unknown) => (queues.backend === 'redis' ? `queue: ${redisTrouble(error)}` : 'queue');
  await Promise.all([check('database', ping(context.db)), check('queue', queues.check(), queue)]);
  for (const service of running) {
    const wait = service.waitingFor();
    if (wait !== null) waits.push(`${service.name}: ${wait}`);
  }
  return [...waits, ...stuck({ running })];
}

/** A sentence for each service with a loop that no longer turns. */
export function stuck({ running }: Pick<State, 'running'>): string[] {
  return running.flatMap((service) => {
    const sentence = service.stuck?.() ?? null;
    return sentence === null ? [] : [`${service.name}: ${sentence}`];
  });
}

/** @throws what the work throws @returns whether it ended in time */
export async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const over = new AbortController();
  const late = sleep(ms, over.signal).then(() => false);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    over.abort();
  }
}
