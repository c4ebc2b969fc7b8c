import type { Answer, AskOptions, Dns } from '../../dns/client/types.ts';
import { isSts } from '../../dns/mta-sts.ts';
import type { DnsChange } from '../plan.ts';

/** Hosts of a domain's mail that are looked at; a record set may hold any number. */
const MOST_HOSTS = 20;
/** Addresses that a sentence names. */
const MOST_NAMED = 3;

/**
 * Where the mail of a domain goes that others send: who gets it, and whether it has to be encrypted on its
 * way.
 */
interface MailPath {
  /** In lower case; the domain itself where it has no MX record (RFC 5321 section 5.1). */
  hosts: readonly string[];
  /** Of all these hosts. */
  addresses: ReadonlySet<string>;
  /** It has an MTA-STS record (RFC 8461). */
  sts: boolean;
  /** Of the host that serves the policy. */
  served: ReadonlySet<string>;
}

/**
 * What changes do to the mail that a domain gets, in sentences: whether it goes to hosts or addresses to
 * which it does not go now, and whether somebody else would serve its MTA-STS policy. Empty where none of the
 * changes can bear on it.
 */
export async function movedMail(
  domain: string,
  changes: readonly DnsChange[],
  states: { now: Dns; later: Dns },
  options: AskOptions = {},
): Promise<string[]> {
  if (changes.every(({ type }) => type === 'TXT')) return [];
  const [before, after] = await Promise.all([pathOf(domain, states.now, options), pathOf(domain, states.later, options)]);
  const warnings: string[] = [];
  const hosts = after.hosts.filter((one) => !before.hosts.includes(one));
  const fresh = [...after.addresses].filter((one) => !before.addresses.has(one));
  if (hosts.length > 0) warnings.push(`Mail to ${domain} would go to ${listed(hosts)}, to which it does not go now.`);
  else if (fresh.length > 0) warnings.push(`Mail to ${domain} would go to ${listed(fresh)}, to which it does not go now.`);
  const policy = [...after.served].filter((one) => !before.served.has(one));
  if (before.sts && policy.length > 0)
    warnings.push(`The MTA-STS policy of ${domain} would be served by ${listed(policy)}, which does not serve it now.`);
  return warnings;
}

async function pathOf(domain: string, dns: Dns, options: AskOptions): Promise<MailPath> {
  const [mx, sts] = await Promise.all([dns.ask(domain, 'MX', options), dns.ask(`_mta-sts.${domain}`, 'TXT', options)]);
  const named = recordsOf(mx).map(({ exchange }) => exchange.toLowerCase().replace(/\.$/, ''));
  // The MX record "0 ." says that there is no host (RFC 7505).
  const hosts = (named.length > 0 ? named : [domain]).filter((one) => one !== '').slice(0, MOST_HOSTS);
  const addresses = await Promise.all(hosts.map((host) => addressesOf(host, dns, options)));
  const reached = hosts.filter((host, at) => named.includes(host) || addresses[at]!.length > 0);
  return {
    hosts: [...new Set(reached)],
    addresses: new Set(addresses.flat()),
    sts: recordsOf(sts).some((strings) => isSts(strings.join(''))),
    served: new Set(await addressesOf(`mta-sts.${domain}`, dns, options)),
  };
}

async function addressesOf(host: string, dns: Dns, options: AskOptions): Promise<string[]> {
  const [v4, v6] = await Promise.all([dns.ask(host, 'A', options), dns.ask(host, 'AAAA', options)]);
  return [...recordsOf(v4), ...recordsOf(v6)];
}

/** What nobody could say counts as nothing: what is planned there is new. */
const recordsOf = <T extends 'MX' | 'TXT' | 'A' | 'AAAA'>(answer: Answer<T>) =>
  answer.state === 'records' ? answer.records : [];

const listed = (names: readonly string[]): string =>
  names.length <= MOST_NAMED
    ? names.join(', ')
    : `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`;
