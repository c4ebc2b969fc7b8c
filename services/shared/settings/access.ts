import path from 'node:path';
import { z } from 'zod';
import { EMAIL_KEYS, emailMistakes, type MailAccounts, mailAccountsOf, programOf, wrongUrl } from './access-email.ts';
import { type AwsSts, awsOf, PROVIDER_KEYS, providerMistakes } from './access-provider.ts';
import { connectionSettings } from './postgres-url.ts';
import { secretOf } from './secret-file.ts';

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'must be a name in lower case, such as main');
const role = z.string().regex(/^[a-z_][a-z0-9_$]{0,62}$/, 'must be the name of a role in lower case');

/** What every target of lent rights has. */
const target = {
  name,
  /**
   * The groups of approvals whose people may hold what is lent here; without it, all people of all groups.
   */
  for: z.array(name).min(1).optional(),
  /** The service principals (people add --service) that may hold it; none without it. */
  services: z.array(z.string().regex(/^[a-z0-9][a-z0-9._+-]{1,99}$/, 'must be the name of a service principal')).default([]),
  longest_hours: z.number().positive().max(2160).default(24),
  /** For how long something is lent when nobody says. Without it, --for has to be said. */
  default_hours: z.number().positive().max(2160).optional(),
  /** How bad it would be in wrong hands: rules of approvals ask for it. */
  risk: z.enum(['low', 'medium', 'high']).default('medium'),
};

/** The names that may be lent, as scopes have them; all names of the zones without it. */
const lentNames = z
  .array(
    z
      .string()
      .max(253)
      .regex(/^(?:\*\.|\.)?[a-z0-9_.-]+$/, 'must be a name in lower case'),
  )
  .min(1)
  .max(100)
  .optional();

const databaseSchema = z
  .strictObject({
    ...target,
    /** Of a login that may call the functions of "ruawatch access setup", and needs no other right. */
    url: z.string().optional(),
    url_file: z.string().optional(),
    /** The roles whose rights may be lent. */
    groups: z.array(role).min(1).max(100),
    /** Sessions at once of one lent role. */
    connections: z.int().min(1).max(100).default(5),
    /**
     * Where this server writes its log as JSON or CSV (log_destination): what was run during a grant is read
     * from it.
     */
    log_folder: z.string().min(1).optional(),
  })
  .superRefine(({ url, url_file }, ctx) => {
    if ((url === undefined) === (url_file === undefined)) ctx.addIssue({ code: 'custom', message: 'needs url_file, or url' });
  });

/** A server of `dns.servers` whose records may be changed by what is lent; `name` is its name there. */
const dnsSchema = z.strictObject({ ...target, names: lentNames });

const emailSchema = z.strictObject({ ...target, ...EMAIL_KEYS }).superRefine((given, ctx) => {
  for (const message of emailMistakes(given)) ctx.addIssue({ code: 'custom', message });
});

const providerSchema = z.strictObject({ ...target, names: lentNames, ...PROVIDER_KEYS }).superRefine((given, ctx) => {
  for (const message of providerMistakes(given)) ctx.addIssue({ code: 'custom', message });
});

/** The console lends the roles that are named here, and none without this. */
const consoleSchema = z.strictObject({
  roles: z.array(z.enum(['viewer', 'operator', 'admin'])).min(1),
  for: target.for,
  longest_hours: target.longest_hours,
  default_hours: target.default_hours,
  risk: target.risk,
});

/** `access:` of ruawatch.yaml: where rights are lent for a time (docs/access.md). */
export const accessSchema = z
  .strictObject({
    /** When nothing has looked at grants for so long, all of them end: the database may be an older copy. */
    unwatched_minutes: z.number().min(1).max(55).default(15),
    database: z.array(databaseSchema).max(100).default([]),
    dns: z.array(dnsSchema).max(100).default([]),
    email: z.array(emailSchema).max(100).default([]),
    dns_provider: z.array(providerSchema).max(100).default([]),
    console: consoleSchema.nullable().default(null),
  })
  .prefault({});

export interface Target {
  name: string;
  /** Empty for all people of all groups. */
  for: readonly string[];
  /** Service principals that may hold it. */
  services: readonly string[];
  longestSeconds: number;
  /** Null or left out where --for has to be said. */
  defaultSeconds?: number | null;
  risk: 'low' | 'medium' | 'high';
}

