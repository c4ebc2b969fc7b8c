import { Pace } from '../shared/pace.ts';
import { Failures } from '../shared/runtime/failures.ts';
import { openDns, type ReverseResolver, reverseResolver } from '../shared/runtime/resolver.ts';
import { type Context, firstStuck, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { AddressLookups } from './addresses.ts';
import { watchDomains } from './domains.ts';
import { NetworkOwners } from './owners.ts';

export { readAsnFile } from './asn.ts';
export { proveDomain } from './proof.ts';

const NAME = 'enricher';

/**
 * Looks up the source addresses in reports: reverse name, forward confirmation, owner of the network. It
 * finds new addresses in what is stored, looks each up once at its own pace, keeps the answers for a time,
 * and puts the sources whose names they may change on the analyzer's list. Nothing waits for it: without it,
 * sources that are networks have no names. It also asks DNS which of the reported domains are ours
 * (domains.ts).
 */
export function startEnricher(context: Context, given: { resolver?: ReverseResolver; pace?: Pace } = {}): Service {
  const { config } = context;
  const log = context.log.child({ service: NAME });
  const on = config.enrich.dns === 'on';
  const resolver = on ? (given.resolver ?? reverseResolver({ servers: config.dnsServers })) : null;
  const owners = config.asnFile === null ? null : new NetworkOwners(config.asnFile, log);
  const pace = given.pace ?? new Pace(config.enrich.queries_per_second);
  const lookups = new AddressLookups({ context, log, resolver, pace, owners });
  const failures = new Failures('The enricher cannot finish its work');
  const run = (signal: AbortSignal, turned: () => void) => failures.noting('addresses', () => lookups.run(signal, turned));
  const idle = resolver === null && owners === null;
  if (idle) log.info('enrich.dns is off and asn_file is not set: sources that are networks get no names');
  const loop = idle ? null : repeat(sweepMs(config), run, log, 'looking up addresses');

  // Without a cache: a domain is asked about once an hour at most.
  const domains = watchDomains(context, on ? openDns(config.dnsServers, { cacheEntries: 0 }) : null);

  return {
    name: NAME,
    waitingFor: () => failures.first(),
    stuck: () => firstStuck([loop, domains]),
    stop: async () => {
      const stopped = Promise.all([loop?.stop(), domains.stop()]);
      // Queries in flight end now; their addresses are looked up again later.
      resolver?.cancel();
      await stopped;
    },
  };
}
