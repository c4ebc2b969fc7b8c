import type { Dns } from '../../dns/client/types.ts';
import { lookalikesOf } from '../../dns/lookalikes/lookalikes.ts';
import { lookUp, type Registered, type Survey, surveyLookalikes } from '../../dns/lookalikes/registered.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { type DueLookalike, ignoreLookalike, listLookalikes, watchLookalikeAgain } from '../../store/dns/lookalikes.ts';
import { serversOf } from '../check-options.ts';
import { withDatabase } from '../open.ts';
import { systemUser, type Terminal, wordOf } from '../terminal/options.ts';
import { table } from '../terminal/table.ts';
import { matchFeed } from './lookalike-names.ts';

export interface LookalikeCommandOptions {
  full?: boolean;
  most?: string;
  json?: boolean;
  resolver?: string[];
  names?: string;
  word?: string[];
  stored?: boolean;
  ignore?: string;
  unignore?: string;
  why?: string;
  by?: string;
}

/** Names looked up without --full, and queries a second. */
const MOST = 1_000;
const PER_SECOND = 100;

/**
 * `dns lookalikes`: which names that may be mistaken for a domain are registered, the most similar first: as
 * DNS says now, or (`--stored`, or without a domain) as the watcher found them. `--names` matches a feed of
 * names instead.
 * @returns 0; 3 when some names could not be looked up and none is registered
 * @throws PermanentError `usage`, `names_file`
 */
export async function runLookalikes(
  config: Config,
  given: string | undefined,
  options: LookalikeCommandOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  const domain = given === undefined ? null : domainOf(given);
  if (options.ignore !== undefined || options.unignore !== undefined) return decide(config, domain, options, { out, now });
  if (domain === null || options.stored) return listStored(config, domain, options, out);
  const base = organizationalDomain(domain);
  if (!base.includes('.')) throw new PermanentError('usage', `"${given}" is not a domain.`);
  const most = options.full ? Number.POSITIVE_INFINITY : mostOf(options.most);
  const servers = serversOf(config, options);
  const dot = base.indexOf('.');
  const [label, suffix] = [base.slice(0, dot), base.slice(dot + 1)];
  const all = lookalikesOf({ label, suffix });
  const dns = openDns(servers, { perSecond: PER_SECOND });
  if (options.names !== undefined) {
    const permutations = new Map(all.map((one) => [one.name, one]));
    const words = [label, ...(options.word ?? []).flatMap((text) => text.toLowerCase().split(',')).filter(Boolean)];
    const own = [base, ...config.domains.map(normalDomain)];
    const feed = await matchFeed(options.names, { words, permutations, own, registrable: organizationalDomain });
    return printFeed(base, feed, dns, { json: options.json === true, out });
  }
  const survey = await surveyLookalikes(base, all.slice(0, most), dns);
  if (options.json) out(jsonText({ domain: base, candidates: all.length, ...survey }, 2));
  else for (const line of linesOf(base, all.length, survey)) out(line);
  return survey.unknown > 0 && survey.registered.length === 0 ? 3 : 0;
}

/** Names of a feed that are looked up; the rest is listed without. */
const LOOKED_UP = 200;

/** The matches of a feed, with what DNS says of them. */
async function printFeed(
  domain: string,
  { lines, matches }: Awaited<ReturnType<typeof matchFeed>>,
  dns: Dns,
  { json, out }: { json: boolean; out: (line: string) => void },
): Promise<number> {
  const found: { name: string; kind: string; word: string | null; mail_hosts: readonly string[] | null }[] = [];
  for (const [i, match] of matches.entries()) {
    const looked = i < LOOKED_UP ? await lookUp(match.name, dns) : null;
    found.push({ ...match, mail_hosts: looked?.mailHosts ?? null });
  }
  if (json) {
    out(jsonText({ domain, lines, matches: found }, 2));
    return 0;
  }
  const rowOf = ({ name, kind, word, mail_hosts }: (typeof found)[number]) => [
    name,
    word === null ? kind : `has "${word}" in it`,
    mail_hosts === null ? '?' : mail_hosts.slice(0, 2).join(', '),
  ];
  if (found.length > 0) for (const line of table(['name', 'why', 'mail'], found.map(rowOf)).split('\n')) out(line);
  out(`${counted(found.length, 'name')} of ${counted(lines, 'line')} may be mistaken for ${domain}.`);
  return 0;
}

