import { spawn } from 'node:child_process';
import { messageOf } from '../../shared/errors.ts';
import type { ChangeCommand } from '../../shared/settings/dns-servers.ts';
import type { Applied, RecordChange } from './target.ts';

const TIMEOUT_MS = 120_000;
const MOST_OUTPUT = 10_000;

/** What a command's exit code says (docs/changes.md). */
const STATES: Record<number, Applied['state']> = { 0: 'applied', 3: 'stale', 4: 'handed_over', 75: 'later' };

/**
 * Makes a change by a program of the user: it gets the change as one JSON object on its standard input, and says by its exit
 * code how it ended: 0 applied, 3 stale, 4 handed over (such as a pull request), 75 try again; all else failed. Its first line
 * of output is the answer that is recorded. It must take the same change twice without doing it twice.
 */
export async function applyByCommand(
  { command: [program, ...args], name }: ChangeCommand,
  zone: string,
  change: RecordChange,
  { signal, timeoutMs = TIMEOUT_MS }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<Applied> {
  const input = JSON.stringify({ version: 1, zone, ...change });
  return new Promise((resolve) => {
    const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'inherit'], shell: false });
    let output = '';
    const end = (applied: Applied) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      resolve(applied);
    };
    const stop = (answer: string) => {
      child.kill('SIGKILL');
      end({ state: 'later', answer });
    };
    const cancel = () => stop('It was stopped with the service.');
    const timer = setTimeout(
      () => stop(`The command of ${name} took longer than ${timeoutMs / 1000} s and was ended.`),
      timeoutMs,
    );
    signal?.addEventListener('abort', cancel, { once: true });
    child.on('error', (error) => end({ state: 'later', answer: `The command of ${name} cannot be run: ${messageOf(error)}` }));
    // A program that does not read its input ends by itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.stdout.on('data', (bytes: Buffer) => {
      if (output.length < MOST_OUTPUT) output += bytes.toString('utf8');
    });
    child.on('close', (code) => {
      const first = output.split('\n')[0]!.trim().slice(0, 500);
      end({ state: STATES[code ?? -1] ?? 'failed', answer: first || `The command of ${name} ended with code ${code}.` });
    });
  });
}
