import type { Tx } from '../../shared/runtime/db.ts';
import { loadPassesBy } from '../../store/analysis/spf-alone.ts';
import type { CountedDays } from '../../store/analysis/window-reads.ts';
import type { NetworkFacts } from '../../store/sources/identities.ts';
import { type Catalogue, lookup, type Sender } from './catalogue.ts';

/** Messages that pass by SPF through a service before its other networks count as outgrown. */
const USED = 50;
/** So much of its mail signed as the domain, and what is not signed is no mail of ours. */
const SIGNED = 0.1;
/** At most this part of what a network sent ever passed. */
const STRAY = 0.02;
/** Hosts that anybody rents, and services through which others pass on what they received. */
const SHARED = new Set(['hosting', 'forwarder', 'mailing_list', 'security_gateway']);

/**
 * Of some networks, those from which a service of the domain's sends its mail although the SPF record does
 * not list them.
 *
 * Where a service's mail passes by SPF alone, the record admits it, mostly by an include that names all of
 * its networks. Mail from another network of it, by confirmed names, that nothing authenticates is then our
 * own from where the record does not reach: addresses that were written down once, and a service that grew. A
 * stranger's account there would have a return path of its own, or pass by the same include.
 * @returns the services by source, and those of networks of services that any mail of the domain passes
 *   through
 */
export async function loadOutgrown(
  tx: Tx,
  domain: string,
  { facts, catalogue }: { facts: readonly NetworkFacts[]; catalogue: Catalogue },
  days: CountedDays,
): Promise<{ outgrown: Map<string, Sender>; used: Map<string, Sender> }> {
  const named = facts.flatMap((one) => {
    const service = one.passed <= STRAY * one.messages ? serviceOf(one, catalogue) : null;
    return service === null ? [] : [{ source: one.source, service }];
  });
  const ids = [...new Set(named.map(({ service }) => service.id))];
  const passes = await loadPassesBy(tx, domain, ids, days);
  const of = (some: typeof passes) => {
    const services = new Set(some.map(({ service }) => service));
    return new Map(named.filter(({ service }) => services.has(service.id)).map(({ source, service }) => [source, service]));
  };
  return {
    outgrown: of(passes.filter((one) => one.spf_aligned >= USED && one.dkim_aligned <= SIGNED * one.passed)),
    used: of(passes.filter(({ passed }) => passed >= USED)),
  };
}

/**
 * The service whose confirmed names all addresses of a network have; null for one where strangers send as
 * well.
 */
function serviceOf({ answered, organization_addresses, name }: NetworkFacts, catalogue: Catalogue): Sender | null {
  if (answered === 0 || organization_addresses < answered) return null;
  const service = lookup(catalogue, { dkim_domains: [], spf_domain: null, reverse_name: name });
  return service === null || SHARED.has(service.kind) ? null : service;
}