/** What the watcher found. */
async function listStored(
  config: Config,
  domain: string | null,
  { json }: LookalikeCommandOptions,
  out: (line: string) => void,
): Promise<number> {
  return withDatabase(config, async (db) => {
    const rows = await listLookalikes(db, domain === null ? null : [domain]);
    if (json)
      return out(
        jsonText(
          rows.map(({ rank: _rank, answered_at: _answered, before: _before, ...row }) => row),
          2,
        ),
      );
    if (rows.length > 0) {
      const head = ['domain', 'name', 'kind', 'since', 'mail', 'state'];
      for (const line of table(head, rows.map(storedRow)).split('\n')) out(line);
    }
    const of = domain === null ? 'own domains' : domain;
    out(`${counted(rows.length, 'registered name')} that may be mistaken for ${of}, as the watcher found them.`);
  });
}

function storedRow({ domain, name, kind, first_seen, mail_hosts, ...one }: DueLookalike): string[] {
  const since = one.baseline ? 'before the watch' : first_seen!.toISOString().slice(0, 10);
  return [domain, name, kind, since, (mail_hosts ?? []).slice(0, 2).join(', '), stateOf(one)];
}

function stateOf(
  one: Pick<DueLookalike, 'ignored_at' | 'ignored_why' | 'registered' | 'yours' | 'change' | 'changed_at' | 'baseline'>,
): string {
  if (one.ignored_at !== null) return `ignored: ${one.ignored_why}`;
  if (!one.registered) return 'no longer registered';
  if (one.yours) return 'as yours';
  if (one.change === null) return '';
  const what = !one.baseline ? 'new' : one.change === 'mail' ? 'other mail hosts' : 'other DMARC record';
  return `${what} (${one.changed_at!.toISOString().slice(0, 10)})`;
}

/** A person says that a name does not matter, or does again. */
async function decide(
  config: Config,
  domain: string | null,
  { ignore, unignore, why, by }: LookalikeCommandOptions,
  { out, now = new Date() }: Terminal,
): Promise<number> {
  if (domain === null)
    throw new PermanentError('usage', 'Name the domain that it looks like: ruawatch dns lookalikes DOMAIN --ignore NAME.');
  if (ignore !== undefined && unignore !== undefined)
    throw new PermanentError('usage', '--ignore and --unignore exclude each other: keep one.');
  if (ignore !== undefined && why === undefined)
    throw new PermanentError('usage', '--ignore needs --why, which is kept with the name.');
  const name = domainOf((ignore ?? unignore)!);
  return withDatabase(config, async (db) => {
    const word =
      ignore === undefined ? { by: by ?? systemUser(), why: '' } : wordOf({ why: why!, ...(by !== undefined && { by }) });
    const known =
      ignore === undefined
        ? await watchLookalikeAgain(db, domain, name, now)
        : await ignoreLookalike(db, { domain, name }, word, now);
    if (!known)
      throw new PermanentError(
        'usage',
        `${name} is not among the names that are watched for ${domain}: see "ruawatch dns lookalikes ${domain} --stored".`,
      );
    out(ignore === undefined ? `${name} is watched again.` : `${name} is ignored from now on.`);
  });
}

/** @throws PermanentError `usage` */
function domainOf(given: string): string {
  const domain = normalDomain(given);
  if (!/^[a-z0-9.-]+$/.test(domain) || !domain.includes('.')) throw new PermanentError('usage', `"${given}" is not a domain.`);
  return domain;
}

function mostOf(given: string | undefined): number {
  if (given === undefined) return MOST;
  if (!/^[1-9]\d{0,5}$/.test(given)) throw new PermanentError('usage', '--most must be a number from 1 to 999999.');
  return Number(given);
}

function* linesOf(domain: string, candidates: number, { registered, asked, unknown }: Survey): Generator<string> {
  if (registered.length > 0) yield* table(['name', 'shown as', 'kind', 'mail', 'name servers'], registered.map(row)).split('\n');
  const of = asked < candidates ? ` of ${candidates.toLocaleString('en')}` : '';
  const more = asked < candidates ? ' Use --full to look up all of them.' : '';
  const failed = unknown === 0 ? '' : ` ${unknown.toLocaleString('en')} could not be looked up.`;
  yield `${registered.length} of ${asked.toLocaleString('en')} names that look like ${domain} are registered (the most similar${of}).${failed}${more}`;
}

function row({ name, shown, kind, mailHosts, servers, sameServers }: Registered): string[] {
  return [
    name,
    shown === name ? '' : shown,
    kind,
    mailHosts.slice(0, 2).join(', '),
    `${servers.slice(0, 2).join(', ')}${sameServers ? ' (as yours)' : ''}`,
  ];
}
