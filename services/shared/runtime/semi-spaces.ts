import { setFlagsFromString } from 'node:v8';

/**
 * Pins V8's semi-spaces (the two halves of its new space) at 1 MiB each, or lets them grow from now on, as V8
 * does by default. Objects that live while the modules are loaded would make them grow to 16 MiB, and they
 * never shrink. The threads that read mails, which produce most garbage, have a limit of their own
 * (parser/reading/pool.ts).
 */
export function pinSemiSpaces(pinned: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${pinned ? 1 : 2}`);
}

// Programs import this module first, so that it applies while all others are loaded.
pinSemiSpaces(true);
