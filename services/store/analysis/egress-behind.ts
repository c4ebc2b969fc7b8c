import type { Queryable } from '../../shared/runtime/db.ts';

/** An SPF record that does not follow the addresses of its cluster. */
export interface BehindRecord {
  name: string;
  domain: string;
  problems: readonly { code: string; message: string; addresses: readonly string[] }[];
  since: Date;
}

/** How long a problem may last: a restart, or an API that is away for a moment, is none. */
const PATIENCE = '15 minutes';

/**
 * The records that do not follow, the longest first. That an address stays because reports show mail from it
 * is as it should be, and is none of them.
 */
export async function loadBehindRecords(q: Queryable, now: Date): Promise<BehindRecord[]> {
  const { rows } = await q.query<BehindRecord>(
    `select name, domain, problems_since as since,
            (select jsonb_agg(p) from jsonb_array_elements(problems) p where p ->> 'code' <> 'sending') as problems
       from ruawatch.egress_records
      where problems_since < $1::timestamptz - interval '${PATIENCE}'
        and exists (select from jsonb_array_elements(problems) p where p ->> 'code' <> 'sending')
      order by problems_since, name limit 1000`,
    [now],
  );
  return rows;
}
