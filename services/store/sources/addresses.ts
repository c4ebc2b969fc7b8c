import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { isOwnSql } from '../domains/domains.ts';
import { moveScan, nextRange } from '../reports/report-scan.ts';
import { readingByKey, recordsOf } from '../schema/partitions.ts';

/** Reports that one statement goes through at most, and records after which it ends. */
const SLICE_REPORTS = 2_000;
const SLICE_RECORDS = 50_000;

/**
 * Addresses of one report that are looked up: those with the most messages. They become due AT_ONCE at a
 * time, each lot LATER than the one before, so that a report with very many leaves room for others.
 */
const PROVEN_ADDRESSES = 2_000;
const UNPROVEN_ADDRESSES = 100;
const AT_ONCE = 200;
const LATER = '10 minutes';

/** What DNS says about an address. */
export interface Names {
  /** The reverse name; null: there is none. */
  name: string | null;
  confirmed: boolean;
  generic: boolean;
  /** The organizational domain of a confirmed name that is not generic. */
  organization: string | null;
}

/** What the ASN file says about an address. */
export interface Owner {
  asn: number | null;
  owner: string | null;
  /** Two letters of ISO 3166-1, where the file has countries. */
  country: string | null;
}

/** The result of one lookup. `names` is null when DNS gave no answer; `error` is the reason. */
export interface Lookup {
  address: string;
  names: Names | null;
  error: string | null;
  /** Null: there is no ASN file, and what is known stays. */
  owner: Owner | null;
  next_at: Date;
}

/**
 * Finds the addresses in a slice of the reports that were stored since the last call, none skipped
 * (reports/report-scan.ts). The parser has no part in it. Reports that are about to be verified are waited
 * for: a forger must not choose which addresses are looked up.
 * @param since mail of earlier days is left out
 * @returns whether there may be more right now
 */
export async function findAddresses(db: Db, since: string, now: Date): Promise<boolean> {
  return transaction(db, async (tx) => {
    const range = await nextRange(tx, 'enrichment');
    if (typeof range === 'boolean') return range;
    const { rows } = await tx.query<{ key: number }>(
      `select report_key as key
         from (select report_key, sum(records) over (order by report_key) - records as before
                 from (select report_key, records from ruawatch.reports
                        where report_key > $1 and report_key <= $2 order by report_key limit ${SLICE_REPORTS}) slice) s
        where before < ${SLICE_RECORDS} order by report_key`,
      [range.after, range.upto],
    );
    const keys = rows.map((row) => row.key);
    if (keys.length > 0) await readingByKey(tx, () => addAddresses(tx, keys, since, now));
    await moveScan(tx, 'enrichment', range, keys.at(-1) ?? range.upto);
    return true;
  });
}

/** Adds the addresses of reports, or moves their days. */
async function addAddresses(tx: Tx, keys: readonly number[], since: string, now: Date): Promise<void> {
  await tx.query(
    `insert into ruawatch.addresses as a (address, first_seen, last_seen, next_at)
     select source_ip, min(day), max(day), $3::timestamptz + min((place - 1) / ${AT_ONCE}) * interval '${LATER}'
       from (select r.source_ip, (p.begin_at at time zone 'UTC')::date as day, p.trust,
                    row_number() over (partition by p.report_key order by sum(r.count) desc, r.source_ip) as place
               from ruawatch.reports p
              cross join lateral (${recordsOf('p', "$2::date::timestamp at time zone 'UTC'", "'infinity'", 'source_ip, count')}) r
              where p.report_key = any($1::bigint[]) and p.begin_at >= $2::date::timestamp at time zone 'UTC' and p.trust <> 'bad'
                and r.source_ip is not null
              group by p.report_key, p.begin_at, p.trust, r.source_ip) told
      where place <= case when trust = 'ok' then ${PROVEN_ADDRESSES} else ${UNPROVEN_ADDRESSES} end
      group by source_ip order by source_ip
     on conflict (address) do update
        set first_seen = least(a.first_seen, excluded.first_seen), last_seen = greatest(a.last_seen, excluded.last_seen),
            next_at = case when a.looked_up_at is null and a.attempts = 0 then least(a.next_at, excluded.next_at)
                           else coalesce(a.next_at, excluded.next_at) end
      where a.last_seen < excluded.last_seen or a.first_seen > excluded.first_seen
         or (a.looked_up_at is null and a.attempts = 0 and a.next_at > excluded.next_at)`,
    [keys, since, now],
  );
}

