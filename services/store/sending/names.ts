import type { Tx } from '../../shared/runtime/db.ts';
import { ownAboveSql } from '../domains/domains.ts';

/**
 * The names that the logs show mail of and that belong to an own domain: itself, and those below it that are
 * below no nearer own domain.
 * @param from YYYY-MM-DD
 */
export async function sentNames(tx: Tx, domain: string, from: string): Promise<string[]> {
  const { rows } = await tx.query<{ name: string }>(
    `select name
       from (select distinct d.domain as name from ruawatch.sending_days d
              where (d.domain = $1 or right(d.domain, length($1) + 1) = '.' || $1) and d.day >= $2::date) n
      cross join lateral (${ownAboveSql('n.name')}) a where a.domain = $1
      order by name`,
    [domain, from],
  );
  return rows.map(({ name }) => name);
}

/**
 * Notes that the analyzer must look at the own domains that names belong to. @returns these, to wake it with
 */
export async function noteSent(tx: Tx, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const { rows } = await tx.query<{ domain: string }>(
    `with own as materialized (
       select distinct a.domain
         from (select distinct name from unnest($1::text[]) as t(name)) n cross join lateral (${ownAboveSql('n.name')}) a),
     -- Without RETURNING, which the collector's role has no right to.
     noted as (insert into ruawatch.analysis_work (domain, source) select domain, '' from own order by domain)
     select domain from own order by domain`,
    [names],
  );
  return rows.map(({ domain }) => domain);
}
