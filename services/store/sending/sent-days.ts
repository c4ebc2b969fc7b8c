import { organizationalDomain } from '../../report/orgdomain.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import type { SentDay } from './judged.ts';

interface Row extends SentDay {
  aligned: number;
  sent: number;
}

/**
 * Loads what the logs show of mail as these names. A signature of another organization counts as
 * none (RFC 9989 section 4.4).
 * @param from YYYY-MM-DD
 */
export async function loadSentDays(tx: Tx, names: readonly string[], from: string): Promise<SentDay[]> {
  const { rows } = await tx.query<Row>(
    `select d.cluster, d.environment, d.workload, d.domain, d.selector, d.signing_domain, d.day, d.sent, d.aligned,
            d.refused_dmarc, case when d.selector = '' and d.sent > 0 then d.unsigned else greatest(d.sent, d.refused) end as messages, d.first_at, d.last_at
       from ruawatch.sending_days d
      where d.domain = any($1::text[]) and d.day >= $2::date and d.sent + d.refused > 0
        -- Of mail whose signer writes nothing down, nobody can say whether it was signed.
        and (d.selector <> '' or d.sent = 0 or d.unsigned > 0)
      order by 1, 2, 3, 4, 5, 7`,
    [names, from],
  );
  return rows.map(({ aligned, sent, ...row }) => {
    if (isAligned(row, aligned, sent)) return { ...row, signing_domain: row.signing_domain || row.domain };
    return { ...row, selector: '', signing_domain: '', refused_dmarc: 0 };
  });
}

function isAligned({ domain, selector, signing_domain }: SentDay, aligned: number, sent: number): boolean {
  if (selector === '') return false;
  if (signing_domain === '') return aligned > 0 || sent === 0;
  return organizationalDomain(signing_domain) === organizationalDomain(domain);
}
