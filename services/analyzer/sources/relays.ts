import type { NetworkFacts } from '../../store/sources/identities.ts';
import { type Counts, type SourceWindow, saidToForward } from '../rules/window.ts';
import { type Catalogue, lookup, type Sender } from '../senders/catalogue.ts';
import { isProvider } from '../senders/providers.ts';
import { passesOn } from './identity.ts';

/** This part of the failing mail shows that somebody passed it on. */
const MOSTLY = 0.5;
/** Kinds of services through whose servers people and their lists pass mail on; others send. */
const MAY_RELAY = new Set(['mailbox_provider', 'hosting', 'productivity', 'security_gateway', 'other']);

const GATEWAY = 'security_gateway';
const HOSTING = 'hosting';
/**
 * Of a domain's mail, receivers' gateways hand on at most this part; more is a gateway of the domain's own.
 */
const OF_DOMAIN = 0.05;
/**
 * And other named hosts together at most so many messages: whoever copies signatures by the hundred is
 * reported.
 */
const LITTLE = 100;

/** By what a source is known to pass on mail of others, the strongest first. */
export type RelayedBy = 'catalogue' | 'receivers' | 'signature' | 'envelope';

/**
 * By what the failing mail of a source is known to be passed on, by a forwarder or by a mailing list that
 * keeps the author's From; null when nothing says so. However much of the domain's mail it is:
 *
 * - the catalogue knows it, or receivers say so;
 * - it has the author's signature, which does not verify there and verifies elsewhere on the same days: a
 *   service that is not set up has none, and one with a wrong key has one of its own;
 * - its envelope is a list's or a forwarder's by its name.
 *
 * Only mail that authenticates as the relay: what nothing authenticates is not excused by a signature that
 * anybody can copy. The exception is a security gateway, by the confirmed names of its servers, which no
 * forger has: a filter before the mailboxes of a receiver, which changes the mail and hands it on.
 */
export function relayedBy({ sender, relayed }: Pick<SourceWindow, 'sender' | 'relayed'>, sum: Counts): RelayedBy | null {
  if (passesOn(sender)) return 'catalogue';
  if (saidToForward(sum)) return 'receivers';
  const failing = sum.messages - sum.passed;
  if (failing === 0) return null;
  if (sender?.kind === GATEWAY && relayed >= MOSTLY * failing) return 'signature';
  if (sum.failed_authenticated < MOSTLY * failing) return null;
  if (sender !== null && !mayRelay(sender)) return null;
  if (relayed >= MOSTLY * failing) return 'signature';
  return sum.failed_list >= MOSTLY * failing ? 'envelope' : null;
}

/** Whether people and their lists pass mail on through the servers of a service. */
export function mayRelay({ kind }: Sender): boolean {
  return MAY_RELAY.has(kind);
}

/** Whether all addresses of a network that DNS answered for have confirmed names of a security gateway. */
export function isGateway(facts: NetworkFacts, catalogue: Catalogue): boolean {
  return isNamedWhole(facts) && serviceOf(facts, catalogue)?.kind === GATEWAY;
}

/**
 * Whether a network is of hosts that may pass on mail, by the names that DNS has for all of it: somebody's
 * own, confirmed below one domain of no hoster or service; or those of a hoster that the catalogue knows for
 * its mail, through which old mailboxes forward. A rented machine, whose name only says where it is, is
 * neither.
 */
export function isForwardingHost(facts: NetworkFacts, catalogue: Catalogue): boolean {
  if (!isNamedWhole(facts)) return false;
  const service = serviceOf(facts, catalogue);
  return service === null ? !isProvider(facts.organization) : service.kind === HOSTING;
}

/** Whether all addresses that DNS answered for have confirmed names below one domain. */
function isNamedWhole(facts: NetworkFacts): facts is NetworkFacts & { organization: string } {
  return facts.answered > 0 && facts.organization !== null && facts.organization_addresses >= facts.answered;
}

function serviceOf({ name }: NetworkFacts, catalogue: Catalogue): Sender | null {
  return lookup(catalogue, { dkim_domains: [], spf_domain: null, reverse_name: name });
}

/**
 * What a network sent that nothing authenticates, and how much of it has signatures of ours that verify
 * elsewhere.
 */
interface HandedOn {
  source: string;
  failed: number;
  relayed: number;
}

/**
 * The hosts that pass on our mail and break its signature, as lifelong addresses and old mailboxes do that
 * tag a subject: as with gateways, but together no more than a handful, since a name of one's own or an
 * account at a hoster and a copied signature cost a forger little.
 */
export function handfulOf(hosts: readonly HandedOn[], of: number): string[] {
  const handed = hosts.filter((one) => handsOn({ ...one, of }));
  const sum = handed.reduce((n, { failed }) => n + failed, 0);
  return sum <= Math.min(LITTLE, OF_DOMAIN * of) ? handed.map(({ source }) => source) : [];
}

/**
 * Whether a gateway hands on the domain's mail to its receivers, so that its unauthenticated mail is not
 * forged: most of that has signatures of the domain's own that verify elsewhere, and it is a small part of
 * all mail.
 * @param mail.failed unauthenticated messages of the gateway, `relayed` those with such signatures, `of` all
 *   of the domain
 */
export function handsOn({ failed, relayed, of }: { failed: number; relayed: number; of: number }): boolean {
  return failed > 0 && relayed >= MOSTLY * failed && failed <= OF_DOMAIN * of;
}
