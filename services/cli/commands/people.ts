import { ownDomains } from '../../report/hostname.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import type { Config } from '../../shared/settings/config.ts';
import { invitePerson, linkFor } from '../../store/console/invitations.ts';
import * as people from '../../store/console/people.ts';
import { ROLES_OF_PEOPLE } from '../../store/console/rights.ts';
import { addService, isServiceName, listServices } from '../../store/console/service-principals.ts';
import { withDatabase } from '../open.ts';
import { moment, systemUser, type Terminal, untilOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

/** `people list`: who may sign in to the console, and the service principals. */
export async function runPeopleList(config: Config, options: { json?: boolean }, out: Terminal['out']): Promise<number> {
  return withDatabase(config, async (db) => {
    const all = await people.listPeople(db);
    const services = await listServices(db);
    if (options.json) for (const one of [...all, ...services]) out(jsonText(one));
    else if (all.length === 0) out('Nobody can sign in yet: "ruawatch start console" prints a link for the first account.');
    else
      out(
        table(
          ['name', 'role', 'domains', 'code generator', 'since'],
          all.map((one) => [
            one.name,
            one.role,
            one.all_domains ? 'all' : one.domains.join(', '),
            one.totp_since === null ? 'no' : 'yes',
            one.created_at.toISOString().slice(0, 10),
          ]),
          { widths: [40, 10, 60, 14, 10] },
        ),
      );
    if (options.json || services.length === 0) return;
    out('');
    out(
      table(
        ['service principal', 'role', 'domains', 'owner', 'until'],
        services.map((one) => [
          one.name,
          one.role,
          one.all_domains ? 'all' : one.domains.join(', '),
          one.owner,
          moment(one.ends_at),
        ]),
        { widths: [40, 10, 60, 40, 16] },
      ),
    );
  });
}

export interface ServiceOptions extends RightsOptions {
  owner?: string;
  until?: string;
  for?: string;
}

/**
 * `people add NAME --service`: adds a program with an account of its own, which holds tokens and grants and
 * decides nothing.
 * @throws PermanentError `usage`, `no_owner`, `person_exists`, `service_too_long`
 */
export async function runServiceAdd(
  config: Config,
  name: string,
  options: ServiceOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const { role, domains } = rightsOf(options);
  if (role === 'admin') throw new PermanentError('usage', 'A service principal is a viewer or an operator, and never an admin.');
  if (!isServiceName(name))
    throw new PermanentError(
      'usage',
      `"${name}" is no name for a service principal: use letters, digits and . _ + -, 2 to 100 of them, and not the name of one of our services.`,
    );
  const ends_at = untilOf(options, now);
  if (ends_at === null) throw new PermanentError('usage', 'Say when it ends: --for 26w, or --until 2027-01-31.');
  if (options.owner === undefined || options.owner.trim() === '')
    throw new PermanentError('usage', 'Say who answers for it: --owner ada@example.com. It ends when that person is gone.');
  const owner = options.owner;
  return withDatabase(config, async (db) => {
    await addService(db, { name, owner, role, domains, ends_at }, systemUser(), now);
    out(`${escaped(name)} is added: ${escaped(owner)} answers for it, and it ends ${moment(ends_at)} UTC.`);
    out(`A token: ruawatch people token ${escaped(name)} --scope read --for 30d`);
  });
}

/**
 * `people add NAME`: adds somebody, and prints the link with which they choose a password.
 * @throws PermanentError `usage`, `person_exists`
 */
export async function runPeopleAdd(
  config: Config,
  name: string,
  options: RightsOptions & { email?: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const { role, domains } = rightsOf(options);
  if (!people.isPersonName(name))
    throw new PermanentError('usage', `"${name}" is no name for a person: use letters, digits and . _ @ + -, 2 to 100 of them.`);
  return withDatabase(config, async (db, config) => {
    const person = { name, email: options.email ?? null, role, domains };
    const token = await invitePerson(db, person, systemUser(), now);
    out(`${escaped(name)} is added. They choose a password here, once and within a day:`);
    out(`${consoleAddress(config)}/link/${token}`);
  });
}

interface RightsOptions {
  role?: string;
  domain?: string[];
  allDomains?: boolean;
}

/** What somebody may do and see, as the options say. @throws PermanentError `usage` */
function rightsOf(options: RightsOptions): Pick<people.NewPerson, 'role' | 'domains'> {
  const role = ROLES_OF_PEOPLE.find((one) => one === (options.role ?? 'viewer'));
  if (role === undefined)
    throw new PermanentError('usage', `--role "${options.role}" is no role: write ${ROLES_OF_PEOPLE.join(', ')}.`);
  const { names, wrong } = ownDomains(options.domain ?? []);
  if (wrong !== null) throw new PermanentError('usage', wrong);
  if (names.length > 0 === (options.allDomains === true))
    throw new PermanentError(
      'usage',
      'Say which domains they may see: --domain example.com (may be repeated), or --all-domains.',
    );
  return { role, domains: options.allDomains ? null : names };
}

/**
 * `people change NAME`: other rights; sessions and tokens end. @throws PermanentError `usage`, `no_person`,
 * `last_admin`
 */
export async function runPeopleChange(
  config: Config,
  name: string,
  options: RightsOptions & { role: string },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const rights = rightsOf(options);
  return withDatabase(config, async (db) => {
    await people.changePerson(db, name, rights, { by: systemUser(), now });
    out(`${escaped(name)} has other rights now; sessions and tokens have ended.`);
  });
}

/**
 * `people link NAME`: another link with which somebody chooses a password. @throws PermanentError `no_person`
 */
export async function runPeopleLink(config: Config, name: string, { out, now = new Date() }: Terminal): Promise<number> {
  return withDatabase(config, async (db, config) => {
    const person = await people.findPerson(db, name);
    if (person === null)
      throw new PermanentError('no_person', `There is no person named "${name}": "ruawatch people list" lists them.`);
    out(`${consoleAddress(config)}/link/${await linkFor(db, person, systemUser(), now)}`);
  });
}

/** `people remove NAME`: ends somebody's access at once. @throws PermanentError `no_person`, `last_admin` */
export async function runPeopleRemove(config: Config, name: string, { out, now = new Date() }: Terminal): Promise<number> {
  return withDatabase(config, async (db) => {
    await people.endPerson(db, name, systemUser(), now);
    out(`${escaped(name)} can no longer sign in; sessions and tokens have ended.`);
  });
}

/** Where people reach the console, as far as the settings say. */
function consoleAddress({ consoleUrl, console: { listen, tls } }: Config): string {
  return consoleUrl ?? `${tls === null ? 'http' : 'https'}://localhost:${listen?.port ?? 9808}`;
}
