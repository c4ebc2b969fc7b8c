import { gravestFirst } from '../findings/gravest-first.ts';
import { type Reader, readKept } from './scope.ts';

/** A domain in the overview. Counts are messages of the last 30 days of reports that count. */
export interface DomainLine {
  domain: string;
  state: string;
  policy: string | null;
  /** The policy for names below it, and for those that do not exist. */
  policy_sp: string | null;
  policy_np: string | null;
  /** How far its records have come (the view of postures); null before the first look. */
  stage: string | null;
  last_report_at: Date | null;
  messages: number;
  passed: number;
  /** Of each open severity. */
  critical: number;
  high: number;
  medium: number;
  low: number;
  info: number;
  /** The gravest open finding, and what kind it is. */
  worst_key: number | null;
  worst_kind: string | null;
  ready: boolean;
  misaligned: number;
  unknown: number;
}

/** One day of a domain. */
export interface DayLine {
  domain: string;
  day: string;
  messages: number;
  passed: number;
}

/**
 * The watched domains with the figures of the days since `from`.
 * @param search a part of the name; empty for all
 */
export async function domainLines(
  reader: Reader,
  { from, search, state }: { from: string; search: string; state: 'own' | 'observed' | 'ignored' },
): Promise<readonly DomainLine[]> {
  return readKept<DomainLine>(
    reader,
    ['domains', 'domain_days', 'findings', 'sources', 'posture'],
    `, chosen as (
       select domain, state, policy, policy_sp, policy_np, last_report_at from domains where state = $3 and strpos(domain, $2) > 0)
     select c.domain, c.state, c.policy, c.policy_sp, c.policy_np, p.stage, c.last_report_at, coalesce(m.messages, 0)::bigint as messages, coalesce(m.passed, 0)::bigint as passed,
            coalesce(f.critical, 0)::int as critical, coalesce(f.high, 0)::int as high, coalesce(f.medium, 0)::int as medium,
            coalesce(f.low, 0)::int as low, coalesce(f.info, 0)::int as info, f.worst_key, f.worst_kind, coalesce(f.ready, false) as ready,
            coalesce(s.misaligned, 0)::int as misaligned, coalesce(s.unknown, 0)::int as unknown
       from chosen c
       left join posture p using (domain)
       left join (select domain, sum(messages) as messages, sum(passed) as passed from domain_days
                   where day >= $1 and counts group by domain) m using (domain)
       left join (select domain, count(*) filter (where severity = 'critical') as critical, count(*) filter (where severity = 'high') as high,
                         count(*) filter (where severity = 'medium') as medium, count(*) filter (where severity = 'low') as low,
                         count(*) filter (where severity = 'info') as info,
                         (array_agg(finding_key order by ${gravestFirst('severity')}, changed_at desc, finding_key))[1] as worst_key,
                         (array_agg(kind order by ${gravestFirst('severity')}, changed_at desc, finding_key))[1] as worst_kind,
                         bool_or(kind = 'policy_ready') as ready
                    from findings where state = 'open' group by domain) f using (domain)
       left join (select domain, count(*) filter (where class = 'misaligned') as misaligned, count(*) filter (where class = 'unknown') as unknown
                    from sources where last_seen >= $1 group by domain) s using (domain)`,
    [from, search, state],
  );
}

/** The days of some domains since `from`, in order. */
export async function domainDays(
  reader: Reader,
  { from, domains }: { from: string; domains: readonly string[] },
): Promise<readonly DayLine[]> {
  return readKept<DayLine>(
    reader,
    ['domain_days'],
    `select domain, day, sum(messages)::bigint as messages, sum(passed)::bigint as passed from domain_days
      where day >= $1 and counts and domain = any($2) group by domain, day order by domain, day`,
    [from, domains],
  );
}

/** A sender that a search for a domain finds. */
export interface FoundSender {
  domain: string;
  sender: string;
  name: string;
}

/** Senders with a part of a name, those with the most mail first: for who looks for one where domains are. */
export async function sendersNamed(reader: Reader, search: string, limit: number): Promise<readonly FoundSender[]> {
  return readKept<FoundSender & Record<string, unknown>>(
    reader,
    ['sources'],
    `select domain, grouped_as as sender, min(name) as name from sources
      where strpos(lower(grouped_as), $1) > 0 or strpos(lower(name), $1) > 0
      group by domain, grouped_as order by sum(messages) desc, domain, sender limit $2`,
    [search, limit],
  );
}
