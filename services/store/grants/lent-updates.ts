import { MOST_JUDGED } from '../../requests/authority.ts';
import type { Member } from '../../requests/plan.ts';
import { type Db, type Queryable, transaction } from '../../shared/runtime/db.ts';
import { appendAudit } from '../requests/audit.ts';
import { countUse } from './grants.ts';

/** Updates of one grant in a minute. */
const MOST_A_MINUTE = 30;

/** For so long a signature is valid (RFC 8945 section 10): a client may send again what it has sent. */
const AGAIN = '5 minutes';

/** A key that is lent at this moment, or was a moment ago, as it is stored. */
export interface StoredKey {
  grant_key: number;
  name: string;
  scope: unknown;
  credential: string | null;
  /** It has ended: what it signed before may be answered again, and nothing else is done. */
  over: boolean;
}

/** The keys for DNS that are lent now, by the database's clock, and those that ended a moment ago. */
export async function lentKeys(q: Queryable): Promise<StoredKey[]> {
  const { rows } = await q.query<StoredKey>(
    `select grant_key, name, scope, credential,
            not (state = 'active' and ends_at > clock_timestamp() and (uses is null or used < uses) and not ruawatch.is_new_copy()) as over
       from ruawatch.grants
      where kind = 'access.dns' and scope ->> 'use' = 'key' and applied_at is not null
        and (state = 'active' or end_since > clock_timestamp() - interval '${AGAIN}')
        and ends_at > clock_timestamp() - interval '${AGAIN}'`,
  );
  return rows;
}

export type ReceivedUpdate =
  | { state: 'new'; update_key: number }
  | { state: 'again'; rcode: number | null }
  | { state: 'too_many' | 'ended' };

/**
 * Notes that a signed message came, once for its octets. @param given.over whether its key counts for what
 * came before alone
 */
export async function receiveUpdate(
  db: Db,
  { grant_key, mac, client, over = false }: { grant_key: number; mac: Buffer; client: string; over?: boolean },
): Promise<ReceivedUpdate> {
  return transaction(db, async (tx) => {
    // One at a time for each grant, so that the rate holds among processes.
    const { rows: grants } = await tx.query<{ lent: boolean }>(
      "select state = 'active' and ends_at > clock_timestamp() and not ruawatch.is_new_copy() as lent from ruawatch.grants where grant_key = $1 for update",
      [grant_key],
    );
    const { rows: known } = await tx.query<{ rcode: number | null }>(
      'select rcode from ruawatch.lent_updates where grant_key = $1 and mac = $2',
      [grant_key, mac],
    );
    if (known[0] !== undefined) return { state: 'again', rcode: known[0].rcode };
    if (over || grants[0]?.lent !== true) return { state: 'ended' };
    const { rows: recent } = await tx.query<{ count: number }>(
      "select count(*) as count from ruawatch.lent_updates where grant_key = $1 and received_at > clock_timestamp() - interval '1 minute'",
      [grant_key],
    );
    if (recent[0]!.count >= MOST_A_MINUTE) return { state: 'too_many' };
    const { rows } = await tx.query<{ update_key: number }>(
      `insert into ruawatch.lent_updates (grant_key, mac, client, received_at) values ($1, $2, $3, clock_timestamp()) returning update_key`,
      [grant_key, mac, client],
    );
    return { state: 'new', update_key: rows[0]!.update_key };
  });
}

/** An RRset that an update changes. */
export interface UpdateStep {
  name: string;
  type: string;
  before: Member[];
  after: Member[];
}

/**
 * Takes a use of the grant, and writes what is intended before it is sent.
 * @returns false when the grant has ended, or has no use left
 */
