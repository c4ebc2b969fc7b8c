import type { Guard, GuardedEnvironment } from '../dns/guard/file.ts';
import type { EgressWay } from '../dns/guard/workloads.ts';
import { ownNetworks } from '../dns/spf/edit.ts';
import { canonical } from './observe.ts';

/** A way whose addresses the cluster knows. */
export interface WatchedWay {
  environment: string;
  /** Unique in the environment. */
  egress: string;
  way: EgressWay;
}

/** An SPF record that has to admit what workloads send by. */
export interface WatchedRecord {
  /** The name that MAIL FROM has. */
  name: string;
  /** The domains in From that it authenticates. */
  domains: readonly string[];
  workloads: readonly string[];
  ways: readonly WatchedWay[];
  /** Networks that the file declares by whatever means, canonical: of static ways, of other ways, of SPF. */
  declared: readonly string[];
  /** Whether the file says which terms the record has, and no others. */
  pinned: boolean;
}

/** Two ways may both be called "nodes", and mean others by their labels. */
function nameOfWay({ name, from, node_labels }: EgressWay): string {
  const labels = Object.entries(node_labels ?? {}).sort();
  if (from !== 'nodes' || name !== 'nodes' || labels.length === 0) return name;
  return `${name}:${labels.map(([key, value]) => `${key}=${value}`).join(',')}`;
}

/**
 * Whether the service of a cluster serves an environment: one that names no clusters is served by any.
 * @param cluster its name; null for a service that is not told, and serves all
 */
export const servedBy =
  (cluster: string | null) =>
  ({ clusters }: Pick<GuardedEnvironment, 'clusters'>): boolean =>
    cluster === null || clusters.length === 0 || clusters.includes(cluster);

/** The SPF records that follow the cluster: those of workloads of which a way is found there. */
export function recordsOf(guard: Guard, serves: (environment: GuardedEnvironment) => boolean): WatchedRecord[] {
  const found = new Map<string, Omit<WatchedRecord, 'pinned'>>();
  for (const environment of guard.environments)
    for (const { name: workload, sends_as, envelope_from, egress } of environment.workloads)
      for (const domain of sends_as) {
        const name = envelope_from ?? domain;
        const before = found.get(name) ?? { name, domains: [], workloads: [], ways: [], declared: [] };
        const ways = egress
          .filter(({ from }) => from !== 'static')
          .map((way) => ({ environment: environment.name, egress: nameOfWay(way), way }));
        found.set(name, {
          ...before,
          domains: unique([...before.domains, domain]),
          workloads: unique([...before.workloads, `${environment.name}/${workload}`]),
          ways: [...before.ways, ...ways].filter((one, at, all) => all.findIndex((other) => isSame(one, other)) === at),
          declared: unique([...before.declared, ...egress.flatMap(({ addresses }) => networks(addresses))]),
        });
      }
  const served = new Set(guard.environments.filter(serves).map(({ name }) => name));
  return [...found.values()]
    .filter(({ ways }) => ways.some(({ environment }) => served.has(environment)))
    .map((record) => withSpf(record, guard));
}

const unique = (names: readonly string[]) => [...new Set(names)];
const networks = (texts: readonly string[]) => texts.flatMap((text) => canonical(text) ?? []);
const isSame = (one: WatchedWay, other: WatchedWay) => one.environment === other.environment && one.egress === other.egress;

/** What the file says of the record itself. */
function withSpf(record: Omit<WatchedRecord, 'pinned'>, { environments }: Guard): WatchedRecord {
  const wanted = environments.flatMap(({ domains }) =>
    domains.flatMap(({ domain, wanted: { spf } }) => (domain === record.name && spf !== undefined ? [spf] : [])),
  );
  const terms = wanted.flatMap(({ sources = [], require }) => [...sources, ...require]);
  const said = [`v=spf1 ${terms.join(' ')}`, ...wanted.flatMap(({ record: text }) => text ?? [])].flatMap(ownNetworks);
  return {
    ...record,
    declared: unique([...record.declared, ...said]),
    pinned: wanted.some(
      ({ record: text, sources, forbid }) =>
        text !== undefined || sources !== undefined || forbid.includes('ip4') || forbid.includes('ip6'),
    ),
  };
}
