import type { Dns } from '../dns/client/types.ts';
import { networkOf } from '../report/address.ts';
import { DAY_MS } from '../shared/days.ts';
import { isTransient, messageOf } from '../shared/errors.ts';
import { openDns, type ReverseResolver, reverseResolver } from '../shared/runtime/resolver.ts';
import { type Context, repeat, type Service } from '../shared/runtime/service.ts';
import {
  addressesAfter,
  askTheUnasked,
  comparedAsnFile,
  findAddresses,
  forgetAddresses,
  type Look,
  noteAsnFile,
  type Owner,
  putBack,
  saveLooks,
  saveOwners,
  takeDue,
} from '../store/sources/addresses.ts';
import { type AsnFile, watchedAsnFile } from './asn.ts';
import { watchDomains } from './domains.ts';
import { lookUp } from './look.ts';
import { Pace } from './pace.ts';

export { readAsnFile } from './asn.ts';

const NAME = 'enricher';
/** Addresses asked about between two writes. */
const BATCH = 100;
/** Addresses compared with a new ASN file between two writes. */
const ASN_BATCH = 5_000;
/** How long a batch may take: after it, another enricher takes what this one left. */
const LEASE_MS = 1_200_000;
/** Mail of earlier days is not enriched: nobody judges it any more. */
const RECENT_DAYS = 90;
/** Addresses that no mail came from for so long are forgotten. */
const FORGET_DAYS = 400;
const FORGET_EVERY_MS = 6 * 3_600_000;
const FORGET_BATCH = 5_000;
/** After a failure: a few minutes, then ever longer, a day at most. */
const RETRY_MS = 300_000;

/**
 * Learns who the addresses are that mail came from: reverse name, forward confirmation, owner of the network. It finds new addresses in
 * what was stored, asks once per address and at its own pace, keeps the answers for a time, and puts the sources that they may rename
 * on the analyzer's list. Nothing waits for it: without it, sources that are networks have no names.
 * It also asks DNS whose domains reports are on (domains.ts).
 */
