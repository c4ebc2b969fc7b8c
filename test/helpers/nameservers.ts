import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createDnsClient } from '../../services/dns/client/client.ts';
import { freePort, which } from './services.ts';

const NAMED = which('named');
const UNBOUND = which('unbound');
/** Suites run when the servers are installed (Debian: bind9, unbound) and are named as skipped when not. */
export const bindPresent = NAMED !== null;
export const unboundPresent = UNBOUND !== null;

export interface RunningServer {
  /** "address:port". */
  server: string;
  port: number;
  stop(): Promise<void>;
}

/**
 * A real BIND in a temporary folder, on a loopback port the system picked: it holds the zones, and asks
 * nobody else.
 * @param zones by name, their records as a zone file has them; of a zone with null the file is broken:
 *   SERVFAIL
 * @param signed zones that BIND signs, with keys of its own making
 */
export async function startBind(
  zones: Record<string, readonly string[] | null>,
  signed: readonly string[] = [],
): Promise<RunningServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-bind-'));
  const port = await freePort();
  const clauses = Object.entries(zones).map(([zone, records]) => {
    const head = `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns.${zone}. hostmaster.${zone}. 1 3600 600 86400 60\n@ NS ns.${zone}.\nns A 127.0.0.1\n`;
    writeFileSync(path.join(folder, `${zone}.zone`), records === null ? 'no zone file' : `${head}${records.join('\n')}\n`);
    return `zone "${zone}" { type primary; file "${folder}/${zone}.zone"; check-names ignore; check-integrity no;${signed.includes(zone) ? ' dnssec-policy default; inline-signing yes;' : ''} };`;
  });
  const options = [
    `directory "${folder}"`,
    `listen-on port ${port} { 127.0.0.1; }`,
    'listen-on-v6 { none; }',
    'recursion no',
    'pid-file none',
    'session-keyfile none',
    'dnssec-validation no',
    'notify no',
    'max-records-per-type 0',
  ];
  writeFileSync(path.join(folder, 'named.conf'), `options { ${options.join('; ')}; };\ncontrols { };\n${clauses.join('\n')}\n`);
  return await running(NAMED!, ['-g', '-n', '1', '-c', path.join(folder, 'named.conf')], folder, port);
}

/**
 * A real Unbound, a resolver that asks others, on a loopback port the system picked.
 * @param stubs by zone, the port of the loopback server that holds it
 * @param anchors DS records of zones that are signed, as a zone file has them: with one, answers are
 *   validated
 */
export async function startUnbound(stubs: Record<string, number>, anchors: readonly string[] = []): Promise<RunningServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-unbound-'));
  const port = await freePort();
  const zones = Object.entries(stubs).map(([zone, at]) => `stub-zone:\n  name: "${zone}."\n  stub-addr: 127.0.0.1@${at}`);
  writeFileSync(
    path.join(folder, 'unbound.conf'),
    `server:
  interface: 127.0.0.1@${port}
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
  module-config: "${anchors.length > 0 ? 'validator iterator' : 'iterator'}"
${anchors.map((anchor) => `  trust-anchor: "${anchor}"\n`).join('')}  num-threads: 1
  chroot: ""
  username: ""
  directory: "${folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  root-hints: ""
  infra-host-ttl: 1
  local-zone: "test." nodefault
  ede: yes
remote-control:
  control-enable: no
${zones.join('\n')}
`,
  );
  return await running(UNBOUND!, ['-d', '-c', path.join(folder, 'unbound.conf')], folder, port);
}

async function running(binary: string, args: string[], folder: string, port: number): Promise<RunningServer> {
  const child: ChildProcess = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let said = '';
  child.stderr!.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-8_000);
  });
  const probe = createDnsClient({ servers: [{ address: '127.0.0.1', port }], timeoutMs: 200, tries: 1, cacheEntries: 0 });
  for (let tries = 0; ; tries++) {
    const answer = await probe.ask('localhost', 'A');
    if (answer.state !== 'unknown' || (answer.reason !== 'timeout' && answer.reason !== 'unreachable')) break;
    if (child.exitCode !== null || tries > 100) throw new Error(`${binary} did not start: ${said}`);
    await wait(50);
  }
  return {
    server: `127.0.0.1:${port}`,
    port,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await gone;
      }
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
