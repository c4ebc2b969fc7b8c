import { readEvidence } from '../../findings/evidence.ts';
import { rulesWith, traitsOf } from '../../findings/kinds/traits-of.ts';
import type { StoredFinding } from '../../findings/sentences/finding.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { QUORUM } from '../analysis/counted.ts';
import { isOwnSql } from '../domains/domains.ts';
import { goesOn } from '../findings/goes-on.ts';
import { gravestFirst } from '../findings/gravest-first.ts';
import type { DomainDns } from './digest-dns.ts';
import type { FindingEvent } from './outbox.ts';

/** One UTC day of a domain, over all sources and reporters. */
export interface DayTotal {
  day: string;
  messages: number;
  passed: number;
}

export interface NewSource {
  source: string;
  class: string;
  messages: number;
}

/** What a digest says about one domain. */
export interface DomainWeek {
  domain: string;
  /** Days without mail are absent. */
  days: DayTotal[];
  /**
   * First seen within the week, the largest first; without those that are unauthorized, and the stray ones.
   */
  fresh: NewSource[];
  /** How many there are, when `fresh` does not list each. */
  fresh_count: number;
  /** First seen within the week and unauthorized: a botnet is given as a number. */
  strangers: { sources: number; messages: number };
  /** First seen within the week, with so little mail that nobody can say what they are. */
  stray: { sources: number; messages: number };
  /** The first day without a report, while nobody reports on it; null: somebody does. */
  silent_since: string | null;
  /** Its open findings that a person must look at, and the gravest severity among them; null without any. */
  to_do: number;
  gravest: string | null;
  /**
   * Reporters whose word decides nothing (analyzer/standing.ts), and what they reported in the week: it is in
   * no other figure here.
   */
  unheard: { reporters: number; messages: number };
  /** The policy most reports of the newest day found; null when none is known. */
  policy: string | null;
  /** The open finding `policy_ready`; null when there is none. */
  ready: StoredFinding | null;
  /** Where it stands and what changed in its DNS; absent: that was not loaded. */
  dns?: DomainDns;
}

/** A finding in its current state, with who acknowledged or snoozed it. */
export interface WeekFinding extends FindingEvent {
  acknowledged_by: string | null;
  snoozed_until: Date | null;
}

/** Some findings, the worst first, and how many there are. */
export interface SomeFindings {
  findings: WeekFinding[];
  count: number;
  /**
   * How many of them a person must look at: not those that are acknowledged or snoozed, and what one cause
   * opened for many domains once.
   */
  to_do: number;
}

export interface WeekFindings {
  /** Opened or reopened, and not over again. */
  opened: SomeFindings;
  resolved: SomeFindings;
  /** Resolved by hand, now or before, although the newest reports still show them. */
  goes_on?: SomeFindings;
  /** Open for longer than that. */
  open: SomeFindings;
  /** Opened or reopened for information only, and how many such findings are open in all. */
  info?: SomeFindings & { open: number };
}

/** SQL: a source of `seen` that is too small to say anything about. */
const STRAY = "(class = 'unknown' and messages < 20)";
/** SQL: a finding that a person must look at. What is for information, such as the next policy, can wait. */
const TO_DO = "f.state = 'open' and f.severity <> 'info' and f.acknowledged_at is null and f.snoozed_until is null";
/** SQL: the same of findings that one cause opened for many domains. */
const CAUSE = `case ${rulesWith('sharedCause')
  .map((kind) => `when f.kind = '${kind}' then f.kind${traitsOf(kind).sharedCause === 'subject' ? " || ' ' || f.subject" : ''}`)
  .join(' ')} else f.finding_key::text end`;

/** When the schema was created: a digest that was due before would be empty. */
export async function bornAt(q: Queryable): Promise<Date> {
  const { rows } = await q.query<{ born: Date }>('select applied_at as born from ruawatch.migrations where version = 1');
  return rows[0]!.born;
}

/**
 * The own domains that any report covers. Names below them are left out as long as no deciding reporter
 * covers them: anybody can invent thousands.
 */
