import type { Tx } from '../../shared/runtime/db.ts';
import { ownAboveSql } from '../domains/domains.ts';
import type { SubdomainName } from '../rollups/subdomain-days.ts';

export type Severity = 'info' | 'low' | 'medium' | 'high' | 'critical';
/** `reopened`: it came back soon after it was over; `reminded`: its snooze is over and it still stands. */
export type FindingEvent = 'opened' | 'changed' | 'resolved' | 'reopened' | 'reminded';

/** One sender in a finding's evidence. */
export interface Culprit {
  source: string;
  messages: number;
  delivered?: number;
}

/** A policy tag that changed. */
export interface TagChange {
  tag: string;
  from: string;
  to: string;
  since: string;
}

/** A sender that broke: its part of the incident that it shares with all whose mail lost the same mechanism. */
export interface BrokenSender {
  source: string;
  mechanism: 'dkim' | 'spf' | 'both';
  since: string;
  /** The last day it was as it should be. */
  last_good_day: string;
  last_day: string;
  /** Messages that failed since, of all. */
  messages: number;
  of: number;
  per_day: number;
  delivered: number;
  quarantined: number;
  rejected: number;
  reporters: string[];
  confidence: number;
  /** How its mail did before, in words; absent when that has left the window. */
  before?: string;
  /** Where to look in DNS: keys (`selector._domainkey.domain`) and SPF records that did not pass, as far as reporters named them. */
  names?: string[];
}

/** A sender that is no part of its incident any more: the report day on which that was seen, and why. */
export interface MendedSender {
  source: string;
  day: string;
  why: string;
}

/** Why a finding stands, enough for the mail that tells of it. */
export interface Evidence {
  /** One sentence: what happens. */
  what: string;
  /** The largest senders concerned. */
  who: Culprit[];
  /** How many senders there are in all, when `who` does not list each. */
  senders: number;
  /** How many messages of how many, and the quotient. */
  messages: number;
  of: number;
  share: number;
  /** Messages a report day: what is compared when the finding is looked at again. */
  per_day: number;
  since: string;
  /** It ceased for more than a week without being over for certain, and began again on this day. */
  again?: string;
  last_day: string;
  reporters: string[];
  /** Of those among them that the catalogue does not know: what they call themselves, and the domain that was proven beside it. */
  reporter_names?: Record<string, string>;
  /** Regular reporters that say nothing of the last day (yet); what they would say may change the finding. */
  missing?: string[];
  /** Messages a day that are usual here, and how likely it is that habit alone brings what was found. */
  usual?: number;
  chance?: number;
  /** What the receivers did with the messages concerned. */
  delivered: number;
  quarantined: number;
  rejected: number;
  mechanism?: 'dkim' | 'spf' | 'both';
  /** authentication_regression: the last day it was as it should be. */
  last_good_day?: string;
  /** authentication_regression: each sender that fails, those with the most messages first, and those that no longer do. */
  broken?: BrokenSender[];
  mended?: MendedSender[];
  /** policy_change: each tag. */
  tags?: TagChange[];
  /** forged_report: how many reports, and how many of them contradict a proven one. */
  reports?: number;
  contradicting?: number;
  /** subdomain_abuse: the names it comes under, the largest, how many there are, and the policy that applies to them. */
  names?: SubdomainName[];
  names_in_all?: number;
  policy?: string;
  /** unconfirmed_report: whose word alone it rests on, and what that is worth. */
  resting_on?: { reporter: string; standing: string }[];
  /** policy_ready: failing messages of each class of source. */
  by_class?: Record<string, number>;
  /** What to do, in sentences. */
  advice: string[];
  /** Shows the rows, ready for psql. */
  query: string;
  /** Resolved: on which report day, and why. */
  resolved_day?: string;
  resolved_why?: string;
}

/** What a rule found. */
export interface Candidate {
  kind: string;
  subject: string;
  severity: Severity;
  /** 0 to 1. */
  confidence: number;
  /** YYYY-MM-DD */
  first_day: string;
  last_day: string;
  summary: string;
  evidence: Evidence;
  /** For information, and open as long as it holds; without it what is for information is settled at once. */
  lasting?: true;
  /** Not worth a mail of its own: it stands in the digest. */
  quiet?: true;
}

