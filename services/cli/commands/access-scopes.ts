import { randomBytes } from 'node:crypto';
import type { Canonical } from '../../requests/canonical.ts';
import { dnsGrant } from '../../requests/grants/dns.ts';
import { GRANT_KINDS, type GrantKindName } from '../../requests/grants/kinds.ts';
import { newTsigCredential } from '../../requests/grants/tsig-credential.ts';
import { PermanentError } from '../../shared/errors.ts';
import { scramVerifier } from '../../shared/runtime/embedded-secrets.ts';
import type { Config } from '../../shared/settings/config.ts';
import { targetFor } from '../../shared/settings/dns-servers.ts';
import { readKeyFile } from '../../shared/settings/gateway.ts';

export interface ScopeOptions {
  server?: string;
  group?: string;
  name?: string[];
  type?: string[];
  only?: string;
  requests?: boolean;
  doneWhen?: string;
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
  /** The service principals that may hold it. */
  services: readonly string[];
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
export function wantedOf(config: Pick<Config, 'access' | 'dnsTargets' | 'gateway'>, kind: string, options: ScopeOptions): Wanted {
  const { access } = config;
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
        services: server.services,
        countsUses: false,
        secret: newPassword(),
      };
    }
    case 'access.dns':
      return dnsWanted(config, options);
    case undefined:
      throw new PermanentError('usage', `"${kind}" is nothing that is lent: ${GRANT_KINDS.join(', ')}.`);
  }
}

/** The scope of `access.dns`. The zone is that of its names. @throws PermanentError `usage` */
function dnsWanted(
  { access, dnsTargets, gateway }: Pick<Config, 'access' | 'dnsTargets' | 'gateway'>,
  options: ScopeOptions,
): Wanted {
  const { name: names = [], type: types = ['TXT'], only, requests, doneWhen } = options;
  const [first] = names;
  if (first === undefined)
    throw new PermanentError(
      'usage',
      'Say which names you need: --name _acme-challenge.example.com, or --name .app.example.com for all below.',
    );
  const found = targetFor(dnsTargets, first.replace(/^(?:\*?\.)/, '').toLowerCase());
  if (found === null) throw new PermanentError('usage', `No server of the settings (dns.servers) has the zone of ${first}.`);
  const server = oneOf(access.dns, options.server ?? found.target.name, 'access.dns');
  const scope = dnsGrant.scope.safeParse({
    use: requests === true ? 'requests' : 'key',
    zone: found.zone,
    names: names.map((one) => one.toLowerCase().replace(/\.$/, '')),
    types: types.map((one) => one.toUpperCase()),
    operations: only === undefined ? ['add', 'delete'] : [only],
    task: doneWhen === undefined ? null : taskOf(doneWhen),
  });
  if (!scope.success)
    throw new PermanentError('usage', scope.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; '));
  if (requests !== true && found.target.kind !== 'rfc2136')
    throw new PermanentError('usage', `${found.target.name} takes no updates (RFC 2136): ask with --requests.`);
  return {
    kind: 'access.dns',
    server: server.name,
    domain: found.zone,
    scope: scope.data as Record<string, Canonical>,
    risk: server.risk,
    longestSeconds: server.longestSeconds,
    for: server.for,
    services: server.services,
    countsUses: true,
    secret: requests === true ? null : newTsigCredential(readKeyFile(gateway.keyFile)),
  };
}

/** "NAME TYPE VALUE": the record that ends the grant once it is published. @throws PermanentError `usage` */
function taskOf(text: string): { name: string; type: string; value: string } {
  const [, name, type, value] = /^(\S+)\s+(\S+)\s+(.+)$/s.exec(text.trim()) ?? [];
  if (value === undefined) throw new PermanentError('usage', 'Say the record as "NAME TXT value" or "NAME CNAME target".');
  return { name: name!.toLowerCase(), type: type!.toUpperCase(), value };
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
