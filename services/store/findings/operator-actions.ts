import { closedForm } from '../../findings/sentences/finding.ts';
import { DAY_MS } from '../../shared/days.ts';
import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { lockDomain } from '../locks.ts';
import { rowsJson } from '../sql-text.ts';
import { endExpected, expect, type Verdict } from './feedback.ts';

/** Who did something, and why. Both are kept for good. */
export interface OperatorNote {
  by: string;
  why: string;
}

/**
 * Acknowledges a finding: no more mails about it until it is materially worse, or a time, after which it is
 * mailed again if it is still open. Ends a snooze.
 * @throws PermanentError `no_finding`, `finding_resolved`
 */
export async function acknowledge(
  db: Db,
  key: number,
  { until: end, ...word }: OperatorNote & { until?: Date | null },
  now: Date,
): Promise<void> {
  const until = end ?? endOf(now);
  await onOpen(db, key, async (tx) => {
    await record(tx, key, 'acknowledged', { ...word, now, until });
    await tx.query(
      `update ruawatch.findings set acknowledged_at = $2, acknowledged_by = $3, acknowledged_why = $4, acknowledged_until = $5,
              snoozed_until = null, snoozed_by = null, snoozed_why = null
        where finding_key = $1`,
      [key, now, word.by, word.why, until],
    );
  });
}

/** How long an acknowledgement and an expectation hold when nobody says. */
const HOLDS_DAYS = 180;
const endOf = (now: Date): Date => new Date(now.getTime() + HOLDS_DAYS * DAY_MS);
/** Until when an acknowledgement of now holds, and what is expected now, where nobody says. */
export const holdsUntil = endOf;

/** Ends an acknowledgement. @throws PermanentError `no_finding`, `finding_resolved`, `not_acknowledged` */
export async function unacknowledge(db: Db, key: number, word: OperatorNote, now: Date): Promise<void> {
  await onOpen(db, key, async (tx, finding) => {
    if (finding.acknowledged_at === null) throw new PermanentError('not_acknowledged', `Finding ${key} is not acknowledged.`);
    await record(tx, key, 'unacknowledged', { ...word, now });
    await tx.query(
      'update ruawatch.findings set acknowledged_at = null, acknowledged_by = null, acknowledged_why = null where finding_key = $1',
      [key],
    );
  });
}

/**
 * Snoozes a finding: no mails about it until a time, when it is mailed again if it is still open. Ends an
 * acknowledgement.
 * @throws PermanentError `no_finding`, `finding_resolved`
 */
export async function snooze(db: Db, key: number, until: Date, { now, ...word }: OperatorNote & { now: Date }): Promise<void> {
  await onOpen(db, key, async (tx) => {
    await record(tx, key, 'snoozed', { ...word, now, until });
    await tx.query(
      `update ruawatch.findings set snoozed_until = $2, snoozed_by = $3, snoozed_why = $4,
              acknowledged_at = null, acknowledged_by = null, acknowledged_why = null
        where finding_key = $1`,
      [key, until, word.by, word.why],
    );
  });
}

/**
 * Ends a snooze before its time: the finding is mailed again now.
 * @throws PermanentError `no_finding`, `finding_resolved`, `not_snoozed`
 */
export async function unsnooze(db: Db, key: number, word: OperatorNote, now: Date): Promise<void> {
  await onOpen(db, key, async (tx, finding) => {
    if (finding.snoozed_until === null) throw new PermanentError('not_snoozed', `Finding ${key} is not snoozed.`);
    await record(tx, key, 'unsnoozed', { ...word, now });
    await remind(tx, [key], now);
  });
}

/**
 * Says who looks after a finding, or that nobody does any more. It changes nothing about its mails.
 * @throws PermanentError `no_finding`, `finding_resolved`
 */
export async function assign(
  db: Db,
  key: number,
  { to, ...word }: OperatorNote & { to: string | null },
  now: Date,
): Promise<void> {
  await onOpen(db, key, async (tx) => {
    await record(tx, key, to === null ? 'unassigned' : 'assigned', { ...word, now, to });
    await tx.query('update ruawatch.findings set assigned_to = $2 where finding_key = $1', [key, to]);
  });
}

