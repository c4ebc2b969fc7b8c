import { type Logger, pino } from 'pino';
import { escapedLines } from '../escape.ts';

export type Log = Logger;

/** Structured logs on stderr (stdout belongs to results). Secrets never reach it: nothing passes settings or URLs whole. */
export function createLog(level: string): Log {
  const stderr = pino.destination({ fd: 2, sync: true });
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    // JSON itself escapes C0 alone: the rest of what a terminal obeys or hides is escaped here.
    { write: (line: string) => stderr.write(escapedLines(line)) },
  );
}
