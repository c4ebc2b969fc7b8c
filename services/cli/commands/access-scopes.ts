import { randomBytes } from 'node:crypto';
import { ownDomains } from '../../report/hostname.ts';
import type { Canonical } from '../../requests/canonical.ts';
import { dnsGrant } from '../../requests/grants/dns.ts';
import { dovecotHash } from '../../requests/grants/email.ts';
import { grantKind } from '../../requests/grants/index.ts';
import { GRANT_KINDS, type GrantKindName } from '../../requests/grants/kinds.ts';
import { newSealingKey } from '../../requests/grants/sealed.ts';
import { newTsigCredential } from '../../requests/grants/tsig-credential.ts';
import { notCovered } from '../../requests/scope.ts';
import { PermanentError } from '../../shared/errors.ts';
import { scramVerifier } from '../../shared/runtime/embedded-secrets.ts';
import type { DnsTargetOfLending, Target } from '../../shared/settings/access.ts';
import { mayLend } from '../../shared/settings/access-email.ts';
import { tooShort } from '../../shared/settings/access-provider.ts';
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
  /** Of access.email: the address to send from. */
  from?: string;
  /** Of access.console: the role, and the domains that it is for. */
  role?: string;
  domain?: string[];
  allDomains?: boolean;
}

/** What is asked for, and of which target. */
export interface Wanted {
  kind: GrantKindName;
  server: string;
  domain: string;
  scope: Record<string, Canonical>;
  risk: 'low' | 'medium' | 'high';
  longestSeconds: number;
  /** For how long when nobody says; null where that has to be said. */
  defaultSeconds: number | null;
  for: readonly string[];
  /** The service principals that may hold it. */
  services: readonly string[];
  /** Whether the target says how often it was used. */
  countsUses: boolean;
  /** Why so many seconds are too few, as a sentence; null when they are not. */
  shortest?: (seconds: number) => string | null;
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
        defaultSeconds: server.defaultSeconds ?? null,
        for: server.for,
        services: server.services,
        countsUses: false,
        secret: newPassword(),
      };
    }
    case 'access.dns':
      return dnsWanted(config, options);
    case 'access.email':
      return emailWanted(config, options);
    case 'access.dns-provider':
      return providerWanted(config, options);
    case 'access.console':
      return consoleWanted(config, options);
    case 'access.message':
      throw new PermanentError('usage', 'Request the text of a held mail on its page in the console.');
    case undefined:
      throw new PermanentError('usage', `"${kind}" is no kind of right: ${GRANT_KINDS.join(', ')}.`);
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
  checkNames(server, scope.data.names);
  if (requests !== true && found.target.kind !== 'rfc2136')
    throw new PermanentError('usage', `${found.target.name} takes no updates (RFC 2136): ask with --requests.`);
  return {
    kind: 'access.dns',
    server: server.name,
    domain: found.zone,
    scope: scope.data as Record<string, Canonical>,
    risk: server.risk,
    longestSeconds: server.longestSeconds,
    defaultSeconds: server.defaultSeconds ?? null,
    for: server.for,
    services: server.services,
    countsUses: true,
    secret: requests === true ? null : newTsigCredential(readKeyFile(gateway.keyFile)),
  };
}

/** @throws PermanentError `usage` for a name that the settings do not lend */
function checkNames({ name, names = null }: DnsTargetOfLending, asked: readonly string[]): void {
  const other = names === null ? null : notCovered(asked, names);
  if (other !== null) throw new PermanentError('usage', `${name} does not lend ${other}: its names are ${names!.join(', ')}.`);
}

/** What all targets of the settings give. */
const commonOf = ({ name, risk, longestSeconds, defaultSeconds = null, for: groups, services }: Target) => ({
  server: name,
  risk,
  longestSeconds,
  defaultSeconds,
  for: groups,
  services,
});

/** What a schema says of a scope. @throws PermanentError `usage` */
function scopeOf(kind: GrantKindName, given: unknown): Record<string, Canonical> {
  const read = grantKind(kind).scope.safeParse(given);
  if (!read.success)
    throw new PermanentError('usage', read.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; '));
  return read.data as Record<string, Canonical>;
}

function emailWanted({ access }: Pick<Config, 'access'>, { from, server: name }: ScopeOptions): Wanted {
  if (from === undefined) throw new PermanentError('usage', 'Say which address you need to send from: --from shop@example.com.');
  const address = from.trim().toLowerCase();
  const able = access.mail.filter((one) => mayLend(one, address));
  if (access.mail.length > 0 && able.length === 0)
    throw new PermanentError('usage', `No server of the settings (access.email) lends ${address}.`);
  const server = oneOf(able, name, 'access.email');
  const secret = randomBytes(24).toString('base64url');
  return {
    ...commonOf(server),
    kind: 'access.email',
    domain: address.split('@')[1]!,
    scope: scopeOf('access.email', { from: address }),
    countsUses: false,
    secret: { secret, credential: dovecotHash(secret) },
  };
}

function providerWanted({ access }: Pick<Config, 'access'>, options: ScopeOptions): Wanted {
  const { name: names = [], type: types = ['TXT'], only, server: wanted } = options;
  const clean = names.map((one) => one.toLowerCase().replace(/\.$/, ''));
  const bare = clean[0]?.replace(/^\*?\./, '') ?? '';
  const zoneOf = (zones: readonly string[]) =>
    zones.filter((one) => bare === one || bare.endsWith(`.${one}`)).sort((a, b) => b.length - a.length)[0];
  if (bare === '') throw new PermanentError('usage', 'Say which names you need: --name _acme-challenge.example.com.');
  const able = access.providers.filter((one) => zoneOf(one.zones) !== undefined);
  const server = oneOf(able, wanted, 'access.dns_provider');
  const zone = zoneOf(server.zones)!;
  checkNames(server, clean);
  return {
    ...commonOf(server),
    kind: 'access.dns-provider',
    domain: zone,
    scope: scopeOf('access.dns-provider', {
      zone,
      names: clean,
      types: types.map((one) => one.toUpperCase()),
      operations: only === undefined ? ['add', 'delete'] : [only],
    }),
    countsUses: false,
    // AWS makes nothing shorter; what cannot be withdrawn is refused before anybody decides about it.
    shortest: (seconds) => tooShort(server, seconds),
    secret: newSealingKey(),
  };
}

function consoleWanted({ access }: Pick<Config, 'access'>, { role, domain = [], allDomains }: ScopeOptions): Wanted {
  const { console: lent } = access;
  if (lent === null)
    throw new PermanentError('usage', 'The console lends no role: name those that it may (access.console, docs/access.md).');
  const found = lent.roles.find((one) => one === role);
  if (found === undefined)
    throw new PermanentError('usage', `Name the role that you need: --role ${lent.roles.join(', --role ')}.`);
  const { names, wrong } = ownDomains(domain);
  if (wrong !== null) throw new PermanentError('usage', wrong);
  if (names.length > 0 === (allDomains === true))
    throw new PermanentError('usage', 'Say for which domains: --domain example.com (may be repeated), or --all-domains.');
  return {
    ...commonOf(lent),
    // A role that may also remove people is never a small thing.
    risk: found === 'admin' || allDomains === true ? 'high' : lent.risk,
    kind: 'access.console',
    domain: names.length === 1 ? names[0]! : '*',
    scope: scopeOf('access.console', { role: found, domains: allDomains === true ? null : names }),
    countsUses: false,
    secret: null,
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
      ? `No right of this kind can be granted: name its targets in the settings (${setting}, docs/access.md).`
      : `Name the target: --server ${all.map((one) => one.name).join(', --server ')}.`,
  );
}
