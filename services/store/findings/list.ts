import type { Queryable } from '../../shared/runtime/db.ts';
import { gravestFirst } from './gravest-first.ts';

/** A finding as `ruawatch findings list` shows it: the columns of dmarc.findings without the evidence. */
export interface ListedFinding {
  finding_key: number;
  domain: string;
  kind: string;
  severity: string;
  subject: string;
  state: 'open' | 'resolved';
  phase: 'open' | 'changed' | 'reopened' | 'resolved';
  summary: string;
  /** The first UTC day of what happened, YYYY-MM-DD. */
  first_day: string;
  /** The first UTC day of what it says now, YYYY-MM-DD: later for one that came back. */
  since: string;
  opened_at: Date;
  changed_at: Date;
  resolved_at: Date | null;
  /** Who resolved it by hand; null where it was over by itself, and left out of lists that do not say. */
  resolved_by?: string | null;
  acknowledged_at: Date | null;
  acknowledged_by: string | null;
  snoozed_until: Date | null;
  snoozed_by: string | null;
  reopened: number;
  /** Who looks after it. */
  assigned_to: string | null;
  /** Somebody resolved it, and the newest reports still show it; left out of lists that do not say. */
  goes_on?: boolean;
  /** It is about forged mail of which nothing was delivered; left out of lists that do not say. */
  kept_out?: boolean;
}

/** Every column of dmarc.findings. */
export interface ShownFinding extends ListedFinding {
  /** As it is stored: readEvidence reads it. */
  evidence: unknown;
  [column: string]: unknown;
}

/** An event in a finding's life, by a person or by the program: a row of dmarc.finding_events. */
export interface LifeEvent {
  at: Date;
  event: string;
  by_name: string | null;
  why: string | null;
  until: Date | null;
  revision: number | null;
  severity: string;
  summary: string;
  notify: boolean;
  assigned_to: string | null;
  /** What a person said of it. */
  verdict: 'right' | 'false' | 'expected' | null;
}

/** Lists findings, the gravest first. @param filter without `resolved`: only open ones */
export async function listFindings(
  q: Queryable,
  filter: { resolved?: boolean; domain?: string | undefined; limit: number },
): Promise<ListedFinding[]> {
  const { rows } = await q.query<ListedFinding>(
    `select finding_key, domain, kind, severity, subject, state, phase, summary, first_day, since, opened_at, changed_at, resolved_at,
            acknowledged_at, acknowledged_by, snoozed_until, snoozed_by, reopened, assigned_to
       from dmarc.findings
      where ($1 or state = 'open') and ($2::text is null or domain = $2)
      order by state, ${gravestFirst('severity')}, changed_at desc, finding_key
      limit $3`,
    [filter.resolved ?? false, filter.domain ?? null, filter.limit],
  );
  return rows;
}

/** One finding with all its columns and events, the oldest first; null when there is none. */
export async function showFinding(q: Queryable, key: number): Promise<(ShownFinding & { events: LifeEvent[] }) | null> {
  const { rows } = await q.query<ShownFinding>('select * from dmarc.findings where finding_key = $1', [key]);
  if (!rows[0]) return null;
  const events = await q.query<LifeEvent>(
    `select at, event, by_name, why, until, revision, severity, summary, notify, assigned_to, verdict from dmarc.finding_events
      where finding_key = $1 order by at, revision nulls last`,
    [key],
  );
  return { ...rows[0], events: events.rows };
}
