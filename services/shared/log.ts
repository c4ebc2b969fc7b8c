import { type Logger, pino } from 'pino';

export type Log = Logger;

/** Structured logs on stderr (stdout belongs to results). Secrets never reach it: nothing passes settings or URLs whole. */
export function createLog(level: string): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ fd: 2, sync: true }),
  );
}