/** A finding on file. */
export interface KnownFinding extends Candidate {
  finding_key: number;
  state: 'open' | 'resolved';
  revision: number;
  /** What was last mailed about it, if anything was; of an acknowledged finding, what was acknowledged. */
  told: { severity: Severity; evidence: Evidence } | null;
  /** Whether anybody knows of it: it was told, or a person has said something about it. */
  heard: boolean;
  /** A person has asked for silence about it: until it is worse, or until a time. */
  acknowledged: boolean;
  snoozed: boolean;
  /** Work on its subject waits, so nothing can be said of its silence. */
  pending: boolean;
  /** The same of the senders that broke. */
  waiting: string[];
}

/** A new row of findings with its event `opened`. */
export interface NewFinding extends Candidate {
  /** The row that it takes the place of: recorded in silence, and nobody has heard of it. */
  finding_key?: number;
  state: 'open' | 'resolved';
  notify: boolean;
}

/** What becomes of an open finding; `event` null: its evidence is brought up to date and nobody is told. */
export interface FindingUpdate extends Omit<Candidate, 'kind' | 'subject'> {
  finding_key: number;
  event: 'changed' | 'resolved' | null;
  notify: boolean;
}

/** A resolved finding that is back. */
export interface Reopening extends Omit<Candidate, 'kind' | 'subject'> {
  finding_key: number;
  notify: boolean;
}

export interface WrittenEvent {
  finding_key: number;
  kind: string;
  event: FindingEvent;
  notify: boolean;
}

/**
 * For each kind and subject the open finding, else the newest resolved one: of all open findings of the domain, and of the
 * named subjects. Of incidents that several senders may share, all that rest on days since `recent`, the newest first: they may have
 * concerned others. To be read after the report days: work that was committed with newer days is then seen as pending.
 */
export async function loadFindings(tx: Tx, domain: string, subjects: readonly string[], recent: string): Promise<KnownFinding[]> {
  const { rows } = await tx.query<KnownFinding>(
    `select f.finding_key, f.kind, f.subject, f.severity, f.state, f.confidence, f.first_day, f.last_day, f.summary, f.evidence,
            f.revision, coalesce(acknowledged.told, told.told) as told,
            told.told is not null or exists (select from ruawatch.finding_acts a where a.finding_key = f.finding_key) as heard,
            f.acknowledged_at is not null as acknowledged,
            f.snoozed_until is not null as snoozed,
            f.subject in (select w.source from ruawatch.analysis_work w where w.domain = $1) as pending,
            array(select b ->> 'source' from jsonb_array_elements(f.evidence -> 'broken') b
                   where f.state = 'open' and b ->> 'source' in (select w.source from ruawatch.analysis_work w where w.domain = $1)
                   order by 1) as waiting
       from (select distinct on (kind, subject, shared) *
               from (select *, case when state = 'resolved' and evidence ? 'broken' and last_day >= $3 then finding_key end as shared
                       from ruawatch.findings where domain = $1 and (state = 'open' or subject = any($2::text[]))) each
              order by kind, subject, shared, (state = 'open') desc, finding_key desc) f
       left join lateral (
         select jsonb_build_object('severity', e.severity, 'evidence', e.evidence) as told
           from ruawatch.finding_events e
          where e.finding_key = f.finding_key and e.notify
          order by e.event_key desc limit 1) told on true
       left join lateral (
         select jsonb_build_object('severity', a.severity, 'evidence', a.evidence) as told
           from ruawatch.finding_acts a
          where a.finding_key = f.finding_key and f.acknowledged_at is not null and a.act = 'acknowledged'
          order by a.act_key desc limit 1) acknowledged on true
      order by f.kind, f.subject, f.finding_key desc`,
    [domain, subjects, recent],
  );
  return rows;
}

/**
 * How many names below the same own domain have an open finding of these kinds that is of low severity; 0 for a domain that is own by itself.
 */
