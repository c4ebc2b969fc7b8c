import { spawn } from 'node:child_process';
import { messageOf } from '../errors.ts';
import { escaped } from '../escape.ts';

/** How a program ended. */
export interface Ended {
  /** Its exit code; null when it was killed, or could not be run. */
  code: number | null;
  output: Buffer;
  /** It printed more than is kept. */
  cut: boolean;
  /** The first line of its complaints, or why it could not be run. */
  complaint: string;
  /** Who ended it: itself, its time, or the service that stops. `missing`: it could not be run. */
  by: 'itself' | 'missing' | 'time' | 'service';
}

export interface ProgramOptions {
  input?: string;
  timeoutMs: number;
  /** Bytes of output that are kept. */
  mostOutput: number;
  signal?: AbortSignal | undefined;
  env?: NodeJS.ProcessEnv;
}

const MOST_COMPLAINT = 20_000;
/** A program that has ended may have left a child, such as a daemon, that keeps its output open. */
const LINGER_MS = 1000;

/**
 * Runs a program of the user, or of the system, to its end: the one way in which that is done. It gets no
 * shell; what it starts ends with it when its time is over.
 */
export function runProgram([program, ...args]: readonly string[], options: ProgramOptions): Promise<Ended> {
  const { input = '', timeoutMs, mostOutput, signal, env } = options;
  const late = AbortSignal.timeout(timeoutMs);
  const over = signal === undefined ? late : AbortSignal.any([signal, late]);
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve({ code: null, output: Buffer.alloc(0), cut: false, complaint: '', by: 'service' });
    const child = spawn(program!, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own, so that all of it can be ended.
      detached: true,
      ...(env && { env }),
    });
    const pieces: Buffer[] = [];
    let size = 0;
    let complaint = '';
    let linger: NodeJS.Timeout | undefined;
    const end = (code: number | null, by: Ended['by'], why?: string) => {
      clearTimeout(linger);
      over.removeEventListener('abort', stop);
      child.stdout.destroy();
      child.stderr.destroy();
      const [first = ''] = (why ?? complaint.trim()).split('\n');
      resolve({
        code,
        output: Buffer.concat(pieces).subarray(0, mostOutput),
        cut: size > mostOutput,
        complaint: escaped(first.trim()).toWellFormed(),
        by,
      });
    };
    const stop = () => {
      killGroup(child.pid);
      end(null, signal?.aborted ? 'service' : 'time');
    };
    over.addEventListener('abort', stop);
    child.on('error', (error) => end(null, 'missing', messageOf(error)));
    // A program that does not read its input ends by itself.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.stdout.on('data', (piece: Buffer) => {
      if (size <= mostOutput) pieces.push(piece);
      size += piece.length;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, MOST_COMPLAINT);
    });
    child.on('exit', (code) => {
      linger = setTimeout(() => end(code, 'itself'), LINGER_MS);
    });
    child.on('close', (code) => end(code, 'itself'));
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // It has ended by itself in this moment.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
