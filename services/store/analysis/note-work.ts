import type { Tx } from '../../shared/runtime/db.ts';
import { isOwnSql } from '../domains/domains.ts';
import { OTHER_SOURCES } from '../rollups/allowance.ts';
import { limitNames, overAllowance, type RollupChange } from '../rollups/over-allowance.ts';
import { beginRange, readingByKey, recordsOf } from '../schema/partitions.ts';

/**
 * Notes own domains that the analyzer must look at although no sum may have changed: a forged report changes
 * none.
 */
export async function noteDomains(tx: Tx, domains: readonly string[]): Promise<void> {
  if (domains.length === 0) return;
  await tx.query(
    `with named as materialized (select distinct domain from unnest($1::text[]) as t(domain))
     insert into ruawatch.analysis_work (domain, source)
     select domain, '' from named where ${isOwnSql('domain')} order by domain`,
    [domains],
  );
}

/**
 * Notes the sources of proven reports that were superseded as soon as they were stored. Processed in another
 * order, they would have entered the rollups and left them again. So the analyzer's result does not depend on
 * the order of arrival, although it compares a source with the current totals of its domain.
 */
export async function noteSources(tx: Tx, reports: readonly Omit<RollupChange, 'sign' | 'reporter'>[]): Promise<void> {
  const proven = reports.filter(({ trust }) => trust === 'ok');
  if (proven.length === 0) return;
  const { cte, name, join, params } = limitNames(overAllowance(proven), 4);
  const note = () =>
    tx.query(
      `with ${cte}named as (
       select distinct p.domain, ${name} as source
         from (select unnest($1::bigint[]) as key, 'ok' as trust) s
         join ruawatch.reports p on p.report_key = s.key and ${isOwnSql('p.domain')}
        cross join lateral (${recordsOf('p', '$2', '$3')}) r
        ${join})
     insert into ruawatch.analysis_work (domain, source)
     select domain, source from named where source <> '${OTHER_SOURCES}' order by 1, 2`,
      [proven.map((r) => r.key), ...beginRange(proven), ...params],
    );
  await readingByKey(tx, note);
}
