import { parseServer } from '../../dns/client/servers.ts';
import { lookalikesOf } from '../../dns/lookalikes/lookalikes.ts';
import { type Registered, type Survey, surveyLookalikes } from '../../dns/lookalikes/registered.ts';
import { normalDomain, organizationalDomain } from '../../report/orgdomain.ts';
import { PermanentError } from '../../shared/errors.ts';
import { jsonText } from '../../shared/escape.ts';
import { openDns } from '../../shared/runtime/resolver.ts';
import type { Config } from '../../shared/settings/config.ts';
import { table } from '../terminal/table.ts';

export interface LookalikeCommandOptions {
  full?: boolean;
  most?: string;
  json?: boolean;
  resolver?: string[];
}

/** Names looked up without --full, and queries a second. */
const MOST = 1_000;
const PER_SECOND = 100;

/**
 * `dns lookalikes`: which names that may be mistaken for a domain are registered, the most similar first.
 * @returns 0; 3 when some names could not be looked up and none is registered
 * @throws PermanentError `usage`
 */
export async function runLookalikes(
  config: Config,
  given: string,
  options: LookalikeCommandOptions,
  out: (line: string) => void,
): Promise<number> {
  const domain = normalDomain(given);
  const base = organizationalDomain(domain);
  if (!base.includes('.') || !/^[a-z0-9.-]+$/.test(base)) throw new PermanentError('usage', `"${given}" is not a domain.`);
  const most = options.full ? Number.POSITIVE_INFINITY : mostOf(options.most);
  const servers = options.resolver ?? config.dnsServers;
  for (const server of servers)
    if (parseServer(server) === null)
      throw new PermanentError('usage', `--resolver "${server}" is not an address or address:port.`);
  const dot = base.indexOf('.');
  const all = lookalikesOf({ label: base.slice(0, dot), suffix: base.slice(dot + 1) });
  const survey = await surveyLookalikes(base, all.slice(0, most), openDns(servers, { perSecond: PER_SECOND }));
  if (options.json) out(jsonText({ domain: base, candidates: all.length, ...survey }, 2));
  else for (const line of linesOf(base, all.length, survey)) out(line);
  return survey.unknown > 0 && survey.registered.length === 0 ? 3 : 0;
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
