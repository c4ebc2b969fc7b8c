import { codeOf, messageOf } from './errors.ts';

/**
 * What is said of an error that nobody foresaw: its code, and where to report it. @param version of ruawatch
 */
export function unexpectedSentence(error: unknown, version: string): string {
  const code = codeOf(error);
  return `Unexpected error${code === null ? '' : ` (${code})`}: ${messageOf(error)}. This may be a bug in ruawatch ${version}: please report it (see CONTRIBUTING.md) with the output of the command run with LOG_LEVEL=debug.`;
}

/** The stack of an error and of its causes, for a log at debug level; null when it has none. */
export function stackOf(error: unknown): string | null {
  const stacks: string[] = [];
  for (let at = error; at instanceof Error && stacks.length < 4; at = at.cause) if (at.stack) stacks.push(at.stack);
  return stacks.length === 0 ? null : stacks.join('\ncaused by ');
}

/**
 * Receives every error that nothing caught, also of promises, in place of Node, which would print its stack
 * and exit. The latest caller's handler is the one that counts.
 */
export function onUncaught(handle: (error: unknown) => void): void {
  // A rejection that nobody handles arrives here as well while nobody listens to unhandledRejection.
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', handle);
}
