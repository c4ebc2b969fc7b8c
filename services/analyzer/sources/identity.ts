import { organizationalDomain } from '../../report/orgdomain.ts';
import { counted, short } from '../../shared/format.ts';
import type { SourceDay } from '../../store/analysis/window-reads.ts';
import type { Identity, NetworkFacts } from '../../store/sources/identities.ts';
import { saidToForward, signerOf, total } from '../rules/window.ts';
import { type Catalogue, lookup, type Sender } from '../senders/catalogue.ts';
import { stated } from '../statistics/confidence.ts';
import { isNetwork } from './network.ts';

/** What the sources that are one of many share: a botnet is one sender. */
const UNAUTHENTICATED = 'unauthenticated';
/**
 * How sure a name is by what it rests on: a signature cannot be had without its key, an envelope is checked
 * by address, a name by its owner.
 */
const SURE = { dkim: 0.95, spf: 0.9, reverse_name: 0.85, asn: 0.5, network: 0.3, unauthenticated: 0.6 } as const;
/** The organization of a network: that of at least this share of the addresses that DNS answered for. */
const MOST = 0.5;
/** A network from which nothing passes, but for a stray: at most this share. */
const STRAY = 0.02;
/** Kinds of the catalogue that pass on other people's mail. */
const FORWARDING = new Set(['forwarder', 'mailing_list']);

/** An identity, and the entry of the catalogue behind the name. */
export interface Identified {
  identity: Identity;
  sender: Sender | null;
}

/** The mail of a source in the name of a domain, by day. */
interface SentMail {
  domain: string;
  source: string;
  rows: readonly SourceDay[];
}

/**
 * Whether a network is a domain's own server: the addresses that DNS answered for are all confirmed below the
 * organization of the domain, or the domain's own SPF record admits it, and it has no name of a service.
 */
export function isOwnServer(domain: string, facts: NetworkFacts | undefined, catalogue: Catalogue): boolean {
  if (facts === undefined) return false;
  return isOwnByName(domain, facts) || isAdmitted(facts, catalogue);
}

function isAdmitted({ admitted_by, name }: NetworkFacts, catalogue: Catalogue): boolean {
  return admitted_by != null && lookup(catalogue, { dkim_domains: [], spf_domain: null, reverse_name: name }) === null;
}

/** Whether it is one by its confirmed names. */
export function isOwnByName(domain: string, facts: NetworkFacts | undefined): boolean {
  if (facts === undefined || facts.answered === 0) return false;
  return facts.organization === organizationalDomain(domain) && facts.organization_addresses === facts.answered;
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
export function identify(sent: SentMail, facts: NetworkFacts | null, catalogue: Catalogue): Identified {
  const { source, rows } = sent;
  return isNetwork(source) ? ofNetwork(sent, facts, catalogue) : ofDomain(source, rows, catalogue);
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
    return byNothing(source, 'The reports give no address.');
  }
  const says = by === 'dkim' ? `A signature of ${short(source)} passes` : `SPF passes for ${short(source)}`;
  const name = sender === null ? source : customer ? `${sender.name} (${source})` : sender.name;
  const group = sender === null || customer ? source : sender.id;
  return known({
    source,
    name,
    identified_by: by,
    evidence: `${says}${whose}.`,
    confidence: SURE[by],
    grouped_as: group,
    sender,
  });
}

function ofNetwork(sent: SentMail, facts: NetworkFacts | null, catalogue: Catalogue): Identified {
  const { source } = sent;
  const { identity, sender } =
    byAdmission(sent, facts, catalogue) ??
    byReverseName(sent, facts, catalogue) ??
    byFailure(sent, facts) ??
    byOwner(source, facts) ??
    byNothing(source, 'Only the network is known.');
  const { asn = null, owner = null, country = null } = facts ?? {};
  return { identity: { ...identity, asn, owner, country }, sender };
}

/**
 * By the domain's own SPF record, if the network has no name that says more; null when it does not admit it.
 */
function byAdmission({ domain, source }: SentMail, facts: NetworkFacts | null, catalogue: Catalogue): Identified | null {
  if (facts === null || isOwnByName(domain, facts) || !isAdmitted(facts, catalogue)) return null;
  const organization = organizationalDomain(domain);
  return known({
    source,
    name: `own servers (${organization})`,
    identified_by: 'spf',
    evidence: `The SPF record of ${short(domain)} admits it by ${short(facts.admitted_by!)}.`,
    confidence: SURE.spf,
    grouped_as: organization,
  });
}

/** By the confirmed reverse names of its addresses; null when they name no one organization. */
function byReverseName({ domain, source }: SentMail, facts: NetworkFacts | null, catalogue: Catalogue): Identified | null {
  if (facts === null || facts.organization === null || facts.organization_addresses < MOST * facts.answered) return null;
  const { organization, organization_addresses: named, answered, name } = facts;
  const sender = lookup(catalogue, { dkim_domains: [], spf_domain: null, reverse_name: name });
  const own = organization === organizationalDomain(domain);
  return known({
    source,
    name: own ? `own servers (${organization})` : (sender?.name ?? organization),
    identified_by: 'reverse_name',
    evidence: `${named} of ${counted(answered, 'address', 'addresses')} ${named === 1 ? 'has a' : 'have'} confirmed reverse ${named === 1 ? 'name' : 'names'} under ${short(organization)}, such as ${short(name ?? organization)}.`,
    confidence: SURE.reverse_name * (named / answered),
    grouped_as: sender?.id ?? organization,
    sender,
  });
}

/**
 * As one of many from which nothing passes; null when some of its mail does, or reports call it forwarded.
 */
function byFailure({ source, rows }: SentMail, facts: NetworkFacts | null): Identified | null {
  const sum = total(rows);
  const passed = facts?.passed ?? sum.passed;
  const messages = facts?.messages ?? sum.messages;
  if (passed > STRAY * messages || saidToForward(sum)) return null;
  const names =
    facts !== null && facts.answered > 0
      ? 'and its addresses have no name of their own'
      : 'and nothing is known of its addresses';
  return known({
    source,
    name: 'unauthenticated networks',
    identified_by: 'unauthenticated',
    evidence: `Nothing from ${short(source)} passes, ${names}.`,
    confidence: SURE.unauthenticated,
    grouped_as: UNAUTHENTICATED,
  });
}

/** By the autonomous system that announces the network; null when none is known. */
function byOwner(source: string, facts: NetworkFacts | null): Identified | null {
  if (facts === null || facts.asn === null) return null;
  const as = `AS${facts.asn}`;
  const whose = [facts.owner, facts.country].flatMap((known) => (known === null ? [] : [short(known)])).join(', ');
  return known({
    source,
    name: facts.owner ?? as,
    identified_by: 'asn',
    evidence: `Its network belongs to ${as}${whose === '' ? '' : ` (${whose})`}.`,
    confidence: SURE.asn,
    grouped_as: as,
  });
}

function byNothing(source: string, evidence: string): Identified {
  return known({ source, name: source, identified_by: 'network', evidence, confidence: SURE.network, grouped_as: source });
}

function known({
  confidence,
  sender = null,
  ...identity
}: Omit<Identity, 'name_confidence' | 'asn' | 'owner' | 'country'> & {
  confidence: number;
  sender?: Sender | null;
}): Identified {
  return { identity: { ...identity, name_confidence: stated(confidence), asn: null, owner: null, country: null }, sender };
}
