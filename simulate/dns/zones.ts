import { generateKeyPairSync } from 'node:crypto';
import { catalogueOf } from '../../services/analyzer/index.ts';
import type { Dns, RecordData } from '../../services/dns/client/types.ts';
import { type Planned, withPlanned } from '../../services/dns/planned.ts';
import { add, stringsOf } from '../../services/dns/zonefile.ts';
import { networkOf } from '../../services/report/address.ts';
import type { Domain, Flow, World } from '../model.ts';

/** A change of what a domain publishes, on the report days from `from` to `to`. */
export interface DnsChange {
  domain: string;
  from: number;
  to: number;
  /** Changes the records as the mail of the domain needs them. */
  apply?: (records: Planned) => void;
  /** These names cannot be looked up: SERVFAIL. */
  fails?: readonly string[];
}

/** What is published outside the domain: nothing but what the records name. */
const NOTHING: Dns = {
  ask: (name) => Promise.resolve({ state: 'nxdomain', name, aliases: [], ttl: 60, authenticated: false }),
};

/** The name service of a world: the records that the mail of each domain needs, and what was changed. */
export function nameService(world: World, changes: readonly DnsChange[]): (tick: number) => Dns {
  return (tick) => {
    // The last evening is after the last report day: nothing is taken back on it.
    const day = Math.min(tick, world.days - 1);
    const planned: Planned = new Map();
    for (const domain of world.domains) publish(planned, domain, day);
    const active = changes.filter(({ from, to }) => day >= from && day <= to);
    for (const { apply } of active) apply?.(planned);
    const failing = new Set(active.flatMap(({ fails = [] }) => fails));
    const dns = withPlanned(planned, NOTHING);
    return {
      ask: (name, type, options) =>
        failing.has(name)
          ? Promise.resolve({ state: 'unknown', reason: 'servfail', message: `Nobody could say what ${name} holds (${type}).` })
          : dns.ask(name, type, options),
    };
  };
}

/** Replaces the TXT records of a name; none: they are gone. */
export function setTexts(records: Planned, name: string, ...texts: string[]): void {
  records.set(name, { ...records.get(name), TXT: texts.map((text) => stringsOf(text)) });
}

/** The TXT records of a name, each joined. */
export function textsAt(records: Planned, name: string): string[] {
  return ((records.get(name)?.TXT ?? []) as RecordData['TXT'][]).map((strings) => strings.join(''));
}

/** The term that lets the mail of a flow pass SPF: an include of the service's own, or its networks. */
export function spfTerm(flow: Flow): string {
  if (flow.id.startsWith('own servers')) return networksOf(flow).map(termOf).join(' ');
  return `include:${includeOf(flow)}`;
}

const catalogue = catalogueOf({ sendersFile: null });

function includeOf(flow: Flow): string {
  const service = flow.id.split('/')[0]!;
  return catalogue.senders.get(service)?.include[0] ?? `spf.${service.replace(/[^a-z0-9]/g, '-')}.example`;
}

const networksOf = ({ addresses }: Flow) => [...new Set(addresses.map((ip) => networkOf(ip)))];
const termOf = (network: string) => `${network.includes(':') ? 'ip6' : 'ip4'}:${network}`;

/** The key behind every selector: which one it is makes no difference. */
const KEY = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .publicKey.export({ type: 'spki', format: 'der' })
  .toString('base64');
export const KEY_RECORD = `v=DKIM1; k=rsa; p=${KEY}`;

function publish(planned: Planned, domain: Domain, day: number): void {
  const { name, flows } = domain;
  add(planned, name, 'MX', { preference: 10, exchange: `mx.${name}` });
  add(planned, `mx.${name}`, 'A', '192.0.2.10');
  add(planned, `_smtp._tls.${name}`, 'TXT', [`v=TLSRPTv1; rua=mailto:tls@${name}`]);
  const policy = { ...domain.policy };
  for (const { from, to, incident: _, ...change } of domain.policyChanges)
    if (day >= from && day <= to) Object.assign(policy, change);
  const tags = (['p', 'sp', 'adkim', 'aspf'] as const).flatMap((tag) => (policy[tag] ? [`${tag}=${policy[tag]}`] : []));
  setTexts(planned, `_dmarc.${name}`, `v=DMARC1; ${tags.join('; ')}; rua=mailto:dmarc@${name}`);
  const passing = flows.filter(({ spf, id }) => spf.domain === name && spf.result === 'pass' && !id.startsWith('forwarder'));
  setTexts(planned, name, ['v=spf1', ...new Set(passing.map(spfTerm)), '~all'].join(' '));
  for (const flow of passing) if (!flow.id.startsWith('own servers')) include(planned, flow);
  for (const { domain: signer, selector, result } of flows.flatMap(({ dkim }) => dkim))
    if (result === 'pass' && (signer === name || signer.endsWith(`.${name}`)))
      setTexts(planned, `${selector}._domainkey.${signer}`, KEY_RECORD);
}

/** The record of a service, with the networks of all that is sent through it. */
function include(planned: Planned, flow: Flow): void {
  const name = includeOf(flow);
  const before = textsAt(planned, name)[0]?.split(' ').slice(1, -1) ?? [];
  setTexts(planned, name, ['v=spf1', ...new Set([...before, ...networksOf(flow).map(termOf)]), '~all'].join(' '));
}
