import { type Logger, pino } from 'pino';
import { escapedLines } from '../escape.ts';

export type Log = Logger;

/**
 * Structured logs on stderr (stdout is for results). They contain no secrets: nothing logs settings or whole
 * URLs.
 */
export function createLog(level: string): Log {
  const stderr = pino.destination({ fd: 2, sync: true });
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    // JSON escapes only C0 controls; the other characters that a terminal obeys or hides are escaped here.
    { write: (line: string) => stderr.write(escapedLines(line)) },
  );
}
