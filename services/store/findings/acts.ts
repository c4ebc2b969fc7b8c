import { closedForm } from '../../findings/words.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Db, Queryable, Tx } from '../../shared/runtime/db.ts';
import { transaction } from '../../shared/runtime/db.ts';
import { lockDomain } from '../locks.ts';
import { gravestFirst } from './gravest-first.ts';

/** Who says something about a finding, and why: both are kept for good. */
export interface Word {
  by: string;
  why: string;
}

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
  opened_at: Date;
  changed_at: Date;
  resolved_at: Date | null;
  acknowledged_at: Date | null;
  acknowledged_by: string | null;
  snoozed_until: Date | null;
  snoozed_by: string | null;
  reopened: number;
}

/** Every column of dmarc.findings. */
export interface ShownFinding extends ListedFinding {
  /** As it is stored: readEvidence reads it. */
  evidence: unknown;
  [column: string]: unknown;
}

/** One step of a finding's life, a person's or the program's: a row of dmarc.finding_events. */
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
}

/** The worst first. @param filter all parts optional; without `resolved` only open ones */
export async function listFindings(
  q: Queryable,
  filter: { resolved?: boolean; domain?: string | undefined; limit: number },
): Promise<ListedFinding[]> {
  const { rows } = await q.query<ListedFinding>(
    `select finding_key, domain, kind, severity, subject, state, phase, summary, opened_at, changed_at, resolved_at,
            acknowledged_at, acknowledged_by, snoozed_until, snoozed_by, reopened
       from dmarc.findings
      where ($1 or state = 'open') and ($2::text is null or domain = $2)
      order by state, ${gravestFirst('severity')}, changed_at desc, finding_key
      limit $3`,
    [filter.resolved ?? false, filter.domain ?? null, filter.limit],
  );
  return rows;
}

/** One finding with every column and its whole life, oldest first; null when there is none. */
export async function showFinding(q: Queryable, key: number): Promise<(ShownFinding & { events: LifeEvent[] }) | null> {
  const { rows } = await q.query<ShownFinding>('select * from dmarc.findings where finding_key = $1', [key]);
  if (!rows[0]) return null;
  const events = await q.query<LifeEvent>(
    `select at, event, by_name, why, until, revision, severity, summary, notify from dmarc.finding_events
      where finding_key = $1 order by at, revision nulls last`,
    [key],
  );
  return { ...rows[0], events: events.rows };
}

/**
 * A person has taken note: no more mails about it until it is materially worse than it is now. Ends a snooze.
 * @throws PermanentError `no_finding`, `finding_resolved`
 */
export async function acknowledge(db: Db, key: number, word: Word, now: Date): Promise<void> {
  await onOpen(db, key, async (tx) => {
    await act(tx, key, 'acknowledged', word, now, null);
    await tx.query(
      `update ruawatch.findings set acknowledged_at = $2, acknowledged_by = $3, acknowledged_why = $4,
              snoozed_until = null, snoozed_by = null, snoozed_why = null
        where finding_key = $1`,
      [key, now, word.by, word.why],
    );
  });
}

/**
 * Takes an acknowledgement back. @throws PermanentError `no_finding`, `finding_resolved`, `not_acknowledged`
 */
export async function unacknowledge(db: Db, key: number, word: Word, now: Date): Promise<void> {
  await onOpen(db, key, async (tx, finding) => {
    if (finding.acknowledged_at === null) throw new PermanentError('not_acknowledged', `Finding ${key} is not acknowledged.`);
    await act(tx, key, 'unacknowledged', word, now, null);
    await tx.query(
      'update ruawatch.findings set acknowledged_at = null, acknowledged_by = null, acknowledged_why = null where finding_key = $1',
      [key],
    );
  });
}

/**
 * No alerts until a time, whatever happens to it; if it is still open then, it is alerted again. Ends an
 * acknowledgement.
 * @throws PermanentError `no_finding`, `finding_resolved`
 */
export async function snooze(db: Db, key: number, until: Date, word: Word, now: Date): Promise<void> {
  await onOpen(db, key, async (tx) => {
    await act(tx, key, 'snoozed', word, now, until);
    await tx.query(
      `update ruawatch.findings set snoozed_until = $2, snoozed_by = $3, snoozed_why = $4,
              acknowledged_at = null, acknowledged_by = null, acknowledged_why = null
        where finding_key = $1`,
      [key, until, word.by, word.why],
    );
  });
}

/**
 * Ends a snooze early: it is alerted again now. @throws PermanentError `no_finding`, `finding_resolved`,
 * `not_snoozed`
 */
