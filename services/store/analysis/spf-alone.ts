import type { Tx } from '../../shared/runtime/db.ts';
import { countedRows } from './counted.ts';
import type { CountedDays } from './window-reads.ts';

/** How the aligned mail of a service passes, from the networks that bear its name. */
interface PassesBy {
  service: string;
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
}

/**
 * Loads how the mail passes that comes through some services, as far as they are known by their reverse
 * names.
 */
export async function loadPassesBy(
  tx: Tx,
  domain: string,
  services: readonly string[],
  { from, to, counted }: CountedDays,
): Promise<PassesBy[]> {
  if (services.length === 0) return [];
  const { cte, params } = countedRows(counted, 5);
  const { rows } = await tx.query<PassesBy>(
    `with ${cte}
     select s.grouped_as as service, sum(c.passed)::bigint as passed, sum(c.dkim_aligned)::bigint as dkim_aligned,
            sum(c.spf_aligned)::bigint as spf_aligned
       from ruawatch.sources s
       join counted c on c.domain = $1 and c.source = s.source and c.day between $3 and $4 and c.messages > 0 and c.trust = 'ok'
      where s.domain = $1 and s.identified_by = 'reverse_name' and s.grouped_as = any($2::text[])
      group by 1 order by 1`,
    [domain, services, from, to, ...params],
  );
  return rows;
}
