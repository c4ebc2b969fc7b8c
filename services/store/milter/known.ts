import type { Queryable } from '../../shared/runtime/db.ts';

/** Days after which the class of a source that no report named again does not count. */
const CLASS_DAYS = 180;

/** What is stored about whom one mail comes from. */
export interface StoredKnowledge {
  lookalikes: { name: string; domain: string; fresh: boolean }[];
  contacted: string[];
  settled: string[];
  source_class: string | null;
}

/**
 * What is known of the domains that a mail may come from, in one query.
 * @param about.names these domains and those above them @param about.author the author's domain and those
 *   above it
 * @param about.source as in dmarc.sources; null without an author
 */
export async function loadKnowledge(
  q: Queryable,
  { names, author, source }: { names: readonly string[]; author: readonly string[]; source: string | null },
  now: Date,
): Promise<StoredKnowledge> {
  const { rows } = await q.query<StoredKnowledge>(
    `select
       coalesce((select jsonb_agg(jsonb_build_object('name', name, 'domain', domain,
                                                     'fresh', coalesce(registered, false) and not baseline) order by rank, domain, name)
                   from ruawatch.lookalikes where name = any($1::text[]) and ignored_at is null and not yours), '[]') as lookalikes,
       array(select name from ruawatch.milter_contacts where name = any($1::text[])) as contacted,
       array(select name from ruawatch.lookalikes where name = any($1::text[]) and (ignored_at is not null or yours)) as settled,
       (select class from ruawatch.sources
         where domain = any($2::text[]) and source = $3 and last_seen >= ($4::timestamptz - make_interval(days => ${CLASS_DAYS}))::date
         order by length(domain) desc limit 1) as source_class`,
    [names, author, source, now],
  );
  return rows[0]!;
}

/** The own domains, and the names under which people sign in. */
export async function loadOwnNames(q: Queryable): Promise<{ domains: string[]; people: string[] }> {
  const { rows } = await q.query<{ domains: string[]; people: string[] }>(
    `select array(select domain from ruawatch.domains where state = 'own' order by domain) as domains,
            array(select name from ruawatch.people where ended_at is null order by name) as people`,
  );
  return rows[0]!;
}

/** Notes that mail was accepted from look-alikes. */
export async function noteContacts(q: Queryable, names: readonly string[], now: Date): Promise<void> {
  if (names.length === 0) return;
  await q.query('insert into ruawatch.milter_contacts (name, first_seen) select unnest($1::text[]), $2 on conflict do nothing', [
    names,
    now,
  ]);
}
