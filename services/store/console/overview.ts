import { gravestFirst } from '../findings/gravest-first.ts';
import { KEPT_OUT } from '../findings/kept-out.ts';
import { type Reader, readKept } from './scope.ts';

/** Days before today whose mail the overview and the API count. */
export const OVERVIEW_DAYS = 30;

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
  /**
   * The gravest open finding that nobody has acknowledged or snoozed, or that goes on although somebody
   * resolved it.
   */
  gravest: { finding_key: number; severity: string; kind: string; resolved_by: string | null; kept_out: boolean } | null;
  /** What the view of postures says is next, and the sentence about it; null before the first analysis. */
  next_step: string | null;
  advice: string | null;
}

/** The unauthorized mail of a domain: what nothing authenticates, and all mail of senders that are denied. */
export interface UnauthorizedLine {
  domain: string;
  messages: number;
  delivered: number;
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
    ['domains', 'domain_days', 'findings', 'posture'],
    `, chosen as (
       select domain, state, policy, policy_sp, policy_np, last_report_at from domains where state = $3 and strpos(domain, $2) > 0)
     select c.domain, c.state, c.policy, c.policy_sp, c.policy_np, p.stage, c.last_report_at, coalesce(m.messages, 0)::bigint as messages, coalesce(m.passed, 0)::bigint as passed,
            coalesce(f.critical, 0)::int as critical, coalesce(f.high, 0)::int as high, coalesce(f.medium, 0)::int as medium,
            coalesce(f.low, 0)::int as low, coalesce(f.info, 0)::int as info, f.gravest, p.next_step, p.advice
       from chosen c
       left join posture p using (domain)
       left join (select domain, sum(messages) as messages, sum(passed) as passed from domain_days
                   where day >= $1 and counts group by domain) m using (domain)
       left join (select domain, count(*) filter (where severity = 'critical') as critical, count(*) filter (where severity = 'high') as high,
                         count(*) filter (where severity = 'medium') as medium, count(*) filter (where severity = 'low') as low,
                         count(*) filter (where severity = 'info') as info,
                         (array_agg(jsonb_build_object('finding_key', finding_key, 'severity', severity, 'kind', kind,
                                                       'resolved_by', case when state = 'resolved' then evidence #>> '{ended,by}' end, 'kept_out', ${KEPT_OUT})
                                    order by severity = 'info', ${KEPT_OUT}, ${gravestFirst('severity')}, state, changed_at desc, finding_key)
                            filter (where acknowledged_at is null and snoozed_until is null))[1] as gravest
                    from findings where state = 'open' or goes_on group by domain) f using (domain)`,
    [from, search, state],
  );
}

/** Counted as classDays counts the class, for the domains that have any in these days. */
export async function unauthorizedLines(
  reader: Reader,
  { domains, from, to }: { domains: readonly string[]; from: string; to: string },
): Promise<readonly UnauthorizedLine[]> {
  return readKept<UnauthorizedLine & Record<string, unknown>>(
    reader,
    ['class_days'],
    `select domain, sum(messages)::bigint as messages, sum(delivered)::bigint as delivered
       from class_days where domain = any($1) and class = 'unauthorized' and day between $2 and $3 and counts group by domain`,
    [domains, from, to],
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

/** What the overview counts of a domain. */
export interface DomainFigures {
  domain: string;
  messages: number;
  passed: number;
  /** Open or going on, without those for information. */
  open: number;
}

/** The figures of some domains of the days since `from`, as domainLines counts them. */
export async function domainFigures(
  reader: Reader,
  { domains, from }: { domains: readonly string[]; from: string },
): Promise<Map<string, DomainFigures>> {
  const rows = await readKept<DomainFigures & Record<string, unknown>>(
    reader,
    ['domains', 'domain_days', 'findings'],
    `select d.domain, coalesce(m.messages, 0)::bigint as messages, coalesce(m.passed, 0)::bigint as passed, coalesce(f.open, 0)::int as open
       from domains d
       left join (select domain, sum(messages) as messages, sum(passed) as passed from domain_days
                   where day >= $2 and counts and domain = any($1) group by domain) m using (domain)
       left join (select domain, count(*) as open from findings
                   where (state = 'open' or goes_on) and severity <> 'info' and domain = any($1) group by domain) f using (domain)
      where d.domain = any($1)`,
    [domains, from],
  );
  return new Map(rows.map((one) => [one.domain, one]));
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
