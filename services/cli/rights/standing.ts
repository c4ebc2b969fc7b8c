import type { ManualChange } from '../../requests/plan.ts';
import type { ReduceWish } from '../../requests/plans/reduce.ts';
import { messageOf } from '../../shared/errors.ts';
import { counted } from '../../shared/format.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { onLender } from '../../store/grants/lending.ts';
import { type LoginRole, lastChanges, lastUses, loginRoles } from '../../store/grants/standing.ts';

/** A right that somebody or something has for good. */
export interface Standing {
  /** What "access standing --ask" takes. */
  id: string;
  /** Who has it. */
  who: string;
  /** What it allows, and where. */
  right: string;
  /** When it was last used; null for never, `unknown` where nobody keeps that. */
  used: Date | null | 'unknown';
  /** What it could be instead; null where our own services need it. */
  instead: ReduceWish | null;
}

/** Every standing right that can be seen: of the settings, of the databases, of tokens and people. */
export async function standingRights(db: Db, config: Config): Promise<Standing[]> {
  const { people, tokens } = await lastUses(db);
  return [
    ...(await keysOfServers(db, config)),
    ...secretsOf(config),
    ...(await loginRoles(db)).map((role) => ofRole(role, 'the database of ruawatch', null)),
    ...(await rolesOfLenders(config)),
    ...tokens.map(
      ({ token_key, person, name, scopes, ends_at, used_at }): Standing => ({
        id: `token:${token_key}`,
        who: person,
        right: `token "${name}" for ${scopes.join(', ')}, until ${ends_at.toISOString().slice(0, 10)}`,
        used: used_at,
        instead: reduce({
          what: `token ${token_key} of ${person}`,
          before: scopes.join(', '),
          after: 'none',
          run: `ruawatch people revoke ${token_key}`,
          seen: { by: 'token', id: String(token_key), value: '' },
          used: used_at,
          back: `A new token: ruawatch people token ${person}.`,
        }),
      }),
    ),
    ...people.map(({ name, role, all_domains, domains, used_at }): Standing => {
      const where = all_domains ? 'all domains' : domains.join(', ') || 'no domain';
      const lend = config.access.console?.roles.some((one) => one === role) === true;
      return {
        id: `person:${name}`,
        who: name,
        right: `${role} of the console for ${where}`,
        used: used_at,
        instead:
          role === 'viewer'
            ? null
            : reduce({
                what: `the role of ${name} in the console`,
                before: `${role} for good`,
                after: lend ? `viewer, and ${role} when it is lent (access.console)` : 'viewer',
                run: `ruawatch people change ${name} --role viewer ${all_domains ? '--all-domains' : domains.map((one) => `--domain ${one}`).join(' ')}`.trim(),
                seen: { by: 'person', id: name, value: role },
                used: used_at,
                back: `ruawatch people change ${name} --role ${role} gives it again.`,
              }),
      };
    }),
  ];
}

/** Places of changes: keys for updates, the credentials of AWS, commands. */
async function keysOfServers(db: Db, { dnsTargets, access }: Config): Promise<Standing[]> {
  const used = await lastChanges(db);
  return dnsTargets.map((one): Standing => {
    const zones = one.zones.join(', ');
    const common = { id: `key:${one.name}`, who: 'our applier and gateway', used: used.get(one.name) ?? null };
    if (one.kind === 'command')
      return { ...common, right: `changes of ${zones} by the command ${one.command[0]}`, instead: null };
    if (one.kind === 'route53')
      return { ...common, right: `changes of ${zones} in Route 53, by the credentials of this machine`, instead: null };
    const lent = access.dns.some(({ name }) => name === one.name);
    return {
      ...common,
      right: `updates of ${zones} with the TSIG key ${one.key.name}`,
      // What people lend they do not need the key for: it is ours alone.
      instead:
        common.used !== null || lent
          ? null
          : reduce({
              what: `the TSIG key ${one.key.name} of ${one.name}`,
              before: `updates of ${zones}`,
              after: 'no key',
              run: `Remove ${one.name} from dns.servers, and the key from the name server.`,
              seen: { by: 'settings', id: `key:${one.name}`, value: one.key.name },
              used: null,
              back: 'The key and the settings are restored by hand.',
            }),
    };
  });
}

