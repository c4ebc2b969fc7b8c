import type { z } from 'zod';

/** What can be lent for a time: also the kinds of the requests that ask for it. */
export const GRANT_KINDS = [
  'access.database',
  'access.dns',
  'access.email',
  'access.dns-provider',
  'access.console',
  'access.message',
] as const;
export type GrantKindName = (typeof GRANT_KINDS)[number];

/**
 * What one kind of grant may be for, and how that is said. Pure: services/applier/grants has what carries it
 * out.
 */
export interface GrantKind<Scope = unknown> {
  kind: GrantKindName;
  /**
   * What is lent. Texts, integers, booleans, null, lists and objects alone: it is part of the text that
   * people approve.
   */
  scope: z.ZodType<Scope>;
  /** What is lent, after "Lend ada@example.com": no full stop. */
  words(scope: Scope, server: string): string;
  /** What the holder does with the secret, in a line. */
  usage(name: string, server: string): string;
}
