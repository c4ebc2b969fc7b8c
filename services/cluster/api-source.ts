import { networkContains } from '../dns/guard/spf-terms.ts';
import type { EgressWay } from '../dns/guard/workloads.ts';
import type { Kubernetes, KubernetesObject } from '../shared/runtime/kubernetes.ts';
import type { Log } from '../shared/runtime/log.ts';
import { Follower } from './follow.ts';
import { canonical, type Observation, observation } from './observe.ts';
import type { AddressSource } from './source.ts';

const NODES = '/api/v1/nodes';
const POLICIES = '/apis/cilium.io/v2/ciliumegressgatewaypolicies';
const POOLS = '/apis/crd.projectcalico.org/v1/ippools';
const PODS = '/api/v1/pods';
/** A pool that is wider is published address by address, as far as pods have them. */
const WIDEST_POOL = { 4: 24, 6: 120 };

interface Node {
  labels: Record<string, string>;
  addresses: string[];
}

interface Policy {
  name: string;
  /** Null for a gateway that takes an address of its node. */
  addresses: (string | null)[];
}

interface Pool {
  name: string;
  cidr: string;
}

export interface ApiSourceOptions {
  api: Kubernetes;
  log: Log;
  /** Counts a failure of a resource. */
  failed: (resource: string) => void;
  firstWaitMs?: number | undefined;
}

/**
 * Addresses from the API of a cluster, by list and watch alone. Only what the declared ways need is asked
 * for.
 */
export class ApiSource implements AddressSource {
  private readonly options: ApiSourceOptions;
  private nodes: Follower<Node> | null = null;
  private policies: Follower<Policy> | null = null;
  private pools: Follower<Pool> | null = null;
  private pods: Follower<string[]> | null = null;

  constructor(options: ApiSourceOptions) {
    this.options = options;
  }

  observe(_environment: string, _egress: string, way: EgressWay): Observation {
    switch (way.from) {
      case 'nodes':
        return this.ofNodes(way.node_labels ?? {});
      case 'cilium':
        return this.ofPolicy(way.policy!);
      case 'calico':
        return way.pool === undefined
          ? { state: 'unknown', why: 'mail-guard.yaml names no pool for it: set pool.' }
          : this.ofPool(way.pool);
      case 'static':
        return observation(way.addresses);
    }
  }

  failure(): string | null {
    const all = [this.nodes, this.policies, this.pools, this.pods];
    return all.map((one) => one?.failure() ?? null).find((one) => one !== null) ?? null;
  }

  async stop(): Promise<void> {
    await Promise.all([this.nodes, this.policies, this.pools, this.pods].map((one) => one?.stop()));
  }

  private ofNodes(labels: Readonly<Record<string, string>>): Observation {
    this.nodes ??= this.follow(NODES, nodeOf);
    const why = this.nodes.failure();
    if (why !== null) return { state: 'unknown', why };
    const wanted = Object.entries(labels);
    const fit = this.nodes.known.filter((node) => wanted.every(([key, value]) => node.labels[key] === value));
    const without = fit.filter(({ addresses }) => addresses.length === 0).length;
    if (fit.length > 0 && without === fit.length)
      return {
        state: 'unknown',
        why: 'No node of it has an external address: mail leaves by another one, such as that of a NAT gateway. Declare it.',
      };
    return observation(fit.flatMap(({ addresses }) => addresses));
  }

  private ofPolicy(name: string): Observation {
    this.policies ??= this.follow(POLICIES, policyOf);
    const why = this.policies.failure();
    if (why !== null) return { state: 'unknown', why };
    const policy = this.policies.known.find((one) => one.name === name);
    if (policy === undefined) return { state: 'unknown', why: `There is no CiliumEgressGatewayPolicy ${name}.` };
    if (policy.addresses.includes(null))
      return {
        state: 'unknown',
        why: `The CiliumEgressGatewayPolicy ${name} names no egressIP: the node's interface decides. Declare the address.`,
      };
    return observation(policy.addresses.flatMap((one) => one ?? []));
  }

  private ofPool(name: string): Observation {
    this.pools ??= this.follow(POOLS, poolOf);
    const why = this.pools.failure();
    if (why !== null) return { state: 'unknown', why };
    const pool = this.pools.known.find((one) => one.name === name);
    const network = pool === undefined ? null : canonical(pool.cidr);
    if (network === null) return { state: 'unknown', why: `There is no IPPool ${name} with a network.` };
    const [, length] = network.split('/');
    if (length === undefined || Number(length) >= WIDEST_POOL[network.includes(':') ? 6 : 4]) return observation([network]);
    this.pods ??= this.follow(PODS, addressesOfPod);
    const late = this.pods.failure();
    if (late !== null) return { state: 'unknown', why: late };
    return observation(this.pods.known.flat().filter((address) => networkContains(network, address)));
  }

  private follow<T>(path: string, keep: (object: KubernetesObject) => T | null): Follower<T> {
    const { api, log, failed, firstWaitMs } = this.options;
    const resource = path.split('/').at(-1)!;
    return new Follower({
      api,
      path,
      keep,
      log,
      failed: () => failed(resource),
      firstWaitMs,
    });
  }
}

function nodeOf(object: KubernetesObject): Node {
  const { status } = object as { status?: { addresses?: { type?: string; address?: string }[] } };
  return {
    labels: object.metadata.labels ?? {},
    addresses: (status?.addresses ?? []).flatMap(({ type, address }) =>
      type === 'ExternalIP' && address !== undefined ? [address] : [],
    ),
  };
}

function policyOf(object: KubernetesObject): Policy {
  const { spec } = object as { spec?: { egressGateway?: { egressIP?: string }; egressGateways?: { egressIP?: string }[] } };
  const gateways = [...(spec?.egressGateway === undefined ? [] : [spec.egressGateway]), ...(spec?.egressGateways ?? [])];
  return { name: object.metadata.name, addresses: gateways.map(({ egressIP }) => egressIP || null) };
}

function poolOf(object: KubernetesObject): Pool | null {
  const { spec } = object as { spec?: { cidr?: string; disabled?: boolean } };
  return spec?.cidr === undefined || spec.disabled === true ? null : { name: object.metadata.name, cidr: spec.cidr };
}

/** The addresses of a pod that is not over; null for one without any, so that it costs nothing. */
function addressesOfPod(object: KubernetesObject): string[] | null {
  const { status, spec } = object as {
    status?: { phase?: string; podIPs?: { ip?: string }[]; podIP?: string };
    spec?: { hostNetwork?: boolean };
  };
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed' || spec?.hostNetwork === true) return null;
  const ips = (status?.podIPs ?? [{ ip: status?.podIP }]).flatMap(({ ip }) => (ip ? [ip] : []));
  return ips.length === 0 ? null : ips;
}
