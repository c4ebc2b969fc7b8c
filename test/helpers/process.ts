import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

const MAIN = path.resolve(import.meta.dirname, '../../dist/services/cli/main.js');

export interface Run {
  child: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when it has ended. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** What a child gets of our own environment. */
const inherited = () =>
  Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'LANG'].flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]])),
  );

/** Starts the built program as a user would, with these settings and nothing of ours. */
export function ruawatch(args: string[], env: Record<string, string> = {}, cwd = '/'): Run {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run "npm run build" first (npm test does)');
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd,
    env: { ...inherited(), HTTP_LISTEN: 'off', CONSOLE_LISTEN: 'off', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      process.off('exit', killAtExit);
      resolve({ code, signal });
    });
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** Runs it to its end. */
export async function ruawatchOnce(
  args: string[],
  env: Record<string, string> = {},
  cwd = '/',
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const run = ruawatch(args, env, cwd);
  const { code } = await run.ended;
  return { code, stdout: run.stdout(), stderr: run.stderr() };
}

export interface Said {
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs commands of the built program one after the other in one process, with these settings: see
 * commands.mjs.
 */
export class Commands {
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  constructor(env: Record<string, string>) {
    if (!existsSync(MAIN)) throw new Error('dist/ is missing: run "npm run build" first (npm test does)');
    this.child = spawn(process.execPath, [path.join(import.meta.dirname, 'commands.mjs')], {
      cwd: '/',
      env: { ...inherited(), HTTP_LISTEN: 'off', CONSOLE_LISTEN: 'off', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.answers = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  async run(args: string[]): Promise<Said> {
    this.child.stdin!.write(`${JSON.stringify(args)}\n`);
    const { value, done } = await this.answers.next();
    if (done) throw new Error(`the process of the commands ended at ${args.join(' ')}`);
    return JSON.parse(value) as Said;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.stdin!.end();
    await ended;
  }
}
