import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createDnsClient } from '../../services/dns/client/client.ts';
import type { Server } from '../../services/dns/client/servers.ts';
import type { RecordType } from '../../services/dns/client/types.ts';
import { answerMessage, type GatewayMeans } from '../../services/gateway/gateway.ts';
import type { Ledger, LentKey, Settled, Step } from '../../services/gateway/ledger.ts';
import { type Listening, listen } from '../../services/gateway/listen.ts';
import type { SeenSender } from '../../services/requests/plans/effects.ts';
import type { Db } from '../../services/shared/runtime/db.ts';
import { createLog } from '../../services/shared/runtime/log.ts';
import type { DnsTarget } from '../../services/shared/settings/dns-servers.ts';

/** A ledger in memory: what the database does is tested with it. */
export class MemoryLedger implements Ledger {
  lent: LentKey[] = [];
  away = false;
  uses = Number.POSITIVE_INFINITY;
  readonly updates: { mac: string; settled: Settled | null; steps: readonly Step[] }[] = [];

  private check() {
    if (this.away) throw new Error('the store is away');
  }
  async keys() {
    this.check();
    return this.lent;
  }
  async receive(_: LentKey, { mac }: { mac: Buffer }) {
    this.check();
    const known = this.updates.find((one) => one.mac === mac.toString('hex'));
    if (known !== undefined) return { state: 'again' as const, rcode: known.settled?.rcode ?? null };
    const update_key = this.updates.push({ mac: mac.toString('hex'), settled: null, steps: [] }) - 1;
    return { state: 'new' as const, update_key };
  }
  async intend(_: LentKey, update_key: number, __: string, steps: readonly Step[]) {
    this.check();
    if (this.uses-- <= 0) return false;
    this.updates[update_key]!.steps = steps;
    return true;
  }
  async settle(_: LentKey, update_key: number, settled: Settled) {
    this.updates[update_key]!.settled = settled;
  }
  get last() {
    return this.updates.at(-1)?.settled ?? null;
  }
}

export interface RunningGateway {
  ledger: MemoryLedger;
  server: Server;
  means: GatewayMeans;
  listening: Listening;
  /** Who sends as the domain. */
  senders: SeenSender[];
  counts: string[];
  stop(): Promise<void>;
}

/** A gateway on a port the system picked, in front of a name server. */
export async function startTestGateway(targets: readonly DnsTarget[], upstream: Server, domain: string): Promise<RunningGateway> {
  const ledger = new MemoryLedger();
  const senders: SeenSender[] = [];
  const counts: string[] = [];
  const means: GatewayMeans = {
    ledger,
    targets,
    dns: createDnsClient({ servers: [upstream], recursive: false, cacheEntries: 0, timeoutMs: 500, tries: 1 }),
    mail: { domainsOf: async () => [domain], seen: async () => ({ seen: senders, keys: new Map() }) },
    registrable: (name) => name.split('.').slice(-2).join('.'),
    log: createLog('silent'),
    now: Date.now,
    count: (outcome) => counts.push(outcome),
  };
  const listening = await listen({ host: '127.0.0.1', port: 0 }, (bytes, from) => answerMessage(bytes, from, means), means.log);
  return {
    ledger,
    server: { address: '127.0.0.1', port: listening.port },
    means,
    listening,
    senders,
    counts,
    stop: () => listening.close(),
  };
}

/** Runs a client of updates with lines on its standard input. */
export function runClient(
  program: string,
  args: readonly string[],
  lines: readonly string[],
): Promise<{ code: number; said: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-client-'));
  const file = path.join(folder, 'lines');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return new Promise((resolve) => {
    execFile(program, [...args, file], { timeout: 40_000, cwd: folder }, (error, stdout, stderr) => {
      rmSync(folder, { recursive: true, force: true });
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), said: `${stdout}${stderr}` });
    });
  });
}

/** The records of a name as the server has them now, as text. */
export async function recordsAt(server: Server, name: string, type: RecordType = 'TXT'): Promise<string[]> {
  const dns = createDnsClient({ servers: [server], recursive: false, cacheEntries: 0 });
  const answer = await dns.ask(name, type);
  if (answer.state !== 'records') return [];
  return answer.records.map((one) => (Array.isArray(one) ? one.join('') : JSON.stringify(one))).sort();
}

/** Puts a right for DNS that is lent into a database; its key. */
export async function putGrant(
  db: Db,
  {
    name,
    credential,
    scope = {},
    uses = null,
  }: { name: string; credential: string | null; scope?: object; uses?: number | null },
): Promise<number> {
  const whole = { use: 'key', zone: 'example.com', names: ['a.example.com'], types: ['TXT'], operations: ['add'], task: null };
  const { rows } = await db.query<{ grant_key: number }>(
    `with r as (insert into ruawatch.requests (kind, domain, summary, plan, digest, rule, requester, requester_kind, why, state, created_at, changed_at)
       values ('access.dns', 'example.com', 'x', '{}', repeat('a', 64), '{}', 'ada@example.com', 'person', 'x', 'active', now(), now()) returning request_key)
     insert into ruawatch.grants (request_key, kind, domain, holder, holder_kind, groups, server, name, scope, credential, seconds, uses, state, applied_at, ends_at)
     select request_key, 'access.dns', 'example.com', 'ada@example.com', 'person', '{}', 'primary', $1, $2, $3, 3600, $4, 'active', now(), now() + interval '1 hour'
       from r returning grant_key`,
    [name, JSON.stringify({ ...whole, ...scope }), credential, uses],
  );
  return rows[0]!.grant_key;
}
