import { literal } from '../sql-text.ts';

export interface EvidenceQuery {
  domain: string;
  /** One source only, or these. */
  source?: string;
  sources?: readonly string[];
  /** First and last day, both included. */
  from: string;
  to: string;
  /** Failing mail, only the failing mail that nothing authenticates, or all. */
  rows: 'failing' | 'unauthenticated' | 'all';
}

/**
 * A query for psql that shows the rows behind a finding. A person reads and pastes it, so the values are
 * written into it.
 */
export function recordsQuery(q: EvidenceQuery): string {
  const sources = q.sources ?? (q.source === undefined ? [] : [q.source]);
  const conditions = [
    `domain = ${literal(q.domain)}`,
    ...(sources.length === 1 ? [`source = ${literal(sources[0]!)}`] : []),
    ...(sources.length > 1 ? [`source in (${sources.map(literal).join(', ')})`] : []),
    `begin_at >= ${literal(`${q.from} 00:00+00`)}`,
    `begin_at < timestamptz ${literal(`${q.to} 00:00+00`)} + interval '1 day'`,
    ...(q.rows === 'all' ? [] : ['not dmarc_pass']),
    "trust = 'ok'",
    ...(q.rows === 'unauthenticated' ? ['not forwarded', 'foreign_dkim is null', 'foreign_spf is null'] : []),
  ];
  return `select (begin_at at time zone 'UTC')::date as day, org_name, source, source_ip,
       lower(header_from) as header_from, envelope_from, dkim_aligned, spf_aligned, disposition, sum(count) as messages
  from dmarc.records
 where ${conditions.join('\n   and ')}
 group by 1, 2, 3, 4, 5, 6, 7, 8, 9
 order by messages desc
 limit 100;`;
}

/** The same for unauthenticated mail below the domain, by name. */
export function subdomainQuery(domain: string, from: string, to: string): string {
  return `select lower(header_from) as name, source, disposition, min(begin_at) as first, max(begin_at) as last, sum(count) as messages
  from dmarc.records
 where domain = ${literal(domain)}
   and begin_at >= ${literal(`${from} 00:00+00`)}
   and begin_at < timestamptz ${literal(`${to} 00:00+00`)} + interval '1 day'
   and not dmarc_pass
   and trust = 'ok'
   and not forwarded
   and foreign_dkim is null
   and foreign_spf is null
   and right(rtrim(lower(header_from), '.'), ${domain.length + 1}) = ${literal(`.${domain}`)}
 group by 1, 2, 3
 order by messages desc
 limit 100;`;
}

/** Pending requests that nobody is left to decide. */
export function stuckQuery(): string {
  return `select request_key, domain, summary, requester, created_at, unreachable_since
  from dmarc.requests
 where state = 'pending' and unreachable_since is not null
 order by unreachable_since;`;
}

export function egressQuery(): string {
  return `select name, domain, p ->> 'code' as code, p ->> 'message' as message, problems_since
  from dmarc.egress_records, jsonb_array_elements(problems) p
 order by problems_since, name;`;
}

export function overdueQuery(): string {
  return `select grant_key, holder, server, name, coalesce(end_since, ends_at) as since, end_reason, answer
  from dmarc.grants
 where state = 'ending' or (state = 'active' and ends_at < now())
 union all
select null, null, server, name, since, 'No grant is for it.', answer
  from dmarc.stray_rights
 order by since;`;
}

/** Mails of the last day that the milter could not judge. */
export function unjudgedQuery(): string {
  return `select at, outcome, why, queue_id, peer_ip, header_from_domain
  from dmarc.unjudged_mails
 where at >= now() - interval '24 hours'
 order by at desc
 limit 100;`;
}

/** The reports that two readers read in different ways. */
export function differingQuery(from: string): string {
  return `select report_key, message_key, reporter, domain, received_at
  from dmarc.reports
 where problems @> '[{"code": "readers_differ"}]'
   and received_at >= ${literal(`${from} 00:00+00`)}
 order by received_at desc
 limit 100;`;
}

/** The same for mails that were set aside, by sender and code. @param from the first day of arrival */
export function unreadQuery(from: string): string {
  return `select code, sender, count(*) as mails, min(received_at) as first, max(received_at) as last, min(reason) as reason
  from dmarc.messages
 where state in ('quarantined', 'failed')
   and received_at >= ${literal(`${from} 00:00+00`)}
 group by code, sender
 order by mails desc
 limit 100;`;
}

/** The same for the policies that were reported. */
export function policyQuery(domain: string, from: string, to: string): string {
  return `select day, reporter, policy, reports
  from dmarc.policy_days
 where domain = ${literal(domain)}
   and day between ${literal(from)} and ${literal(to)}
   and reports > untrusted
 order by day, reporter, policy;`;
}

/** The records of a reporter whose verdict contradicts their results. */
export function contradictedQuery(domain: string, reporter: string, from: string, to: string): string {
  return `select (begin_at at time zone 'UTC')::date as day, source_ip, disposition, dkim_result, spf_result, dkim_aligned, spf_aligned, auth,
       sum(count) as messages
  from dmarc.records
 where domain = ${literal(domain)}
   and report_key in (select report_key from dmarc.reports where domain = ${literal(domain)} and reporter = ${literal(reporter)})
   and begin_at >= ${literal(`${from} 00:00+00`)}
   and begin_at < timestamptz ${literal(`${to} 00:00+00`)} + interval '1 day'
   and (dkim_result = 'pass' or spf_result = 'pass') <> dmarc_pass
   and trust = 'ok'
 group by 1, 2, 3, 4, 5, 6, 7, 8
 order by messages desc
 limit 100;`;
}

/** How much a reporter reported on a domain, day by day. */
export function reportsQuery(domain: string, reporter: string, from: string): string {
  return `select (begin_at at time zone 'UTC')::date as day, count(*) as reports, sum(messages) as messages, max(received_at) as received_at
  from dmarc.reports
 where domain = ${literal(domain)}
   and reporter = ${literal(reporter)}
   and begin_at >= ${literal(`${from} 00:00+00`)}
 group by 1
 order by 1;`;
}

/**
 * The reports that came in a reporter's name, arrived from `from` to `to`, and are not proven to be its own.
 */
export function forgedQuery(domain: string, reporter: string, from: string, to: string): string {
  return `select received_at, reporter_trust, trust_reason, report_id, messages, message_key
  from dmarc.untrusted_reports
 where domain = ${literal(domain)}
   and reporter = ${literal(reporter)}
   and received_at >= ${literal(`${from} 00:00+00`)}
   and received_at < timestamptz ${literal(`${to} 00:00+00`)} + interval '1 day'
 order by received_at;`;
}

/** What DNS says of a domain's reports, and how it became own. */
export function domainQuery(domain: string): string {
  return `select domain, state, how, since, confirmed_at, last_checked, lost_since, reason
  from dmarc.domains
 where domain = ${literal(domain)};`;
}

/** The registered names that look like a domain, the newest change first. */
export function lookalikesQuery(domain: string): string {
  return `select name, shown, kind, mail_hosts, servers, dmarc, change, changed_at, first_seen, yours
  from dmarc.lookalikes
 where domain = ${literal(domain)}
   and registered
   and ignored_at is null
 order by changed_at desc nulls last, rank
 limit 100;`;
}

/** What DNS said of a domain's records, the newest change first. */
export function historyQuery(domain: string): string {
  return `select name, type, value, published, first_seen, gone_at, servers
  from dmarc.dns_records
 where domain = ${literal(domain)}
 order by coalesce(gone_at, first_seen) desc
 limit 100;`;
}
