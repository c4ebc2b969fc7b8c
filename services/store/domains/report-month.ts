import { readEvidence } from '../../findings/evidence.ts';
import { type NamedKind, namedKind } from '../../findings/kinds/name-of.ts';
import { rulesWith } from '../../findings/kinds/traits-of.ts';
import { reporterName } from '../../findings/sentences/reporter-name.ts';
import { addDays } from '../../shared/days.ts';
import { parsePolicy } from '../../shared/policy.ts';
import type { Queryable } from '../../shared/runtime/db.ts';
import { byGravity, rankOf, type Severity } from '../../shared/severity.ts';
import { type Counted, countedRows, QUORUM } from '../analysis/counted.ts';
import { goesOn } from '../findings/goes-on.ts';
import { aboutSql, DECISIVE_FIRST } from '../sources/sender-list.ts';

/** A sender of a domain over a month, as reporters whose word decides saw it. Counts are messages. */
export interface SenderMonthRow {
  source: string;
  class: 'authorized' | 'misaligned' | 'forwarded' | 'unauthorized' | 'unknown';
  messages: number;
  passed: number;
  dkim_aligned: number;
  spf_aligned: number;
  /** A person has approved all of it: each source, its service, or either for all domains. */
  approved: boolean;
}

/** Mail of a sender that a person denied and that gets through (services/dns/posture/month.ts). */
export interface DeniedMail {
  finding_key: number;
  source: string;
  messages: number;
  passes: boolean;
  keys: { name: string; others: string[] }[];
  terms: string[];
}

export interface ReportMonthRow {
  days: number;
  reporters: number;
  senders: SenderMonthRow[];
  /** The first day that they reported on, and the newest. */
  first: string;
  newest: string;
  /** The regular reporters by name. */
  reporter_names: string[];
  /** Reports of the month by the policy that they found. */
  policies: { p: string | null; t?: string | null; reports: number }[];
  /** Failing messages of senders that are not set up and have just begun. */
  joining: number;
  /**
   * Kinds of open findings that say that a stricter policy would cost mail, and of forged mail that is
   * delivered.
   */
  against: NamedKind[];
  /** Open findings of own mail that stopped to pass, the gravest first. */
  incidents: { finding_key: number; summary: string; severity: Severity }[];
  contested: NamedKind[];
  /** Mail of denied senders that gets through, by their open findings. */
  denied: DeniedMail[];
  /** Reporters that have stopped, with their part of all mail before, the largest first. */
  silent: { reporter: string; share: number }[];
  /** `policy_ready` is open. */
  held: boolean;
}

/** A month with its first and last day, both included (YYYY-MM-DD). */
export interface DatedMonth extends ReportMonthRow {
  from: string;
  to: string;
}

/** Senders named one by one; the rest are summed by class. */
const MOST_SENDERS = 200;
/** Days that count: a month (RFC 9989 section 7.4 asks for one at each policy). */
export const MONTH_DAYS = 30;
/** So long a source that is not set up may have sent before it is reported by itself. */
const JOINING_DAYS = 3;
/** Rules whose findings are asked for: each rule of these is named as the kind of its findings. */
const AGAINST = rulesWith('againstPolicy');
const INCIDENTS = rulesWith('stopsMail');
/** The severity from which on an incident stops mail. */
const LEAST_STOPPING: Severity = 'medium';
const CONTESTED = rulesWith('contested');
/** The kind of the findings about senders that a person denied, and the rule that finds them. */
const DENIED = { kind: 'unauthorized_source', rule: 'denied_source' } as const;
/** The kind of the findings about reporters that have stopped, and its rule. */
const SILENT = 'reporter_silent';

/**
 * The last month that deciding reporters report on: it ends with their newest day, and with today where that
 * is long ago.
 * @param today by the clock
 * @param reporterDays days on which a reporter must have reported to be counted
 * @returns null when there is no report in it
 */
export async function loadLastMonth(
  q: Queryable,
  domain: string,
  today: string,
  reporterDays: number,
): Promise<DatedMonth | null> {
  const { rows } = await q.query<{ newest: string | null }>(
    `select to_char(max(d.day), 'YYYY-MM-DD') as newest
       from ruawatch.source_days d
       join ruawatch.domain_reporters r on r.domain = d.domain and r.reporter = d.reporter and r.decides
      where d.domain = $1 and d.day between $2 and $3 and d.messages > 0 and d.trust = 'ok'`,
    [domain, addDays(today, 1 - MONTH_DAYS), addDays(today, 1)],
  );
  const newest = rows[0]?.newest;
  if (newest == null) return null;
  const to = newest > addDays(today, -STALE_DAYS) ? newest : today;
  const from = addDays(to, 1 - MONTH_DAYS);
  const month = await loadReportMonth(q, { domain, from, to, reporterDays });
  return month && { from, to, ...month };
}

