import { type Evidence, readEvidence } from '../../findings/evidence.ts';
import { storedForm } from '../../findings/sentences/finding.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import type { Severity } from '../../shared/severity.ts';
import { ownAboveSql } from '../domains/domains.ts';
import { rowsJson } from '../sql-text.ts';

/** `reopened`: it came back soon after it was over; `reminded`: its snooze has ended and it is still open. */
export type Step = 'opened' | 'changed' | 'resolved' | 'reopened' | 'reminded';

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
  evidence: Evidence;
  /** For information, and open as long as it holds; without it what is for information is settled at once. */
  lasting?: true;
  /** Not worth a mail of its own: it is in the digest. */
  quiet?: true;
}

/** A finding on file. */
export interface KnownFinding extends Candidate {
  finding_key: number;
  summary: string;
  state: 'open' | 'resolved';
  revision: number;
  /** How often it has come back; absent in what was never stored. */
  reopened?: number;
  /** What was last mailed about it, if anything was; for an acknowledged finding, what was acknowledged. */
  told: { severity: Severity; evidence: Evidence } | null;
  /** Whether anybody knows of it: it was mailed, or a person has acted on it. */
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
  /** It was there when the domain was first analyzed. */
  standing?: true;
}

/** What becomes of an open finding; `event` null: its evidence is updated and nobody is alerted. */
export interface FindingUpdate extends Candidate {
  finding_key: number;
  /** The stored one, for evidence without facts. */
  summary?: string;
  event: 'changed' | 'resolved' | null;
  notify: boolean;
}

/** A resolved finding that is back. */
export interface Reopening extends Candidate {
  finding_key: number;
  notify: boolean;
}

export interface WrittenEvent {
  finding_key: number;
  kind: string;
  event: Step;
  notify: boolean;
}

/** What the open findings of some kinds are about. */
export async function openSubjects(tx: Tx, domain: string, kinds: readonly string[]): Promise<string[]> {
  const { rows } = await tx.query<{ subject: string }>(
    `select distinct subject from ruawatch.findings where domain = $1 and kind = any($2::text[]) and state = 'open'`,
    [domain, kinds],
  );
  return rows.map(({ subject }) => subject);
}

/**
 * For each kind and subject the open finding, else the newest resolved one, and the newest that was for
 * information: of all open findings of the domain, and of the named subjects. Of incidents that several
 * senders may share, all that rest on days since `recent`, the newest first: they may have concerned others.
 * To be read after the report days: work that was committed with newer days is then seen as pending.
 */
