import type { Tx } from '../../shared/runtime/db.ts';

/** A record that changed within a week. */
export interface ChangedRecord {
  /** What it is for, such as `spf` (services/store/dns/records.ts). */
  purpose: string;
  name: string;
  /** The newest change, YYYY-MM-DD. */
  day: string;
}

/** What a digest says of a domain's DNS. */
export interface DomainDns {
  domain: string;
  /** How far it has come, and its next step (services/dns/posture); null when that was not written yet. */
  posture: { stage: string; advice: string; blocked: number } | null;
  /** Records that changed, the newest first, and how many there are. */
  changes: ChangedRecord[];
  changes_count: number;
  /** Registered names that look like the domain and accept mail: there before the watch, and since. */
  lookalikes: { standing: number; since: number };
}

/**
 * Records of others that the domain's rest on are named by findings alone: they change daily at large
 * services.
 */
const OWN = `('spf', 'dkim', 'dmarc', 'report_destination', 'mx', 'mta_sts', 'tls_rpt', 'bimi')`;

/**
 * Loads where domains stand and what changed in their DNS between two moments. What the first answer about a
 * name found is no change.
 * @param week `listed` is how many changes of each are read
 */
export async function loadDomainDns(
  tx: Tx,
  week: { domains: readonly string[]; since: Date; until: Date; listed: number },
): Promise<Map<string, DomainDns>> {
  const { rows } = await tx.query<DomainDns>(
    `with moments as (
       select r.domain, r.purpose, r.name, greatest(
                case when r.first_seen > q.first_answered_at and r.first_seen between $2 and $3 then r.first_seen end,
                case when r.gone_at between $2 and $3 then r.gone_at end) as at
         from ruawatch.dns_records r
         join ruawatch.dns_questions q on q.domain = r.domain and q.name = r.name and q.type = r.type
        where r.domain = any($1) and r.purpose in ${OWN}),
     newest as (
       select domain, purpose, name, max(at) as at, row_number() over (partition by domain order by max(at) desc, name) as n
         from moments where at is not null group by domain, purpose, name),
     changed as (
       select domain, count(*)::int as changes_count,
              jsonb_agg(jsonb_build_object('purpose', purpose, 'name', name, 'day', to_char(at at time zone 'UTC', 'YYYY-MM-DD')) order by n)
                filter (where n <= $4) as changes
         from newest group by domain),
     alike as (
       select domain, jsonb_build_object('standing', count(*) filter (where baseline), 'since', count(*) filter (where not baseline)) as found
         from ruawatch.lookalikes
        where domain = any($1) and registered and not yours and ignored_at is null and cardinality(mail_hosts) > 0
        group by domain)
     select d.domain, coalesce(c.changes, '[]') as changes, coalesce(c.changes_count, 0) as changes_count,
            coalesce(a.found, '{"standing": 0, "since": 0}') as lookalikes,
            case when p.stage is not null then
              jsonb_build_object('stage', p.stage, 'advice', p.advice, 'blocked', cardinality(p.blocked_by)) end as posture
       from unnest($1::text[]) as d(domain)
       left join changed c using (domain)
       left join alike a using (domain)
       left join ruawatch.postures p using (domain)`,
    [week.domains, week.since, week.until, week.listed],
  );
  return new Map(rows.map((row) => [row.domain, row]));
}