/**
 * Takes addresses that are due, the longest-waiting first, until `until`: if the process that takes them
 * dies, they are due again then. Addresses last seen before `since` are not due any more.
 */
export async function takeDue(
  db: Db,
  now: Date,
  { until, since, limit }: { until: Date; since: string; limit: number },
): Promise<{ address: string; attempts: number }[]> {
  const { rows } = await db.query<{ address: string; attempts: number; due: boolean }>(
    `with due as materialized (
       select address from ruawatch.addresses where next_at <= $1 order by next_at limit $4 for update skip locked)
     update ruawatch.addresses a set next_at = case when a.last_seen >= $3::date then $2::timestamptz end
       from due d where a.address = d.address
     returning host(a.address) as address, a.attempts, a.next_at is not null as due`,
    [now, until, since, limit],
  );
  return rows.filter((row) => row.due);
}

/**
 * Writes the results of lookups, and notes the sources whose name they may change for the analyzer, in one
 * transaction.
 * @param networkOf gives the source of an address that has no better one
 * @returns the number of sources to be analyzed again
 */
export async function saveLookups(
  db: Db,
  at: Date,
  lookups: readonly Lookup[],
  networkOf: (address: string) => string,
): Promise<number> {
  if (lookups.length === 0) return 0;
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ address: string; named: boolean }>(
      `with r as materialized (
         select * from jsonb_to_recordset($1::jsonb) as r(address inet, names jsonb, error text, owner jsonb, next_at timestamptz)),
       held as materialized (
         select a.address, a.organization, a.asn, a.country, a.looked_up_at from ruawatch.addresses a join r on r.address = a.address order by a.address for update of a),
       saved as (
         update ruawatch.addresses a
            set name = case when r.names is null then a.name else r.names ->> 'name' end,
                confirmed = case when r.names is null then a.confirmed else (r.names ->> 'confirmed')::boolean end,
                generic = case when r.names is null then a.generic else (r.names ->> 'generic')::boolean end,
                organization = case when r.names is null then a.organization else r.names ->> 'organization' end,
                asn = case when r.owner is null then a.asn else (r.owner ->> 'asn')::bigint end,
                owner = case when r.owner is null then a.owner else r.owner ->> 'owner' end,
                country = case when r.owner is null then a.country else r.owner ->> 'country' end,
                looked_up_at = case when r.names is not null then $2 else a.looked_up_at end,
                attempts = case when r.error is null then 0 else a.attempts + 1 end,
                last_error = r.error, next_at = r.next_at
           from r join held h on h.address = r.address where a.address = r.address
         returning a.address, a.organization, a.asn, a.country, a.looked_up_at)
       select host(s.address) as address, s.organization is distinct from h.organization as named
         from saved s join held h on h.address = s.address
        where s.organization is distinct from h.organization or (s.asn, s.country) is distinct from (h.asn, h.country)
           -- A finding may have waited for this answer, whatever it is.
           or (h.looked_up_at is null and s.looked_up_at is not null)`,
      [JSON.stringify(lookups.map(jsonOf)), at],
    );
    return analyzeAgain(tx, rows, networkOf);
  });
}

const jsonOf = (look: Lookup) => ({
  ...look,
  owner: look.owner && { asn: look.owner.asn, owner: look.owner.owner, country: look.owner.country },
  next_at: look.next_at.toISOString(),
});

/**
 * Makes addresses due that were never looked up and are not to be soon: they were found while DNS was off.
 */
