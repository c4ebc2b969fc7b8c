import type { Path } from './mistakes.ts';
import type { GuardFile, WantedDomain } from './schema.ts';
import { isNetwork, type SecretPlace } from './schema-values.ts';
import type { Egress, WrittenWorkload } from './workload-schema.ts';

/** A way by which mail of a workload leaves. */
export type EgressWay = Egress & { name: string };

/** A key that a workload signs with. */
export interface Signer {
  /** d= of its signatures. */
  domain: string;
  /** s= of its signatures. */
  selector: string;
  /** The private key (PEM), relative to the file; null: the file does not say. */
  private_key: string | null;
  secret: SecretPlace | null;
}

/** Who sends mail from one environment, and as what. */
export interface GuardedWorkload {
  name: string;
  namespace: string | null;
  /** Its pods have at least these. */
  labels: Readonly<Record<string, string>>;
  service_account: string | null;
  /** The domains that it may have in From. */
  sends_as: readonly string[];
  /** The domain of MAIL FROM; null: the domain of From. */
  envelope_from: string | null;
  egress: readonly EgressWay[];
  signers: readonly Signer[];
}

type Environment = GuardFile['environments'][string];

interface Around {
  /** The environment's name, for mistakes. */
  name: string;
  environment: Environment;
  mistake: (path: Path, said: string) => void;
}

/** A workload as it is written, and where. */
interface Written {
  workload: WrittenWorkload;
  sendsAs: readonly string[];
  path: Path;
}

/** The workloads of an environment as they are written, those below its domains and its own. */
export function workloadsOf(around: Around): GuardedWorkload[] {
  const { environment, name } = around;
  const found = [
    ...Object.entries(environment.domains).flatMap(([domain, { workloads }]) =>
      workloads.map((workload, n) => ({
        workload,
        sendsAs: [domain],
        path: ['environments', name, 'domains', domain, 'workloads', n],
      })),
    ),
    ...environment.workloads.map(({ sends_as, ...workload }, n) => ({
      workload,
      sendsAs: [...new Set(sends_as)],
      path: ['environments', name, 'workloads', n],
    })),
  ];
  checkNames(found, around);
  return found.map((written) => resolved(written, around));
}

/**
 * Each workload once: what is written below several domains about the same pods is one that sends as all of
 * them.
 */
export function eachOnce(workloads: readonly GuardedWorkload[]): GuardedWorkload[] {
  const once = new Map<string, GuardedWorkload>();
  for (const one of workloads) {
    const before = once.get(identity(one));
    once.set(identity(one), before === undefined ? one : together(before, one));
  }
  return [...once.values()];
}

/** What is known of a pod, or of what wrote a line of a log. */
export interface Seen {
  /** What it is called: a label of the line, the name of a host, the user that it authenticated as. */
  name?: string | null;
  namespace?: string | null;
  labels?: Readonly<Record<string, string>> | null;
  service_account?: string | null;
}

/**
 * The workload that something seen belongs to: the one whose namespace, labels and service account it has, of
 * several the one that demands most. A workload that names none of these is found by its name alone. A
 * service account that is not known contradicts none.
 * @returns null when none fits
 */
export function workloadSeen(workloads: readonly GuardedWorkload[], seen: Seen): GuardedWorkload | null {
  let best: { workload: GuardedWorkload; weight: number } | null = null;
  for (const workload of workloads) {
    const weight = weightOf(workload, seen);
    if (weight !== null && weight > (best?.weight ?? 0)) best = { workload, weight };
  }
  return best?.workload ?? null;
}

/** How much of what a workload demands was seen; null: something else was seen, or too little. */
function weightOf(workload: GuardedWorkload, seen: Seen): number | null {
  const labels = Object.entries(workload.labels);
  const demands: { is: string | null; wanted: string | null; account?: boolean }[] = [
    { is: seen.namespace ?? null, wanted: workload.namespace },
    { is: seen.service_account ?? null, wanted: workload.service_account, account: true },
    ...labels.map(([key, wanted]) => ({ is: seen.labels == null ? null : (seen.labels[key] ?? ''), wanted })),
  ].filter(({ wanted }) => wanted !== null);
  if (demands.some(({ is, wanted }) => is !== null && is !== wanted)) return null;
  const open = demands.filter(({ is }) => is === null);
  const proven = demands.length > 0 && (labels.length > 0 ? open.every(({ account }) => account === true) : open.length === 0);
  const named = seen.name?.toLowerCase() === workload.name;
  return proven || named ? 2 * (demands.length - open.length) + (named ? 1 : 0) : null;
}

/**
 * What a workload signs mail of a domain with: its keys of that domain; else those of a domain above or below
 * it; else all it has, which do not align.
 */
export function signersAs({ signers }: GuardedWorkload, domain: string): Signer[] {
  const own = signers.filter((one) => one.domain === domain);
  if (own.length > 0) return own;
  const near = signers.filter((one) => one.domain.endsWith(`.${domain}`) || domain.endsWith(`.${one.domain}`));
  return near.length > 0 ? near : [...signers];
}

