import { z } from 'zod';
import type { GrantKind } from './kinds.ts';

const scope = z.strictObject({
  /** The group role that the lent role is a member of: one of the list at the target. */
  group: z.string().regex(/^[a-z_][a-z0-9_$]{0,62}$/, 'must be the name of a role in lower case'),
});
export type DatabaseScope = z.infer<typeof scope>;

/** A Postgres role of its own, with the rights of one group role. */
export const databaseGrant: GrantKind<DatabaseScope> = {
  kind: 'access.database',
  scope,
  words: ({ group }, server) => `the rights of the role ${group} in the database ${server}`,
  usage: (name, server) => `Log in to ${server} as ${name}, with the password as PGPASSWORD.`,
};
