import { type GuardedWorkload, workloadSeen } from '../../dns/guard/workloads.ts';
import type { GuardWatch } from '../../shared/guard-watch.ts';
import type { HashName } from '../privacy.ts';
import type { Draft } from './draft.ts';

const MOST_NAME = 100;

/** The declared workloads of an environment; of one that the file does not name, none. */
export const workloadsIn = ({ declared }: GuardWatch, environment: string): readonly GuardedWorkload[] =>
  declared?.environments.find(({ name }) => name === environment)?.workloads ?? [];

/**
 * The workload that sent a message: the one that its shipper names; else the declared one that the place of
 * its lines, its user, or the name of its client belongs to; else the application that wrote the lines; else
 * the source's own.
 * @param first what the first server saw of it
 */
export function workloadOf(
  first: Draft,
  { declared, own, hash }: { declared: readonly GuardedWorkload[]; own: string; hash: HashName },
): string {
  const { place } = first;
  if (place?.workload !== undefined) return clipped(place.workload);
  if (place !== null) {
    const seen = workloadSeen(declared, {
      name: nameOfPod(place.pod ?? null),
      namespace: place.namespace ?? null,
      labels: place.labels ?? null,
    });
    if (seen !== null) return clipped(seen.name);
  }
  // Users are hashed when their lines are stored, so the declared names are compared as hashes.
  const user = first.sasl_username;
  const asUser =
    user === null
      ? undefined
      : declared.find((one) => [one.name, one.service_account].some((name) => name !== null && hash(name) === user));
  if (asUser !== undefined) return clipped(asUser.name);
  const asClient = byClient(first.client_name, declared);
  if (asClient !== null) return clipped(asClient.name);
  const application = place?.labels?.['app.kubernetes.io/name'] ?? place?.labels?.app ?? place?.labels?.['k8s-app'];
  return clipped(own !== '' ? own : (application ?? place?.namespace ?? ''));
}

const clipped = (name: string): string => name.slice(0, MOST_NAME);

/** "shop-7d9f8b6c5-x2x4v" or "shop-0": without what a Deployment, DaemonSet or StatefulSet adds. */
function nameOfPod(pod: string | null): string | null {
  return pod?.replace(/-[a-f0-9]{8,10}-[a-z0-9]{5}$/, '').replace(/-(?:[a-z0-9]{5}|\d{1,5})$/, '') ?? null;
}

/** A client is known by its name in the cluster: "shop-0.shop.web.svc.cluster.local", or a pod's own name. */
function byClient(client: string | null, declared: readonly GuardedWorkload[]): GuardedWorkload | null {
  if (client === null) return null;
  const [first = '', ...above] = client.split('.');
  const namespace = above.at(above.indexOf('svc') - 1);
  const inNamespace = above.includes('svc') && namespace !== undefined ? namespace : null;
  const names = new Set([first, nameOfPod(first), above[0]]);
  return (
    declared.find(
      (one) => names.has(one.name) && (inNamespace === null || one.namespace === null || one.namespace === inNamespace),
    ) ?? null
  );
}