/** A name server, or a provider of DNS, whose records may be changed. */
export interface DnsTargetOfLending extends Target {
  /** The names that may be lent; null or left out for all of the zones. */
  names?: readonly string[] | null;
}

/** A Postgres server that lends roles. */
export interface LendingDatabase extends Target {
  groups: readonly string[];
  connections: number;
  /** Absolute; null where its log is elsewhere. */
  logFolder: string | null;
  /**
   * Reads the URL: it is kept no longer than one connection takes. @throws Error that says what is wrong with
   * it
   */
  url(): string;
}

/** A submission server that lends accounts. */
export interface MailServer extends Target {
  addresses: readonly string[];
  accounts: MailAccounts;
  /** How doveadm is called; null where nothing has to be cut. */
  doveadm: readonly string[] | null;
}

/** A DNS provider that makes credentials for a time: by AWS, or by a program. */
export interface DnsProvider extends DnsTargetOfLending {
  zones: readonly string[];
  aws: AwsSts | null;
  command: readonly string[] | null;
}

/** What the console lends: roles. */
export interface LendingConsole extends Target {
  roles: readonly ('viewer' | 'operator' | 'admin')[];
}

export interface Access {
  unwatchedMs: number;
  databases: readonly LendingDatabase[];
  dns: readonly DnsTargetOfLending[];
  mail: readonly MailServer[];
  providers: readonly DnsProvider[];
  console: LendingConsole | null;
}

/** Reads what all targets have; `where` names the entry in the settings. */
function targetReader(groups: Readonly<Record<string, unknown>>, mistakes: string[]) {
  const names = new Set<string>();
  return (where: string, given: Omit<z.infer<typeof dnsSchema>, 'names'>): Target => {
    if (names.has(given.name)) mistakes.push(`${where}: two targets are named "${given.name}": give each its own name.`);
    names.add(given.name);
    for (const group of given.for ?? [])
      if (!Object.hasOwn(groups, group)) mistakes.push(`${where} names the group "${group}", which is not in approvals.groups.`);
    const { risk, longest_hours, default_hours } = given;
    if (default_hours !== undefined && default_hours > longest_hours)
      mistakes.push(`${where}: default_hours (${default_hours}) is more than longest_hours (${longest_hours}).`);
    return {
      name: given.name,
      for: given.for ?? [],
      services: given.services,
      longestSeconds: Math.round(longest_hours * 3600),
      defaultSeconds: default_hours === undefined ? null : Math.round(default_hours * 3600),
      risk,
    };
  };
}

/** @param mistakes gets a line for each entry that cannot work */
export function accessOf(
  { unwatched_minutes, database, dns, email, dns_provider, console: lent }: z.infer<typeof accessSchema>,
  groups: Readonly<Record<string, unknown>>,
  cwd: string,
  mistakes: string[],
): Access {
  const common = targetReader(groups, mistakes);
  return {
    unwatchedMs: unwatched_minutes * 60_000,
    dns: dns.map((given, at) => ({ ...common(`access.dns[${at}]`, given), names: given.names ?? null })),
    mail: email.map((given, at) => {
      const where = `access.email[${at}]`;
      const wrong = wrongUrl(given.url);
      if (wrong !== null) mistakes.push(`${where}: url ${wrong}.`);
      const { addresses, doveadm = null } = given;
      return { ...common(where, given), addresses, accounts: mailAccountsOf(given, cwd), doveadm };
    }),
    providers: dns_provider.map((given, at) => ({
      ...common(`access.dns_provider[${at}]`, given),
      names: given.names ?? null,
      zones: given.zones,
      aws: given.aws === undefined ? null : awsOf(given.aws),
      command: given.command === undefined ? null : programOf(given.command, cwd),
    })),
    console:
      lent === null ? null : { ...common('access.console', { ...lent, name: 'console', services: [] }), roles: lent.roles },
    databases: database.map((given, at) => {
      const where = `access.database[${at}]`;
      const wrong = wrongUrl(given.url);
      if (wrong !== null) mistakes.push(`${where}: url ${wrong}.`);
      return {
        ...common(where, given),
        groups: given.groups,
        connections: given.connections,
        logFolder: given.log_folder === undefined ? null : path.resolve(cwd, given.log_folder),
        url: () => {
          const url = secretOf(given.url, given.url_file, 'url', cwd)!;
          connectionSettings(url);
          return url;
        },
      };
    }),
  };
}
