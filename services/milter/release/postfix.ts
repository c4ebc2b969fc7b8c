import { z } from 'zod';
import { TransientError } from '../../shared/errors.ts';
import { runProgram } from '../../shared/runtime/program.ts';
import type { HeldMail } from '../../shared/settings/held-mail.ts';

const TIMEOUT_MS = 60_000;
const MOST_OUTPUT = 512 * 1024 * 1024;

/** A mail in the hold queue. */
export interface HoldEntry {
  id: string;
  sender: string;
  /** Milliseconds since 1970. */
  arrived: number;
}

/**
 * The hold queue of Postfix on this machine. Each step can be done again; all throw TransientError `postfix`
 * when it cannot be done now.
 */
export interface HoldQueue {
  list(): Promise<HoldEntry[]>;
  /** Lets a mail go to its recipients, at once. What is not in the hold queue any more stays as it is. */
  letGo(id: string): Promise<void>;
  /** Deletes mails from the hold queue alone: one that was let go is not there any more. */
  remove(ids: readonly string[]): Promise<void>;
  /** The octets of a mail, with lines that end in LF. */
  read(id: string): Promise<Buffer>;
  /** Its header alone. */
  readHeader(id: string): Promise<string>;
}

const entry = z.object({ queue_name: z.string(), queue_id: z.string(), sender: z.string(), arrival_time: z.number() });
/** Names of queue files: nothing that a program would take for an option. */
const ID = /^[A-Za-z0-9]{1,64}$/;

/** @param timeoutMs how long a program of Postfix may take */
export function holdQueue(
  { postsuper, postqueue, postcat }: Pick<HeldMail, 'postsuper' | 'postqueue' | 'postcat'>,
  timeoutMs = TIMEOUT_MS,
): HoldQueue {
  const run = (program: readonly string[], args: readonly string[]) => runPostfix(program, args, timeoutMs);
  const checked = (id: string) => {
    if (!ID.test(id)) throw new TransientError('postfix', `"${id.slice(0, 70)}" is no name of a queue file.`);
    return id;
  };
  return {
    async list() {
      const { out } = await run(postqueue, ['-j']);
      return out
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => entry.parse(JSON.parse(line)))
        .filter(({ queue_name }) => queue_name === 'hold')
        .map(({ queue_id, sender, arrival_time }) => ({ id: queue_id, sender, arrived: arrival_time * 1000 }));
    },
    async letGo(id) {
      await run(postsuper, ['-H', checked(id)]);
      // It is in the deferred queue now, which Postfix looks at every five minutes only (queue_run_delay).
      await run(postqueue, ['-i', id]);
    },
    async remove(ids) {
      for (const id of ids) await run(postsuper, ['-d', checked(id), 'hold']);
    },
    read: async (id) => (await run(postcat, ['-bhq', checked(id)])).out,
    readHeader: async (id) => (await run(postcat, ['-hq', checked(id)])).out.toString('latin1'),
  };
}

/**
 * Runs a program of Postfix to its end. @throws TransientError `postfix` when it cannot be run, hangs or
 * fails
 */
async function runPostfix(
  [program, ...first]: readonly string[],
  args: readonly string[],
  timeoutMs: number,
): Promise<{ out: Buffer }> {
  const { by, code, output, cut, complaint } = await runProgram([program!, ...first, ...args], {
    timeoutMs,
    mostOutput: MOST_OUTPUT,
    // What it says is read.
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (code === 0 && !cut) return { out: output };
  const why =
    by === 'missing'
      ? `cannot be run: ${complaint}`
      : code === 0
        ? 'printed too much'
        : `ended with ${code === null ? 'no code' : `code ${code}`}: ${complaint.slice(0, 300)}`;
  throw new TransientError('postfix', `${program} ${args[0]} ${why}.`);
}
