import type { Tx } from '../../shared/runtime/db.ts';

/**
 * What is known about the addresses of a source that is a network, and its mail in a domain's name over all
 * time.
 */
export interface NetworkFacts {
  source: string;
  messages: number;
  passed: number;
  /** Addresses of the network with an answer from DNS. */
  answered: number;
  /**
   * The organizational domain under which most of them are confirmed, the number of those, and the name of
   * one.
   */
  organization: string | null;
  organization_addresses: number;
  name: string | null;
  /**
   * The term of the domain's own SPF record that admits the network, or all addresses of it that were seen.
   */
  admitted_by?: string | null;
  /** The owner of most addresses, and the country of most of that owner's. */
  asn: number | null;
  owner: string | null;
  country: string | null;
}

export const IDENTIFIED_BY = ['dkim', 'spf', 'reverse_name', 'asn', 'network', 'unauthenticated'] as const;

/** How a source is named, and why. */
export interface Identity {
  source: string;
  name: string;
  identified_by: (typeof IDENTIFIED_BY)[number];
  /** One sentence. */
  evidence: string;
  name_confidence: number;
  /** The key that all sources of the same sender have in common. */
  grouped_as: string;
  /** Of a network: its owner and country, as in NetworkFacts. */
  asn: number | null;
  owner: string | null;
  country: string | null;
}

/** What alerts show beside a source. */
export interface SourceLabel extends Pick<Identity, 'asn' | 'owner' | 'country'> {
  source: string;
  /** A confirmed reverse name of its addresses. */
  host: string | null;
  /** Its name for people, once it was analyzed. */
  name: string | null;
  identified_by: string | null;
}

/**
 * Loads what is known of sources, for those who read about them.
 * @param networks those of the sources that are networks
 */
export async function loadSourceLabels(
  tx: Tx,
  domain: string,
  { sources, networks }: { sources: readonly string[]; networks: readonly string[] },
): Promise<SourceLabel[]> {
  if (sources.length === 0) return [];
  const { rows } = await tx.query<Pick<SourceLabel, 'source' | 'name' | 'identified_by'>>(
    'select source, name, identified_by from ruawatch.sources where domain = $1 and source = any($2::text[])',
    [domain, sources],
  );
  const facts = new Map((await loadNetworkFacts(tx, domain, networks)).map((one) => [one.source, one]));
  return rows.map((row) => {
    const { name: host = null, asn = null, owner = null, country = null } = facts.get(row.source) ?? {};
    return { ...row, host, asn, owner, country };
  });
}

/**
 * What the enricher knows about networks that are sources of a domain. Of an unknown network no address is
 * answered.
 * @param networks sources that are networks, such as "203.0.113.0/24""
 * @param admitted what the domain's own SPF record admits, with the terms that do
 */
export async function loadNetworkFacts(
  tx: Tx,
  domain: string,
  networks: readonly string[],
  admitted: readonly { network: string; term: string }[] = [],
): Promise<NetworkFacts[]> {
  if (networks.length === 0) return [];
  // The bounds are host addresses, so that the primary key finds the range. An IPv4 network has 256 rows; of
  // a /48 two thousand are enough.
  const { rows } = await tx.query<NetworkFacts>(
    `with spf as materialized (select network, term from jsonb_to_recordset($3::jsonb) as g(network inet, term text))
     select s.source, s.messages, s.passed, coalesce(f.answered, 0)::int as answered, o.organization,
            coalesce(o.addresses, 0)::int as organization_addresses, o.name, w.asn, w.owner, w.country,
            coalesce(case when f.outside = 0 then f.term end,
                     (select min(g.term) from spf g where network(n.source::inet) <<= g.network)) as admitted_by
       from unnest($2::text[]) as n(source)
       join ruawatch.sources s on s.domain = $1 and s.source = n.source
      cross join lateral (
        select jsonb_agg(jsonb_build_object('name', name, 'confirmed', confirmed, 'organization', organization, 'asn', asn, 'owner', owner, 'country', country))
                 as known, count(*) filter (where confirmed is not null) as answered, min(g.term) as term,
               count(*) filter (where g.term is null) as outside
          from (select * from ruawatch.addresses a
                 where a.address >= set_masklen(network(n.source::inet)::inet, case family(n.source::inet) when 4 then 32 else 128 end)
                   and a.address <= set_masklen(broadcast(n.source::inet), case family(n.source::inet) when 4 then 32 else 128 end)
                 order by a.address limit 2000) a
          left join lateral (select min(term) as term from spf where a.address <<= spf.network) g on true) f
       left join lateral (
        select k.organization, count(*) as addresses, min(k.name) as name
          from jsonb_to_recordset(f.known) as k(name text, organization text) where k.organization is not null
         group by k.organization order by count(*) desc, k.organization limit 1) o on true
       left join lateral (
        select k.asn, max(k.owner) as owner, mode() within group (order by k.country) as country
          from jsonb_to_recordset(f.known) as k(asn bigint, owner text, country text)
         where k.asn is not null or k.country is not null
         group by k.asn order by k.asn is null, count(*) desc, k.asn limit 1) w on true`,
    [domain, networks, JSON.stringify(admitted)],
  );
  return rows;
}

/**
 * Writes the identities of sources where they changed. Rows that the caller has not locked are locked here,
 * in the order of the parser.
 */
export async function saveIdentities(tx: Tx, domain: string, identities: readonly Identity[]): Promise<void> {
  if (identities.length === 0) return;
  await tx.query(
    `with i as materialized (
       select * from jsonb_to_recordset($2::jsonb)
         as i(source text, name text, identified_by text, evidence text, name_confidence real, grouped_as text, asn bigint, owner text, country text)),
     held as materialized (
       select s.source from ruawatch.sources s join i on i.source = s.source
        where s.domain = $1 and (s.name, s.identified_by, s.evidence, s.name_confidence, s.grouped_as, s.asn, s.owner, s.country)
              is distinct from (i.name, i.identified_by, i.evidence, i.name_confidence, i.grouped_as, i.asn, i.owner, i.country)
        order by s.source for update of s)
     update ruawatch.sources s
        set name = i.name, identified_by = i.identified_by, evidence = i.evidence, name_confidence = i.name_confidence, grouped_as = i.grouped_as,
            asn = i.asn, owner = i.owner, country = i.country
       from i join held h on h.source = i.source
      where s.domain = $1 and s.source = i.source`,
    [domain, JSON.stringify(identities)],
  );
}
