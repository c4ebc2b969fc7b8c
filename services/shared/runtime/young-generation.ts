import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the young generation of this process at 1 MiB a half, whatever lives through a collection; or lets it grow from here on, as V8
 * does by itself. What is alive while the modules are loaded would have it grow to 16 MiB a half, and it stays that large. The threads
 * that read mails, where the garbage is, have a limit of their own (parser/reading/pool.ts).
 */
export function keepYoung(keep: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${keep ? 1 : 2}`);
}

// The first import of a program, so that it counts for all others.
keepYoung(true);
