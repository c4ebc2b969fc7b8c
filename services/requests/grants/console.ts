import { z } from 'zod';
import type { GrantKind } from './kinds.ts';

const scope = z.strictObject({
  role: z.enum(['viewer', 'operator', 'admin']),
  /** Each with the names below it; null for everything. */
  domains: z
    .array(z.string().regex(/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/, 'must be a domain in lower case'))
    .min(1)
    .max(50)
    .nullable(),
});
export type ConsoleScope = z.infer<typeof scope>;

/** A role of the console beside the person's own, for some domains. */
export const consoleGrant: GrantKind<ConsoleScope> = {
  kind: 'access.console',
  scope,
  words: ({ role, domains }) => `the role ${role} of the console for ${domains === null ? 'all domains' : domains.join(', ')}`,
  usage: () => 'Sign in to the console as always: the role counts from the next page on.',
};