/** What a person says of a finding; of what is expected, until when it is: half a year where nobody says. */
export interface GivenVerdict {
  as: Verdict;
  until?: Date | null;
}

/**
 * Resolves a finding by a person's decision. Its present evidence does not open it again; newer evidence
 * does, and is mailed, unless it is expected.
 * @throws PermanentError `no_finding`, `finding_resolved`
 */
export async function close(db: Db, key: number, word: OperatorNote & { verdict?: GivenVerdict }, now: Date): Promise<void> {
  await onOpen(db, key, async (tx) => {
    await analyzeAgain(tx, key);
    await recordVerdict(tx, key, 'closed', { ...word, now });
    // Mailed if the finding was mailed before, and nobody has acknowledged or snoozed it.
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
      [key, now, rowsJson(closedForm(word.by, word.why))],
    );
  });
}

/**
 * Takes back that a person resolved a finding, with what they expected of it: it is open as it was, and is
 * mailed again if its end was. A finding that was over by itself comes back by itself.
 * @throws PermanentError `no_finding`, `finding_open`, `not_closed`, `finding_again`
 */
export async function unclose(db: Db, key: number, word: OperatorNote, now: Date): Promise<void> {
  await transaction(db, async (tx) => {
    await lockOf(tx, key);
    const { rows } = await tx.query<{ state: string; by_hand: boolean; again: boolean }>(
      `select state, coalesce(evidence -> 'ended' ->> 'reason' = 'closed', false) as by_hand,
              exists (select from ruawatch.findings o where o.domain = f.domain and o.kind = f.kind and o.subject = f.subject
                         and o.state = 'open' and o.finding_key <> f.finding_key) as again
         from ruawatch.findings f where finding_key = $1 for update`,
      [key],
    );
    const { state, by_hand, again } = rows[0]!;
    if (state === 'open') throw new PermanentError('finding_open', `Finding ${key} is open already.`);
    if (!by_hand)
      throw new PermanentError(
        'not_closed',
        `Nobody resolved finding ${key}: it was over by itself, and opens again with new evidence.`,
      );
    if (again) throw new PermanentError('finding_again', `What finding ${key} is about is open as another finding.`);
    await analyzeAgain(tx, key);
    await record(tx, key, 'unclosed', { ...word, now });
    await tx.query('delete from ruawatch.expectations where finding_key = $1', [key]);
    await tx.query(
      `with opened as (
         update ruawatch.findings
            set state = 'open', resolved_at = null, reopened_at = $2, changed_at = $2, revision = revision + 1,
                evidence = evidence - 'ended' - 'resolved_why' - 'resolved_day'
          where finding_key = $1
         returning finding_key, revision, severity, summary, evidence)
       insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
       select finding_key, revision, 'reopened', $2, severity, summary, evidence,
              coalesce((select e.notify from ruawatch.finding_events e where e.finding_key = opened.finding_key and e.event = 'resolved'
                         order by e.revision desc, e.at desc limit 1), false)
         from opened`,
      [key, now],
    );
  });
}

/**
 * Keeps what a person says of a finding that is resolved already.
 * @throws PermanentError `no_finding`, `finding_open`
 */
export async function addVerdict(db: Db, key: number, word: OperatorNote & { verdict: GivenVerdict }, now: Date): Promise<void> {
  await transaction(db, async (tx) => {
    const { rows } = await tx.query<{ state: string }>('select state from ruawatch.findings where finding_key = $1 for update', [
      key,
    ]);
    if (!rows[0]) throw new PermanentError('no_finding', `There is no finding ${key}: "ruawatch findings" lists the open ones.`);
    if (rows[0].state === 'open') throw new PermanentError('finding_open', `Finding ${key} is open: resolve it.`);
    // What goes on, and is called a false alarm now, was the next step of its domain.
    await analyzeAgain(tx, key);
    await recordVerdict(tx, key, 'judged', { ...word, now });
  });
}

