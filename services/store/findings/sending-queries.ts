import { literal } from '../sql-text.ts';

/** What a workload sent as a domain by the logs, day by day, for psql. @param from YYYY-MM-DD */
export function sendingQuery(
  domain: string,
  { cluster, environment, workload }: { cluster: string; environment: string; workload: string },
  from: string,
): string {
  return `select day, domain, selector, sent, signed, unsigned, aligned, deferred, refused, refused_dmarc
  from dmarc.sending_days
 where (domain = ${literal(domain)} or right(domain, ${domain.length + 1}) = ${literal(`.${domain}`)})
   and (cluster, environment, workload) = (${[cluster, environment, workload].map(literal).join(', ')})
   and day >= ${literal(from)}
 order by day, domain, selector;`;
}

/** Who signs with a selector by the logs, day by day. */
export function signersQuery(domain: string, selector: string, from: string): string {
  return `select day, cluster, environment, workload, domain, sent, aligned, refused_dmarc
  from dmarc.sending_days
 where (domain = ${literal(domain)} or right(domain, ${domain.length + 1}) = ${literal(`.${domain}`)})
   and selector = ${literal(selector)}
   and day >= ${literal(from)}
 order by day, cluster, environment, workload;`;
}

/** What the logs show of mail to some recipient domains, day by day. */
export function receiverQuery(domain: string, mailboxes: readonly string[], from: string): string {
  return `select d.day, r.key as recipient_domain, sum(r.value::bigint) as delivered
  from dmarc.sending_days d cross join lateral jsonb_each_text(d.by_recipient) r
 where (d.domain = ${literal(domain)} or right(d.domain, ${domain.length + 1}) = ${literal(`.${domain}`)})
   and r.key in (${mailboxes.map(literal).join(', ')})
   and d.day >= ${literal(from)}
 group by 1, 2
 order by 1, 3 desc;`;
}

/** The reported mail of one address, day by day. */
export function addressQuery(domain: string, address: string, from: string, to: string): string {
  return `select (begin_at at time zone 'UTC')::date as day, org_name, dkim_aligned, spf_aligned, disposition, sum(count) as messages
  from dmarc.records
 where domain = ${literal(domain)}
   and source_ip = ${literal(address)}
   and begin_at >= ${literal(`${from} 00:00+00`)}
   and begin_at < timestamptz ${literal(`${to} 00:00+00`)} + interval '1 day'
   and trust = 'ok'
 group by 1, 2, 3, 4, 5
 order by 1, messages desc
 limit 100;`;
}