export async function loadFindings(tx: Tx, domain: string, subjects: readonly string[], recent: string): Promise<KnownFinding[]> {
  const { rows } = await tx.query<KnownFinding>(
    `select f.finding_key, f.kind, f.subject, f.severity, f.state, f.confidence, f.first_day, f.last_day, f.summary, f.evidence,
            f.revision, f.reopened, coalesce(acknowledged.told, told.told) as told,
            told.told is not null or exists (select from ruawatch.finding_acts a where a.finding_key = f.finding_key) as heard,
            f.acknowledged_at is not null as acknowledged,
            f.snoozed_until is not null as snoozed,
            f.subject in (select w.source from ruawatch.analysis_work w where w.domain = $1) as pending,
            array(select b ->> 'source' from jsonb_array_elements(f.evidence -> 'broken') b
                   where f.state = 'open' and b ->> 'source' in (select w.source from ruawatch.analysis_work w where w.domain = $1)
                   order by 1) as waiting
       from (select distinct on (kind, subject, shared, note) *
               from (select *, state = 'resolved' and severity = 'info' as note, case when state = 'resolved' and evidence ? 'broken' and last_day >= $3 then finding_key end as shared
                       from ruawatch.findings where domain = $1 and (state = 'open' or subject = any($2::text[]))) each
              order by kind, subject, shared, note, (state = 'open') desc, finding_key desc) f
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
  return rows.map(({ told, ...row }) => ({
    ...row,
    evidence: readEvidence(row.evidence),
    told: told && { severity: told.severity, evidence: readEvidence(told.evidence) },
  }));
}

/** An open finding of another domain that was mailed. */
export interface ToldElsewhere {
  kind: string;
  subject: string;
  domain: string;
  first_day: string;
}

/** The open findings of some kinds that other domains than this one were mailed about. */
export async function loadToldElsewhere(tx: Tx, domain: string, kinds: readonly string[]): Promise<ToldElsewhere[]> {
  const { rows } = await tx.query<ToldElsewhere>(
    `select f.kind, f.subject, f.domain, f.first_day from ruawatch.findings f
      where f.state = 'open' and f.kind = any($2::text[]) and f.domain <> $1
        and exists (select from ruawatch.finding_events e where e.finding_key = f.finding_key and e.notify)
      order by f.finding_key`,
    [domain, kinds],
  );
  return rows;
}

/**
 * How many names below the same own domain have an open finding of these kinds that is of low severity; 0 for
 * a domain that is own by itself.
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
 * Opens findings, each with its first event. One that is open already is left alone (the unique index
 * findings_open), so two analyzers cannot open it twice. One that takes the place of a silent record keeps
 * its key and nothing else: what was recorded while nobody heard is as if it had not been.
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
              confidence real, first_day date, last_day date, summary text, evidence jsonb, notify boolean, standing boolean)),
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
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify, standing)
     select o.finding_key, o.revision, 'opened', $2, o.severity, o.summary, o.evidence, g.notify, coalesce(g.standing, false)
       from opened o join given g using (kind, subject)
     returning finding_key, (select o.kind from opened o where o.finding_key = finding_events.finding_key) as kind, notify`,
    [domain, at, rowsOf(domain, findings)],
  );
  return rows.map((row) => ({ ...row, event: 'opened' as const }));
}

/**
 * Opens resolved findings again, each with an event and a revision of its own; their history stays. One that
 * is open already, or whose kind and subject another finding holds open, is left alone.
 */
export async function reopenFindings(tx: Tx, domain: string, at: Date, findings: readonly Reopening[]): Promise<WrittenEvent[]> {
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
    [at, rowsOf(domain, findings)],
  );
  return rows.map((row) => ({ ...row, event: 'reopened' as const }));
}

/**
 * Brings open findings up to date, and writes an event for those that have one: `changed` counts the revision
 * up and ends an acknowledgement (it is worse than what was acknowledged), `resolved` closes. What is new is
 * kept with the event alone. A row that would stay as it is is not written.
 */
export async function updateFindings(
  tx: Tx,
  domain: string,
  at: Date,
  updates: readonly FindingUpdate[],
): Promise<WrittenEvent[]> {
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
              evidence = g.evidence - 'news',
              state = case when g.event = 'resolved' then 'resolved' else 'open' end,
              resolved_at = case when g.event = 'resolved' then $1::timestamptz end,
              changed_at = case when g.event is null then f.changed_at else $1::timestamptz end,
              revision = f.revision + case when g.event = 'changed' then 1 else 0 end
         from given g
        where f.finding_key = g.finding_key and f.state = 'open'
          and (g.event is not null
               or (f.severity, f.confidence, f.first_day, f.last_day, f.summary, f.evidence)
                  is distinct from (g.severity, g.confidence, g.first_day, g.last_day, g.summary, g.evidence))
       returning f.finding_key, f.kind, f.revision, f.severity, f.summary, g.evidence, g.event, g.notify)
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select finding_key, revision, event, $1, severity, summary, evidence, notify from updated where event is not null
     returning finding_key, event, notify,
               (select u.kind from updated u where u.finding_key = finding_events.finding_key) as kind`,
    [at, rowsOf(domain, updates)],
  );
  return rows;
}

/** The rows to be written, as JSON: the words are made here, once. */
function rowsOf(domain: string, findings: readonly (Candidate & { summary?: string })[]): string {
  return rowsJson(findings.map((finding) => ({ ...finding, ...storedForm({ domain, ...finding }) })));
}