export function startEnricher(context: Context, given?: { resolver?: ReverseResolver; pace?: Pace; dns?: Dns }): Service {
  const { config, db, metrics, clock } = context;
  const log = context.log.child({ service: NAME });
  const settings = config.enrich;
  const resolver = settings.dns === 'on' ? (given?.resolver ?? reverseResolver({ servers: config.dnsServers })) : null;
  const pace = given?.pace ?? new Pace(settings.queries_per_second);
  const asnFile = config.asnFile === null ? null : watchedAsnFile(config.asnFile);
  // A wrong asn_file is told now; one that is damaged later is logged, and the last good one counts on.
  let asn: AsnFile | null = asnFile?.() ?? null;
  let trouble: string | null = null;
  let forgetAt = 0;
  /** The file that turned out to be damaged: not used again until it is replaced. */
  let damaged: string | null = null;

  const day = (daysAgo: number) => new Date(clock.now().getTime() - daysAgo * DAY_MS).toISOString().slice(0, 10);

  const ownerOf = (address: string): Owner | null => {
    try {
      return asn?.ownerOf(address) ?? null;
    } catch (error) {
      damaged = asn!.id;
      asn = null;
      log.warn({ err: messageOf(error) }, 'asn_file is not used until it is replaced');
      return null;
    }
  };

  const look = async (
    { address, attempts }: { address: string; attempts: number },
    signal: AbortSignal,
  ): Promise<Look | null> => {
    const owner = ownerOf(address);
    const now = clock.now().getTime();
    if (resolver === null) {
      return { address, names: null, error: null, owner, next_at: new Date(now + settings.keep_days * DAY_MS) };
    }
    try {
      const names = await lookUp(address, resolver, pace, signal);
      metrics.addresses.inc({ outcome: names.confirmed ? 'confirmed' : names.name === null ? 'none' : 'unconfirmed' });
      const days = names.confirmed ? settings.keep_days : Math.min(settings.keep_days, settings.keep_nothing_days);
      return { address, names, error: null, owner, next_at: new Date(now + days * DAY_MS) };
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (signal.aborted) return null;
      metrics.addresses.inc({ outcome: 'failed' });
      const next_at = new Date(now + Math.min(DAY_MS, RETRY_MS * 3 ** Math.min(attempts, 10)));
      return { address, names: null, error: messageOf(error), owner, next_at };
    }
  };

  /** @returns whether there was anything to ask */
  const askBatch = async (signal: AbortSignal): Promise<boolean> => {
    const now = clock.now();
    const due = await takeDue(db, now, new Date(now.getTime() + LEASE_MS), day(RECENT_DAYS), BATCH);
    const looks: Look[] = [];
    const waiting = [...due];
    const work = async () => {
      for (let one = waiting.shift(); one !== undefined && !signal.aborted; one = waiting.shift()) {
        const found = await look(one, signal);
        if (found !== null) looks.push(found);
      }
    };
    await Promise.all(Array.from({ length: settings.concurrency }, work));
    const sources = await saveLooks(db, clock.now(), looks, networkOf);
    const done = new Set(looks.map((one) => one.address));
    await putBack(
      db,
      due.map((one) => one.address).filter((address) => !done.has(address)),
      now,
    );
    if (due.length > 0) {
      const failed = looks.filter((one) => one.error !== null);
      log.debug({ addresses: looks.length, failed: failed.length, sources, err: failed[0]?.error }, 'addresses were asked about');
    }
    return due.length > 0;
  };

  const compareWithFile = async (signal: AbortSignal) => {
    if (asnFile === null) return;
    try {
      const file = asnFile();
      asn = file.id === damaged ? null : file;
    } catch (error) {
      log.warn({ err: messageOf(error) }, 'asn_file cannot be used; what it said before counts on');
    }
    const file = asn;
    if (file === null || (await comparedAsnFile(db)) === file.id) return;
    let sources = 0;
    for (let after: string | null = null; !signal.aborted; ) {
      const addresses = await addressesAfter(db, after, ASN_BATCH);
      if (addresses.length === 0) {
        await noteAsnFile(db, file.id);
        log.info({ file: file.title, sources }, 'all addresses were compared with the ASN file');
        return;
      }
      const owners = addresses.flatMap((address) => {
        const owner = ownerOf(address);
        return owner === null ? [] : [{ address, ...owner }];
      });
      if (asn === null) return;
      sources += await saveOwners(db, owners, networkOf);
      after = addresses.at(-1)!;
    }
  };

  const forget = async (signal: AbortSignal) => {
    if (performance.now() < forgetAt) return;
    let gone = FORGET_BATCH;
    while (gone === FORGET_BATCH && !signal.aborted) gone = await forgetAddresses(db, day(FORGET_DAYS), FORGET_BATCH);
    forgetAt = performance.now() + FORGET_EVERY_MS;
  };

  let began = false;
  const turn = async (signal: AbortSignal) => {
    // Those that were found while DNS was off.
    if (!began && resolver !== null) await askTheUnasked(db, clock.now(), new Date(clock.now().getTime() + DAY_MS));
    began = true;
    await compareWithFile(signal);
    await forget(signal);
    while (!signal.aborted) {
      const found = await findAddresses(db, day(RECENT_DAYS), clock.now());
      const asked = await askBatch(signal);
      if (!found && !asked) return;
    }
  };

  let loop: { stop(): Promise<void> } | null = null;
  if (resolver !== null || asnFile !== null) {
    loop = repeat(
      config.sweep.every_seconds * 1000,
      async (signal) => {
        try {
          await turn(signal);
          trouble = null;
        } catch (error) {
          trouble = `The enricher cannot finish its work: ${messageOf(error)}`;
          throw error;
        }
      },
      log,
      'learning who addresses are',
    );
  } else {
    log.info('enrich.dns is off and asn_file is not set: sources that are networks get no names');
  }

  // Without a cache: a domain is asked about once an hour at most.
  const client = settings.dns === 'on' && !given?.dns ? openDns(config.dnsServers, { cacheEntries: 0 }) : null;
  const domains = watchDomains(context, given?.dns ?? client);

  return {
    name: NAME,
    waitingFor: () => trouble,
    stop: async () => {
      const stopped = Promise.all([loop?.stop(), domains.stop()]);
      client?.cancel();
      // What waits for an answer ends now: the address is asked about again.
      resolver?.cancel();
      await stopped;
    },
  };
}
