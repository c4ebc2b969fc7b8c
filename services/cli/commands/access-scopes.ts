import { randomBytes } from 'node:crypto';
import type { Canonical } from '../../requests/canonical.ts';
import { GRANT_KINDS, type GrantKindName } from '../../requests/grants/kinds.ts';
import { PermanentError } from '../../shared/errors.ts';
import { scramVerifier } from '../../shared/runtime/embedded-secrets.ts';
import type { Config } from '../../shared/settings/config.ts';

export interface ScopeOptions {
  server?: string;
  group?: string;
}

/** What is asked for, and of which target. */
export interface Wanted {
  kind: GrantKindName;
  server: string;
  domain: string;
  scope: Record<string, Canonical>;
  risk: 'low' | 'medium' | 'high';
  longestSeconds: number;
  for: readonly string[];
  /** Whether the target says how often it was used. */
  countsUses: boolean;
  /** What the holder logs in with, and what the target verifies it by. Null where the target has none. */
  secret: { secret: string; credential: string } | null;
}

/** A password that nobody guesses, and what Postgres keeps of it. */
function newPassword(): NonNullable<Wanted['secret']> {
  const secret = randomBytes(24).toString('base64url');
  return { secret, credential: scramVerifier(secret) };
}

/** What the options of a kind ask for. @throws PermanentError `usage` */
export function wantedOf({ access }: Pick<Config, 'access'>, kind: string, options: ScopeOptions): Wanted {
  switch (GRANT_KINDS.find((one) => one === kind || one === `access.${kind}`)) {
    case 'access.database': {
      const server = oneOf(access.databases, options.server, 'access.database');
      if (options.group === undefined || !server.groups.includes(options.group))
        throw new PermanentError('usage', `Name the role whose rights you need: --group ${server.groups.join(', --group ')}.`);
      return {
        kind: 'access.database',
        server: server.name,
        domain: '*',
        scope: { group: options.group },
        risk: server.risk,
        longestSeconds: server.longestSeconds,
        for: server.for,
        countsUses: false,
        secret: newPassword(),
      };
    }
    case undefined:
      throw new PermanentError('usage', `"${kind}" is nothing that is lent: ${GRANT_KINDS.join(', ')}.`);
  }
}

/** The target of that name; without a name the only one. @throws PermanentError `usage` */
function oneOf<T extends { name: string }>(all: readonly T[], name: string | undefined, setting: string): T {
  const found = name === undefined && all.length === 1 ? all[0] : all.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new PermanentError(
    'usage',
    all.length === 0
      ? `Nothing of this kind is lent: name its targets in the settings (${setting}, docs/access.md).`
      : `Name the target: --server ${all.map((one) => one.name).join(', --server ')}.`,
  );
}
