import { setTimeout as wait } from 'node:timers/promises';
import { SettingsError } from '../shared/errors.ts';
import { counted } from '../shared/format.ts';
import { GuardWatch } from '../shared/guard-watch.ts';
import type { Db } from '../shared/runtime/db.ts';
import { Kubernetes, openApi } from '../shared/runtime/kubernetes.ts';
import { createLog } from '../shared/runtime/log.ts';
import type { Config } from '../shared/settings/config.ts';
import { loadEgressRecords } from '../store/cluster/records.ts';
import { loadWays } from '../store/cluster/ways.ts';
import { AddressFile } from './address-file.ts';
import { ApiSource } from './api-source.ts';
import { recordsOf, servedBy, type WatchedWay } from './declared.ts';
import type { AddressSource } from './source.ts';

/** How long the API has for its lists. */
const PATIENCE_MS = 8_000;
const STEP_MS = 100;
/** A service that runs observes every few seconds. */
const SILENT_MS = 10 * 60_000;

/**
 * The state of what follows the cluster, for `doctor`: whether its addresses can be read now, by the account
 * that doctor runs with, and whether the service does so and the records follow.
 * @returns one sentence; `warn`: somebody should look
 * @throws SettingsError when mail-guard.yaml or the source cannot be read
 */
export async function checkCluster(
  db: Db | null,
  config: Pick<Config, 'cluster' | 'guardFile'>,
  now: Date,
  patienceMs = PATIENCE_MS,
): Promise<{ text: string; warn: boolean }> {
  const ways = declaredWays(config);
  if (ways.length === 0) return { text: 'mail-guard.yaml declares no egress of a workload in it: nothing follows', warn: true };
  const unknown = await unknownWays(config, ways, patienceMs);
  const parts = [
    `${ways.length - unknown.length} of ${counted(ways.length, 'egress', 'egresses')} ${ways.length === 1 ? 'is' : 'are'} known`,
    ...unknown,
  ];
  const waiting = db === null ? [] : await stateOf(db, ways, now);
  return { text: [...parts, ...waiting].join('; '), warn: unknown.length + waiting.length > 0 };
}

function declaredWays({ guardFile, cluster }: Pick<Config, 'cluster' | 'guardFile'>): WatchedWay[] {
  const guard = new GuardWatch(guardFile, createLog('silent'));
  guard.refresh();
  if (guard.declared == null) throw new SettingsError(`${guardFile} cannot be read: "ruawatch guard check" says why.`);
  const all = recordsOf(guard.declared, servedBy(cluster.name)).flatMap(({ ways }) => ways);
  return [...new Map(all.map((one) => [`${one.environment}/${one.egress}`, one])).values()];
}

/** What is not known of the ways now, a sentence without its final dot each. */
async function unknownWays(
  { cluster }: Pick<Config, 'cluster'>,
  ways: readonly WatchedWay[],
  patienceMs: number,
): Promise<string[]> {
  const source = await openSource(cluster);
  try {
    const until = Date.now() + patienceMs;
    for (;;) {
      const found = ways.map((one) => ({ one, seen: source.observe(one.environment, one.egress, one.way) }));
      const open = found.flatMap(({ one, seen }) =>
        seen.state === 'unknown' ? [`${one.environment}/${one.egress}: ${seen.why.replace(/\.$/, '')}`] : [],
      );
      if (open.length === 0 || Date.now() >= until) return open;
      await wait(STEP_MS);
    }
  } finally {
    await source.stop();
  }
}

async function openSource({ source }: Config['cluster']): Promise<AddressSource> {
  const log = createLog('silent');
  if (source?.kind === 'file') return new AddressFile(source.file, log);
  return new ApiSource({ api: new Kubernetes(await openApi(source!)), log, failed: () => undefined });
}

async function stateOf(db: Db, ways: readonly WatchedWay[], now: Date): Promise<string[]> {
  const stored = await loadWays(db, [...new Set(ways.map(({ environment }) => environment))]);
  const newest = Math.max(...stored.map(({ observed_at }) => Number(observed_at)));
  const stuck = (await loadEgressRecords(db)).filter(({ problems }) => problems.length > 0);
  return [
    ...(now.getTime() - newest > SILENT_MS ? ['nobody observes it: start the service cluster'] : []),
    ...(stuck.length === 0
      ? []
      : [`SPF of ${stuck.map(({ name }) => name).join(', ')} does not follow: "ruawatch cluster status" says why`]),
  ];
}
