import type { Queryable } from '../../shared/runtime/db.ts';

/** An open finding that a playbook may make a plan of. */
export interface OpenFinding {
  finding_key: number;
  domain: string;
  kind: string;
  subject: string;
  severity: string;
  summary: string;
}

/**
 * Open findings of these kinds about which no playbook has asked yet, or not since the finding was opened
 * anew. Those that a person has acknowledged or snoozed are left alone.
 */
export async function findingsWithoutRequest(q: Queryable, kinds: readonly string[]): Promise<OpenFinding[]> {
  const { rows } = await q.query<OpenFinding>(
    `select finding_key, domain, kind, subject, severity, summary
       from ruawatch.findings f
      where state = 'open' and kind = any($1::text[]) and acknowledged_at is null and snoozed_until is null
        and not exists (select from ruawatch.requests r
                         where r.finding_key = f.finding_key and r.playbook is not null and r.created_at >= f.opened_at)
      order by finding_key`,
    [kinds],
  );
  return rows;
}

/** The evidence of a finding as it is stored: readEvidence reads it. */
export async function evidenceOf(q: Queryable, finding_key: number): Promise<unknown> {
  const { rows } = await q.query<{ evidence: unknown }>('select evidence from ruawatch.findings where finding_key = $1', [
    finding_key,
  ]);
  return rows[0]?.evidence ?? {};
}

/** Pending requests of playbooks whose finding is over. */
export async function requestsOfResolved(q: Queryable): Promise<number[]> {
  const { rows } = await q.query<{ request_key: number }>(
    `select r.request_key from ruawatch.requests r join ruawatch.findings f using (finding_key)
      where r.state = 'pending' and r.playbook is not null and f.state = 'resolved' order by 1 limit 100`,
  );
  return rows.map((row) => row.request_key);
}

/** Whether a request has changed a name since a moment. */
export async function changedByUs(q: Queryable, name: string, since: Date): Promise<boolean> {
  const { rows } = await q.query<{ ours: boolean }>(
    `select exists (select from ruawatch.changes where name = $1 and state in ('intended', 'applied') and intended_at >= $2) as ours`,
    [name, since],
  );
  return rows[0]!.ours;
}

/** The newest value of a record before it was changed, as the watcher saw it; null when none is known. */
export async function valueBefore(q: Queryable, { domain, name }: { domain: string; name: string }): Promise<string | null> {
  const { rows } = await q.query<{ value: string }>(
    `select value from ruawatch.dns_records where domain = $1 and name = $2 and type = 'TXT' and gone_at is not null
      order by gone_at desc, last_seen desc limit 1`,
    [domain, name],
  );
  return rows[0]?.value ?? null;
}
