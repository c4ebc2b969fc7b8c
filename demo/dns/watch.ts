import { createDnsClient } from '../../services/dns/client/client.ts';
import type { Server } from '../../services/dns/client/servers.ts';
import { lookalikesOf } from '../../services/dns/lookalikes/lookalikes.ts';
import { type Registered, surveyLookalikes } from '../../services/dns/lookalikes/registered.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import { startWatcher } from '../../services/watcher/index.ts';

/** Candidates of each domain that are looked up, as `dns lookalikes` does. */
const MOST_NAMES = 1_000;

const clientOf = (server: Server, recursive: boolean) => createDnsClient({ servers: [server], recursive, cacheEntries: 0 });

/** The watcher, which asks the name server of the demo as the resolver and as the server of every zone. */
export function watchNames(context: Context, server: Server): Service {
  return startWatcher(context, { dns: clientOf(server, true), connect: () => clientOf(server, false) });
}

/** A registered name, and the domain that it looks like. */
export type DemoLookalike = Registered & { of: string };

/** The registered names that look like one of the domains, as `ruawatch dns lookalikes` finds them. */
export async function findLookalikes(domains: readonly string[], server: Server): Promise<DemoLookalike[]> {
  const dns = clientOf(server, true);
  const found: DemoLookalike[] = [];
  for (const domain of domains) {
    const [label, suffix] = domain.split('.') as [string, string];
    const names = lookalikesOf({ label, suffix }).slice(0, MOST_NAMES);
    const { registered } = await surveyLookalikes(domain, names, dns);
    found.push(...registered.filter(({ sameServers }) => !sameServers).map((one) => ({ ...one, of: domain })));
  }
  return found;
}
