import { spawn } from 'node:child_process';
import { messageOf } from '../../shared/errors.ts';
import { escaped } from '../../shared/escape.ts';
import type { ChangeCommand } from '../../shared/settings/dns-servers.ts';
import type { Applied, RecordChange } from './target.ts';

const TIMEOUT_MS = 120_000;
/** Characters of output that are kept as the answer. */
const MOST_ANSWER = 500;

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
  const late = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve) => {
    const child = spawn(program!, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.on('error', (error) => {
      const answer = signal?.aborted
        ? 'It was stopped with the service.'
        : late.aborted
          ? `The command of ${name} took longer than ${timeoutMs / 1000} s and was ended.`
          : `The command of ${name} cannot be run: ${messageOf(error)}`;
      resolve({ state: 'later', answer });
    });
    // A program that does not read its input ends by itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(0, MOST_ANSWER);
    });
    child.on('close', (code) => {
      const [first] = output.split('\n');
      // A NUL, which no text in the database can hold, is written as what it is.
      const answer = escaped(first!.trim()).toWellFormed() || `The command of ${name} ended with code ${code}.`;
      resolve({ state: STATES[code ?? -1] ?? 'failed', answer });
    });
  });
}
