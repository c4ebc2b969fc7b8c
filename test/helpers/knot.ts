import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort, which } from './services.ts';

const BINARY = which('knotd');
/**
 * Suites that need the server run when it is installed (Debian: knot) and are named as skipped when it is
 * not.
 */
export const knotPresent = BINARY !== null;

export interface NameServer {
  /** "address:port", as a resolver takes it. */
  server: string;
  /** Replaces the records of a zone; null leaves it without any, so that the server answers SERVFAIL. */
  setZone(zone: string, records: readonly string[] | null): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A real Knot DNS in a temporary folder, on a loopback port the system picked; gone with the process that
 * started it.
 * @param zones by name ("113.0.203.in-addr.arpa"), their records as a zone file has them ("7 PTR
 *   mail.example."); of a zone with null the server has no content: SERVFAIL
 */
export async function startKnot(zones: Record<string, readonly string[] | null>): Promise<NameServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-knot-'));
  const port = await freePort();
  let serial = 1;
  const write = (zone: string, records: readonly string[] | null) => {
    const file = path.join(folder, `${zone}.zone`);
    if (records === null) return rmSync(file, { force: true });
    const soa = `@ SOA ns.${zone}. hostmaster.${zone}. ${serial++} 3600 600 86400 60`;
    writeFileSync(file, `$ORIGIN ${zone}.\n$TTL 60\n${[soa, `@ NS ns.${zone}.`, ...records].join('\n')}\n`);
  };
  for (const [zone, records] of Object.entries(zones)) write(zone, records);
  const config = path.join(folder, 'knot.conf');
  writeFileSync(
    config,
    `server:
  listen: 127.0.0.1@${port}
  rundir: ${folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: ${folder}/db
template:
  - id: default
    storage: ${folder}
    file: "%s.zone"
    zonefile-load: whole
    journal-content: none
zone:
${Object.keys(zones)
  .map((zone) => `  - domain: ${zone}`)
  .join('\n')}
`,
  );
  const child: ChildProcess = spawn(BINARY!, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let said = '';
  child.stderr!.on('data', (data: Buffer) => {
    said += data.toString();
  });
  for (let tries = 0; !(await answers(port)); tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`knotd did not start: ${said}`);
    await wait(50);
  }
  const control = (...args: string[]) =>
    execFileSync(which('knotc')!, ['-s', path.join(folder, 'knot.sock'), ...args], { stdio: 'ignore' });
  return {
    server: `127.0.0.1:${port}`,
    async setZone(zone, records) {
      write(zone, records);
      if (records === null) control('-b', '-f', 'zone-purge', '+expire', zone);
      else control('-b', 'zone-reload', zone);
    },
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

/** Whether anything answers a question at this port. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (answer: boolean) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end(false), 500);
    socket.once('message', () => end(true));
    socket.once('error', () => end(false));
    // A question for the root's SOA, id 1.
    socket.send(Buffer.from([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1]), port, '127.0.0.1');
  });
}

/** A name server that takes questions and never answers. */
export async function startSilent(): Promise<NameServer> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const refuse = () => Promise.reject(new Error('it has no zones'));
  return {
    server: `127.0.0.1:${socket.address().port}`,
    setZone: refuse,
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
