import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createDnsClient } from '../../../services/dns/client/client.ts';
import type { Dns } from '../../../services/dns/client/types.ts';
import { freePort, which } from '../../helpers/services.ts';

/** A Knot that is killed and started again with the journal that it left. */
export class MortalKnot {
  /** Asks it past every relay. */
  readonly dns: Dns;
  readonly port: number;
  private readonly zone: string;
  private readonly folder: string;
  private child: ChildProcess | null = null;
  private readonly killAtExit = () => this.child?.kill('SIGKILL');

  private constructor(zone: string, port: number, folder: string) {
    this.zone = zone;
    this.port = port;
    this.folder = folder;
    const server = { address: '127.0.0.1', port };
    this.dns = createDnsClient({ servers: [server], recursive: false, cacheEntries: 0, timeoutMs: 500, tries: 10 });
  }

  /**
   * @param authority an address of this machine at whose port 53 it answers too, as a server that the zone
   *   names
   */
  static async start(zone: string, key: { name: string; secret: string }, authority: string | null = null): Promise<MortalKnot> {
    const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-mortal-'));
    const knot = new MortalKnot(zone, await freePort(), folder);
    writeFileSync(
      path.join(folder, `${zone}.zone`),
      `$ORIGIN ${zone}.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A ${authority ?? '127.0.0.1'}\n`,
    );
    // The zone is in its journal alone: a file that is written after each change would hide what a journal
    // loses.
    writeFileSync(
      path.join(folder, 'knot.conf'),
      `server:
  listen: [127.0.0.1@${knot.port}${authority === null ? '' : `, ${authority}@53`}]
  rundir: ${folder}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: ${folder}
key:
  - id: ${key.name}
    algorithm: hmac-sha256
    secret: ${key.secret}
acl:
  - id: update
    key: ${key.name}
    action: update
zone:
  - domain: ${zone}
    storage: ${folder}
    file: "%s.zone"
    zonefile-sync: -1
    journal-max-depth: 1000000
    acl: [update]
`,
    );
    process.once('exit', knot.killAtExit);
    await knot.up();
    return knot;
  }

  /** kill -9, and a start with what it has on disk. */
  async killed(): Promise<void> {
    await this.kill();
    await this.up();
  }

  /**
   * How often a name was changed, by the journal. The serial says less: Knot makes one change of all updates
   * that wait (`process_bulk` of its update handler), as those of a killed applier and of the next one may.
   */
  async changes(): Promise<{ names: number; serials: number }> {
    const config = path.join(this.folder, 'knot.conf');
    const { stdout } = await promisify(execFile)(which('kjournalprint')!, ['-x', '-c', config, this.zone], {
      maxBuffer: 1 << 26,
    });
    const changesets = stdout.split(/^;; Changes between zone versions: .*$/m).slice(1);
    const namesOf = (text: string) =>
      new Set(
        text
          .split('\n')
          .filter((line) => line !== '' && !line.startsWith(';') && !/\sSOA\s/.test(line))
          .map((line) => line.split(/\s/)[0]),
      );
    return { names: changesets.reduce((sum, text) => sum + namesOf(text).size, 0), serials: changesets.length };
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.killAtExit);
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async kill(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  private async up(): Promise<void> {
    const child = spawn(which('knotd')!, ['-c', path.join(this.folder, 'knot.conf')], { stdio: 'ignore' });
    this.child = child;
    for (let tries = 0; (await this.dns.ask(this.zone, 'SOA')).state !== 'records'; tries++) {
      if (child.exitCode !== null || tries > 100) throw new Error('knotd did not start again');
      await wait(20);
    }
  }
}
