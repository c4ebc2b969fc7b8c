import type { Tx } from '../../shared/runtime/db.ts';
import type { VerifiedDay } from './judged.ts';

/** Messages of one kind of verdict that are looked at, the newest. */
const MOST = 2000;

/**
 * SQL: verdicts on DKIM of mail from own networks that the logs also show as signed and sent as the domain
 * ($1): anybody can send us a broken signature in our name, and a mailing list sends ours back changed.
 */
const judgedAs = (result: 'pass' | 'fail') => `
  select distinct on (m.message_key) o.cluster, o.environment, o.workload, s.selector, s.domain as signing_domain,
         (m.started_at at time zone 'UTC')::date as day, m.started_at, '${result}' as result
    from (select message_key, message_id, started_at from ruawatch.sent_messages
           where verify @> '[{"method": "dkim", "result": "${result}"}]' and started_at >= $2 and message_id is not null
             and exists (select from ruawatch.log_sources l where client_ip <<= any (l.egress))
           order by started_at desc limit ${MOST}) m
    join ruawatch.sent_messages o on o.message_id = m.message_id and o.message_key <> m.message_key and o.signatures <> '[]'
   cross join lateral jsonb_to_recordset(o.signatures) s(domain text, selector text)
   where s.domain = $1 or right(s.domain, length($1) + 1) = '.' || $1
   order by m.message_key, s.domain, s.selector`;

/** Loads what our own verifiers found of our own signatures since a time. */
export async function loadVerified(tx: Tx, domain: string, since: Date): Promise<VerifiedDay[]> {
  const { rows: failing } = await tx.query(`select from (${judgedAs('fail')}) f limit 1`, [domain, since]);
  if (failing.length === 0) return [];
  const { rows } = await tx.query<VerifiedDay>(
    `select cluster, environment, workload, selector, signing_domain, day, count(*) filter (where result = 'pass') as passed,
            count(*) filter (where result = 'fail') as failed, min(started_at) filter (where result = 'fail') as first_failed_at,
            max(started_at) filter (where result = 'fail') as last_failed_at
       from ((${judgedAs('fail')}) union all (${judgedAs('pass')})) v
      group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6`,
    [domain, since],
  );
  return rows;
}
