import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createDnsClient } from '../../services/dns/client/client.ts';
import type { Server } from '../../services/dns/client/servers.ts';
import type { TsigKey } from '../../services/dns/wire/tsig.ts';
import { freePort, which } from './services.ts';

/** A name server that takes updates of one zone. */
export interface UpdateServer {
  server: Server;
  stop(): Promise<void>;
}

/** One that runs as a process of its own. */
export interface LoggingServer extends UpdateServer {
  /** What it logged, the last 8,000 characters. */
  said(): string;
}

/**
 * A zone with its records as a zone file has them, and the keys that may change it; `textOnly` may change TXT
 * records alone.
 */
export interface UpdateZone {
  zone: string;
  records: readonly string[];
  keys: readonly (TsigKey & { textOnly?: boolean })[];
}

const KNOT = which('knotd');
const NAMED = which('named');
const PDNS = which('pdns_server');
const PDNS_SCHEMA = '/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql';

/** Suites run where the server is installed (Debian: knot, bind9, pdns-server with pdns-backend-sqlite3). */
export const updatable = { knot: KNOT !== null, bind: NAMED !== null, powerdns: PDNS !== null };

const fileOf = ({ zone, records }: UpdateZone) =>
  `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns.${zone}. hostmaster.${zone}. 1 3600 600 86400 60\n@ NS ns.${zone}.\nns A 127.0.0.1\n${records.join('\n')}\n`;
const secretOf = (key: TsigKey) => key.secret.toString('base64');

export async function startUpdatableKnot(given: UpdateZone): Promise<LoggingServer> {
  const { folder, port } = await place('knot');
  writeFileSync(path.join(folder, `${given.zone}.zone`), fileOf(given));
  const keys = given.keys.map((key) => `  - id: ${key.name}\n    algorithm: ${key.algorithm}\n    secret: ${secretOf(key)}`);
  const rules = given.keys.map(
    (key, i) =>
      `  - id: acl${i}\n    key: ${key.name}\n    action: update${key.textOnly ? '\n    update-type: [TXT]\n    update-owner: zone\n    update-owner-match: sub-or-equal' : ''}`,
  );
  const config = path.join(folder, 'knot.conf');
  writeFileSync(
    config,
    `server:
  listen: 127.0.0.1@${port}
  rundir: ${folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: ${folder}
log:
  - target: stderr
    any: debug
key:
${keys.join('\n')}
acl:
${rules.join('\n')}
zone:
  - domain: ${given.zone}
    storage: ${folder}
    file: "%s.zone"
    acl: [${given.keys.map((_, i) => `acl${i}`).join(', ')}]
`,
  );
  return await started(KNOT!, ['-c', config], { folder, port, zone: given.zone });
}

export async function startUpdatableBind(given: UpdateZone): Promise<LoggingServer> {
  const { folder, port } = await place('bind');
  const file = path.join(folder, 'zone');
  writeFileSync(file, fileOf(given));
  const keys = given.keys.map((key) => `key "${key.name}" { algorithm ${key.algorithm}; secret "${secretOf(key)}"; };`);
  const grants = given.keys.map((key) => `grant ${key.name} zonesub ${key.textOnly ? 'TXT' : 'ANY'};`);
  const options = [
    `directory "${folder}"`,
    `listen-on port ${port} { 127.0.0.1; }`,
    'listen-on-v6 { none; }',
    'recursion no',
    'pid-file none',
    'session-keyfile none',
    'dnssec-validation no',
    'notify no',
  ];
  writeFileSync(
    path.join(folder, 'named.conf'),
    `options { ${options.join('; ')}; };\ncontrols { };\n${keys.join('\n')}\nzone "${given.zone}" { type primary; file "${file}"; update-policy { ${grants.join(' ')} }; };\n`,
  );
  return await started(NAMED!, ['-g', '-n', '1', '-c', path.join(folder, 'named.conf')], { folder, port, zone: given.zone });
}

/** PowerDNS has no rights by type: each key may change all of the zone. */
export async function startUpdatablePowerDns(given: UpdateZone): Promise<UpdateServer> {
  const { folder, port } = await place('pdns');
  const database = path.join(folder, 'pdns.sqlite3');
  execFileSync('python3', [
    '-c',
    'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())',
    database,
    PDNS_SCHEMA,
  ]);
  const zoneFile = path.join(folder, 'zone');
  writeFileSync(zoneFile, fileOf(given));
  const settings = [
    'launch=gsqlite3',
    `gsqlite3-database=${database}`,
    'local-address=127.0.0.1',
    `local-port=${port}`,
    `socket-dir=${folder}`,
    'guardian=no',
    'daemon=no',
    'setuid=',
    'setgid=',
    'dnsupdate=yes',
    'allow-dnsupdate-from=127.0.0.0/8',
    'query-cache-ttl=0',
    'cache-ttl=0',
    'negquery-cache-ttl=0',
    'zone-cache-refresh-interval=0',
    'security-poll-suffix=',
    'loglevel=4',
  ];
  writeFileSync(path.join(folder, 'pdns.conf'), `${settings.join('\n')}\n`);
  const util = (...args: string[]) => execFileSync('pdnsutil', [`--config-dir=${folder}`, ...args], { stdio: 'pipe' });
  util('load-zone', given.zone, zoneFile);
  for (const key of given.keys) {
    util('import-tsig-key', key.name, key.algorithm, secretOf(key));
    util('add-meta', given.zone, 'TSIG-ALLOW-DNSUPDATE', key.name);
  }
  return await started(PDNS!, [`--config-dir=${folder}`], { folder, port, zone: given.zone });
}

async function place(name: string): Promise<{ folder: string; port: number }> {
  const folder = mkdtempSync(path.join(tmpdir(), `ruawatch-${name}-`));
  chmodSync(folder, 0o755);
  return { folder, port: await freePort() };
}

async function started(
  binary: string,
  args: string[],
  { folder, port, zone }: { folder: string; port: number; zone: string },
): Promise<LoggingServer> {
  const child: ChildProcess = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let said = '';
  child.stderr!.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-8_000);
  });
  const server = { address: '127.0.0.1', port };
  const probe = createDnsClient({ servers: [server], timeoutMs: 200, tries: 1, cacheEntries: 0, recursive: false });
  for (let tries = 0; (await probe.ask(zone, 'SOA')).state !== 'records'; tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`${binary} did not start: ${said}`);
    await wait(50);
  }
  return {
    server,
    said: () => said,
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

/**
 * Sends octets over TCP as they are, and gives the octets of the one message that comes back; empty when none
 * does.
 */
export function exchangeBytes({ address, port }: Server, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    let received = Buffer.alloc(0);
    const end = (answer: Buffer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(5_000, () => end(Buffer.alloc(0)));
    socket.on('error', () => end(Buffer.alloc(0)));
    socket.on('close', () => end(Buffer.alloc(0)));
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece]);
      if (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2)
        end(received.subarray(2, received.readUInt16BE(0) + 2));
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
  });
}
