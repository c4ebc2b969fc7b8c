import { catalogueOf, domainsOf } from '../services/analyzer/index.ts';
import type { Dns } from '../services/dns/client/types.ts';
import { AddressLookups } from '../services/enricher/addresses.ts';
import { Pace } from '../services/shared/pace.ts';
import type { Context } from '../services/shared/runtime/service.ts';
import { putSender } from '../services/store/sources/sender-list.ts';
import { watchOnce } from '../services/watcher/index.ts';
import type { Internet } from './internet/internet.ts';
import type { Approval } from './model.ts';

/**
 * The product's look-ups of addresses, on a world's name service. Nothing is paced: time is not simulated.
 */
export function enricherOf(context: Context, internet: Internet): () => Promise<void> {
  const lookups = new AddressLookups({
    context,
    log: context.log,
    resolver: internet.resolver(),
    pace: new Pace(Number.POSITIVE_INFINITY),
    owners: internet.owners(),
  });
  return () => lookups.run(new AbortController().signal);
}

/** What `ruawatch senders approve` does. */
export async function approve({ db, config, clock }: Context, { domain, source }: Approval): Promise<void> {
  const catalogue = catalogueOf(config);
  const service = catalogue.senders.has(source) ? { domains: domainsOf(catalogue, source) } : null;
  const word = { by: 'simulation', why: 'planned' };
  await putSender(db, { domain, source, service }, { verdict: 'approved', word, until: null }, clock.now());
}

/** Without any, the resolver's answers decide. */
const NO_SERVERS: Dns = {
  ask: (name) => Promise.resolve({ state: 'nxdomain', name, aliases: [], ttl: 60, authenticated: false }),
};

/**
 * Two rounds of the product's watcher: what one does not find counts as gone when the next does not either.
 */
export async function watch(context: Context, dns: Dns, at: (minutesBefore: number) => void): Promise<void> {
  // The families have no look-alikes, and a thousand names a domain would be asked about.
  context.config.watcher.lookalikes.questions_a_day = 0;
  for (const minutes of [20, 10]) {
    at(minutes);
    await watchOnce(context, { dns, connect: () => NO_SERVERS, random: () => 0.5 });
  }
}