export async function quietBelow(tx: Tx, domain: string, kinds: readonly string[]): Promise<number> {
  const { rows } = await tx.query<{ n: number }>(
    `select count(*)::int as n
       from ruawatch.findings f
       join (${ownAboveSql('$1')}) own on own.domain <> $1 and right(f.domain, length(own.domain) + 1) = '.' || own.domain
      where f.state = 'open' and f.severity = 'low' and f.kind = any($2) and f.domain <> $1`,
    [domain, kinds],
  );
  return rows[0]!.n;
}

/**
 * Opens findings, each with its first event. One that is open already is left alone (the unique index findings_open), so two
 * analyzers cannot open it twice. One that takes the place of a silent record keeps its key and nothing else: what was recorded while
 * nobody heard is as if it had not been.
 */
export async function openFindings(tx: Tx, domain: string, at: Date, findings: readonly NewFinding[]): Promise<WrittenEvent[]> {
  if (findings.length === 0) return [];
  const silent = findings.flatMap((finding) => finding.finding_key ?? []);
  if (silent.length > 0) {
    await tx.query('delete from ruawatch.finding_events where finding_key = any($1)', [silent]);
  }
  const { rows } = await tx.query<Omit<WrittenEvent, 'event'>>(
    `with given as (
       select * from jsonb_to_recordset($3::jsonb) as x(finding_key bigint, kind text, subject text, severity text, state text,
              confidence real, first_day date, last_day date, summary text, evidence jsonb, notify boolean)),
     replaced as (
       update ruawatch.findings f
          set severity = g.severity, state = g.state, confidence = g.confidence, opened_at = $2, changed_at = $2,
              resolved_at = case when g.state = 'resolved' then $2::timestamptz end, reopened_at = null, reopened = 0, revision = 1,
              first_day = g.first_day, last_day = g.last_day, summary = g.summary, evidence = g.evidence
         from given g where f.finding_key = g.finding_key
       returning f.finding_key, f.kind, f.subject, f.revision, f.severity, f.summary, f.evidence),
     inserted as (
       insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, resolved_at,
              first_day, last_day, summary, evidence)
       select $1, kind, subject, severity, state, confidence, $2, $2, case when state = 'resolved' then $2::timestamptz end,
              first_day, last_day, summary, evidence
         from given where finding_key is null order by kind, subject
       on conflict (domain, kind, subject) where state = 'open' do nothing
       returning finding_key, kind, subject, revision, severity, summary, evidence),
     opened as (select * from replaced union all select * from inserted)
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select o.finding_key, o.revision, 'opened', $2, o.severity, o.summary, o.evidence, g.notify
       from opened o join given g using (kind, subject)
     returning finding_key, (select o.kind from opened o where o.finding_key = finding_events.finding_key) as kind, notify`,
    [domain, at, JSON.stringify(findings)],
  );
  return rows.map((row) => ({ ...row, event: 'opened' as const }));
}

/**
 * Opens resolved findings again, each with an event and a revision of its own; their history stays. One that is open already, or whose
 * kind and subject another finding holds open, is left alone.
 */
export async function reopenFindings(tx: Tx, at: Date, findings: readonly Reopening[]): Promise<WrittenEvent[]> {
  if (findings.length === 0) return [];
  const { rows } = await tx.query<Omit<WrittenEvent, 'event'>>(
    `with given as (
       select * from jsonb_to_recordset($2::jsonb) as x(finding_key bigint, severity text, confidence real,
              first_day date, last_day date, summary text, evidence jsonb, notify boolean)),
     reopened as (
       update ruawatch.findings f
          set state = 'open', resolved_at = null, reopened_at = $1, reopened = f.reopened + 1, changed_at = $1,
              revision = f.revision + 1, severity = g.severity, confidence = g.confidence, first_day = g.first_day,
              last_day = g.last_day, summary = g.summary, evidence = g.evidence
         from given g
        where f.finding_key = g.finding_key and f.state = 'resolved'
          and not exists (select from ruawatch.findings o where o.domain = f.domain and o.kind = f.kind and o.subject = f.subject
                             and o.state = 'open')
       returning f.finding_key, f.kind, f.revision, f.severity, f.summary, f.evidence, g.notify)
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select finding_key, revision, 'reopened', $1, severity, summary, evidence, notify from reopened
     returning finding_key, notify,
               (select r.kind from reopened r where r.finding_key = finding_events.finding_key) as kind`,
    [at, JSON.stringify(findings)],
  );
  return rows.map((row) => ({ ...row, event: 'reopened' as const }));
}

