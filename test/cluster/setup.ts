import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { applyRequest } from '../../services/applier/apply.ts';
import { ClusterWatch } from '../../services/cluster/index.ts';
import { createDnsClient } from '../../services/dns/client/client.ts';
import type { Server } from '../../services/dns/client/servers.ts';
import type { Dns } from '../../services/dns/client/types.ts';
import type { Rule } from '../../services/requests/rules.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import type { Cluster } from '../../services/shared/settings/cluster.ts';
import { type EgressRecord, loadEgressRecords } from '../../services/store/cluster/records.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { toApply } from '../../services/store/requests/applying.ts';
import { listRequests, type Request } from '../../services/store/requests/requests.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { rulesOf } from '../requests/sample.ts';

export const MINUTE = 60_000;
export const DAY = 86_400_000;
export const DOMAIN = 'example.com';
/** What a rule for the routine would say. */
const ROUTINE = rulesOf({
  name: 'egress',
  when: { kinds: ['dns.change'], requester: 'service', risk: 'medium', size: 2 },
  decide: 'automatic',
  ceiling: { per_day: 20 },
});
export const KEY = { name: 'ruawatch', algorithm: 'hmac-sha256' as const, secret: randomBytes(32) };

export interface ClusterFixture {
  t: TestDatabase;
  context: Context;
  watch: ClusterWatch;
  dns: Dns;
  /** Addresses of the file, by egress of production. */
  addresses(ways: Record<string, readonly string[]>): void;
  guard(text: string): void;
  /** Moves the clock, and lets the service do a turn. */
  later(ms: number, watch?: ClusterWatch): Promise<void>;
  /** Another process of the service. */
  second(): ClusterWatch;
  /** Applies what is approved. */
  apply(): Promise<void>;
  requests(): Promise<Request[]>;
  record(name?: string): Promise<EgressRecord>;
  /** The SPF record as it is published. */
  spf(name?: string): Promise<string | null>;
  close(): Promise<void>;
}

/** mail-guard.yaml with one workload that leaves by one way. */
export const guardOf = (egress: string, more = ''): string => `version: 1
environments:
  production:
    egress:
      out: ${egress}
    domains:
      ${DOMAIN}:
        ${more}
        workloads: [{ name: shop, egress: [out] }]
`;

/** The service on a database of its own and a name server, with a clock that the test moves. */
export async function clusterFixture(
  server: Server,
  { rules = ROUTINE, source }: { rules?: readonly Rule[]; source?: Cluster['source'] } = {},
): Promise<ClusterFixture> {
  const t = await testDatabase({ own: false });
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-cluster-'));
  let now = new Date('2026-11-27T08:00:00Z');
  const context = testContext(t, { clock: { now: () => now } });
  const file = path.join(folder, 'addresses.yaml');
  context.config.guardFile = path.join(folder, 'mail-guard.yaml');
  context.config.cluster = { ...context.config.cluster, source: source ?? { kind: 'file', file } };
  context.config.approvals.rules = [...rules];
  await putOwn(t.db, [DOMAIN], 'added', { now, ignored: false });
  const dns = createDnsClient({ servers: [server], recursive: true, cacheEntries: 0, timeoutMs: 2000, tries: 2 });
  const second = () => new ClusterWatch(context, { dns, firstWaitMs: 20 });
  const watch = second();
  const write = (name: string, text: string) => writeFileSync(name, text);
  const target = {
    kind: 'rfc2136' as const,
    name: 'knot',
    zones: [DOMAIN],
    server,
    key: { name: KEY.name, algorithm: KEY.algorithm },
    secret: () => Buffer.from(KEY.secret),
  };
  const opened: ClusterWatch[] = [watch];
  return {
    t,
    context,
    watch,
    dns,
    addresses: (ways) => write(file, JSON.stringify({ version: 1, environments: { production: ways } })),
    guard: (text) => write(context.config.guardFile!, text),
    async later(ms, one = watch) {
      now = new Date(now.getTime() + ms);
      await one.run(new AbortController().signal, () => undefined);
    },
    second() {
      const other = second();
      opened.push(other);
      return other;
    },
    async apply() {
      const signal = new AbortController().signal;
      const means = { db: t.db, log: context.log, targets: [target], at: () => now, now: () => now, signal };
      for (const request of await toApply(t.db)) await applyRequest(request, means);
    },
    requests: () => listRequests(t.db, { limit: 50 }),
    record: async (name = DOMAIN) => (await loadEgressRecords(t.db)).find((one) => one.name === name)!,
    async spf(name = DOMAIN) {
      const answer = await dns.ask(name, 'TXT');
      const texts = answer.state === 'records' ? answer.records.map((one) => one.join('')) : [];
      return texts.find((text) => text.startsWith('v=spf1')) ?? null;
    },
    async close() {
      for (const one of opened) await one.stop();
      await context.queues.close();
      await t.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