export async function intendUpdate(
  db: Db,
  { grant_key, update_key, target }: { grant_key: number; update_key: number; target: string },
  steps: readonly UpdateStep[],
): Promise<boolean> {
  return transaction(db, async (tx) => {
    if (!(await countUse(tx, grant_key))) return false;
    for (const [position, { name, type, before, after }] of steps.entries())
      await tx.query(
        `insert into ruawatch.changes (request_key, position, forward, target, name, before, after, state, intended_at, update_key)
         select request_key, $2, true, $3, $4, $5, $6, 'intended', clock_timestamp(), $7 from ruawatch.grants where grant_key = $1`,
        [grant_key, position, target, `${name} ${type}`, JSON.stringify(before), JSON.stringify(after), update_key],
      );
    await tx.query("update ruawatch.lent_updates set state = 'intended' where update_key = $1", [update_key]);
    return true;
  });
}

/** Notes how an update ended, with a row of the audit chain. The first end stands. */
export async function settleUpdate(
  db: Db,
  update_key: number,
  { state, rcode, answer }: { state: 'applied' | 'refused' | 'failed' | 'unknown'; rcode: number; answer: string },
): Promise<void> {
  await transaction(db, async (tx) => {
    const { rows } = await tx.query<{ grant_key: number; client: string }>(
      `update ruawatch.lent_updates set state = $2, rcode = $3, answer = $4, settled_at = clock_timestamp()
        where update_key = $1 and settled_at is null returning grant_key, client`,
      [update_key, state, rcode, answer],
    );
    const settled = rows[0];
    if (settled === undefined) return;
    const { rows: changed } = await tx.query<{ name: string; before: Member[]; after: Member[] }>(
      `update ruawatch.changes set state = $2, answer = $3, settled_at = clock_timestamp() where update_key = $1
       returning name, before, after`,
      [update_key, state === 'applied' ? 'applied' : state === 'refused' ? 'stale' : 'failed', answer],
    );
    const { rows: grants } = await tx.query<{ holder: string }>('select holder from ruawatch.grants where grant_key = $1', [
      settled.grant_key,
    ]);
    await appendAudit(tx, {
      actor: grants[0]?.holder ?? 'gateway',
      verb: 'grant.update',
      object: `grant ${settled.grant_key}`,
      detail: {
        update: update_key,
        client: settled.client,
        state,
        rcode,
        answer,
        changes: changed.map(({ name, before, after }) => ({
          name,
          before: before.map(({ wire }) => wire),
          after: after.map(({ wire }) => wire),
        })),
      },
    });
  });
}

/** An update whose process ended before it could say how it went. */
export interface OpenUpdate {
  update_key: number;
  target: string | null;
  steps: UpdateStep[];
}

/** Updates that nobody settled within a minute. */
export async function openUpdates(q: Queryable): Promise<OpenUpdate[]> {
  const { rows } = await q.query<OpenUpdate>(
    `select u.update_key, min(c.target) as target,
            coalesce(jsonb_agg(jsonb_build_object('name', split_part(c.name, ' ', 1), 'type', split_part(c.name, ' ', 2),
                               'before', c.before, 'after', c.after) order by c.position) filter (where c.change_key is not null), '[]') as steps
       from ruawatch.lent_updates u left join ruawatch.changes c using (update_key)
      where u.settled_at is null and u.received_at < clock_timestamp() - interval '1 minute'
      group by 1 order by 1 limit 100`,
  );
  return rows;
}

/**
 * The own domains that records of these names may bear on: at or above them, and those whose published
 * records name them, or whose policies and keys are aliases of them. One more than are judged, so that it is
 * seen where there are too many.
 */
export async function domainsOfNames(q: Queryable, names: readonly string[]): Promise<string[]> {
  const { rows } = await q.query<{ domain: string }>(
    `select d.domain from ruawatch.domains d
      where d.state = 'own' and (
        exists (select from unnest($1::text[]) n where n = d.domain or right(n, length(d.domain) + 1) = '.' || d.domain)
        or exists (select from ruawatch.dns_records r, unnest($1::text[]) n
                    where r.domain = d.domain and r.gone_at is null and (r.name = n or position(n in lower(r.value)) > 0))
        or exists (select from ruawatch.dns_questions q
                    where q.aliases && $1::text[] and (q.name = d.domain or right(q.name, length(d.domain) + 1) = '.' || d.domain)))
      order by 1 limit ${MOST_JUDGED + 1}`,
    [names],
  );
  return rows.map(({ domain }) => domain);
}
