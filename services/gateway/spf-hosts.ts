import { lowerName } from '../dns/client/name.ts';
import type { Dns } from '../dns/client/types.ts';
import { evaluateSpf } from '../dns/spf/evaluate.ts';
import { openTo } from '../dns/spf/open-to.ts';
import { isWithin } from '../dns/wire/received.ts';
import { letsSend } from '../requests/authority.ts';
import type { DnsChange } from '../requests/plan.ts';

/** Addresses that no record lets pass, so that every term is looked at. */
const PROBES = ['0.0.0.1', '100::1'];
/** Names between a changed one and the domain whose SPF is looked at. */
const MOST_BETWEEN = 8;

/**
 * Whether records would be added to a host that SPF of an own domain names, or of a name between: by `a`,
 * `mx` or `exists`, also behind an include. Whoever has such an address sends as the domain, and no SPF
 * record has changed.
 * @param states with all changes of the update, and without
 * @returns a sentence; null for none
 */
export async function opensSpf(
  changes: readonly DnsChange[],
  own: readonly string[],
  { now, later }: { now: Dns; later: Dns },
): Promise<string | null> {
  const hosts = changes.filter(
    ({ type, before, after }) => type !== 'TXT' && after.some(({ wire }) => !before.some((one) => one.wire === wire)),
  );
  if (hosts.length === 0) return null;
  const senders = new Set([...own, ...hosts.flatMap(({ name }) => between(name, own))]);
  for (const domain of senders) {
    const answer = await later.ask(domain, 'TXT');
    if (answer.state !== 'records' || !answer.records.some((strings) => letsSend(strings.join('')))) continue;
    const asked = new Set([...(await namesAsked(domain, now)), ...(await namesAsked(domain, later))]);
    // A name with a macro is another one for each mail.
    const ends = (await openTo(domain, later)).asked.map(({ name }) => name);
    for (const { name } of hosts)
      if (asked.has(name) || ends.some((end) => end !== '' && isWithin(name, end)))
        return `${name} is a host that SPF of ${domain} names: whoever has what is added could send as ${domain}.`;
  }
  return null;
}

/** A name and those above it, below the own domain that they belong to. */
function between(name: string, own: readonly string[]): string[] {
  const domain = own.filter((one) => name.endsWith(`.${one}`)).sort((a, b) => b.length - a.length)[0];
  if (domain === undefined) return [];
  const labels = name.slice(0, -domain.length - 1).split('.');
  return labels.slice(-MOST_BETWEEN).map((_, at, { length }) => [...labels.slice(at - length), domain].join('.'));
}

/**
 * The names of hosts, and all that they are aliases of, that are asked for somebody whom SPF does not let
 * pass.
 */
async function namesAsked(domain: string, dns: Dns): Promise<string[]> {
  const asked: string[] = [];
  const listening: Dns = {
    async ask(name, type, options) {
      const answer = await dns.ask(name, type, options);
      if (type !== 'TXT') asked.push(lowerName(name), ...(answer.state === 'unknown' ? [] : answer.aliases.map(lowerName)));
      return answer;
    },
  };
  for (const ip of PROBES) await evaluateSpf({ ip, helo: domain, mailFrom: `postmaster@${domain}` }, listening);
  return asked;
}
