import { type Counts, type SourceWindow, saidToForward } from '../window.ts';
import { passesOn } from './identity.ts';

/** This part of the failing mail shows that somebody passed it on. */
const MOSTLY = 0.5;
/** Kinds of services through whose servers people and their lists pass mail on; others send. */
const MAY_RELAY = new Set(['mailbox_provider', 'hosting', 'productivity', 'security_gateway', 'other']);

/** By what a source is known to pass on mail of others, the strongest first. */
export type RelayedBy = 'catalogue' | 'receivers' | 'signature' | 'envelope';

/**
 * By what the failing mail of a source is known to be passed on, by a forwarder or by a mailing list that keeps
 * the author's From; null when nothing says so. However much of the domain's mail it is:
 *
 * - the catalogue knows it, or receivers say so;
 * - it bears the author's signature, which does not verify there and verifies elsewhere on the same days: a
 *   service that is not set up has none, and one with a wrong key has one of its own;
 * - its envelope is a list's or a forwarder's by its name.
 *
 * Only mail that authenticates as the relay: what nothing authenticates is never excused by a signature that
 * anybody can copy.
 */
export function relayedBy({ sender, relayed }: Pick<SourceWindow, 'sender' | 'relayed'>, sum: Counts): RelayedBy | null {
  if (passesOn(sender)) return 'catalogue';
  if (saidToForward(sum)) return 'receivers';
  const failing = sum.messages - sum.passed;
  if (failing === 0 || sum.failed_authenticated < MOSTLY * failing) return null;
  if (sender !== null && !MAY_RELAY.has(sender.kind)) return null;
  if (relayed >= MOSTLY * failing) return 'signature';
  return sum.failed_list >= MOSTLY * failing ? 'envelope' : null;
}
