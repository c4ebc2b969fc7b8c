import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The built program, from the sources (vitest) and from dist/ alike. */
const MAIN = ['../../services/cli/main.js', '../../dist/services/cli/main.js']
  .map((file) => path.resolve(import.meta.dirname, file))
  .find((file) => existsSync(file));
/** What restarts a service on a server waits as well (systemd: 100 ms). */
const RESTART_MS = 300;
const STARTING_MS = 15_000;

/** The services, each a process of its own, started again whenever one ends. */
export class Supervisor {
  readonly names: readonly string[];
  /** How often any of them was started again. */
  restarts = 0;
  private readonly children = new Map<string, ChildProcess>();
  private readonly ended = new Map<string, Promise<string>>();
  private readonly folder: string;
  private env: Record<string, string>;
  private stopping = false;
  private readonly killAtExit = () => this.signalAll('SIGKILL');

  /** @param names `service-n`; the part before the dash is the service */
  constructor(names: readonly string[], folder: string, env: Record<string, string>) {
    this.names = names;
    this.folder = folder;
    this.env = env;
    process.once('exit', this.killAtExit);
    for (const name of names) this.start(name);
  }

  /** kill -9, or any other signal; a stopped process (SIGSTOP) goes on with SIGCONT. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.children.get(name)?.kill(signal);
  }

  signalAll(signal: NodeJS.Signals): void {
    for (const name of this.names) this.signal(name, signal);
  }

  /** Ends them all at a safe point. @returns those that did not end with 0, with what they ended with */
  async stop(): Promise<string[]> {
    this.stopping = true;
    this.signalAll('SIGCONT');
    this.signalAll('SIGTERM');
    const late = setTimeout(() => this.signalAll('SIGKILL'), 45_000);
    const wrong: string[] = [];
    for (const [name, end] of this.ended) {
      const how = await end;
      if (how !== '0') wrong.push(`${name} ended with ${how} on SIGTERM`);
    }
    clearTimeout(late);
    process.off('exit', this.killAtExit);
    return wrong;
  }

  /** Ends them all at once and starts them with other settings. */
  async replace(env: Record<string, string>): Promise<void> {
    const wrong = await this.stop();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    this.env = env;
    this.stopping = false;
    process.once('exit', this.killAtExit);
    for (const name of this.names) this.start(name);
  }

  logOf(name: string): string {
    return readFileSync(this.logFile(name), 'utf8');
  }

  private logFile(name: string): string {
    return path.join(this.folder, `${name}.log`);
  }

  private start(name: string): void {
    const inherited = Object.fromEntries(
      ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
    );
    if (MAIN === undefined) throw new Error('dist/ is missing: run "npm run build" first (npm test and npm run chaos do)');
    const log = openSync(this.logFile(name), 'a');
    const child = spawn(process.execPath, [MAIN, 'start', name.split('-')[0]!], {
      cwd: this.folder,
      env: { ...inherited, HTTP_LISTEN: 'off', CONSOLE_LISTEN: 'off', ...this.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.children.set(name, child);
    const started = performance.now();
    const end = new Promise<string>((resolve) =>
      child.once('exit', (code, signal) => {
        // Before it has begun to listen for the signal, it has nothing to bring to an end.
        const early = signal === 'SIGTERM' && performance.now() - started < STARTING_MS;
        resolve(early ? '0' : String(code ?? signal));
      }),
    );
    this.ended.set(name, end);
    void end.then(() => {
      if (this.stopping) return;
      setTimeout(() => {
        if (this.stopping) return;
        this.restarts++;
        this.start(name);
      }, RESTART_MS);
    });
  }
}