function checkNames(written: readonly Written[], { environment, mistake }: Around): void {
  const seen = new Set<string>();
  for (const { workload, sendsAs, path } of written) {
    // Below two domains, one name may stand for one workload.
    const under = path.length === 4 ? 'environment' : sendsAs[0];
    const key = `${under} ${workload.name}`;
    if (seen.has(key)) mistake(path.slice(0, -1), `two are named "${workload.name}"`);
    seen.add(key);
    for (const domain of sendsAs)
      if (environment.domains[domain] === undefined)
        mistake([...path, 'sends_as'], `"${workload.name}" sends as ${domain}, which is no domain of the environment`);
  }
}

function resolved({ workload, sendsAs, path }: Written, around: Around): GuardedWorkload {
  const { name, namespace = null, labels, service_account = null, envelope_from = null } = workload;
  return {
    name,
    namespace,
    labels,
    service_account,
    sends_as: sendsAs,
    envelope_from,
    egress: (workload.egress ?? []).flatMap((way) => egressOf(way, { workload, path }, around)),
    signers: signersOf({ workload, sendsAs, path }, around),
  };
}

function egressOf(
  way: NonNullable<WrittenWorkload['egress']>[number],
  { workload, path }: Pick<Written, 'workload' | 'path'>,
  { name, environment, mistake }: Around,
): EgressWay[] {
  if (typeof way === 'string') {
    const declared = environment.egress[way];
    if (declared !== undefined) return [{ name: way, ...declared }];
    if (isNetwork(way)) return [{ name: way, from: 'static', addresses: [way] }];
    if (way === 'nodes') return [{ name: 'nodes', from: 'nodes', addresses: [] }];
    mistake(path.slice(0, -1), `"${workload.name}" names the egress "${way}", which ${name} does not have`);
    return [];
  }
  const { nodes, cilium, calico, addresses } = way;
  if (nodes !== undefined) return [{ name: 'nodes', from: 'nodes', node_labels: nodes, addresses }];
  if (cilium !== undefined) return [{ name: `cilium:${cilium}`, from: 'cilium', policy: cilium, addresses }];
  return [{ name: `calico:${calico}`, from: 'calico', pool: calico!, addresses }];
}

function signersOf({ workload, sendsAs, path }: Written, { environment, mistake }: Around): Signer[] {
  const ofDomain = (domain: string): readonly string[] => usableSelectors(environment.domains[domain]);
  if (workload.selectors === undefined)
    return sendsAs.flatMap((domain) => ofDomain(domain).map((selector) => signerOf(environment, { domain, selector })));
  return workload.selectors.flatMap((given): Signer[] => {
    if (typeof given === 'string') {
      const domains = sendsAs.filter((domain) => ofDomain(domain).includes(given));
      if (domains.length === 0)
        mistake(
          path.slice(0, -1),
          `"${workload.name}" signs with the selector "${given}", for which dkim.selectors of ${sendsAs.join(', ')} has no key`,
        );
      return domains.map((domain) => signerOf(environment, { domain, selector: given }));
    }
    const domain = given.domain ?? (sendsAs.length === 1 ? sendsAs[0]! : null);
    if (domain === null) {
      mistake(
        path.slice(0, -1),
        `the selector "${given.selector}" of "${workload.name}", which sends as several domains, needs "domain"`,
      );
      return [];
    }
    const state = environment.domains[domain]?.dkim?.selectors[given.selector]?.state ?? 'key';
    if (state !== 'key')
      mistake(
        path.slice(0, -1),
        `"${workload.name}" signs with the selector "${given.selector}" of ${domain}, which is declared to be ${state}`,
      );
    const { private_key, secret } = signerOf(environment, { domain, selector: given.selector });
    return [{ domain, selector: given.selector, private_key: given.key_file ?? private_key, secret: given.secret ?? secret }];
  });
}

/** The key of a selector as dkim.selectors of the domain declares it. */
function signerOf(environment: Environment, { domain, selector }: { domain: string; selector: string }): Signer {
  const declared = environment.domains[domain]?.dkim?.selectors[selector];
  return { domain, selector, private_key: declared?.private_key ?? null, secret: declared?.secret ?? null };
}

/** The selectors of a domain that are declared to have a key. */
function usableSelectors(wanted: WantedDomain | undefined): string[] {
  return Object.entries(wanted?.dkim?.selectors ?? {}).flatMap(([name, { state }]) => (state === 'key' ? [name] : []));
}

/** Which pods a workload is. */
function identity({ name, namespace, labels, service_account }: GuardedWorkload): string {
  return JSON.stringify([name, namespace, service_account, Object.entries(labels).sort()]);
}

function together(one: GuardedWorkload, other: GuardedWorkload): GuardedWorkload {
  const distinct = <Value>(values: readonly Value[]) => [
    ...new Map(values.map((value) => [JSON.stringify(value), value])).values(),
  ];
  return {
    ...one,
    sends_as: distinct([...one.sends_as, ...other.sends_as]),
    envelope_from: one.envelope_from === other.envelope_from ? one.envelope_from : null,
    egress: distinct([...one.egress, ...other.egress]),
    signers: distinct([...one.signers, ...other.signers]),
  };
}
