import { rulesWith } from '../../findings/kinds/traits-of.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';

/** What a person says of a finding. */
export const VERDICTS = ['false', 'right', 'expected'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What somebody expects on a domain: it is not mailed until a time, unless it is graver than it was. */
export interface Expected {
  domain: string;
  kind: string;
  subject: string;
  until: Date;
  severity: string;
  by_name: string;
  why: string;
  finding_key: number;
}

/** Notes that what a finding is about is expected until a time. */
export async function expect(tx: Tx, one: Omit<Expected, 'domain' | 'kind' | 'subject' | 'severity'>): Promise<void> {
  await tx.query(
    `insert into ruawatch.expectations as e (domain, kind, subject, until, severity, by_name, why, finding_key)
     select domain, kind, subject, $2, severity, $3, $4, finding_key from ruawatch.findings where finding_key = $1
     on conflict (domain, kind, subject) do update
        set until = excluded.until, severity = excluded.severity, by_name = excluded.by_name, why = excluded.why,
            finding_key = excluded.finding_key`,
    [one.finding_key, one.until, one.by_name, one.why],
  );
}

/** What is expected on a domain, or on all, and has not ended. */
export async function loadExpected(q: Queryable, now: Date, domain: string | null = null): Promise<Expected[]> {
  const { rows } = await q.query<Expected>(
    `select domain, kind, subject, until, severity, by_name, why, finding_key from ruawatch.expectations
      where until > $1 and ($2::text is null or domain = $2) order by until, domain, kind, subject`,
    [now, domain],
  );
  return rows;
}

/** Ends what is no longer expected. @returns the open findings that are to be mailed again */
export async function endExpected(tx: Tx, now: Date): Promise<number[]> {
  const { rows } = await tx.query<{ finding_key: number }>(
    `with ended as (delete from ruawatch.expectations where until <= $1 returning domain, kind, subject)
     select f.finding_key from ruawatch.findings f join ended using (domain, kind, subject)
      where f.state = 'open' and f.severity <> 'info' and f.acknowledged_at is null and f.snoozed_until is null order by 1`,
    [now],
  );
  return rows.map((row) => row.finding_key);
}

/** What became of the mailed findings of one kind, as people saw it. */
export interface KindVerdicts {
  kind: string;
  mailed: number;
  right: number;
  expected: number;
  false: number;
}

/** Counts the last verdict on each finding that was mailed since a time, by kind. */
export async function loadVerdicts(q: Queryable, since: Date): Promise<KindVerdicts[]> {
  const { rows } = await q.query<KindVerdicts>(
    `select f.kind, count(*)::int as mailed, count(*) filter (where v.verdict = 'right')::int as "right",
            count(*) filter (where v.verdict = 'expected')::int as expected, count(*) filter (where v.verdict = 'false')::int as "false"
       from ruawatch.findings f
       left join lateral (
         select verdict from ruawatch.finding_acts a where a.finding_key = f.finding_key and a.verdict is not null
          order by act_key desc limit 1) v on true
      where exists (select from ruawatch.finding_events e where e.finding_key = f.finding_key and e.notify and e.at >= $1)
      group by f.kind order by 2 desc, 1`,
    [since],
  );
  return rows;
}

/** A source of which somebody said that its mail was expected, and that no list of senders has. */
export interface ExpectedSource {
  domain: string;
  source: string;
  why: string;
}

/** Sources whose findings were closed as expected since a time, and that nobody has approved or denied. */
export async function loadExpectedSources(q: Queryable, since: Date): Promise<ExpectedSource[]> {
  const { rows } = await q.query<ExpectedSource>(
    `select distinct on (f.domain, f.subject) f.domain, f.subject as source, a.why
       from ruawatch.finding_acts a join ruawatch.findings f using (finding_key)
      where a.verdict = 'expected' and a.at >= $1 and f.kind = any($2::text[])
        and not exists (select from ruawatch.sender_list l where l.domain = f.domain and l.source = f.subject and l.ended_at is null)
      order by f.domain, f.subject, a.act_key desc`,
    [since, rulesWith('approvable')],
  );
  return rows;
}

/** The domains that anything was mailed about since a time, and all own ones that are reported on. */
export async function countWatched(q: Queryable): Promise<number> {
  const { rows } = await q.query<{ n: number }>(
    'select count(distinct domain)::int as n from ruawatch.domain_reporters where decides',
  );
  return rows[0]!.n;
}