export async function knownDomains(tx: Tx): Promise<string[]> {
  const { rows } = await tx.query<{ domain: string }>(
    `select domain from (select distinct domain from ruawatch.sources) told
      where ${isOwnSql('domain')}
        and (exists (select from ruawatch.domains o where o.domain = told.domain and o.state = 'own')
             or not exists (select from ruawatch.domain_reporters n where n.domain = told.domain)
             or exists (select from ruawatch.domain_reporters n where n.domain = told.domain and n.decides))
      order by domain`,
  );
  return rows.map((row) => row.domain);
}

/** A digest that was made: who got it, who did not, and of which domains. */
export interface MadeDigest {
  digest_key: number;
  recipients: string[];
  /** Null: it is of a version that did not note them. */
  domains: string[] | null;
  /** For whom a mail was made that was not refused. */
  mailed_to: string[];
  /** Whom the mail server refused, and who are to get another mail at `retry_at`. */
  refused_for: string[];
  retry_at: Date | null;
}

/** The digests of a moment that were made already; the rows stay as they are until the transaction ends. */
export async function digestsOf(tx: Tx, dueAt: Date): Promise<MadeDigest[]> {
  const { rows } = await tx.query<MadeDigest>(
    `select digest_key, recipients, domains, coalesce(mailed_to, recipients) as mailed_to, refused_for, retry_at
       from ruawatch.digests where due_at = $1 order by digest_key for update`,
    [dueAt],
  );
  return rows;
}

/**
 * Notes that the digest of a moment about these domains is mailed to some of its recipients.
 * @returns its key, and how often the mail server refused it before
 */
export async function markDigest(
  tx: Tx,
  dueAt: Date,
  {
    recipients,
    domains,
    to,
    now,
  }: { recipients: readonly string[]; domains: readonly string[]; to: readonly string[]; now: Date },
): Promise<{ digest_key: number; refusals: number }> {
  const { rows } = await tx.query<{ digest_key: number; refusals: number }>(
    `insert into ruawatch.digests as d (due_at, recipients, made_at, domains, mailed_to) values ($1, $2, $3, $4, $5)
     on conflict (due_at, recipients) do update
        set domains = excluded.domains,
            mailed_to = array(select distinct r from unnest(coalesce(d.mailed_to, d.recipients) || excluded.mailed_to) r order by r),
            refused_for = array(select r from unnest(d.refused_for) r where r <> all(excluded.mailed_to)),
            retry_at = case when d.refused_for <@ excluded.mailed_to then null else d.retry_at end
     returning digest_key, refusals`,
    [dueAt, recipients, now, domains, to],
  );
  return rows[0]!;
}

/**
 * Ends the retries of refused digests: of those before a moment, which the digest of that moment covers, or
 * of these digests, whose recipients are no longer in the settings.
 */
export async function endRetries(
  q: Queryable,
  { before, digests }: { before: Date; digests?: undefined } | { before?: undefined; digests: readonly number[] },
): Promise<void> {
  await q.query(
    `update ruawatch.digests set retry_at = null where retry_at is not null and (due_at < $1 or digest_key = any($2::bigint[]))`,
    [before, digests],
  );
}

/**
 * The moment whose digest is to be mailed anew now to recipients who were refused; null when there is none.
 */
export async function refusedDigest(q: Queryable, now: Date): Promise<Date | null> {
  const { rows } = await q.query<{ due_at: Date | null }>(
    'select max(due_at) as due_at from ruawatch.digests where retry_at <= $1',
    [now],
  );
  return rows[0]!.due_at;
}

/**
 * Since when each of the recipients has had no digest before this one: when the last that was not refused was
 * due, else a week before the first that was; null where there was none.
 */
