import type { Tx } from '../../shared/runtime/db.ts';
import { type Sending, type SentDay, senderKey } from './judged.ts';

/** Newest messages of these names that are looked through for a receiver's words. */
const LOOKED_THROUGH = 5000;
const RECEIVERS = 5;

/**
 * Loads who refused signed mail, and the newest words of theirs.
 * @param days what was sent
 * @param from YYYY-MM-DD
 */
export async function loadRefusals(tx: Tx, days: readonly SentDay[], from: string): Promise<Sending['refusals']> {
  const refused = days.filter(({ refused_dmarc, day }) => refused_dmarc > 0 && day >= from);
  if (refused.length === 0) return new Map();
  const names = [...new Set(refused.map((row) => row.domain))];
  const { rows: receivers } = await tx.query<{ cluster: string; environment: string; workload: string; receivers: string[] }>(
    `select cluster, environment, workload, (array_agg(recipient_domain order by refused desc, recipient_domain))[1:${RECEIVERS}] as receivers
       from (select r.cluster, r.environment, r.workload, r.recipient_domain, sum(r.refused) as refused
               from ruawatch.sending_day_recipients r
              where r.domain = any($1::text[]) and r.day >= $2::date and r.selector <> '' and r.refused > 0 and r.recipient_domain <> ''
              group by 1, 2, 3, 4) s
      group by 1, 2, 3`,
    [names, from],
  );
  const { rows: words } = await tx.query<{ cluster: string; environment: string; workload: string; words: string }>(
    `select distinct on (m.cluster, m.environment, m.workload) m.cluster, m.environment, m.workload, r ->> 'words' as words
       from (select s.cluster, s.environment, s.workload, s.recipients, s.signatures, s.started_at
               from ruawatch.sent_messages s
              where s.header_domain = any($1::text[]) and s.started_at >= $2::date
              order by s.started_at desc limit ${LOOKED_THROUGH}) m
      cross join lateral jsonb_array_elements(m.recipients) r
      where m.signatures <> '[]' and (r ->> 'dmarc_words')::boolean and r ->> 'words' is not null
      order by 1, 2, 3, m.started_at desc`,
    [names, from],
  );
  const said = new Map(words.map((one) => [senderKey(one), one.words]));
  return new Map(receivers.map((one) => [senderKey(one), { receivers: one.receivers, words: said.get(senderKey(one)) ?? null }]));
}
