import { PermanentError } from '../../shared/errors.ts';
import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { appendAudit } from './audit.ts';

/** The steps of a rotation in their order; `stopped` can follow each. */
export const ROTATION_STEPS = [
  'wanted',
  'made',
  'publishing',
  'published',
  'switched',
  'revoking',
  'revoked',
  'removing',
  'done',
] as const;
export type RotationStep = (typeof ROTATION_STEPS)[number] | 'stopped';

/** A row of ruawatch.rotations. */
export interface Rotation {
  rotation_key: number;
  domain: string;
  step: RotationStep;
  asked_by: string;
  why: string;
  old_selector: string | null;
  new_selector: string | null;
  record: string | null;
  request_key: number | null;
  started_at: Date;
  stepped_at: Date;
  switched_at: Date | null;
  waits_for: string | null;
}

const COLUMNS =
  'rotation_key, domain, step, asked_by, why, old_selector, new_selector, record, request_key, started_at, stepped_at, switched_at, waits_for';

/**
 * Begins the rotation of a domain's key.
 * @throws PermanentError `rotating` when one is under way
 */
export async function beginRotation(db: Db, domain: string, by: { person: string; why: string }, now: Date): Promise<number> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ rotation_key: number }>(
      `insert into ruawatch.rotations (domain, step, asked_by, why, started_at, stepped_at) values ($1, 'wanted', $2, $3, $4, $4)
       on conflict (domain) where step not in ('done', 'stopped') do nothing returning rotation_key`,
      [domain, by.person, by.why, now],
    );
    const key = rows[0]?.rotation_key;
    if (key === undefined)
      throw new PermanentError(
        'rotating',
        `The key of ${domain} is being rotated already: "ruawatch dns rotate ${domain} --status".`,
      );
    await appendAudit(tx, {
      actor: by.person,
      verb: 'rotation.wanted',
      object: `rotation ${key}`,
      detail: { domain, why: by.why, at: now.toISOString() },
    });
    return key;
  });
}

/** The rotations in some steps, the oldest first. */
export async function rotationsIn(q: Queryable, steps: readonly RotationStep[]): Promise<Rotation[]> {
  const { rows } = await q.query<Rotation>(
    `select ${COLUMNS} from ruawatch.rotations where step = any($1::text[]) order by rotation_key limit 500`,
    [steps],
  );
  return rows;
}

/** The newest rotations of a domain, the newest first. */
export async function rotationsOf(q: Queryable, domain: string, limit: number): Promise<Rotation[]> {
  const { rows } = await q.query<Rotation>(
    `select ${COLUMNS} from ruawatch.rotations where domain = $1 order by rotation_key desc limit $2`,
    [domain, limit],
  );
  return rows;
}

/** What a step learns. */
export interface Stepped {
  old_selector?: string | null;
  new_selector?: string;
  record?: string;
  request_key?: number | null;
  switched_at?: Date;
  waits_for?: string | null;
}

/**
 * Takes a rotation from one step to the next, with a row of the audit chain. Of two processes, the first does
 * it.
 * @returns false when it is not in that step any more
 */
export async function stepRotation(
  db: Db,
  { rotation_key: key, step: from, domain }: Rotation,
  to: RotationStep,
  { actor, now, ...set }: Stepped & { actor: string; now: Date },
): Promise<boolean> {
  return transaction(db, async (tx) => {
    const { rowCount } = await tx.query(
      `update ruawatch.rotations
          set step = $3, stepped_at = $4, old_selector = coalesce($5, old_selector), new_selector = coalesce($6, new_selector),
              record = coalesce($7, record), request_key = coalesce($8, request_key), switched_at = coalesce($9, switched_at), waits_for = $10
        where rotation_key = $1 and step = $2`,
      [
        key,
        from,
        to,
        now,
        set.old_selector ?? null,
        set.new_selector ?? null,
        set.record ?? null,
        set.request_key ?? null,
        set.switched_at ?? null,
        set.waits_for ?? null,
      ],
    );
    if (rowCount !== 1) return false;
    await appendAudit(tx, {
      actor,
      verb: `rotation.${to}`,
      object: `rotation ${key}`,
      detail: {
        domain,
        old_selector: set.old_selector ?? undefined,
        new_selector: set.new_selector,
        record: set.record,
        request: set.request_key ?? undefined,
        says: set.waits_for ?? undefined,
        at: now.toISOString(),
      },
    });
    return true;
  });
}

/** Notes what a rotation waits for; its step stays. */
export async function noteWaiting(q: Queryable, key: number, waits_for: string): Promise<void> {
  await q.query('update ruawatch.rotations set waits_for = $2 where rotation_key = $1 and waits_for is distinct from $2', [
    key,
    waits_for,
  ]);
}

/** When the key of each domain was last switched, or a rotation of it begun or stopped. */
export async function lastRotations(q: Queryable, domains: readonly string[]): Promise<Map<string, Date>> {
  const { rows } = await q.query<{ domain: string; at: Date }>(
    `select domain, max(coalesce(switched_at, stepped_at)) as at from ruawatch.rotations where domain = any($1::text[]) group by domain`,
    [domains],
  );
  return new Map(rows.map(({ domain, at }) => [domain, at]));
}

/**
 * What the watcher sees of a key: since when all servers of the zone give the record; null while they do not.
 */
export async function keyVisibleSince(q: Queryable, domain: string, name: string, record: string): Promise<Date | null> {
  const { rows } = await q.query<{ since: Date }>(
    `select r.first_seen as since
       from ruawatch.dns_questions u
       join ruawatch.dns_records r on r.domain = u.domain and r.name = u.name and r.type = u.type and r.gone_at is null
      where u.domain = $1 and u.name = $2 and u.type = 'TXT' and u.differ_since is null and r.value = $3
        and u.answered_at >= r.first_seen`,
    [domain, name, record],
  );
  return rows[0]?.since ?? null;
}

/**
 * Mail that passed with a selector of a domain since a day, by the word of reporters that decide, and the
 * last day of it.
 */
export async function passedWith(
  q: Queryable,
  domain: string,
  selector: string,
  from: string,
): Promise<{ messages: number; last_day: string | null }> {
  const { rows } = await q.query<{ messages: number; last_day: string | null }>(
    `select coalesce(sum(passed), 0)::bigint as messages, max(day)::text as last_day
       from ruawatch.selector_days join ruawatch.domain_reporters using (domain, reporter)
      where domain = $1 and signing_domain = $1 and selector = $2 and trust = 'ok' and passed > 0 and day >= $3::date and decides`,
    [domain, selector, from],
  );
  return rows[0]!;
}

/** The last day that reports of deciding reporters about a domain cover; null without any. */
export async function lastReportDay(q: Queryable, domain: string): Promise<string | null> {
  const { rows } = await q.query<{ day: string | null }>(
    `select max(day)::text as day from ruawatch.source_days join ruawatch.domain_reporters using (domain, reporter)
      where domain = $1 and trust = 'ok' and decides`,
    [domain],
  );
  return rows[0]!.day;
}
