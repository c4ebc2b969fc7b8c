import { type Admitted, admittedNetworks } from '../dns/spf/admitted.ts';
import type { Tx } from '../shared/runtime/db.ts';
import type { Context } from '../shared/runtime/service.ts';
import { loadRelayed } from '../store/analysis/relayed.ts';
import { loadAwaited } from '../store/analysis/senders.ts';
import type { CountedDays, Networks, SourceDay } from '../store/analysis/window-reads.ts';
import { loadAdmitting } from '../store/dns/records.ts';
import { loadNetworkFacts, type NetworkFacts } from '../store/sources/identities.ts';
import type { DomainData } from './domain-data.ts';
import { total } from './rules/window.ts';
import { catalogueOf } from './senders/load.ts';
import { loadOutgrown } from './senders/outgrown.ts';
import { isOwnServer } from './sources/identity.ts';
import { isNetwork } from './sources/network.ts';
import { handfulOf, handsOn, isForwardingHost, isGateway } from './sources/relays.ts';
import type { Deciders } from './standing.ts';

/** Networks that were first seen since then wait for their names; now, where nobody looks names up. */
export function waitsSince({ config, clock }: Pick<Context, 'config' | 'clock'>): Date {
  const hours = looksUpNames({ config }) ? config.analyzer.wait_for_names_hours : 0;
  return new Date(clock.now().getTime() - hours * 3_600_000);
}

function looksUpNames({ config }: Pick<Context, 'config'>): boolean {
  return config.enrich.dns === 'on' || config.asnFile !== null;
}

/** Which networks and names belong to whom, as far as that is known. */
export async function loadIdentities(
  tx: Tx,
  context: Context,
  domain: string,
  {
    deciders,
    sources,
    rows,
    window,
    ...of
  }: Pick<DomainData, 'sources' | 'rows' | 'reporterDays'> & {
    networks: Networks | null;
    deciders: Deciders;
    window: CountedDays;
  },
) {
  const catalogue = catalogueOf(context.config);
  const admitted = await loadAdmitted(tx, domain);
  const facts = bySayOf(deciders, rows, await loadNetworkFacts(tx, domain, sources.filter(isNetwork), admitted));
  const waits = looksUpNames(context) ? waitsSince(context) : null;
  const byName = await loadByName(tx, { ...of, domain, catalogue, admitted, waits }, window);
  const { outgrown } = await loadOutgrown(tx, domain, { facts, catalogue }, window);
  return { facts, ...byName, outgrown: new Map([...outgrown, ...byName.outgrown]) };
}

/**
 * What the domain's own SPF record admits, as the watcher saw it last; nothing while there are several
 * records.
 */
async function loadAdmitted(tx: Tx, domain: string): Promise<Admitted[]> {
  const records = await loadAdmitting(tx, domain);
  const valuesOf = (name: string, type: string) =>
    records.filter((one) => one.name === name && one.type === type).map(({ value }) => value);
  const [text, ...others] = valuesOf(domain, 'TXT');
  return text === undefined || others.length > 0 ? [] : admittedNetworks(domain, text, valuesOf);
}

/** Fewer messages of a host are not reported, whatever they are. */
const HOST_WORTH = 5;

/**
 * Those of the networks that are no forgers by their confirmed names: own servers, gateways of receivers, a
 * handful of forwarders.
 */
async function loadByName(
  tx: Tx,
  {
    domain,
    networks,
    reporterDays,
    catalogue,
    admitted,
    waits,
  }: Pick<DomainData, 'domain' | 'networks' | 'reporterDays' | 'catalogue'> & {
    admitted: readonly Admitted[];
    waits: Date | null;
  },
  days: CountedDays,
): Promise<Required<Pick<DomainData, 'ownServers' | 'gateways' | 'unnamed' | 'outgrown' | 'used'>>> {
  const sources = networks?.largest.map(({ source }) => source).filter(isNetwork) ?? [];
  const facts = await loadNetworkFacts(tx, domain, sources, admitted);
  const unnamed = waits === null ? new Set<string>() : await loadAwaited(tx, domain, sources, waits);
  const own = facts.filter((one) => isOwnServer(domain, one, catalogue)).map(({ source }) => source);
  const named = new Set(facts.filter((one) => isGateway(one, catalogue)).map(({ source }) => source));
  const failedOf = new Map(
    networks?.largest.map(({ source, days: recent, before }) => [
      source,
      before.failed + recent.reduce((n, day) => n + day.failed, 0),
    ]),
  );
  // The keys are read only where the mail of a host might be reported.
  const hosts = facts.filter(
    (one) => !named.has(one.source) && isForwardingHost(one, catalogue) && failedOf.get(one.source)! >= HOST_WORTH,
  );
  const services = await loadOutgrown(tx, domain, { facts, catalogue }, days);
  if (named.size + hosts.length === 0) return { ownServers: own, gateways: [], unnamed, ...services };
  const relayed = await loadRelayed(tx, domain, [...named, ...hosts.map(({ source }) => source)], days);
  const of = reporterDays.reduce((n, { messages }) => n + messages, 0);
  const handed = (source: string) => ({ source, failed: failedOf.get(source) ?? 0, relayed: relayed.get(source) ?? 0 });
  const gateways = [...named].filter((source) => handsOn({ ...handed(source), of }));
  gateways.push(
    ...handfulOf(
      hosts.map(({ source }) => handed(source)),
      of,
    ),
  );
  return { ownServers: own, gateways, unnamed, ...services };
}

/**
 * Lifetime sums are not kept by reporter: where some have no say, the sums of the window are taken, of those
 * that have.
 */
function bySayOf({ others }: Deciders, rows: readonly SourceDay[], facts: readonly NetworkFacts[]): readonly NetworkFacts[] {
  if (others.length === 0) return facts;
  return facts.map((one) => {
    const { messages, passed } = total(rows.filter(({ source }) => source === one.source));
    return { ...one, messages, passed };
  });
}