export async function digestsBefore(
  tx: Tx,
  dueAt: Date,
  { recipients, domains, to }: { recipients: readonly string[]; domains: readonly string[]; to: readonly string[] },
): Promise<Map<string, Date | null>> {
  const { rows } = await tx.query<{ recipient: string; since: Date | null }>(
    `select r as recipient,
            coalesce(max(d.due_at) filter (where r = any(coalesce(d.mailed_to, d.recipients))),
                     min(d.due_at) filter (where r = any(d.refused_for)) - interval '7 days') as since
       from unnest($4::text[]) r
       left join ruawatch.digests d on d.due_at < $1 and (d.recipients = $2 or d.domains && $3::text[])
      group by r`,
    [dueAt, recipients, domains, to],
  );
  return new Map(rows.map(({ recipient, since }) => [recipient, since]));
}

/**
 * SQL: whether the reporter of a rollup row has a say about its domain, as far as the analyzer has said so
 * (store/analysis/reporters.ts).
 */
const decides = (row: string) =>
  `not exists (select from ruawatch.domain_reporters n where n.domain = ${row}.domain and n.reporter = ${row}.reporter and not n.decides)`;

/**
 * SQL of `told` and `counted`: the mail that the deciding reporters report, of which one of several that
 * decide together counts no more than a quorum of them reports (analysis/counted.ts).
 * Parameters: domains, first day of the week before, first and last day of the week.
 */
const COUNTED = `told as (
       select * from ruawatch.source_days t
        where domain = any($1) and day between $2 and $4 and messages > 0 and trust = 'ok' and ${decides('t')}),
     -- Where several decide together, no number is believed that has fewer behind it (analysis/counted.ts).
     together as materialized (
       select distinct domain from ruawatch.domain_reporters where domain = any($1) and decides and standing <> 'known'),
     voted as (
       select domain, source, reporter, least(1, cap / told) as share
         from (select s.*, count(*) over (partition by domain, source, passes) as votes, count(*) over (partition by domain, source) as voters,
                      nth_value(told, ${QUORUM}) over (partition by domain, source, passes order by told desc, reporter
                        rows between unbounded preceding and unbounded following) as cap
                 from (select domain, source, reporter, sum(messages)::numeric as told, 2 * sum(passed) > sum(messages) as passes
                         from told where domain in (select domain from together) group by 1, 2, 3) s) v
        where votes >= ${QUORUM} and 2 * votes > voters),
     counted as materialized (
       select t.domain, t.source, t.day, round(t.messages * coalesce(v.share, 1)) as messages, round(t.passed * coalesce(v.share, 1)) as passed
         from told t left join voted v using (domain, source, reporter)
        where v.share is not null or t.domain not in (select domain from together))`;

/**
 * SQL of `fresh_of` and `strangers_of`: the sources of `counted` first seen in the week.
 * Parameters as of COUNTED, and the number of sources that are listed.
 */
const NEW_SOURCES = `-- Their mail of the week, as far as it counts: a source that only forged reports tell of is none.
     seen as (
       select s.domain, s.source, s.class, sum(d.messages)::bigint as messages
         from ruawatch.sources s
         join counted d on d.domain = s.domain and d.source = s.source and d.day between $3 and $4
        where s.domain = any($1) and s.last_seen >= $3
          -- Anybody can say that a source was there long ago.
          and (s.first_seen >= $3 or exists (select from ruawatch.domain_reporters n where n.domain = s.domain and not n.decides))
          and not exists (select from ruawatch.source_days o
                           where o.domain = s.domain and o.source = s.source and o.day < $3 and o.messages > 0 and o.trust = 'ok'
                             and ${decides('o')})
        group by s.domain, s.source, s.class),
     fresh as (
       select domain, source, class, messages, count(*) over (partition by domain) as n,
              row_number() over (partition by domain order by messages desc, source) as rank
         from seen where class <> 'unauthorized' and not ${STRAY}),
     strangers_of as (
       select domain, jsonb_build_object('sources', count(*), 'messages', sum(messages)) as strangers
         from seen where class = 'unauthorized'
        group by domain),
     stray_of as (
       select domain, jsonb_build_object('sources', count(*), 'messages', sum(messages)) as stray from seen where ${STRAY} group by domain),
     todo_of as (
       select f.domain, count(*)::int as todo, (array_agg(f.severity order by ${gravestFirst('f.severity')}))[1] as gravest
         from ruawatch.findings f where f.domain = any($1) and ${TO_DO} group by f.domain),
     fresh_of as (
       select domain, max(n) as n,
              jsonb_agg(jsonb_build_object('source', source, 'class', class, 'messages', messages) order by rank)
                filter (where rank <= $5) as sources
         from fresh group by domain)`;

