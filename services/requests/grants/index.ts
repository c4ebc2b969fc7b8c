import { consoleGrant } from './console.ts';
import { databaseGrant } from './database.ts';
import { dnsGrant } from './dns.ts';
import { providerGrant } from './dns-provider.ts';
import { emailGrant } from './email.ts';
import type { GrantKind, GrantKindName } from './kinds.ts';
import { messageGrant } from './message.ts';

const ALL: Record<GrantKindName, GrantKind> = {
  'access.database': databaseGrant as GrantKind,
  'access.dns': dnsGrant as GrantKind,
  'access.email': emailGrant as GrantKind,
  'access.dns-provider': providerGrant as GrantKind,
  'access.console': consoleGrant as GrantKind,
  'access.message': messageGrant as GrantKind,
};

/** The kind of that name. */
export const grantKind = (kind: GrantKindName): GrantKind => ALL[kind];

/** What a grant lends, in words. @throws ZodError for a scope that does not fit the kind */
export function grantWords({ kind, scope, server }: { kind: GrantKindName; scope: unknown; server: string }): string {
  const one = grantKind(kind);
  return one.words(one.scope.parse(scope), server);
}
