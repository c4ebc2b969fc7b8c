import { randomUUID } from 'node:crypto';
import type { Dns } from '../dns/client/types.ts';
import type { Guard } from '../dns/guard/file.ts';
import { systemClock } from '../shared/clock.ts';
import { DAY_MS } from '../shared/days.ts';
import { messageOf } from '../shared/errors.ts';
import { GuardWatch } from '../shared/guard-watch.ts';
import { Failures } from '../shared/runtime/failures.ts';
import { Kubernetes, openApi } from '../shared/runtime/kubernetes.ts';
import { openDns } from '../shared/runtime/resolver.ts';
import { type Context, repeat, type Service, sweepMs } from '../shared/runtime/service.ts';
import { forgetEgressRecords, loadEgressRecords } from '../store/cluster/records.ts';
import { forgetGoneAddresses, keepObserved, leaveEnvironments, loadWays, takeEnvironment } from '../store/cluster/ways.ts';
import { AddressFile } from './address-file.ts';
import { ApiSource } from './api-source.ts';
import { recordsOf, servedBy, type WatchedRecord, type WatchedWay } from './declared.ts';
import { observed } from './observe.ts';
import { followRecord } from './round.ts';
import { SignerWatch } from './signer-pods.ts';
import type { AddressSource } from './source.ts';

export { checkCluster } from './check.ts';

const NAME = 'cluster';
const PER_SECOND = 50;
/** A process that is killed is followed by another after this time. */
const LEASE_SECONDS = 60;
/** How long addresses that are gone are known as the cluster's. */
const KNOWN_DAYS = 90;

export interface ClusterOptions {
  /** Asks for records; what it is doing is cancelled when the service stops. */
  dns?: Dns & { cancel?(): void };
  /** The first wait after a failure of the API. */
  firstWaitMs?: number;
}

/**
 * Watches the addresses by which mail leaves a cluster, and asks for the changes of SPF records that they
 * need. It decides nothing and changes nothing: rules and people decide about its requests, and the applier
 * carries them out.
 */
export function startCluster(context: Context, given: ClusterOptions = {}): Service {
  const cluster = new ClusterWatch(context, given);
  const log = context.log.child({ service: NAME });
  const failures = new Failures('The addresses of the cluster are not followed');
  const turn = (signal: AbortSignal, turned: () => void) => failures.noting('addresses', () => cluster.run(signal, turned));
  const loop = repeat(sweepMs(context.config), turn, log, 'following the cluster');
  return {
    name: NAME,
    waitingFor: () => failures.first() ?? cluster.failure(),
    stuck: () => loop.stuck(),
    stop: async () => {
      const stopped = loop.stop();
      cluster.cancel();
      await stopped;
      await cluster.stop();
    },
  };
}

/** What the service does in one turn: for whoever moves the clock himself. */
export class ClusterWatch {
  private readonly context: Context;
  private readonly log: Context['log'];
  private readonly guard: GuardWatch;
  private readonly dns: NonNullable<ClusterOptions['dns']>;
  private readonly owner = randomUUID();
  private readonly firstWaitMs: number | undefined;
  private source: AddressSource | null = null;
  private signers: SignerWatch | null = null;
  private forgotAt = Number.NEGATIVE_INFINITY;

  constructor(context: Context, { dns, firstWaitMs }: ClusterOptions) {
    this.context = context;
    this.log = context.log.child({ service: NAME });
    this.guard = new GuardWatch(context.config.guardFile, this.log);
    this.dns = dns ?? openDns(context.config.dnsServers, { perSecond: PER_SECOND });
    this.firstWaitMs = firstWaitMs;
  }

  failure(): string | null {
    return this.source?.failure() ?? this.signers?.failure() ?? null;
  }

  cancel(): void {
    this.dns.cancel?.();
  }

  async stop(): Promise<void> {
    await Promise.all([this.source?.stop(), this.signers?.stop()]);
    await leaveEnvironments(this.context.db, this.owner).catch((error: unknown) => {
      this.log.debug({ err: messageOf(error) }, 'the lease on the environments could not be released; it expires by itself');
    });
  }

  async run(signal: AbortSignal, turned: () => void): Promise<void> {
    await this.open();
    this.guard.refresh();
    const { declared } = this.guard;
    if (declared) await this.follow(declared, signal, turned);
    await this.signers?.keep(this.context.clock.now());
  }

  /** Opens the source: a kubeconfig that is not there yet is a matter of time. */
  private async open(): Promise<void> {
    if (this.source !== null) return;
    const { config, metrics } = this.context;
    // Nothing starts the service without one.
    const source = config.cluster.source!;
    if (source.kind === 'file') {
      this.source = new AddressFile(source.file, this.log);
      return;
    }
    const api = new Kubernetes(await openApi(source));
    const failed = (resource: string) => metrics.clusterErrors.inc({ resource });
    const options = { api, log: this.log, failed, firstWaitMs: this.firstWaitMs };
    this.source = new ApiSource(options);
    this.signers = new SignerWatch(this.context.db, config.dkimKeys, options);
  }

  private async follow(guard: Guard, signal: AbortSignal, turned: () => void): Promise<void> {
    const { db, clock, config, metrics } = this.context;
    const records = recordsOf(guard, servedBy(config.cluster.name));
    const mine = await this.take(records, guard);
    await this.observe(records.flatMap(({ ways }) => ways).filter(({ environment }) => mine.has(environment)));
    turned();
    const now = clock.now();
    if (now.getTime() - this.forgotAt >= DAY_MS) {
      this.forgotAt = now.getTime();
      await forgetGoneAddresses(db, new Date(now.getTime() - KNOWN_DAYS * DAY_MS));
      await forgetEgressRecords(
        db,
        recordsOf(guard, () => true).map(({ name }) => name),
      );
    }
    const stored = await loadWays(db, [...new Set(records.flatMap(({ ways }) => ways.map(({ environment }) => environment)))]);
    for (const state of ['known', 'unknown'] as const)
      metrics.egressWays.set({ state }, stored.filter(({ unknown }) => (unknown === null) === (state === 'known')).length);
    for (const record of records) {
      if (signal.aborted) return;
      if (!record.ways.some(({ environment }) => mine.has(environment))) continue;
      const before = (await loadEgressRecords(db)).find(({ name }) => name === record.name) ?? null;
      await followRecord(record, stored, before, {
        db,
        dns: this.dns,
        log: this.log,
        rules: config.approvals.rules,
        settings: config.cluster,
        now: clock.now(),
        at: clock === systemClock ? null : clock.now(),
        asking: { signal },
      });
      turned();
    }
  }

  /** The environments that this process observes: each is observed by one. */
  private async take(records: readonly WatchedRecord[], guard: Guard): Promise<Set<string>> {
    const served = new Set(guard.environments.filter(servedBy(this.context.config.cluster.name)).map(({ name }) => name));
    const wanted = new Set(records.flatMap(({ ways }) => ways.map(({ environment }) => environment)));
    const mine = new Set<string>();
    for (const environment of wanted)
      if (served.has(environment) && (await takeEnvironment(this.context.db, environment, this.owner, LEASE_SECONDS)))
        mine.add(environment);
    return mine;
  }

  private async observe(ways: readonly WatchedWay[]): Promise<void> {
    const { db, clock } = this.context;
    for (const { environment, egress, way } of ways) {
      const found = this.source!.observe(environment, egress, way);
      const now = clock.now();
      await keepObserved(db, {
        environment,
        egress,
        owner: this.owner,
        now,
        unknown: found.state === 'unknown' ? found.why : null,
        after: (before) => observed(before, found, now),
      });
    }
  }
}