/** Newer reports than these end a month of their own. */
const STALE_DAYS = 8;

/**
 * What trusted reports of deciding reporters say of a domain from `from` to `to`, both included (YYYY-MM-DD).
 * @param reporterDays days on which a reporter must have reported to be counted
 * @returns null when there is no such report
 */
export async function loadReportMonth(
  q: Queryable,
  { domain, from, to, reporterDays }: { domain: string; from: string; to: string; reporterDays: number },
): Promise<ReportMonthRow | null> {
  const counted = await loadCounted(q, domain, from, to);
  const { rows: totals } = await q.query<{ days: number; names: string[]; newest: string; first: string | null }>(
    `with told as materialized (
       select distinct day, reporter from ruawatch.source_days
        where domain = $1 and day between $2 and $3 and messages > 0 and trust = 'ok' and reporter = any($4::text[]))
     select (select count(distinct day) from told)::int as days,
            (select coalesce(array_agg(reporter order by reporter), '{}')
               from (select reporter from told group by reporter having count(*) >= $5) regular) as names,
            (select to_char(max(day), 'YYYY-MM-DD') from told) as newest,
            (select to_char(min(day), 'YYYY-MM-DD') from ruawatch.source_days
              where domain = $1 and day between $2::date - 1 and $3 and messages > 0 and trust = 'ok' and reporter = any($4::text[])) as first`,
    [domain, from, to, counted.reporters, reporterDays],
  );
  const { days, names, newest, first } = totals[0]!;
  if (days === 0) return null;
  return {
    days,
    reporters: names.length,
    reporter_names: names,
    newest,
    first: first ?? newest,
    ...(await loadSenders(q, { domain, from, to, counted })),
    policies: await loadPolicies(q, { domain, from, to, counted }),
    ...(await loadAgainst(q, domain)),
  };
}

/** Whose rows count: those of the reporters that decide, by votes where none is known. */
async function loadCounted(q: Queryable, domain: string, from: string, to: string): Promise<Counted> {
  const { rows } = await q.query<{ reporter: string; standing: string }>(
    'select reporter, standing from ruawatch.domain_reporters where domain = $1 and decides order by reporter',
    [domain],
  );
  const votes = rows.some(({ standing }) => standing !== 'established') ? 1 : QUORUM;
  return { reporters: rows.map(({ reporter }) => reporter), votes, from, to };
}

interface Month {
  domain: string;
  from: string;
  to: string;
  counted: Counted;
}

async function loadSenders(
  q: Queryable,
  { domain, from, to, counted }: Month,
): Promise<{ senders: SenderMonthRow[]; joining: number }> {
  const { cte, params } = countedRows(counted, 5);
  const { rows } = await q.query<SenderMonthRow & { joining: number }>(
    `with ${cte},
     per_source as (
       select source, sum(messages) as messages, sum(passed) as passed, sum(least(passed, dkim_aligned)) as dkim_aligned,
              sum(least(passed, spf_aligned)) as spf_aligned,
              case when min(day) > $3::date - ${JOINING_DAYS} then sum(failed_authenticated) else 0 end as joining
         from counted
        where domain = $1 and day between $2 and $3 and messages > 0 and trust = 'ok'
        group by source),
     known as (
       select coalesce(s.grouped_as, s.name, p.source) as named, coalesce(s.class, 'unknown') as class, coalesce(l.approved, false) as approved, p.*
         from per_source p left join ruawatch.sources s on s.domain = $1 and s.source = p.source
         left join lateral (select l.verdict = 'approved' as approved from ruawatch.sender_list l
                             where ${aboutSql({ domain: '$1', source: 'p.source', service: 's.grouped_as' })} and l.ended_at is null
                             order by ${DECISIVE_FIRST} limit 1) l on true),
     ranked as (
       select named, class, bool_and(approved) as approved, sum(messages) as messages, sum(passed) as passed, sum(dkim_aligned) as dkim_aligned,
              sum(spf_aligned) as spf_aligned, sum(joining) as joining, row_number() over (order by sum(messages) desc, named, class) as rank
         from known group by named, class)
     select case when rank <= $4 then named else 'other sources' end as source, class, bool_and(approved) as approved, sum(messages)::bigint as messages,
            sum(passed)::bigint as passed, sum(dkim_aligned)::bigint as dkim_aligned, sum(spf_aligned)::bigint as spf_aligned,
            sum(joining)::bigint as joining
       from ranked group by 1, 2 order by messages desc, source, class`,
    [domain, from, to, MOST_SENDERS, ...params],
  );
  const joining = rows.reduce((n, one) => n + (one.class === 'forwarded' ? 0 : one.joining), 0);
  return { senders: rows.map(({ joining: _, ...one }) => one), joining };
}

