import { messageOf, RuawatchError, TransientError } from '../shared/errors.ts';
import { escaped, escapedLines } from '../shared/escape.ts';

/** Something to know about that is not a failure. */
export interface Note {
  note: string;
}

const CHECK_MS = 10_000;

/** The lines that doctor prints, and whether one of them is a failure. */
export class Checks {
  failed = false;
  private readonly out: (line: string) => void;

  constructor(out: (line: string) => void) {
    this.out = out;
  }

  /**
   * Runs a check, for ten seconds at most. A text that it returns is shown as a success, a note as one, an
   * error as a failure.
   */
  async run(what: string, work: () => Promise<string | Note> | string | Note): Promise<void> {
    try {
      const result = await inTime(work);
      if (typeof result === 'string') this.out(escaped(`ok    ${what}: ${result}`));
      else this.note(what, result.note);
    } catch (error) {
      this.failed = true;
      this.out(escapedLines(`FAIL  ${what}: ${saysOf(error)}`));
    }
  }

  /**
   * Runs groups of checks at the same time, since each may wait for a server that is silent, and prints their
   * lines in the order of the groups, each as soon as all before it are printed.
   */
  async beside(...groups: ((checks: Checks) => Promise<void>)[]): Promise<void> {
    const lines: string[][] = groups.map(() => []);
    let turn = 0;
    const parts = groups.map((_, i) => new Checks((line) => (i === turn ? this.out(line) : lines[i]!.push(line))));
    const running = groups.map((group, i) => group(parts[i]!));
    // Nothing that a group uses is taken from it when another throws.
    const ended = Promise.allSettled(running);
    try {
      for (const [i, one] of running.entries()) {
        turn = i;
        for (const line of lines[i]!) this.out(line);
        await one;
        this.failed ||= parts[i]!.failed;
      }
    } finally {
      await ended;
    }
  }

  note(what: string, text: string): void {
    this.out(escaped(`--    ${what}: ${text}`));
  }
}

/** What is wrong, without what it is about: a line of doctor has just named that. */
const saysOf = (error: unknown): string => (error instanceof RuawatchError ? error.says : messageOf(error));

/** @throws what the work throws, or that it took too long; the work then goes on unheard */
async function inTime<T>(work: () => Promise<T> | T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const silent = () => reject(new TransientError('silent', `There was no answer within ${CHECK_MS / 1000} seconds.`));
    timer = setTimeout(silent, CHECK_MS);
  });
  const working = Promise.resolve().then(work);
  try {
    return await Promise.race([working, late]);
  } finally {
    clearTimeout(timer);
  }
}
