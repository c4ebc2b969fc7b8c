import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { cpuOf } from './measure.ts';

/** The built program, from the sources (vitest) and from dist/ alike. */
const MAIN = ['../services/cli/main.js', '../dist/services/cli/main.js']
  .map((file) => path.resolve(import.meta.dirname, file))
  .find((file) => existsSync(file));

/** What a process has used so far; null where there is no /proc. */
export interface Usage {
  cpu_s: number | null;
  /** Resident now, and at most, in MB (2^20 bytes). */
  rss_mb: number | null;
  peak_rss_mb: number | null;
}

/** A service of the pipeline in a process of its own, as `ruawatch start SERVICE` runs it. */
export class ServiceProcess {
  readonly name: string;
  /** When the service had started, by its own log; rejects when it ends before. */
  readonly running: Promise<Date>;
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private readonly killAtExit = () => this.child.kill('SIGKILL');
  private tail: string[] = [];

  /**
   * @param name `service` or `service-n`: the part before the dash is the service. @param cwd a folder that
   *   may hold a ruawatch.yaml
   */
  constructor(name: string, cwd: string, env: Record<string, string>) {
    if (MAIN === undefined) throw new Error('dist/ is missing: run "npm run build" first.');
    this.name = name;
    const inherited = Object.fromEntries(
      ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
    );
    this.child = spawn(process.execPath, [MAIN, 'start', name.split('-')[0]!], {
      cwd,
      env: { ...inherited, HTTP_LISTEN: 'off', CONSOLE_LISTEN: 'off', LOG_LEVEL: 'info', ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    process.once('exit', this.killAtExit);
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    this.running = new Promise((resolve, reject) => {
      createInterface({ input: this.child.stderr! }).on('line', (line) => {
        this.tail = [...this.tail.slice(-20), line];
        if (line.includes('"ruawatch is running"')) resolve(new Date((JSON.parse(line) as { time: string }).time));
      });
      void this.ended.then((code) => reject(new Error(`${name} ended with ${code}: ${this.tail.join('\n')}`)));
    });
    // Heard by whoever waits for the start; nobody may.
    this.running.catch(() => undefined);
  }

  usage(): Usage {
    const pid = this.child.pid!;
    const kb = (key: string, status: string) => {
      const value = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
      return value === undefined ? null : Math.round(Number(value) / 1024);
    };
    const file = `/proc/${pid}/status`;
    const status = existsSync(file) ? readFileSync(file, 'latin1') : '';
    return { cpu_s: cpuOf(pid), rss_mb: kb('VmRSS', status), peak_rss_mb: kb('VmHWM', status) };
  }

  /** SIGTERM. @throws Error when it did not end with 0 */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const code = await this.ended;
    process.off('exit', this.killAtExit);
    if (code !== 0) throw new Error(`${this.name} ended with ${code} on SIGTERM: ${this.tail.join('\n')}`);
  }
}