async function loadPolicies(q: Queryable, { domain, from, to, counted }: Month): Promise<ReportMonthRow['policies']> {
  const { rows } = await q.query<{ policy: string; rows: number }>(
    `select policy, count(*)::int as rows from ruawatch.policy_days
      where domain = $1 and day between $2 and $3 and reports > 0 and trust = 'ok' and reporter = any($4::text[])
      group by policy order by policy`,
    [domain, from, to, counted.reporters],
  );
  const found = new Map<string, ReportMonthRow['policies'][number]>();
  for (const row of rows) {
    const { p, t } = parsePolicy(row.policy);
    const key = `${p} ${t}`;
    const one = found.get(key) ?? { p, t, reports: 0 };
    found.set(key, { ...one, reports: one.reports + row.rows });
  }
  return [...found.values()];
}

/** So large a part of a finding's mail was delivered where the policy does not stop it. */
const NEARLY_ALL = 0.95;
const named = ({ kind, messages, delivered }: Pick<AgainstRow, 'kind' | 'messages' | 'delivered'>): NamedKind => ({
  ...namedKind(kind),
  delivered: messages > 0 && delivered >= NEARLY_ALL * messages,
});

/** What the findings say of a stricter policy that go on, whatever somebody has resolved by hand. */
async function loadAgainst(
  q: Queryable,
  domain: string,
): Promise<Pick<ReportMonthRow, 'against' | 'incidents' | 'contested' | 'denied' | 'silent' | 'held'>> {
  const { rows } = await q.query<AgainstRow>(
    `select finding_key, kind, subject, severity, summary,
            case when evidence ->> 'delivered' ~ '^[0-9]{1,15}$' then (evidence ->> 'delivered')::bigint else 0 end as delivered,
            case when evidence ->> 'messages' ~ '^[0-9]{1,15}$' then (evidence ->> 'messages')::bigint else 0 end as messages,
            case when kind in ('${DENIED.kind}', '${SILENT}') then evidence end as evidence
       from ruawatch.findings f
      where domain = $1 and (state = 'open' or ${goesOn('f')}) and kind = any($2::text[]) order by kind, finding_key`,
    [domain, [...AGAINST, ...INCIDENTS, ...CONTESTED, SILENT, 'policy_ready']],
  );
  return {
    against: rows.filter(({ kind, severity }) => AGAINST.includes(kind) && severity !== 'info').map(named),
    incidents: rows
      .filter(({ kind, severity }) => INCIDENTS.includes(kind) && rankOf(severity) >= rankOf(LEAST_STOPPING))
      .sort(byGravity)
      .map(({ finding_key, summary, severity }) => ({ finding_key, summary, severity })),
    // Whose mail it is has been said where somebody denied it.
    contested: rows.filter((one) => CONTESTED.includes(one.kind) && one.delivered > 0 && deniedOf(one) === null).map(named),
    denied: rows.flatMap((one) => deniedOf(one) ?? []).sort((a, b) => b.messages - a.messages || a.finding_key - b.finding_key),
    silent: rows.flatMap((one) => silentOf(one) ?? []).sort((a, b) => b.share - a.share),
    held: rows.some(({ kind }) => kind === 'policy_ready'),
  };
}

interface AgainstRow {
  finding_key: number;
  kind: string;
  subject: string;
  severity: Severity;
  summary: string;
  messages: number;
  delivered: number;
  /** Null for kinds that nothing is read of but this. */
  evidence: unknown;
}

/** What a finding says of mail of a denied sender; null for every other finding. */
function deniedOf({ finding_key, kind, subject, evidence }: AgainstRow): DeniedMail | null {
  if (kind !== DENIED.kind) return null;
  const { facts, messages, delivered } = readEvidence(evidence);
  if (facts?.rule !== DENIED.rule) return null;
  const { by, keys = [], terms = [] } = facts;
  const passes = by !== 'none';
  return {
    finding_key,
    source: subject,
    messages: passes ? messages : delivered,
    passes,
    keys: keys.map(({ name, others }) => ({ name, others })),
    terms,
  };
}

/** The reporter that a finding says has stopped, and its part of all mail; null for every other finding. */
function silentOf({ kind, subject, evidence: stored }: AgainstRow): { reporter: string; share: number } | null {
  if (kind !== SILENT) return null;
  const evidence = readEvidence(stored);
  if (evidence.facts?.rule !== SILENT) return null;
  return { reporter: reporterName(subject, evidence), share: evidence.facts.share };
}