async function recordVerdict(
  tx: Tx,
  key: number,
  act: string,
  { verdict, ...word }: OperatorNote & { now: Date; verdict?: GivenVerdict },
): Promise<void> {
  const until = verdict?.as === 'expected' ? (verdict.until ?? endOf(word.now)) : null;
  await record(tx, key, act, { ...word, until, verdict: verdict?.as ?? null });
  if (until !== null) await expect(tx, { finding_key: key, until, by_name: word.by, why: word.why });
}

/**
 * Ends the snoozes, acknowledgements and expectations whose time is over, and mails the findings that are
 * still open again. Any number of alerters may call it: each finding is handled once.
 * @returns their keys
 */
export async function endSnoozes(tx: Tx, now: Date): Promise<number[]> {
  const { rows } = await tx.query<{ finding_key: number }>(
    `select finding_key from ruawatch.findings
      where snoozed_until <= $1 or (acknowledged_at is not null and acknowledged_until <= $1)
      order by finding_key limit 1000 for update skip locked`,
    [now],
  );
  const keys = [...new Set([...rows.map((row) => row.finding_key), ...(await endExpected(tx, now))])];
  if (keys.length > 0) await remind(tx, keys, now);
  return keys;
}

async function remind(tx: Tx, keys: number[], now: Date): Promise<void> {
  await tx.query(
    `with ended as (
       update ruawatch.findings f
          set snoozed_until = null, snoozed_by = null, snoozed_why = null,
              acknowledged_at = case when acknowledged_until <= $2 then null else acknowledged_at end,
              acknowledged_by = case when acknowledged_until <= $2 then null else acknowledged_by end,
              acknowledged_why = case when acknowledged_until <= $2 then null else acknowledged_why end,
              revision = revision + case when state = 'open' then 1 else 0 end
        where finding_key = any($1)
       returning finding_key, state, revision, severity, summary, evidence)
     insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
     select finding_key, revision, 'reminded', $2, severity, summary, evidence, true from ended where state = 'open'`,
    [keys, now],
  );
}

interface OpenFinding {
  domain: string;
  state: string;
  acknowledged_at: Date | null;
  snoozed_until: Date | null;
}

/**
 * Has the domain looked at again: its next step may have been this finding. What is about all domains has
 * none.
 */
async function analyzeAgain(tx: Tx, key: number): Promise<void> {
  await tx.query(
    `insert into ruawatch.analysis_work (domain, source) select domain, '' from ruawatch.findings where finding_key = $1 and domain <> '*'`,
    [key],
  );
}

/** Locks the domain of a finding. @throws PermanentError `no_finding` */
async function lockOf(tx: Tx, key: number): Promise<void> {
  const domain = await tx.query<{ domain: string }>('select domain from ruawatch.findings where finding_key = $1', [key]);
  if (!domain.rows[0])
    throw new PermanentError('no_finding', `There is no finding ${key}: "ruawatch findings" lists the open ones.`);
  await lockDomain(tx, domain.rows[0].domain);
}

/** Holds the lock of the domain: an analysis runs before a person's action, or after it, and never across. */
async function onOpen(db: Db, key: number, work: (tx: Tx, finding: OpenFinding) => Promise<void>): Promise<void> {
  await transaction(db, async (tx) => {
    await lockOf(tx, key);
    const { rows } = await tx.query<OpenFinding>(
      'select domain, state, acknowledged_at, snoozed_until from ruawatch.findings where finding_key = $1 for update',
      [key],
    );
    const finding = rows[0]!;
    if (finding.state !== 'open') throw new PermanentError('finding_resolved', `Finding ${key} is resolved already.`);
    await work(tx, finding);
  });
}

async function record(
  tx: Tx,
  key: number,
  action: string,
  {
    by,
    why,
    now,
    until = null,
    verdict = null,
    to = null,
  }: OperatorNote & { now: Date; until?: Date | null; verdict?: Verdict | null; to?: string | null },
): Promise<void> {
  await tx.query(
    `insert into ruawatch.finding_acts (finding_key, act, at, by_name, why, until, verdict, assigned_to, severity, summary, evidence)
     select finding_key, $2, $3, $4, $5, $6, $7, $8, severity, summary, evidence from ruawatch.findings where finding_key = $1`,
    [key, action, now, by, why, until, verdict, to],
  );
}
