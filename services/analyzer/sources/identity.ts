import { canonicalAddress, networkOf } from '../../report/address.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { counted, short } from '../../shared/format.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import type { Identity, NetworkFacts } from '../../store/sources/identities.ts';
import { type Catalogue, lookup, type Sender } from '../senders/catalogue.ts';
import { stated } from '../statistics/confidence.ts';
import { saidToForward, signerOf, total } from '../window.ts';

/** What the sources that are one of many share: a botnet is one sender. */
const UNAUTHENTICATED = 'unauthenticated';
/**
 * How sure a name is by what it rests on: a signature cannot be had without its key, an envelope is checked
 * by address, a name by its owner.
 */
const SURE = { dkim: 0.95, spf: 0.9, reverse_name: 0.85, asn: 0.5, network: 0.3, unauthenticated: 0.6 } as const;
/** The organization of a network: that of at least this share of the addresses that DNS answered for. */
const MOST = 0.5;
/** A network of which nothing passes, but for a stray: at most this share. */
const STRAY = 0.02;
/** Kinds of the catalogue that pass on other people's mail. */
const FORWARDING = new Set(['forwarder', 'mailing_list']);

/** An identity, and the entry of the catalogue behind the name. */
export interface Identified {
  identity: Identity;
  sender: Sender | null;
}

/** Whether a source key is a network, and not a domain that looks like one. */
export function isNetwork(source: string): boolean {
  const address = canonicalAddress(source.slice(0, source.indexOf('/')));
  return address !== null && networkOf(address) === source;
}

/** Whether a sender passes on other people's mail. */
export function passesOn(sender: Sender | null): boolean {
  return sender !== null && FORWARDING.has(sender.kind);
}

/**
 * Says who a source is, by the strongest evidence there is: its signature, the domain that passes SPF, the
 * confirmed reverse names of its addresses, the owner of its network, the network. A network of which nothing
 * ever passed and that has no name of its own is one of many: however many there are, they are one sender.
 * @param facts null for a source that is no network
 */
export function identify(
  { domain, source, rows }: { domain: string; source: string; rows: readonly SourceDay[] },
  facts: NetworkFacts | null,
  catalogue: Catalogue,
): Identified {
  return isNetwork(source) ? ofNetwork(domain, source, rows, facts, catalogue) : ofDomain(source, rows, catalogue);
}

function ofDomain(source: string, rows: readonly SourceDay[], catalogue: Catalogue): Identified {
  const signer = signerOf(rows);
  const by = signer !== null && signer === source ? 'dkim' : 'spf';
  const sender = lookup(catalogue, {
    dkim_domains: signer === null ? [] : [signer],
    spf_domain: by === 'spf' ? source : null,
    reverse_name: null,
  });
  // A name below the service's own is a customer's of it: two customers are two senders.
  const names = sender === null ? [] : [...sender.dkim_domains, ...sender.spf_domains];
  const customer = sender !== null && !names.includes(source) && names.some((name) => source.endsWith(`.${name}`));
  const whose = sender === null ? '' : customer ? `, a customer of ${sender.name}` : `, a domain of ${sender.name}`;
  if (source === 'unknown') {
    return known(source, source, 'network', 'The reports give no address.', SURE.network, source);
  }
  const says = by === 'dkim' ? `A signature of ${short(source)} passes` : `SPF passes for ${short(source)}`;
  const name = sender === null ? source : customer ? `${sender.name} (${source})` : sender.name;
  const group = sender === null || customer ? source : sender.id;
  return known(source, name, by, `${says}${whose}.`, SURE[by], group, sender);
}

function ofNetwork(
  domain: string,
  source: string,
  rows: readonly SourceDay[],
  facts: NetworkFacts | null,
  catalogue: Catalogue,
): Identified {
  if (facts !== null && facts.organization !== null && facts.organization_addresses >= MOST * facts.answered) {
    const { organization, organization_addresses: named, answered, name } = facts;
    const sender = lookup(catalogue, { dkim_domains: [], spf_domain: null, reverse_name: name });
    const own = organization === organizationalDomain(domain);
    return known(
      source,
      own ? `own servers (${organization})` : (sender?.name ?? organization),
      'reverse_name',
      `${named} of ${counted(answered, 'address', 'addresses')} ${named === 1 ? 'has a' : 'have'} confirmed reverse ${named === 1 ? 'name' : 'names'} under ${short(organization)}, such as ${short(name ?? organization)}.`,
      SURE.reverse_name * (named / answered),
      sender?.id ?? organization,
      sender,
    );
  }
  const passed = facts?.passed ?? total(rows).passed;
  const messages = facts?.messages ?? total(rows).messages;
  if (passed <= STRAY * messages && !saidToForward(total(rows))) {
    const names =
      facts !== null && facts.answered > 0
        ? 'and its addresses have no name of their own'
        : 'and nothing is known of its addresses';
    return known(
      source,
      'unauthenticated networks',
      'unauthenticated',
      `Nothing from ${short(source)} passes, ${names}.`,
      SURE.unauthenticated,
      UNAUTHENTICATED,
    );
  }
  if (facts !== null && facts.asn !== null) {
    const as = `AS${facts.asn}`;
    const evidence = `Its network belongs to ${as}${facts.owner === null ? '' : ` (${short(facts.owner)})`}.`;
    return known(source, facts.owner ?? as, 'asn', evidence, SURE.asn, as);
  }
  return known(source, source, 'network', 'Nothing is known but the network.', SURE.network, source);
}

function known(
  source: string,
  name: string,
  identified_by: Identity['identified_by'],
  evidence: string,
  confidence: number,
  grouped_as: string,
  sender: Sender | null = null,
): Identified {
  return { identity: { source, name, identified_by, evidence, name_confidence: stated(confidence), grouped_as }, sender };
}