export async function makeUnlookedDue(db: Queryable, now: Date, soon: Date): Promise<void> {
  await db.query(
    `with held as materialized (
       select address from ruawatch.addresses where looked_up_at is null and attempts = 0 and next_at > $2 order by address for update)
     update ruawatch.addresses a set next_at = $1 from held h where a.address = h.address`,
    [now, soon],
  );
}

/** Makes addresses due again at once whose lookup was interrupted. */
export async function putBack(db: Db, addresses: readonly string[], now: Date): Promise<void> {
  if (addresses.length === 0) return;
  await db.query(
    `with held as materialized (select address from ruawatch.addresses where address = any($1::inet[]) order by address for update)
     update ruawatch.addresses a set next_at = $2 from held h where a.address = h.address`,
    [addresses, now],
  );
}

/** The ASN file that all addresses were compared with last; null before the first. */
export async function comparedAsnFile(db: Queryable): Promise<string | null> {
  const { rows } = await db.query<{ asn_file: string | null }>('select asn_file from ruawatch.enrichment');
  return rows[0]!.asn_file;
}

/** Notes that all addresses were compared with this ASN file. */
export async function noteAsnFile(db: Queryable, file: string): Promise<void> {
  await db.query('update ruawatch.enrichment set asn_file = $1', [file]);
}

/** The next addresses after `after` (null: the first), in their order. */
export async function addressesAfter(db: Queryable, after: string | null, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ address: string }>(
    `select host(address) as address from ruawatch.addresses where $1::inet is null or address > $1::inet order by ruawatch.addresses.address limit $2`,
    [after, limit],
  );
  return rows.map((row) => row.address);
}

/** Writes the owners of addresses where they changed. @returns the number of sources to be analyzed again */
export async function saveOwners(
  db: Db,
  owners: readonly ({ address: string } & Owner)[],
  networkOf: (address: string) => string,
): Promise<number> {
  if (owners.length === 0) return 0;
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ address: string; named: boolean }>(
      `with r as materialized (select * from jsonb_to_recordset($1::jsonb) as r(address inet, asn bigint, owner text, country text)),
       held as materialized (
         select a.address from ruawatch.addresses a join r on r.address = a.address
          where (a.asn, a.owner, a.country) is distinct from (r.asn, r.owner, r.country) order by a.address for update of a)
       update ruawatch.addresses a set asn = r.asn, owner = r.owner, country = r.country from r join held h on h.address = r.address
        where a.address = r.address returning host(a.address) as address, false as named`,
      [JSON.stringify(owners)],
    );
    return analyzeAgain(tx, rows, networkOf);
  });
}

/** Deletes up to `limit` addresses without mail since a day. @returns their number */
export async function forgetAddresses(db: Queryable, before: string, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `delete from ruawatch.addresses
      where address in (select address from ruawatch.addresses where last_seen < $1::date limit $2 for update skip locked)`,
    [before, limit],
  );
  return rowCount!;
}

/**
 * Notes the networks of changed addresses for the analyzer, in all domains that have them as a source. A new
 * owner alone changes nothing for a network without a name from which no mail ever passed: it stays
 * unauthenticated, so that a botnet costs the analyzer nothing.
 */
async function analyzeAgain(
  tx: Queryable,
  changed: readonly { address: string; named: boolean }[],
  networkOf: (address: string) => string,
): Promise<number> {
  if (changed.length === 0) return 0;
  const networks = new Map<string, boolean>();
  for (const { address, named } of changed) {
    const network = networkOf(address);
    networks.set(network, named || (networks.get(network) ?? false));
  }
  const { rowCount } = await tx.query(
    `insert into ruawatch.analysis_work (domain, source)
     select s.domain, s.source
       from unnest($1::text[], $2::boolean[]) as n(network, named)
       join ruawatch.sources s on s.source = n.network and strpos(s.source, '/') > 0
      where s.messages > 0 and (n.named or s.passed > 0) and ${isOwnSql('s.domain')}
      order by s.domain, s.source`,
    [[...networks.keys()], [...networks.values()]],
  );
  return rowCount!;
}