export async function unsnooze(db: Db, key: number, word: Word, now: Date): Promise<void> {
  await onOpen(db, key, async (tx, finding) => {
    if (finding.snoozed_until === null) throw new PermanentError('not_snoozed', `Finding ${key} is not snoozed.`);
    await act(tx, key, 'unsnoozed', word, now, null);
    await remind(tx, [key], now);
  });
}

/**
 * A person says that it is over. What it rests on so far does not open it again; newer evidence does.
 * @throws PermanentError `no_finding`, `finding_resolved`
 */
export async function close(db: Db, key: number, word: Word, now: Date): Promise<void> {
  await onOpen(db, key, async (tx) => {
    await act(tx, key, 'closed', word, now, null);
    // Mailed to those who were alerted before, unless they have asked for silence.
    await tx.query(
      `with closed as (
         update ruawatch.findings f
            set state = 'resolved', resolved_at = $2, changed_at = $2,
                acknowledged_at = null, acknowledged_by = null, acknowledged_why = null,
                snoozed_until = null, snoozed_by = null, snoozed_why = null,
                evidence = f.evidence || $3::jsonb || jsonb_build_object('resolved_day',
                  greatest(f.last_day, (select max(s.last_seen) from ruawatch.sources s where s.domain = f.domain and s.last_seen <= ($2::timestamptz at time zone 'UTC')::date)))
          where finding_key = $1
         returning finding_key, revision, severity, summary, evidence)
       insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
       select c.finding_key, c.revision, 'resolved', $2, c.severity, c.summary, c.evidence,
              b.acknowledged_at is null and b.snoozed_until is null
              and exists (select from ruawatch.finding_events e where e.finding_key = c.finding_key and e.notify)
         from closed c join ruawatch.findings b using (finding_key)`,
      [key, now, JSON.stringify(closedForm(word.by, word.why))],
    );
  });
}

/**
 * Reminds of the open findings whose snooze has ended; those resolved meanwhile need no reminder. Any number
 * of alerters may call it: each finding is handled by one.
 * @returns their keys
 */
export async function endSnoozes(tx: Tx, now: Date): Promise<number[]> {
  const { rows } = await tx.query<{ finding_key: number }>(
    'select finding_key from ruawatch.findings where snoozed_until <= $1 order by finding_key limit 1000 for update skip locked',
    [now],
  );
  const keys = rows.map((row) => row.finding_key);
  if (keys.length > 0) await remind(tx, keys, now);
  return keys;
}

async function remind(tx: Tx, keys: number[], now: Date): Promise<void> {
  await tx.query(
    `with ended as (
       update ruawatch.findings f
          set snoozed_until = null, snoozed_by = null, snoozed_why = null,
              revision = revision + case when state = 'open' then 1 else 0 end
        where finding_key = any($1)
       returning finding_key, state, revision, severity, summary, evidence)
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select finding_key, revision, 'reminded', $2, severity, summary, evidence, true from ended where state = 'open'`,
    [keys, now],
  );
}

interface Standing {
  domain: string;
  state: string;
  acknowledged_at: Date | null;
  snoozed_until: Date | null;
}

/**
 * Under the lock of the domain's analysis, which runs before or after a person's decision but never across
 * it.
 */
async function onOpen(db: Db, key: number, work: (tx: Tx, finding: Standing) => Promise<void>): Promise<void> {
  await transaction(db, async (tx) => {
    const domain = await tx.query<{ domain: string }>('select domain from ruawatch.findings where finding_key = $1', [key]);
    if (!domain.rows[0])
      throw new PermanentError('no_finding', `There is no finding ${key}: "ruawatch findings" lists the open ones.`);
    await lockDomain(tx, domain.rows[0].domain);
    const { rows } = await tx.query<Standing>(
      'select domain, state, acknowledged_at, snoozed_until from ruawatch.findings where finding_key = $1 for update',
      [key],
    );
    const finding = rows[0]!;
    if (finding.state !== 'open')
      throw new PermanentError('finding_resolved', `Finding ${key} is resolved already: there is nothing to say about it.`);
    await work(tx, finding);
  });
}

async function act(tx: Tx, key: number, what: string, word: Word, now: Date, until: Date | null): Promise<void> {
  await tx.query(
    `insert into ruawatch.finding_acts (finding_key, act, at, by_name, why, until, severity, summary, evidence)
     select finding_key, $2, $3, $4, $5, $6, severity, summary, evidence from ruawatch.findings where finding_key = $1`,
    [key, what, now, word.by, word.why, until],
  );
}