/**
 * The domains of a digest, in order of need: silent ones, then by their findings, then those with the most
 * mail. Reports count that are proven or need not be; not those that still wait for it, which a forger can
 * bring about for days, nor those of reporters whose word decides nothing: these are summed up apart.
 * @param days `before` the first day of the week before, `from` and `to` the first and last of the week
 * @param listed how many new sources are listed one by one
 */
export async function loadDomainWeeks(
  tx: Tx,
  domains: readonly string[],
  days: { before: string; from: string; to: string },
  listed: number,
): Promise<DomainWeek[]> {
  const { rows } = await tx.query<DomainWeek>(
    `with ${COUNTED},
     totals as (
       select domain, day, sum(messages)::bigint as messages, sum(passed)::bigint as passed from counted group by domain, day),
     unheard_of as (
       select t.domain, jsonb_build_object('reporters', count(distinct t.reporter), 'messages', sum(t.messages)) as unheard
         from ruawatch.source_days t
        where t.domain = any($1) and t.day between $3 and $4 and t.messages > 0 and t.trust = 'ok' and not (${decides('t')})
        group by t.domain),
     per_domain as (
       select domain, sum(messages) filter (where day >= $3) as messages,
              jsonb_agg(jsonb_build_object('day', day, 'messages', messages, 'passed', passed) order by day) as days
         from totals group by domain),
     ${NEW_SOURCES}
     select d.domain, coalesce(p.days, '[]') as days, coalesce(f.sources, '[]') as fresh, coalesce(f.n, 0) as "fresh_count",
            coalesce(s.strangers, '{"sources": 0, "messages": 0}') as strangers,
            coalesce(y.stray, '{"sources": 0, "messages": 0}') as stray,
            coalesce(u.unheard, '{"reporters": 0, "messages": 0}') as unheard,
            coalesce(t.todo, 0) as to_do, t.gravest, q.since as silent_since,
            (select policy from ruawatch.policy_days y
              where y.domain = d.domain and y.day between $2 and $4 and y.reports > 0 and y.trust = 'ok' and ${decides('y')}
              group by y.day, y.policy order by y.day desc, sum(y.reports) desc, y.policy limit 1) as policy,
            (select jsonb_build_object('domain', r.domain, 'subject', r.subject, 'summary', r.summary, 'evidence', r.evidence)
               from ruawatch.findings r
              where r.domain = d.domain and r.kind = 'policy_ready' and r.state = 'open' limit 1) as ready
       from unnest($1::text[]) as d(domain)
       left join per_domain p using (domain)
       left join fresh_of f using (domain)
       left join strangers_of s using (domain)
       left join unheard_of u using (domain)
       left join stray_of y using (domain)
       left join todo_of t using (domain)
       left join ruawatch.silences q using (domain)
      order by q.since is null, ${gravestFirst('t.gravest')}, coalesce(t.todo, 0) desc, coalesce(p.messages, 0) desc, d.domain`,
    [domains, days.before, days.from, days.to, listed],
  );
  return rows.map((row) => ({ ...row, ready: row.ready && { ...row.ready, evidence: readEvidence(row.ready.evidence) } }));
}

/** The mail of a week, and of the one before. */
export interface WeekSums {
  domain: string;
  messages: number;
  passed: number;
  messages_before: number;
  passed_before: number;
}

/**
 * The same sums as a digest has, of those domains on which several reporters decide together: of all others,
 * the rollup of days has them.
 */
