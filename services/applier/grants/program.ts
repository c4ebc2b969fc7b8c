import { z } from 'zod';
import { runProgram } from '../../shared/runtime/program.ts';

const TIMEOUT_MS = 60_000;
const MOST_OUTPUT = 64_000;

/** Runs a program to its end, a minute at most. What it prints beyond 64 kB is cut. */
export const runShort = (
  command: readonly string[],
  { input = '', signal }: { input?: string; signal?: AbortSignal | undefined } = {},
) => runProgram(command, { input, timeoutMs: TIMEOUT_MS, mostOutput: MOST_OUTPUT, signal });

/** What a program of the user answers; only what belongs to its verb counts. */
const answerSchema = z.object({
  answer: z.string().max(500).optional(),
  /** Of `lend`: when the target ends it by itself. */
  ends_at: z.iso.datetime({ offset: true }).optional(),
  /** Of `lend`: what the holder gets; it is sealed for the holder at once. */
  secret: z.string().max(20_000).optional(),
  /** Of `describe`: how what it lends ends, and why it cannot be withdrawn. */
  ends: z.enum(['withdrawn', 'by_time', 'never']).optional(),
  reason: z.string().max(500).optional(),
  /** Of `list`: what it has with the mark. */
  names: z.array(z.string().max(200)).max(10_000).optional(),
});
export type ProgramAnswer = z.infer<typeof answerSchema>;

export type Told = { state: 'done'; answer: ProgramAnswer } | { state: 'later' | 'failed'; why: string };

/** The exit code of "try again", as of changes (docs/changes.md). */
const AGAIN = 75;

/**
 * Has a program of the user lend, end, list or describe: it gets `{version, verb, kind, …}` as JSON on its
 * standard input, and prints a JSON object or nothing. 0: done, 75: try again, else failed. It must take the
 * same twice.
 */
export async function askProgram(
  command: readonly string[],
  asked: { verb: 'describe' | 'lend' | 'end' | 'list'; kind: string; name?: string; [key: string]: unknown },
  signal: AbortSignal,
): Promise<Told> {
  const ended = await runShort(command, { input: JSON.stringify({ version: 1, ...asked }), signal });
  const { code, complaint } = ended;
  const output = ended.output.toString('utf8');
  const says = complaint === '' ? `The command ${command[0]} ended with code ${code}.` : complaint;
  if (code !== 0) return { state: code === AGAIN || code === null ? 'later' : 'failed', why: says };
  try {
    return { state: 'done', answer: answerSchema.parse(output.trim() === '' ? {} : JSON.parse(output)) };
  } catch {
    return { state: 'failed', why: `The command ${command[0]} printed what is no answer to "${asked.verb}" (docs/access.md).` };
  }
}
