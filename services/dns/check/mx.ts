import { isIP } from 'node:net';
import type { AskOptions, Dns } from '../client/types.ts';
import { type Finding, finding } from './finding.ts';
import { PRIVATE } from './spf-terms.ts';

export interface MxCheck {
  findings: Finding[];
  state: 'hosts' | 'null' | 'address' | 'none' | 'unknown';
  /** In the order of their preference, in lower case. */
  hosts: readonly string[];
}

/** Hosts that are looked at; a record set may hold any number. */
const MOST_HOSTS = 20;
const TEXT = (hosts: readonly { preference: number; exchange: string }[]) =>
  hosts.map(({ preference, exchange }) => `${preference} ${exchange}`).join('\n');

/**
 * Checks where a domain receives mail: its MX records and their addresses (RFC 5321 section 5.1, RFC 7505).
 */
export async function checkMx(domain: string, dns: Dns, options: AskOptions = {}): Promise<MxCheck> {
  const answer = await dns.ask(domain, 'MX', options);
  if (answer.state === 'unknown')
    return { state: 'unknown', hosts: [], findings: [finding('mx_unknown', { domain, message: answer.message })] };
  if (answer.state !== 'records') {
    const [v4, v6] = await Promise.all([dns.ask(domain, 'A', options), dns.ask(domain, 'AAAA', options)]);
    const state = v4.state === 'records' || v6.state === 'records' ? 'address' : 'none';
    const message =
      state === 'address'
        ? `${domain} has no MX record: mail goes to the address of the domain itself. Publish an MX record, or "0 ." if the domain takes no mail.`
        : `${domain} has no MX record and no address, so it takes no mail, bounces included. Say so with the MX record "0 .".`;
    return { state, hosts: [], findings: [finding('mx_missing', { domain, message })] };
  }
  const sorted = [...answer.records].sort((a, b) => a.preference - b.preference);
  const record = { name: domain, text: TEXT(sorted) };
  const names = [...new Set(sorted.map(({ exchange }) => exchange.toLowerCase()))];
  if (names.every((name) => name === '.' || name === '')) return { state: 'null', hosts: [], findings: [] };
  const findings: Finding[] = [];
  const hosts = names.filter((name) => name !== '.' && name !== '');
  if (hosts.length < names.length) {
    const message = `${domain} has the MX record "0 .", which means that it accepts no mail, next to records that name hosts. Remove it.`;
    findings.push(finding('mx_null_beside', { domain, message, record }));
  }
  const checks = await Promise.all(hosts.slice(0, MOST_HOSTS).map((host) => checkHost({ domain, record }, host, dns, options)));
  return { state: 'hosts', hosts, findings: [...findings, ...checks.flat()] };
}

async function checkHost(
  { domain, record }: { domain: string; record: Finding['record'] },
  host: string,
  dns: Dns,
  options: AskOptions,
): Promise<Finding[]> {
  const at = record?.text.indexOf(host) ?? -1;
  const place = at < 0 ? null : { at, text: host };
  if (isIP(host) !== 0) {
    const message = `The MX record of ${domain} names ${host}, which is an address: it must name a host (RFC 1035 section 3.3.9), and no mail is delivered there.`;
    return [finding('mx_no_address', { domain, message, record, place })];
  }
  const [v4, v6] = await Promise.all([dns.ask(host, 'A', options), dns.ask(host, 'AAAA', options)]);
  const found: Finding[] = [];
  const alias = [v4, v6].find((answer) => answer.state !== 'unknown' && answer.aliases.length > 0);
  if (alias !== undefined && alias.state !== 'unknown') {
    const message = `The mail host ${host} of ${domain} is an alias (CNAME) of ${alias.aliases.at(-1)}. An MX record must name a host with addresses; some senders do not follow aliases.`;
    found.push(finding('mx_alias', { domain, message, record, place }));
  }
  const addresses = [v4, v6].flatMap((answer) => (answer.state === 'records' ? answer.records : []));
  if (addresses.length > 0) {
    if (v4.state === 'unknown' || v6.state === 'unknown' || !addresses.every((one) => PRIVATE.contains(one))) return found;
    const message = `The mail host ${host} of ${domain} has private addresses alone (${addresses.join(', ')}): nobody outside can deliver mail there.`;
    return [...found, finding('mx_no_address', { domain, message, record, place })];
  }
  if (v4.state === 'unknown' || v6.state === 'unknown') {
    const message = v4.state === 'unknown' ? v4.message : v6.state === 'unknown' ? v6.message : '';
    return [...found, finding('mx_unknown', { domain, message })];
  }
  const message = `The mail host ${host} of ${domain} has no address: no mail can be delivered there.`;
  return [...found, finding('mx_no_address', { domain, message, record, place })];
}
