import { randomBytes } from 'node:crypto';
import { digestOf } from '../../requests/canonical.ts';
import type { GrantKindName } from '../../requests/grants/kinds.ts';
import type { GrantChange } from '../../requests/plan.ts';
import { PermanentError } from '../../shared/errors.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';

export type GrantState = 'asked' | 'applying' | 'active' | 'ending' | 'ended';

/** A row of ruawatch.grants. */
export interface Grant {
  grant_key: number;
  request_key: number;
  kind: GrantKindName;
  domain: string;
  holder: string;
  holder_kind: 'person' | 'service';
  groups: string[];
  /** The target in the settings. */
  server: string;
  /** The name of the right at the target. */
  name: string;
  scope: unknown;
  /** What the target verifies the holder by; never the secret. */
  credential: string | null;
  seconds: number;
  uses: number | null;
  used: number;
  state: GrantState;
  claimed_at: Date | null;
  applied_at: Date | null;
  ends_at: Date | null;
  ran_ms: number;
  end_reason: string | null;
  end_since: Date | null;
  ended_at: Date | null;
  answer: string | null;
  tries: number;
  retry_at: Date | null;
}

const COLUMNS = `grant_key, request_key, kind, domain, holder, holder_kind, groups, server, name, scope, credential, seconds, uses, used, state,
  claimed_at, applied_at, ends_at, ran_ms, end_reason, end_since, ended_at, answer, tries, retry_at`;

/** What the name of every right begins with; the mark of the installation follows. */
const GRANT_PREFIX = 'ruawatch_lent_';

/** What the names of the rights of this installation begin with. */
export async function grantMark(q: Queryable): Promise<string> {
  const { rows } = await q.query<{ installation: string }>('select installation from ruawatch.grant_watch');
  return `${GRANT_PREFIX}${rows[0]!.installation}_`;
}

/**
 * Writes a grant that is asked for, in the transaction that opens its request. Its name at the target is
 * chosen here: after a database was restored, a key may be given a second time, a name is not.
 * @throws PermanentError `wrong_credential` when what the target would verify by is not what the plan says
 */
export async function insertGrant(
  tx: Tx,
  { request_key, domain, credential }: { request_key: number; domain: string; credential: string | null },
  change: GrantChange,
): Promise<void> {
  if ((credential === null ? null : digestOf(credential)) !== change.credential)
    throw new PermanentError('wrong_credential', 'What the target would verify the holder by is not what the plan names.');
  const name = `${await grantMark(tx)}${request_key}_${randomBytes(3).toString('hex')}`;
  await tx.query(
    `insert into ruawatch.grants (request_key, kind, domain, holder, holder_kind, groups, server, name, scope, credential, seconds, uses)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      request_key,
      change.kind,
      domain,
      change.holder,
      change.holder_kind,
      change.groups,
      change.server,
      name,
      JSON.stringify(change.scope),
      credential,
      change.seconds,
      change.uses,
    ],
  );
}

/** Grants in some states, the oldest first. */
export async function grantsIn(q: Queryable, states: readonly GrantState[]): Promise<Grant[]> {
  const { rows } = await q.query<Grant>(`select ${COLUMNS} from ruawatch.grants where state = any($1) order by grant_key`, [
    states,
  ]);
  return rows;
}

const missing = (key: number) =>
  new PermanentError('no_grant', `There is no grant ${key}: "ruawatch access list" lists the open ones.`);

/** @throws PermanentError `no_grant` */
export async function loadGrant(q: Queryable, key: number): Promise<Grant> {
  const { rows } = await q.query<Grant>(`select ${COLUMNS} from ruawatch.grants where grant_key = $1`, [key]);
  if (rows[0] === undefined) throw missing(key);
  return rows[0];
}

/**
 * Locks a grant until the transaction ends; its request is locked before it. @throws PermanentError
 * `no_grant`
 */
export async function lockGrant(tx: Tx, key: number): Promise<Grant> {
  const { rows } = await tx.query<Grant>(`select ${COLUMNS} from ruawatch.grants where grant_key = $1 for update`, [key]);
  if (rows[0] === undefined) throw missing(key);
  return rows[0];
}

/** The grant of a request. @throws PermanentError `no_grant` */
export async function grantOf(q: Queryable, request_key: number): Promise<Grant> {
  const { rows } = await q.query<Grant>(`select ${COLUMNS} from ruawatch.grants where request_key = $1`, [request_key]);
  if (rows[0] === undefined) throw new PermanentError('no_grant', `Request ${request_key} asks for no right.`);
  return rows[0];
}

/**
 * What the holder of an active grant gets, sealed with the holder's key; null where there is nothing, or it
 * has ended.
 */
export async function sealedOf(q: Queryable, key: number): Promise<string | null> {
  const { rows } = await q.query<{ sealed: string | null }>(
    "select sealed from ruawatch.grants where grant_key = $1 and state = 'active' and ends_at > clock_timestamp() and not ruawatch.is_new_copy()",
    [key],
  );
  return rows[0]?.sealed ?? null;
}

/**
 * Counts one use of an active grant. In a copy of the database that the keeper has not looked at yet nothing
 * counts: its grants may have ended since.
 * @returns false when none is left, or it has ended
 */
export async function countUse(q: Queryable, key: number): Promise<boolean> {
  const { rowCount } = await q.query(
    `update ruawatch.grants set used = used + 1, last_used_at = clock_timestamp()
      where grant_key = $1 and state = 'active' and ends_at > clock_timestamp() and (uses is null or used < uses)
        and not ruawatch.is_new_copy()`,
    [key],
  );
  return rowCount === 1;
}

/** Notes that lent rights of these names are being used. */
export async function noteUsed(q: Queryable, names: readonly string[], at: Date | null): Promise<void> {
  if (names.length === 0) return;
  await q.query(
    "update ruawatch.grants set last_used_at = coalesce($2, clock_timestamp()) where name = any($1) and state in ('active', 'ending')",
    [names, at],
  );
}

/** Notes how often a target says that a grant was used. It never becomes less. */
export async function noteUses(q: Queryable, key: number, used: number): Promise<void> {
  await q.query('update ruawatch.grants set used = greatest(used, $2) where grant_key = $1', [key, used]);
}

/** A row of dmarc.grants. */
export interface ShownGrant
  extends Omit<Grant, 'state' | 'groups' | 'credential' | 'claimed_at' | 'ran_ms' | 'tries' | 'retry_at'> {
  state: GrantState | 'void';
  asked_at: Date;
  why: string;
}

/** Grants as people see them, the newest first. @param open only those that are asked for or lent */
export async function listGrants(
  q: Queryable,
  { open, domain = null, limit }: { open: boolean; domain?: string | null; limit: number },
): Promise<ShownGrant[]> {
  const { rows } = await q.query<ShownGrant>(
    `select * from dmarc.grants where (not $1 or state not in ('ended', 'void')) and ($2::text is null or domain = $2)
      order by grant_key desc limit $3`,
    [open, domain, limit],
  );
  return rows;
}
