import type { GrantKindName } from '../../requests/grants/kinds.ts';
import type { Queryable } from '../../shared/runtime/db.ts';

/** How grants of one kind, target and group were used, of those that have ended or are lent. */
export interface GrantUse {
  kind: GrantKindName;
  server: string;
  /**
   * Of access.database the role whose rights were lent, of others what is lent; the groups of people that may
   * hold it.
   */
  what: string;
  groups: string;
  grants: number;
  /** Those that their targets say were never used. */
  unused: number;
  /** Those of which it is known whether they were used. */
  known: number;
  /**
   * Seconds that were asked for, and that were used from the beginning to the last use: medians, and the
   * longest.
   */
  asked_median: number;
  asked_most: number;
  used_median: number | null;
  used_most: number | null;
  /** Of access.dns and its kind: names that were asked for, and those that were changed. */
  names: string[];
  names_used: string[];
}

/**
 * The use of grants since a moment. A database and the gateway say when one was last used, the console too;
 * of mail accounts and credentials nobody does.
 */
export async function grantUse(q: Queryable, since: Date): Promise<GrantUse[]> {
  const { rows } = await q.query<GrantUse>(
    `with one as (
       select g.*, case when g.last_used_at is not null then extract(epoch from greatest(g.last_used_at - g.applied_at, interval '0')) end as used_s,
              g.kind in ('access.database', 'access.console') or (g.kind = 'access.dns') as tells,
              coalesce(g.scope ->> 'group', g.scope ->> 'role', g.scope ->> 'zone', g.scope ->> 'from') as what
         from ruawatch.grants g where g.applied_at >= $1 and g.state in ('active', 'ending', 'ended')),
     changed as (
       select u.grant_key, array_agg(distinct split_part(c.name, ' ', 1)) as names
         from ruawatch.lent_updates u join ruawatch.changes c using (update_key) where c.state = 'applied' group by 1)
     select o.kind, o.server, o.what, array_to_string(o.groups, ', ') as groups, count(*)::int as grants,
            count(*) filter (where o.tells and o.last_used_at is null and o.used = 0)::int as unused,
            count(*) filter (where o.tells)::int as known,
            percentile_disc(0.5) within group (order by o.seconds)::int as asked_median, max(o.seconds)::int as asked_most,
            round(percentile_cont(0.5) within group (order by o.used_s) filter (where o.used_s is not null))::int as used_median,
            round(max(o.used_s))::int as used_most,
            array(select distinct n from one x cross join lateral jsonb_array_elements_text(case when jsonb_typeof(x.scope -> 'names') = 'array' then x.scope -> 'names' else '[]' end) n
                   where (x.kind, x.server, x.what, x.groups) = (o.kind, o.server, o.what, o.groups) order by 1) as names,
            array(select distinct n from one x join changed c using (grant_key) cross join lateral unnest(c.names) n
                   where (x.kind, x.server, x.what, x.groups) = (o.kind, o.server, o.what, o.groups) order by 1) as names_used
       from one o group by o.kind, o.server, o.what, o.groups order by 1, 2, 3, 4`,
    [since],
  );
  return rows;
}
