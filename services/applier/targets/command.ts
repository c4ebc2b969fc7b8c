import { escaped } from '../../shared/escape.ts';
import { runProgram } from '../../shared/runtime/program.ts';
import type { ChangeCommand } from '../../shared/settings/dns-servers.ts';
import type { Applied, RecordChange } from './target.ts';

const TIMEOUT_MS = 120_000;
const MOST_OUTPUT = 20_000;
/** Characters of output that are kept as the answer. */
const MOST_ANSWER = 500;

/** What a command's exit code says (docs/changes.md). */
const STATES: Record<string, Applied['state']> = { 0: 'applied', 3: 'stale', 4: 'handed_over', 75: 'later' };

/**
 * Makes a change by a program of the user: it gets the change as one JSON object on its standard input, and
 * says by its exit code how it ended: 0 applied, 3 stale, 4 handed over (such as a pull request), 75 try
 * again; all else failed. Its first line of output, or of complaints, is the answer that is recorded. It must
 * take the same change twice without doing it twice.
 */
export async function applyByCommand(
  { command, name }: ChangeCommand,
  zone: string,
  change: RecordChange,
  { signal, timeoutMs = TIMEOUT_MS }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<Applied> {
  const input = JSON.stringify({ version: 1, zone, ...change });
  const { by, code, output, complaint } = await runProgram(command, { input, timeoutMs, mostOutput: MOST_OUTPUT, signal });
  if (by === 'service') return { state: 'later', answer: 'It was stopped with the service.' };
  if (by === 'time')
    return { state: 'later', answer: `The command of ${name} took longer than ${timeoutMs / 1000} s and was ended.` };
  if (by === 'missing') return { state: 'later', answer: `The command of ${name} cannot be run: ${complaint}` };
  const [first] = output.toString('utf8').split('\n');
  // A NUL, which no text in the database can hold, is written as what it is.
  const says = escaped(first!.trim().slice(0, MOST_ANSWER)).toWellFormed() || complaint.slice(0, MOST_ANSWER);
  return { state: STATES[String(code)] ?? 'failed', answer: says || `The command of ${name} ended with code ${code}.` };
}