/** Secrets of the settings that our services hold: shown, and needed. Their values are never read here. */
function secretsOf(config: Config): Standing[] {
  const ours = (id: string, right: string): Standing => ({ id, who: 'our services', right, used: 'unknown', instead: null });
  return [
    ...(config.databaseUrl === null ? [] : [ours('login:DATABASE_URL', 'the log-in of DATABASE_URL')]),
    ...(config.redisUrl === null ? [] : [ours('login:REDIS_URL', 'the log-in of REDIS_URL')]),
    ...(config.smtpUrl === null ? [] : [ours('login:SMTP_URL', 'to send mail through SMTP_URL')]),
    ...config.mailboxes.map(({ name }) => ours(`login:mailbox ${name}`, `to read and move mail of the mailbox ${name}`)),
    ...config.access.databases.map(({ name, groups }) =>
      ours(`login:access.database ${name}`, `to lend ${groups.join(', ')} at ${name}`),
    ),
    ...config.access.mail.flatMap(({ name, accounts }) =>
      accounts.by === 'sql' ? [ours(`login:access.email ${name}`, `to lend mail accounts at ${name}`)] : [],
    ),
    ...(config.console.oidc === null ? [] : [ours('login:console.oidc', 'to sign people in at the provider')]),
    ...(config.gateway.keyFile === null ? [] : [ours('key:gateway.key_file', 'to open the keys that are lent for the gateway')]),
  ];
}

async function rolesOfLenders({ access }: Config): Promise<Standing[]> {
  const all = await Promise.all(
    access.databases.map(async (server): Promise<Standing[]> => {
      try {
        return (await onLender(server.url(), loginRoles)).map((role) => ofRole(role, server.name, server));
      } catch (error) {
        const right = `not known: ${messageOf(error)}`;
        return [{ id: `server:${server.name}`, who: server.name, right, used: 'unknown', instead: null }];
      }
    }),
  );
  return all.flat();
}

function ofRole(role: LoginRole, where: string, lender: { name: string; groups: readonly string[] } | null): Standing {
  const { name, superuser, creates, groups, sessions, since } = role;
  const what = [
    superuser ? 'superuser' : '',
    creates.length > 0 ? `makes ${creates.join(', ')}` : '',
    groups.length > 0 ? `member of ${groups.join(', ')}` : '',
  ].filter((one) => one !== '');
  const lent = lender?.groups.filter((one) => groups.includes(one)) ?? [];
  const end = role.valid_until === null ? 'for good' : `until ${role.valid_until.toISOString().slice(0, 10)}`;
  return {
    id: lender === null ? `role:${name}` : `role:${lender.name}/${name}`,
    who: name,
    right: `log-in to ${where} ${end}${what.length === 0 ? '' : `: ${what.join('; ')}`}${sessions === 0 ? '' : `; ${counted(sessions, 'session')} now`}`,
    // Postgres keeps no log-ins: only what is open now is known.
    used: since ?? 'unknown',
    instead:
      lent.length === 0
        ? null
        : reduce({
            what: `the log-in ${name} at ${where}`,
            before: `a member of ${lent.join(', ')} for good`,
            after: `${lent.join(', ')} when it is lent (access.database)`,
            run: `revoke ${lent.join(', ')} from "${name.replaceAll('"', '""')}"; -- at ${where}; or: drop role`,
            seen: { by: 'role', id: name, value: where },
            used: since,
            back: `${lent.join(', ')} can be given back to it.`,
          }),
  };
}

function reduce({ used, back, ...change }: Omit<ManualChange, 'target'> & { used: Date | null; back: string }): ReduceWish {
  const last =
    used === null ? 'It was never used, as far as is known.' : `It was last used on ${used.toISOString().slice(0, 10)}.`;
  return { ...change, summary: `Take ${change.what} away: ${change.after} in place of ${change.before}.`, why: [last], back };
}
