import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';

/** An address of a way, as it is stored. */
export interface StoredAddress {
  address: string;
  since: Date;
  gone_at: Date | null;
}

/** A way by which mail leaves, as it is stored. */
export interface StoredWay {
  environment: string;
  egress: string;
  observed_at: Date | null;
  unknown: string | null;
  unknown_since: Date | null;
  confirmed_at: Date | null;
  addresses: StoredAddress[];
}

/** Takes an environment for a time, or keeps it. @returns false when another process has it */
export async function takeEnvironment(db: Db, environment: string, owner: string, seconds: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into ruawatch.egress_leases as l (environment, owner, until)
     values ($1, $2, clock_timestamp() + make_interval(secs => $3))
     on conflict (environment) do update set owner = excluded.owner, until = excluded.until
      where l.owner = excluded.owner or l.until < clock_timestamp()`,
    [environment, owner, seconds],
  );
  return rowCount === 1;
}

/** Lets another process take the environments of this one at once. */
export async function leaveEnvironments(db: Db, owner: string): Promise<void> {
  await db.query('delete from ruawatch.egress_leases where owner = $1', [owner]);
}

/** All ways that were ever observed, with their addresses. */
export async function allWays(q: Queryable): Promise<StoredWay[]> {
  const { rows } = await q.query<{ environment: string }>('select distinct environment from ruawatch.egress_ways');
  return loadWays(
    q,
    rows.map(({ environment }) => environment),
  );
}

/** The ways of some environments, with their addresses. */
export async function loadWays(q: Queryable, environments: readonly string[]): Promise<StoredWay[]> {
  const { rows: ways } = await q.query<Omit<StoredWay, 'addresses'>>(
    `select environment, egress, observed_at, unknown, unknown_since, confirmed_at from ruawatch.egress_ways
      where environment = any($1::text[]) order by environment, egress`,
    [environments],
  );
  const { rows } = await q.query<StoredAddress & { environment: string; egress: string }>(
    `select environment, egress, address, since, gone_at from ruawatch.egress_addresses
      where environment = any($1::text[]) order by address`,
    [environments],
  );
  return ways.map((way) => ({
    ...way,
    addresses: rows
      .filter(({ environment, egress }) => environment === way.environment && egress === way.egress)
      .map(({ address, since, gone_at }) => ({ address, since, gone_at })),
  }));
}

interface Observed {
  environment: string;
  egress: string;
  owner: string;
  now: Date;
  /** Why its addresses are not known; null when they are. */
  unknown: string | null;
  after: (before: readonly StoredAddress[]) => StoredAddress[];
}

/**
 * Keeps what was observed of a way. @returns false when another process has taken the environment, and
 * nothing is kept
 */
export async function keepObserved(db: Db, given: Observed): Promise<boolean> {
  const { environment, egress, owner, now, unknown, after } = given;
  return transaction(db, async (tx) => {
    const { rowCount } = await tx.query(
      'select from ruawatch.egress_leases where environment = $1 and owner = $2 and until > clock_timestamp() for share',
      [environment, owner],
    );
    if (rowCount !== 1) return false;
    await tx.query(
      `insert into ruawatch.egress_ways as w (environment, egress, observed_at, unknown, unknown_since)
       values ($1, $2, case when $3::text is null then $4::timestamptz end, $3, case when $3::text is not null then $4::timestamptz end)
       on conflict (environment, egress) do update
          set observed_at = coalesce(excluded.observed_at, w.observed_at), unknown = excluded.unknown,
              unknown_since = case when excluded.unknown is not null then coalesce(w.unknown_since, excluded.unknown_since) end`,
      [environment, egress, unknown, now],
    );
    if (unknown === null) await keepAddresses(tx, given, after);
    return true;
  });
}

async function keepAddresses(
  tx: Tx,
  { environment, egress }: Pick<Observed, 'environment' | 'egress'>,
  after: Observed['after'],
): Promise<void> {
  const { rows: before } = await tx.query<StoredAddress>(
    'select address, since, gone_at from ruawatch.egress_addresses where environment = $1 and egress = $2 order by address for update',
    [environment, egress],
  );
  const known = new Map(before.map((one) => [one.address, one]));
  const changed = after(before).filter((one) => known.get(one.address) !== one);
  if (changed.length === 0) return;
  await tx.query(
    `insert into ruawatch.egress_addresses (environment, egress, address, since, gone_at)
     select $1, $2, a.address, a.since, a.gone_at
       from jsonb_to_recordset($3::jsonb) as a(address text, since timestamptz, gone_at timestamptz)
     on conflict (environment, egress, address) do update set since = excluded.since, gone_at = excluded.gone_at`,
    [environment, egress, JSON.stringify(changed)],
  );
}

/** Forgets addresses that are gone since before a time. */
export async function forgetGoneAddresses(db: Db, before: Date): Promise<void> {
  await db.query('delete from ruawatch.egress_addresses where gone_at < $1', [before]);
}

/** A person confirms that what is gone from a way is gone. @returns false when there is no such way */
export async function confirmGone(
  tx: Tx,
  { environment, egress }: Pick<StoredWay, 'environment' | 'egress'>,
  person: string,
  now: Date,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'update ruawatch.egress_ways set confirmed_at = $3, confirmed_by = $4 where environment = $1 and egress = $2',
    [environment, egress, now, person],
  );
  return rowCount === 1;
}
