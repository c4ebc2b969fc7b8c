import { createDnsClient } from '../dns/client/client.ts';
import { systemClock } from '../shared/clock.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, repeat, type Service } from '../shared/runtime/service.ts';
import { hear } from '../store/hear.ts';
import { Changes } from './changes.ts';
import { GrantKeeper } from './grants/keep.ts';

export { probeKey } from './targets/probe.ts';

const NAME = 'applier';
const MOST_SECONDS = 5;
const PER_SECOND = 50;
const SECOND_MS = 1000;
/** Grants end on time, whatever else is slow. */
const GRANTS_MS = 1000;

/**
 * The applier: carries out what is approved, and nothing else; watches what it changed, and puts the state
 * before back when mail breaks. Any number may run: one works at a time.
 */
export function startApplier(context: Context): Service {
  const { config, db, clock } = context;
  const log = context.log.child({ service: NAME });
  const resolver = openDns(config.dnsServers, { perSecond: PER_SECOND });
  const at = () => (clock === systemClock ? null : clock.now());
  const changes = new Changes({ config, db, log, at, now: () => clock.now(), around: { resolver, connect } });
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
  const change = async (signal: AbortSignal, turned: () => void) => {
    // What is lent and over is ended before anything is changed.
    if (enforced) await changes.make(signal, turned);
  };
  const loop = repeat(Math.min(config.sweep.every_seconds, MOST_SECONDS) * SECOND_MS, change, log, 'applying changes');
  const keeping = repeat(GRANTS_MS, keep, log, 'keeping grants');
  const stopped = new AbortController();
  // A failure is said by the turn that the clock makes.
  const deaf = hear(db, 'ruawatch_grants', () => void keep(stopped.signal).catch(() => undefined), log);
  return {
    name: NAME,
    waitingFor: () => changes.failure ?? changes.waiting ?? grants.waiting,
    stuck: () => loop.stuck() ?? keeping.stuck(),
    stop: async () => {
      stopped.abort();
      await Promise.all([loop.stop(), keeping.stop(), deaf()]);
      await keptAlready;
    },
  };
}

/** A client of one server of a zone. */
const connect = (address: string) =>
  createDnsClient({ servers: [{ address, port: 53 }], recursive: false, cacheEntries: 0, timeoutMs: 2_000, tries: 2 });
