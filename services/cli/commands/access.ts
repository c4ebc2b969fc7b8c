import { normalDomain } from '../../report/orgdomain.ts';
import { grantKind, grantWords } from '../../requests/grants/index.ts';
import { openSealed } from '../../requests/grants/sealed.ts';
import { planGrant } from '../../requests/plans/grant.ts';
import { STATE_WORDS } from '../../requests/words.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { durationText } from '../../shared/format.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { grantOf, listGrants, loadGrant, type ShownGrant, sealedOf } from '../../store/grants/grants.ts';
import { mayHold, serviceMayHold } from '../../store/grants/holders.ts';
import { lendSetup } from '../../store/grants/lend-setup.ts';
import { beginEnd } from '../../store/grants/life.ts';
import { mailSetup } from '../../store/grants/mail-accounts.ts';
import { openRequest } from '../../store/requests/open.ts';
import { loadRequest } from '../../store/requests/requests.ts';
import { withDatabase } from '../open.ts';
import { statementsOf } from '../rights/statements.ts';
import { keyOf, limitOf, moment, type Terminal, type WordOptions, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';
import { type ScopeOptions, type Wanted, wantedOf } from './access-scopes.ts';

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of "90m". @throws PermanentError `usage` */
function secondsOf(text: string | undefined): number {
  const [, n, unit] = /^(\d{1,6})([smhd])$/.exec(text ?? '') ?? [];
  if (unit === undefined || Number(n) === 0)
    throw new PermanentError('usage', 'Say for how long you need it: --for 90m, --for 2h or --for 1d.');
  return Number(n) * UNITS[unit]!;
}

export interface RequestOptions extends WordOptions, ScopeOptions {
  for?: string;
  uses?: string;
  /** The service principal that asks. */
  service?: string;
}

/**
 * `access request KIND`: asks for a right to be lent, and prints the secret that works once it is. The secret
 * is made here: the database and the target get what it is verified by alone.
 * @throws PermanentError `usage`, `no_rule`, `nobody_can_approve`, `may_not_hold`
 */
export async function runAccessRequest(
  config: Config,
  kind: string,
  options: RequestOptions,
  { out }: Terminal,
): Promise<number> {
  const word = wordOf(options);
  const asker = askerOf(word, options.service);
  const { holder } = asker;
  const wanted = wantedOf(config, kind, options);
  const seconds = options.for === undefined && wanted.defaultSeconds !== null ? wanted.defaultSeconds : secondsOf(options.for);
  if (seconds > wanted.longestSeconds)
    throw new PermanentError('usage', `${wanted.server} lends for ${durationText(wanted.longestSeconds)} at most.`);
  const tooFew = wanted.shortest?.(seconds) ?? null;
  if (tooFew !== null) throw new PermanentError('usage', tooFew);
  const uses = options.uses === undefined ? null : limitOf(options.uses, '--uses');
  if (uses !== null && !wanted.countsUses)
    throw new PermanentError('usage', `${wanted.kind} does not say how often it was used: leave out --uses.`);
  const { rules } = config.approvals;
  if (rules.length === 0)
    throw new PermanentError('no_rule', 'approvals has no rules, so no right can be granted: say who decides (docs/access.md).');
  return withDatabase(config, async (db) => {
    await checkHolder(db, asker, wanted);
    const plan = planGrant({
      domain: wanted.domain,
      kind: wanted.kind,
      holder,
      holder_kind: asker.kind,
      groups: asker.kind === 'service' ? [] : [...wanted.for],
      server: wanted.server,
      scope: wanted.scope,
      seconds,
      uses,
      credential: wanted.secret?.credential ?? null,
      risk: wanted.risk,
    });
    const given = { plan, requester: holder, requester_kind: asker.kind, why: asker.why };
    const key = (await openRequest(db, rules, { ...given, credential: wanted.secret?.credential ?? null }))!;
    const { state } = await loadRequest(db, key);
    const grant = await grantOf(db, key);
    out(escaped(plan.summary));
    out(`Request ${key} is open, for grant ${grant.grant_key}: ${STATE_WORDS[state]}. Its time begins when it is applied.`);
    out(escaped(grantKind(wanted.kind).usage(grant.name, wanted.server)));
    if (wanted.secret === null) return;
    out(`${wanted.kind === 'access.dns-provider' ? 'Key' : 'Password'}, shown this once: ${wanted.secret.secret}`);
  });
}

interface Asker {
  holder: string;
  kind: 'person' | 'service';
  why: string;
}

/** Who asks and will hold it. Of a service principal, the reason says who typed it. */
function askerOf({ by, why }: { by: string; why: string }, service: string | undefined): Asker {
  return service === undefined
    ? { holder: by.toLowerCase(), kind: 'person', why }
    : { holder: service.trim().toLowerCase(), kind: 'service', why: `${why} (asked by ${by})` };
}

/** @throws PermanentError `may_not_hold` */
async function checkHolder(db: Db, { holder, kind }: Asker, wanted: Pick<Wanted, 'kind' | 'for' | 'services'>): Promise<void> {
  const refuse = (why: string) => new PermanentError('may_not_hold', `${holder} may not hold it: ${why}`);
  if (kind === 'service') {
    if (wanted.kind === 'access.console') throw refuse('a service principal does not sign in to the console.');
    if (!wanted.services.includes(holder)) throw refuse('the target names no such service principal (services, docs/access.md).');
    if (!(await serviceMayHold(db, holder))) throw refuse('it is no service principal, has ended, or its owner is gone.');
    return;
  }
  if (await mayHold(db, holder, wanted.for)) return;
  const who =
    wanted.for.length > 0
      ? `people of ${wanted.for.join(', ')} may`
      : 'people of the groups of approvals, and of the console, may';
  throw refuse(`${who}. Say who you are with --by.`);
}

const STATES: Record<ShownGrant['state'], string> = {
  asked: 'requested',
  applying: 'being granted',
  active: 'granted',
  ending: 'ending',
  ended: 'ended',
  void: 'never granted',
};

/** `access list`: what is asked for and lent, the newest first. */
export async function runAccessList(
  config: Config,
  options: { all?: boolean; domain?: string; limit?: string; json?: boolean },
  out: Terminal['out'],
): Promise<number> {
  const limit = limitOf(options.limit);
  return withDatabase(config, async (db) => {
    const domain = options.domain === undefined ? null : normalDomain(options.domain);
    const rows = await listGrants(db, { open: options.all !== true, domain, limit });
    if (options.json) {
      for (const row of rows) out(jsonText(row));
      return;
    }
    if (rows.length === 0) return out(options.all ? 'No right was ever granted.' : 'No right is granted or requested.');
    out(
      table(
        ['key', 'state', 'holder', 'what', 'name', 'ends'],
        rows.map((row) => [
          String(row.grant_key),
          row.state === 'ending' ? `ending: ${row.answer ?? row.end_reason}` : STATES[row.state],
          row.holder,
          grantWords(row),
          row.name,
          row.state === 'ended'
            ? moment(row.ended_at!)
            : row.ends_at === null
              ? `after ${durationText(row.seconds)}`
              : moment(row.ends_at),
        ]),
        { widths: [6, 40, 40, 60, 40, 24] },
      ),
    );
  });
}

const WAIT_MS = 5_000;
const LOOK_MS = 100;

/**
 * `access end ID` and `access end --all`: from this moment the grants count for nothing; the applier takes
 * them from their targets, which is waited for.
 * @returns exit code 1 when some have not ended at their targets in 5 seconds
 * @throws PermanentError `usage`, `no_grant`
 */
export async function runAccessEnd(
  config: Config,
  key: string | undefined,
  options: WordOptions & { all?: boolean; domain?: string },
  { out }: Terminal,
): Promise<number> {
  if ((key === undefined) === (options.all !== true))
    throw new PermanentError('usage', 'Name a grant, as "ruawatch access list" does, or say --all.');
  const word = wordOf(options);
  let code = 0;
  await withDatabase(config, async (db) => {
    const domain = options.domain === undefined ? null : normalDomain(options.domain);
    const grants =
      key === undefined
        ? await listGrants(db, { open: true, domain, limit: 100_000 })
        : [await loadGrant(db, keyOf(key, 'grant'))];
    const reason = `Ended by ${word.by}: ${word.why}`;
    const ended: number[] = [];
    for (const grant of grants) if (await beginEnd(db, grant, { reason, by: word.by }, null)) ended.push(grant.grant_key);
    if (ended.length === 0) return out('There was nothing to end.');
    const left = await waitForEnds(db, ended);
    out(`Ended: ${ended.filter((one) => !left.has(one)).join(', ') || 'none'}.`);
    for (const [one, answer] of left)
      out(escaped(`Grant ${one} counts for nothing any more, and its target has not confirmed: ${answer}`));
    code = left.size === 0 ? 0 : 1;
  });
  return code;
}

/** @returns those that their targets still have, with what was answered */
async function waitForEnds(db: Db, keys: readonly number[]): Promise<Map<number, string>> {
  const begun = performance.now();
  for (;;) {
    const left = new Map<number, string>();
    for (const key of keys) {
      const { state, answer } = await loadGrant(db, key);
      if (state === 'ending') left.set(key, answer ?? 'no applier has tried yet; is "ruawatch start" running?');
    }
    if (left.size === 0 || performance.now() - begun > WAIT_MS) return left;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/**
 * `access secret ID`: opens what a target made when it lent, with the key that was shown when it was asked
 * for.
 * @param key that key: from the standard input, so that no list of processes shows it
 * @throws PermanentError `no_secret`, `wrong_key`
 */
export async function runAccessSecret(
  config: Config,
  grant: string,
  key: string,
  { out }: Pick<Terminal, 'out'>,
): Promise<number> {
  const number = keyOf(grant, 'grant');
  return withDatabase(config, async (db) => {
    await loadGrant(db, number);
    const sealed = await sealedOf(db, number);
    if (sealed === null)
      throw new PermanentError(
        'no_secret',
        `Grant ${number} has nothing to open: it is not granted yet, has ended, or its secret was shown at the request.`,
      );
    try {
      out(openSealed(key, sealed));
    } catch (error) {
      throw new PermanentError('wrong_key', messageOf(error), error);
    }
  });
}

/**
 * `access statements ID`: what was run with a lent role, as far as the server's log has it.
 * @throws PermanentError `usage`, `no_grant`, `no_log`
 */
export async function runAccessStatements(config: Config, key: string, { out }: Pick<Terminal, 'out'>): Promise<number> {
  const number = keyOf(key, 'grant');
  return withDatabase(config, async (db) => {
    const { kind, server, name } = await loadGrant(db, number);
    if (kind !== 'access.database')
      throw new PermanentError('usage', `Grant ${number} is of ${kind}: only databases log statements.`);
    const folder = config.access.databases.find((one) => one.name === server)?.logFolder ?? null;
    if (folder === null)
      throw new PermanentError(
        'no_log',
        `Name the folder of its log: log_folder of ${server} in access.database. The server needs logging_collector = on and log_destination = jsonlog (15 and newer) or csvlog.`,
      );
    let some = false;
    try {
      for await (const { at, database, statement } of statementsOf(folder, name)) {
        some = true;
        out(escaped(`${at}  ${database}  ${statement}`));
      }
    } catch (error) {
      throw new PermanentError('no_log', `The log of ${server} cannot be read: ${messageOf(error)}`, error);
    }
    if (!some) out(`The log has no statement of ${name}.`);
  });
}

/**
 * `access setup SERVER`: the SQL that makes a Postgres server able to lend roles, or mail accounts that
 * Dovecot and Postfix read.
 * @throws PermanentError `usage`
 */
export function runAccessSetup(
  { access }: Config,
  name: string,
  options: { login?: string; reader?: string },
  out: Terminal['out'],
): number {
  const mail = access.mail.find((one) => one.name === name);
  if (mail?.accounts.by === 'sql') {
    const user = options.login ?? decodeURIComponent(new URL(mail.accounts.url()).username);
    if (user === '' || options.reader === undefined)
      throw new PermanentError(
        'usage',
        'Say --reader, the login of Dovecot and Postfix, and --login where the URL names no user.',
      );
    out(mailSetup(user, options.reader));
    return 0;
  }
  const server = access.databases.find((one) => one.name === name);
  if (server === undefined)
    throw new PermanentError('usage', `The settings (access.database, access.email by SQL) have no server "${name}".`);
  const login = options.login ?? decodeURIComponent(new URL(server.url()).username);
  if (login === '') throw new PermanentError('usage', 'The URL names no user: say --login.');
  out(lendSetup(login, server.groups));
  return 0;
}
