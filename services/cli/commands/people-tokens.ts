import { useCode } from '../../console/index.ts';
import { ownDomains } from '../../report/hostname.ts';
import { PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { list } from '../../shared/format.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type Account, findAccount } from '../../store/console/people.ts';
import { ROLE_FOR_SCOPE, TOKEN_SCOPES, type TokenScope } from '../../store/console/rights.ts';
import { endToken, listTokens, makeToken } from '../../store/console/tokens.ts';
import { withDatabase } from '../open.ts';
import { keyOf, moment, systemUser, type Terminal, untilOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';

export interface TokenOptions {
  scope?: string[];
  domains?: string[];
  for?: string;
  until?: string;
  /** What it is for. */
  note?: string;
  /** A code of the person's code generator. */
  code?: string;
}

/**
 * `people token NAME`: makes a token for a person's programs, or for a service principal, and prints it once.
 * @throws PermanentError `usage`, `no_person`, `role_too_low`, `service_decides_nothing`, `token_too_long`,
 *   `no_second_factor`, `code_wrong`
 */
export async function runPeopleToken(
  config: Config,
  name: string,
  options: TokenOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const scopes = scopesOf(options.scope ?? ['read']);
  const { names, wrong } = ownDomains(split(options.domains ?? []));
  if (wrong !== null) throw new PermanentError('usage', wrong);
  const ends_at = untilOf(options, now);
  if (ends_at === null) throw new PermanentError('usage', 'Say how long it holds: --for 30d, or --until 2027-01-31.');
  return withDatabase(config, async (db) => {
    const person = await personOf(db, name);
    checkRole(person, scopes);
    if (scopes.includes('decide') && person.kind === 'person') await useCode(db, person, options.code, now);
    const given = {
      person_key: person.person_key,
      person: person.name,
      name: options.note ?? 'made on the command line',
      scopes,
      domains: names.length === 0 ? null : names,
      ends_at,
    };
    const { token, token_key } = await makeToken(db, given, systemUser(), now);
    out(
      `Token ${token_key} of ${escaped(person.name)} (${scopes.join(', ')}) holds until ${moment(ends_at)} UTC. It is shown once:`,
    );
    out(token);
  });
}

/** `people tokens`: the tokens that hold. @throws PermanentError `no_person` */
export async function runPeopleTokens(
  config: Config,
  options: { person?: string; json?: boolean },
  { out, now = new Date() }: Terminal,
): Promise<number> {
  return withDatabase(config, async (db) => {
    const person = options.person === undefined ? null : await personOf(db, options.person);
    const all = await listTokens(db, person?.person_key ?? null, now);
    if (options.json) for (const one of all) out(jsonText(one));
    else if (all.length === 0) out('There are no tokens.');
    else
      out(
        table(
          ['key', 'person', 'scopes', 'domains', 'until', 'last use', 'for what'],
          all.map((one) => [
            String(one.token_key),
            one.person,
            one.scopes.join(', '),
            one.domains === null ? 'all of the person' : one.domains.join(', '),
            moment(one.ends_at),
            one.used_at === null ? 'never' : moment(one.used_at),
            one.name,
          ]),
          { widths: [8, 30, 26, 40, 16, 16, 40] },
        ),
      );
  });
}

/** `people revoke KEY`: ends a token at once. @throws PermanentError `no_token` */
export async function runPeopleRevoke(config: Config, key: string, { out, now = new Date() }: Terminal): Promise<number> {
  const number = keyOf(key, 'token');
  return withDatabase(config, async (db) => {
    await endToken(db, number, { person_key: null, by: systemUser() }, now);
    out(`Token ${number} has ended.`);
  });
}

const split = (texts: readonly string[]): string[] =>
  texts
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');

/** A token can do what its person may: of a viewer, it could only read, whatever its scopes say. */
function checkRole({ name, role }: Account, scopes: readonly TokenScope[]): void {
  const beyond = scopes.filter((scope) => role === 'viewer' && ROLE_FOR_SCOPE[scope] !== 'viewer');
  if (beyond.length === 0) return;
  throw new PermanentError(
    'role_too_low',
    `${escaped(name)} is a viewer and may not use the scope ${list(beyond)}: leave it out, or first give another role with "ruawatch people change ${escaped(name)} --role operator" and the domains.`,
  );
}

function scopesOf(texts: readonly string[]): TokenScope[] {
  const given = split(texts);
  const wrong = given.find((text) => !(TOKEN_SCOPES as readonly string[]).includes(text));
  if (wrong !== undefined || given.length === 0)
    throw new PermanentError('usage', `--scope "${wrong ?? ''}" is no scope: write ${TOKEN_SCOPES.join(', ')}.`);
  return TOKEN_SCOPES.filter((scope) => given.includes(scope));
}

async function personOf(db: Db, name: string): Promise<Account> {
  const person = await findAccount(db, name);
  if (person === null)
    throw new PermanentError('no_person', `There is no account named "${name}": "ruawatch people list" lists them.`);
  return person;
}
