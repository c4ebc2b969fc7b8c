import { systemClock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { Failures } from '../../shared/runtime/failures.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { type Context, firstStuck, type Loop, repeat } from '../../shared/runtime/service.ts';
import { readHoldKey } from '../../shared/settings/held-mail.ts';
import { settleStop } from '../../store/held/steps.ts';
import {
  chosenCopies,
  clearAgain,
  heldWork,
  isLeftOver,
  type Keeper,
  unknownCopies,
  waitingCopies,
} from '../../store/held/work.ts';
import { makeLock } from '../../store/locks.ts';
import { whileAlone } from '../../store/requests/alone.ts';
import { carryOut, type ReleaseMeans, SETTLED_MS } from './carry-out.ts';
import { releaseMark } from './header.ts';
import { holdQueue } from './postfix.ts';

export interface Releasing {
  /** What it waits for, as a sentence; null while it works. */
  waitingFor(): string | null;
  stuck(): string | null;
  stop(): Promise<void>;
}

const TURN_MS = 1_000;
/** How often the hold queue is compared with the store. */
const SWEEP_MS = 300_000;

/**
 * Carries out what is decided about held mails: those in the hold queue of this machine, and those in the
 * store. Any number of processes may run; one works on a queue at a time.
 */
export function startRelease(context: Context): Releasing {
  const { config, db } = context;
  const settings = config.milter.hold;
  const log = context.log.child({ service: 'milter', part: 'release' });
  const failures = new Failures('Held mails cannot be released');
  const stored = (signal: AbortSignal, turned: () => void) =>
    failures.noting('store', async () => {
      const means = meansOf(context, log);
      await whileAlone(db, (lost) => releaseAll(means, { kept_in: 'store' }, { ends: [signal, lost], turned }), 'held store');
    });
  const loops: Loop[] = [repeat(TURN_MS, stored, log, 'releasing stored mails')];
  if (settings.keep === 'postfix' || settings.smtp_holds) {
    const queued = queueTurn(context, log);
    const noted: typeof queued = (...turn) => failures.noting('queue', () => queued(...turn));
    loops.push(repeat(TURN_MS, noted, log, 'releasing mails of the hold queue'));
  }
  return {
    waitingFor: () => failures.first(),
    stuck: () => firstStuck(loops),
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

/** The settings are read each time: the file of the key may come later. */
function meansOf({ config, db, clock }: Context, log: Log): ReleaseMeans {
  const settings = config.milter.hold;
  return {
    db,
    log,
    settings,
    authservId: config.milter.authservId || null,
    key: readHoldKey(settings),
    outbound: config.smtpUrl === null || config.alertFrom === null ? null : { url: config.smtpUrl, from: config.alertFrom },
    queue: holdQueue(settings),
    at: () => (clock === systemClock ? null : clock.now()),
    now: () => clock.now(),
  };
}

/** What is repeated for the hold queue of this machine: its releases, and now and then a comparison. */
function queueTurn(context: Context, log: Log): (signal: AbortSignal, turned: () => void) => Promise<void> {
  const { host } = context.config.milter.hold;
  const lock = `held ${host}` as const;
  let made = false;
  let swept: number | null = null;
  return async (signal, turned) => {
    if (!made) await makeLock(context.db, lock);
    made = true;
    const means = meansOf(context, log);
    const after = async () => {
      if (swept !== null && performance.now() - swept < SWEEP_MS) return;
      await sweep(means, host);
      swept = performance.now();
    };
    await whileAlone(
      context.db,
      (lost) => releaseAll(means, { kept_in: 'postfix', host }, { ends: [signal, lost], turned, after }),
      lock,
    );
  };
}

/**
 * Carries out what is decided about the mails of one keeper.
 * @param ends signals that end it after the mail in hand; `after` is done once all were tried
 * @throws what the first that could not be carried out threw, after all others
 */
async function releaseAll(
  means: ReleaseMeans,
  keeper: Keeper,
  { ends, turned, after }: { ends: readonly AbortSignal[]; turned: () => void; after?: () => Promise<void> },
): Promise<void> {
  let broken: unknown = null;
  for (const held_key of await heldWork(means.db, keeper, means.at())) {
    if (ends.some((signal) => signal.aborted)) return;
    try {
      await carryOut(held_key, means);
    } catch (error) {
      // One that cannot be carried out keeps no other from it.
      means.log.error({ held: held_key, err: messageOf(error) }, 'a decision about a held mail could not be carried out');
      broken ??= error;
    }
    turned();
  }
  await after?.();
  if (broken !== null) throw broken;
}

/**
 * Deletes copies that a release left behind, lets go of those that it chose, and ends what waits for a
 * decision about a mail that is gone. A release of a stored mail may have been begun here and ended by
 * another machine, which has a hold queue of its own.
 */
async function sweep({ db, queue, log, at, now }: ReleaseMeans, host: string): Promise<void> {
  const there = new Set((await queue.list()).map(({ id }) => id));
  for (const id of await unknownCopies(db, [...there])) {
    const mark = releaseMark(await queue.readHeader(id));
    if (mark === null || !(await isLeftOver(db, mark, id))) continue;
    await queue.remove([id]);
    log.info({ held: mark.held_key, id }, 'a copy that a release left behind was deleted');
  }
  for (const { held_key, release_token, copy_id } of await chosenCopies(db, [...there])) {
    const mark = releaseMark(await queue.readHeader(copy_id));
    if (mark?.held_key !== held_key || mark.token !== release_token) continue;
    await queue.letGo(copy_id);
    log.info({ held: held_key, id: copy_id }, 'the copy that a release chose was released');
  }
  // A copy that came in after the decision, and was looked for before its server had put it there.
  await clearAgain(db, host, [...there]);
  for (const { held_key, queue_ids } of await waitingCopies(db, host, new Date(now().getTime() - SETTLED_MS))) {
    if (queue_ids.some((id) => there.has(id))) continue;
    const answer = 'The mail is not in the hold queue: somebody has released or deleted it there, or the server never kept it.';
    await settleStop(db, held_key, { state: 'lost', answer }, at());
  }
}
