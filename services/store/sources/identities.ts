import type { Tx } from '../../shared/runtime/db.ts';

/** What is known of the addresses of a source that is a network, and of its mail in a domain's name over all time. */
export interface NetworkFacts {
  source: string;
  messages: number;
  passed: number;
  /** Addresses of the network that DNS answered for. */
  answered: number;
  /** The organizational domain that most of them are confirmed under, how many are, and the name of one. */
  organization: string | null;
  organization_addresses: number;
  name: string | null;
  /** The owner of most addresses. */
  asn: number | null;
  owner: string | null;
}

export const IDENTIFIED_BY = ['dkim', 'spf', 'reverse_name', 'asn', 'network', 'unauthenticated'] as const;

/** Who a source is. */
export interface Identity {
  source: string;
  name: string;
  identified_by: (typeof IDENTIFIED_BY)[number];
  /** One sentence. */
  evidence: string;
  name_confidence: number;
  /** What it has in common with the other sources of the same sender. */
  grouped_as: string;
}

/**
 * What the enricher found out about the networks that are sources of a domain. Those of which nothing is known have no addresses.
 * @param networks source keys that are networks in truth ("203.0.113.0/24"): they are used as such
 */
export async function loadNetworkFacts(tx: Tx, domain: string, networks: readonly string[]): Promise<NetworkFacts[]> {
  if (networks.length === 0) return [];
  // The bounds are host addresses, so that the primary key finds the range: 256 rows at most, and a few thousand of a /48 are enough.
  const { rows } = await tx.query<NetworkFacts>(
    `select s.source, s.messages, s.passed, coalesce(f.answered, 0)::int as answered, o.organization,
            coalesce(o.addresses, 0)::int as organization_addresses, o.name, w.asn, w.owner
       from unnest($2::text[]) as n(source)
       join ruawatch.sources s on s.domain = $1 and s.source = n.source
      cross join lateral (
        select jsonb_agg(jsonb_build_object('name', name, 'confirmed', confirmed, 'organization', organization, 'asn', asn, 'owner', owner))
                 as known, count(*) filter (where confirmed is not null) as answered
          from (select * from ruawatch.addresses a
                 where a.address >= set_masklen(network(n.source::inet)::inet, case family(n.source::inet) when 4 then 32 else 128 end)
                   and a.address <= set_masklen(broadcast(n.source::inet), case family(n.source::inet) when 4 then 32 else 128 end)
                 order by a.address limit 2000) a) f
       left join lateral (
        select k.organization, count(*) as addresses, min(k.name) as name
          from jsonb_to_recordset(f.known) as k(name text, organization text) where k.organization is not null
         group by k.organization order by count(*) desc, k.organization limit 1) o on true
       left join lateral (
        select k.asn, max(k.owner) as owner
          from jsonb_to_recordset(f.known) as k(asn bigint, owner text) where k.asn is not null
         group by k.asn order by count(*) desc, k.asn limit 1) w on true`,
    [domain, networks],
  );
  return rows;
}

/** Writes who the sources are, where that is news. The caller holds the rows, or takes them here in the order the parser does. */
export async function saveIdentities(tx: Tx, domain: string, identities: readonly Identity[]): Promise<void> {
  if (identities.length === 0) return;
  await tx.query(
    `with i as materialized (
       select * from jsonb_to_recordset($2::jsonb)
         as i(source text, name text, identified_by text, evidence text, name_confidence real, grouped_as text)),
     held as materialized (
       select s.source from ruawatch.sources s join i on i.source = s.source
        where s.domain = $1 and (s.name, s.identified_by, s.evidence, s.name_confidence, s.grouped_as)
              is distinct from (i.name, i.identified_by, i.evidence, i.name_confidence, i.grouped_as)
        order by s.source for update of s)
     update ruawatch.sources s
        set name = i.name, identified_by = i.identified_by, evidence = i.evidence, name_confidence = i.name_confidence, grouped_as = i.grouped_as
       from i join held h on h.source = i.source
      where s.domain = $1 and s.source = i.source`,
    [domain, JSON.stringify(identities)],
  );
}