export async function loadVotedSums(
  q: Queryable,
  domains: readonly string[],
  days: { before: string; from: string; to: string },
): Promise<WeekSums[]> {
  const { rows: voting } = await q.query<{ domain: string }>(
    "select distinct domain from ruawatch.domain_reporters where domain = any($1) and decides and standing <> 'known'",
    [domains],
  );
  const { rows } = await q.query<WeekSums>(
    `with ${COUNTED}
     select v.domain, coalesce(sum(c.messages) filter (where c.day >= $3), 0)::bigint as messages,
            coalesce(sum(c.passed) filter (where c.day >= $3), 0)::bigint as passed,
            coalesce(sum(c.messages) filter (where c.day < $3), 0)::bigint as messages_before,
            coalesce(sum(c.passed) filter (where c.day < $3), 0)::bigint as passed_before
       from unnest($1::text[]) v(domain) left join counted c using (domain) group by v.domain`,
    [voting.map(({ domain }) => domain), days.before, days.from, days.to],
  );
  return rows;
}

const SHAPE = `f.finding_key, f.revision, f.domain, f.kind, f.subject, f.severity, f.confidence, f.summary, f.evidence as stored,
            f.acknowledged_by, f.snoozed_until`;
const WORST_FIRST = `${gravestFirst('f.severity')}, f.domain, f.finding_key`;

/** How many findings are open that are for information only. */
async function countOpen(tx: Tx, domains: readonly string[]): Promise<number> {
  const { rows } = await tx.query<{ n: number }>(
    "select count(*)::int as n from ruawatch.findings where domain = any($1) and severity = 'info' and state = 'open'",
    [domains],
  );
  return rows[0]!.n;
}

/**
 * What became of the findings of some domains between two moments, and what is open now.
 * @param week `listed` is how many of each are read
 */
export async function loadWeekFindings(
  tx: Tx,
  week: { domains: readonly string[]; since: Date; until: Date; listed: number },
): Promise<WeekFindings> {
  const read = async (event: string, at: string, where: string, severity = "f.severity <> 'info'") => {
    const { rows } = await tx.query<Omit<WeekFinding, 'evidence'> & { n: number; todo: number }>(
      `with f as materialized (select * from ruawatch.findings f where f.domain = any($1) and ${severity} and ${where})
       select ${SHAPE}, ${event} as event, ${at} as at, count(*) over () as n,
              (select count(distinct ${CAUSE}) from f where ${TO_DO})::int as todo
         from f order by ${WORST_FIRST} limit $4`,
      [week.domains, week.since, week.until, week.listed],
    );
    return {
      findings: rows.map(({ n: _n, todo: _todo, ...finding }) => ({ ...finding, evidence: readEvidence(finding.stored) })),
      count: rows[0]?.n ?? 0,
      to_do: rows[0]?.todo ?? 0,
    };
  };
  const began = 'coalesce(f.reopened_at, f.opened_at)';
  return {
    opened: await read(
      "case when f.reopened_at is null then 'opened' else 'reopened' end",
      began,
      `f.state = 'open' and ${began} >= $2 and ${began} < $3`,
    ),
    resolved: await read(
      "'resolved'",
      'f.resolved_at',
      `f.state = 'resolved' and f.resolved_at >= $2 and f.resolved_at < $3 and not ${goesOn('f')}`,
    ),
    goes_on: await read(
      "'changed'",
      'f.resolved_at',
      `${goesOn('f')} and f.resolved_at < greatest($2::timestamptz, $3::timestamptz)`,
    ),
    info: {
      ...(await read(
        "case when f.reopened_at is null then 'opened' else 'reopened' end",
        began,
        `f.state = 'open' and ${began} >= $2 and ${began} < $3`,
        "f.severity = 'info'",
      )),
      open: await countOpen(tx, week.domains),
    },
    open: await read("'changed'", 'f.changed_at', `f.state = 'open' and ${began} < least($2::timestamptz, $3::timestamptz)`),
  };
}