/**
 * Brings open findings up to date, and writes an event for those that have one: `changed` counts the revision up and ends an
 * acknowledgement (it is worse than what was acknowledged), `resolved` closes. A row that would stay as it is is not written.
 */
export async function updateFindings(tx: Tx, at: Date, updates: readonly FindingUpdate[]): Promise<WrittenEvent[]> {
  if (updates.length === 0) return [];
  const { rows } = await tx.query<WrittenEvent>(
    `with given as (
       select * from jsonb_to_recordset($2::jsonb) as x(finding_key bigint, event text, severity text, confidence real,
              first_day date, last_day date, summary text, evidence jsonb, notify boolean)),
     outgrown as (
       insert into ruawatch.finding_acts (finding_key, act, at, by_name, why, severity, summary, evidence)
       select f.finding_key, 'outgrown', $1, 'ruawatch', 'It is materially worse than what was acknowledged.', g.severity, g.summary,
              g.evidence
         from given g join ruawatch.findings f using (finding_key)
        where g.event = 'changed' and f.acknowledged_at is not null and f.state = 'open'),
     updated as (
       update ruawatch.findings f
          set acknowledged_at = case when g.event is null then f.acknowledged_at end,
              acknowledged_by = case when g.event is null then f.acknowledged_by end,
              acknowledged_why = case when g.event is null then f.acknowledged_why end,
              snoozed_until = case when g.event is distinct from 'resolved' then f.snoozed_until end,
              snoozed_by = case when g.event is distinct from 'resolved' then f.snoozed_by end,
              snoozed_why = case when g.event is distinct from 'resolved' then f.snoozed_why end,
              severity = g.severity, confidence = g.confidence, first_day = g.first_day, last_day = g.last_day, summary = g.summary,
              evidence = g.evidence,
              state = case when g.event = 'resolved' then 'resolved' else 'open' end,
              resolved_at = case when g.event = 'resolved' then $1::timestamptz end,
              changed_at = case when g.event is null then f.changed_at else $1::timestamptz end,
              revision = f.revision + case when g.event = 'changed' then 1 else 0 end
         from given g
        where f.finding_key = g.finding_key and f.state = 'open'
          and (g.event is not null
               or (f.severity, f.confidence, f.first_day, f.last_day, f.summary, f.evidence)
                  is distinct from (g.severity, g.confidence, g.first_day, g.last_day, g.summary, g.evidence))
       returning f.finding_key, f.kind, f.revision, f.severity, f.summary, f.evidence, g.event, g.notify)
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select finding_key, revision, event, $1, severity, summary, evidence, notify from updated where event is not null
     returning finding_key, event, notify,
               (select u.kind from updated u where u.finding_key = finding_events.finding_key) as kind`,
    [at, JSON.stringify(updates)],
  );
  return rows;
}

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

/** A query for psql that shows the rows behind a finding. It is read and pasted by a person, so its values stand in it. */
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
  return `select (begin_at at time zone 'UTC')::date as day, org_name, source, source_ip, disposition, sum(count) as messages
  from dmarc.records
 where ${conditions.join('\n   and ')}
 group by 1, 2, 3, 4, 5
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

/** How much a reporter told of a domain, day by day. */
export function reportsQuery(domain: string, reporter: string, from: string): string {
  return `select (begin_at at time zone 'UTC')::date as day, count(*) as reports, sum(messages) as messages, max(received_at) as received_at
  from dmarc.reports
 where domain = ${literal(domain)}
   and reporter = ${literal(reporter)}
   and begin_at >= ${literal(`${from} 00:00+00`)}
 group by 1
 order by 1;`;
}

/** The reports that came in a reporter's name, arrived from `from` to `to`, and are not proven to be its own. */
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

/** A standard SQL string. Names come from reports, so anybody may have chosen them. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
