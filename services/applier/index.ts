import { createDnsClient } from '../dns/client/client.ts';
import { systemClock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, repeat, type Service } from '../shared/runtime/service.ts';
import { isNewCopy } from '../store/grants/due.ts';
import { hear } from '../store/hear.ts';
import { whileAlone } from '../store/requests/alone.ts';
import { toApply } from '../store/requests/applying.ts';
import { type Applying, applyRequest } from './apply.ts';
import { GrantKeeper } from './grants/keep.ts';
import { closeManual } from './manual.ts';
import { rotateKeys } from './rotate.ts';
import { closePublished, watchChanges } from './watch.ts';

export { probeKey } from './targets/probe.ts';

const NAME = 'applier';
const MOST_SECONDS = 5;
const PER_SECOND = 50;
const SECOND_MS = 1000;
/** Grants end on time, whatever else is slow. */
const GRANTS_MS = 1000;

/**
 * The applier: carries out what is approved, and nothing else; watches what it changed, and puts the state before back when
 * mail breaks. Any number may run: one works at a time.
 */
export function startApplier(context: Context): Service {
  const { config, db, clock } = context;
  const log = context.log.child({ service: NAME });
  const resolver = openDns(config.dnsServers, { perSecond: PER_SECOND });
  const around = {
    resolver,
    connect: (address: string) =>
      createDnsClient({ servers: [{ address, port: 53 }], recursive: false, cacheEntries: 0, timeoutMs: 2_000, tries: 2 }),
  };
  let failure: string | null = null;
  let waiting: string | null = null;
  const at = () => (clock === systemClock ? null : clock.now());
  const grants = new GrantKeeper();
  const dns = openDns(config.dnsServers);
  let enforced = false;
  let keptAlready: Promise<void> = Promise.resolve();
  /** One turn after the other, whoever asks for it: the clock, or somebody who ends a grant. */
  const keep = (signal: AbortSignal): Promise<void> => {
    const next = keptAlready.then(async () => {
      if (signal.aborted) return;
      try {
        await grants.turn({ db, log, access: config.access, dnsTargets: config.dnsTargets, dns, at, signal });
      } finally {
        enforced = true;
      }
    });
    keptAlready = next.catch(() => undefined);
    return next;
  };
  const turn = async (signal: AbortSignal, turned: () => void) => {
    // What is lent and over is ended before anything is changed.
    if (!enforced) return;
    const means: Applying = {
      db,
      log,
      targets: config.dnsTargets,
      ...(config.approvals.rules.length > 0 && { rules: config.approvals.rules }),
      at,
      now: () => clock.now(),
      signal,
      around,
    };
    try {
      await whileAlone(db, async (lost) => {
        const late: number[] = [];
        let broken: unknown = null;
        // The next turn of the keeper ends what was approved in it.
        if (await isNewCopy(db)) return;
        for (const request of await toApply(db)) {
          if (signal.aborted || lost.aborted) return;
          try {
            if (!(await applyRequest(request, means))) late.push(request.request_key);
          } catch (error) {
            // One that cannot be carried out keeps no other from it.
            log.error({ request: request.request_key, err: messageOf(error) }, 'a request could not be applied');
            broken ??= error;
          }
          turned();
        }
        waiting = late.length === 0 ? null : `Changes wait for their server: requests ${late.join(', ')}.`;
        await watchChanges(means);
        await closePublished(means);
        await closeManual(means, config);
        await rotateKeys({ db, log, keys: config.dkimKeys, now: means.now });
        if (broken !== null) throw broken;
      });
      failure = null;
    } catch (error) {
      failure = `The applier cannot finish its work: ${messageOf(error)}`;
      throw error;
    }
  };
  const loop = repeat(Math.min(config.sweep.every_seconds, MOST_SECONDS) * SECOND_MS, turn, log, 'applying changes');
  const keeping = repeat(GRANTS_MS, keep, log, 'keeping grants');
  const stopped = new AbortController();
  // A failure is said by the turn that the clock makes.
  const deaf = hear(db, 'ruawatch_grants', () => void keep(stopped.signal).catch(() => undefined), log);
  return {
    name: NAME,
    waitingFor: () => failure ?? waiting ?? grants.waiting,
    stuck: () => loop.stuck() ?? keeping.stuck(),
    stop: async () => {
      dns.cancel();
      stopped.abort();
      await Promise.all([loop.stop(), keeping.stop(), deaf()]);
      await keptAlready;
    },
  };
}
