import type { Tx } from '../../shared/runtime/db.ts';

/*
 * What the three kinds of reports have in common. A report has an identity (whose it is, about what and when)
 * and a content. The same identity with the same content is a duplicate: it is counted on the version that is
 * stored. Of several contents of one identity, one version is current and supersedes the others, which are
 * kept. Which one that is depends on the versions alone, never on the order in which their mails are
 * processed.
 *
 * Callers hold the identities (locks.ts) from before they load the stored versions until the transaction
 * ends.
 */

/** Where a kind of report is kept. */
export interface ReportTable {
  readonly name: string;
  readonly key: string;
}

export const AGGREGATE_REPORTS: ReportTable = { name: 'ruawatch.reports', key: 'report_key' };
export const TLS_REPORTS: ReportTable = { name: 'ruawatch.tls_reports', key: 'tls_report_key' };
export const FAILURE_REPORTS: ReportTable = { name: 'ruawatch.failure_reports', key: 'failure_key' };

/** A report as far as it is compared with others. */
export interface Content {
  /** Both in hexadecimal. */
  identity: string;
  content_hash: string;
  /** Read from a damaged document: not the same content as one that was read whole. */
  salvaged?: boolean;
  /** When the first mail with this content was received, in milliseconds. */
  received: number;
}

/** One content of an identity. */
export interface Version extends Content {
  key: number;
  /**
   * The key of the version that superseded it; null: it is current; undefined: it is new, and not ranked yet.
   */
  superseded_by: number | null | undefined;
  /** Its records were dropped: it can neither be taken out of the rollups nor be put into them. */
  gone?: boolean;
}

export interface Compared<C> {
  /** The incoming reports that are the first of their content, in their order. */
  fresh: C[];
  /** The stored or fresh report that each of the others repeats. */
  originals: Map<C, C>;
  /** The stored reports whose `received` a duplicate has moved back. */
  earlier: Set<C>;
}

/** What became of an incoming report; `superseding`: it is current, and another of its identity was. */
export type StoreOutcome = 'stored' | 'duplicate' | 'superseding' | 'superseded';

/**
 * What became of each incoming report, in their order.
 * @param isCurrent whether a new version is the current one of its identity
 */
export function outcomesOf<C extends Content>(
  incoming: readonly C[],
  stored: readonly Content[],
  { originals }: Pick<Compared<C>, 'originals'>,
  isCurrent: (one: C) => boolean,
): StoreOutcome[] {
  const known = new Set(stored.map(({ identity }) => identity));
  return incoming.map((one) => {
    if (originals.has(one)) return 'duplicate';
    const first = !known.has(one.identity);
    known.add(one.identity);
    return first ? 'stored' : isCurrent(one) ? 'superseding' : 'superseded';
  });
}

/**
 * Distinguishes new contents from duplicates, and moves `received` of what is repeated back to the earliest
 * mail.
 */
export function findDuplicates<C extends Content>(stored: readonly C[], incoming: readonly C[]): Compared<C> {
  const byContent = new Map(stored.map((one) => [contentKey(one), one]));
  const isStored = new Set(stored);
  const compared: Compared<C> = { fresh: [], originals: new Map(), earlier: new Set() };
  for (const one of incoming) {
    const key = contentKey(one);
    const original = byContent.get(key);
    if (original === undefined) {
      byContent.set(key, one);
      compared.fresh.push(one);
      continue;
    }
    compared.originals.set(one, original);
    if (one.received < original.received) {
      original.received = one.received;
      if (isStored.has(original)) compared.earlier.add(original);
    }
  }
  return compared;
}

function contentKey({ identity, content_hash, salvaged = false }: Content): string {
  return `${identity} ${content_hash} ${salvaged}`;
}

/**
 * Decides which version of each identity is current. Where records of an identity were dropped, whatever is
 * current stays so.
 * @param versions all versions of their identities, stored and new
 * @returns `superseded_by` of each by its key. A version that was superseded before keeps naming the version
 * that did it
 */
export function rankVersions<V extends Version>(
  versions: readonly V[],
  outranks: (a: V, b: V) => boolean,
): Map<number, number | null> {
  const dropped = new Set(versions.filter(({ gone }) => gone).map(({ identity }) => identity));
  const current = new Map<string, V>();
  for (const one of versions) {
    if (dropped.has(one.identity) && one.superseded_by === null) current.set(one.identity, one);
  }
  const settled = new Set(current.keys());
  for (const one of versions) {
    if (settled.has(one.identity)) continue;
    const other = current.get(one.identity);
    if (other === undefined || outranks(one, other)) current.set(one.identity, one);
  }
  return new Map(
    versions.map((one) => {
      const first = current.get(one.identity)!;
      return [one.key, one === first ? null : (one.superseded_by ?? first.key)];
    }),
  );
}

/**
 * Writes what ranking changed on stored versions: the superseded first, since an identity has one current
 * version at any moment.
 */
export async function writeSuperseded(
  tx: Tx,
  table: ReportTable,
  versions: readonly Version[],
  ranked: ReadonlyMap<number, number | null>,
): Promise<void> {
  const changed = versions.filter((one) => one.superseded_by !== undefined && ranked.get(one.key) !== one.superseded_by);
  for (const current of [false, true]) {
    const rows = changed.filter((one) => (ranked.get(one.key) === null) === current);
    if (rows.length === 0) continue;
    await tx.query(
      `update ${table.name} r set superseded_by = s.by from unnest($1::bigint[], $2::bigint[]) as s(key, by) where r.${table.key} = s.key`,
      [rows.map((one) => one.key), rows.map((one) => ranked.get(one.key))],
    );
  }
}

/** Writes `received_at` of stored reports that a duplicate has moved back. */
export async function writeReceived(
  tx: Tx,
  table: ReportTable,
  reports: Iterable<{ key: number; received: number }>,
): Promise<void> {
  const rows = [...reports];
  if (rows.length === 0) return;
  await tx.query(
    `update ${table.name} r set received_at = o.at from unnest($1::bigint[], $2::timestamptz[]) as o(key, at) where r.${table.key} = o.key`,
    [rows.map(({ key }) => key), rows.map(({ received }) => new Date(received).toISOString())],
  );
}

/** Counts duplicates on the reports that they repeat, which have their rows by now. */
export async function countDuplicates(tx: Tx, table: ReportTable, originals: Iterable<{ key: number }>): Promise<void> {
  const counts = new Map<number, number>();
  for (const { key } of originals) counts.set(key, (counts.get(key) ?? 0) + 1);
  if (counts.size === 0) return;
  await tx.query(
    `update ${table.name} r set duplicates = r.duplicates + d.n from unnest($1::bigint[], $2::bigint[]) as d(key, n) where r.${table.key} = d.key`,
    [[...counts.keys()], [...counts.values()]],
  );
}

/**
 * Takes `n` keys from the sequence of a table, so that what refers to a report can be written before its row.
 */
export async function takeKeys(tx: Pick<Tx, 'query'>, table: ReportTable, n: number): Promise<number[]> {
  const { rows } = await tx.query<{ key: number }>(
    // The sequence is looked up once, not for every row.
    `with s as materialized (select pg_get_serial_sequence('${table.name}', '${table.key}')::regclass as sequence)
     select nextval(sequence) as key from s, generate_series(1, $1)`,
    [n],
  );
  return rows.map((row) => row.key);
}
