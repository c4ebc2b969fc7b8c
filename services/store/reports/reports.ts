import type { AggregateReport } from '../../report/model.ts';
import { isKnown, type Reporter } from '../../report/reporters/reporters.ts';
import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { jsonInsert } from '../json-insert.ts';
import { type Allowance, allowanceOf } from '../rollups/allowance.ts';
import { percentOf } from '../rollups/policy-days.ts';
import { isoSeconds, KEY_LENGTH } from '../sql-text.ts';
import { lockVersions, outranks, type ReportVersion, type StoredVersion } from './report-versions.ts';
import {
  AGGREGATE_REPORTS,
  type Compared,
  countDuplicates,
  findDuplicates,
  outcomesOf,
  rankVersions,
  type StoreOutcome,
  takeKeys,
  writeReceived,
  writeSuperseded,
} from './supersession.ts';
import { classOf, reporterKey, type Trust, trustTexts } from './trust.ts';

/**
 * A report about to be stored. `key` was taken from the sequence, so that its records can be copied before
 * its row exists.
 */
export interface NewReport {
  key: number;
  message_key: number;
  part: number;
  received_at: Date;
  report: AggregateReport;
  /** Null: its mail is to be verified. */
  trust: Trust | null;
  /** The reporter it is counted under: the one that `trust` names, or else the one it claims to be from. */
  reporter: Reporter;
}

/** What storing a batch of reports decided. */
export interface StoredReports {
  outcomes: Map<number, StoreOutcome>;
  /** The new reports whose records must be written (all but the duplicates). */
  kept: NewReport[];
  /** Report keys that enter (+1) and leave (-1) the rollups. */
  signs: Map<number, 1 | -1>;
  /** Messages that are to be verified. */
  unverified: Set<number>;
  /** What each new report may have in the rollups by name. */
  allowances: Map<number, Allowance>;
}

/** A new report among the versions of its identity. */
interface NewVersion extends ReportVersion {
  superseded_by: undefined;
  item: NewReport;
}

type AnyVersion = StoredVersion | NewVersion;

/** Takes `n` report keys from the sequence. */
export const takeReportKeys = (db: Queryable, n: number): Promise<number[]> => takeKeys(db as Tx, AGGREGATE_REPORTS, n);

/**
 * Decides which reports of a batch are current, and writes their rows (supersession.ts; what is verified
 * later is ranked again then: trust-checks.ts). A copy of a report that is not trusted, or not proven to be a
 * known reporter's own, may prove more than the first mail did: its mail is verified too, whatever is known
 * of the report by now.
 */
export async function storeReports(tx: Tx, incoming: readonly NewReport[]): Promise<StoredReports> {
  const stored = await lockVersions(
    tx,
    incoming.map(({ report }) => report),
  );
  const versions = incoming.map(versionOf);
  const compared = findDuplicates<AnyVersion>(stored, versions);
  const fresh = compared.fresh as NewVersion[];
  const all: AnyVersion[] = [...stored, ...fresh];
  const ranked = rankVersions(all, outranks);
  const allowances = allowancesOf(incoming, fresh);

  await writeSuperseded(tx, AGGREGATE_REPORTS, stored, ranked);
  await insertReports(
    tx,
    fresh.map((version) => ({ version, superseded_by: ranked.get(version.key)!, allowance: allowances.get(version.key)! })),
  );
  await writeReceived(tx, AGGREGATE_REPORTS, compared.earlier);
  await countDuplicates(tx, AGGREGATE_REPORTS, compared.originals.values());
  const unverified = await insertChecks(tx, versions, compared);
  const outcomes = outcomesOf<AnyVersion>(versions, stored, compared, ({ key }) => ranked.get(key) === null);
  return {
    outcomes: new Map(versions.map(({ key }, i) => [key, outcomes[i]!])),
    kept: fresh.map(({ item }) => item),
    signs: signsOf(all, ranked),
    unverified,
    allowances,
  };
}

function versionOf(item: NewReport): NewVersion {
  const { identity, content_hash, salvaged, messages } = item.report;
  return {
    key: item.key,
    identity,
    content_hash,
    salvaged,
    messages,
    received: item.received_at.getTime(),
    superseded_by: undefined,
    trust: classOf(item.trust),
    reporter: reporterKey(item.reporter),
    item,
  };
}

/**
 * An archive may hold a thousand reports: what their mail may have in the rollups is shared among all of
 * them.
 */
function allowancesOf(incoming: readonly NewReport[], fresh: readonly NewVersion[]): Map<number, Allowance> {
  const perMessage = new Map<number, number>();
  for (const { message_key } of incoming) perMessage.set(message_key, (perMessage.get(message_key) ?? 0) + 1);
  return new Map(
    fresh.map(({ key, item: { message_key, trust } }) => [
      key,
      allowanceOf(perMessage.get(message_key)!, trust?.trust === 'ok' && trust.reporter_trust === null),
    ]),
  );
}

function signsOf(versions: readonly AnyVersion[], ranked: ReadonlyMap<number, number | null>): Map<number, 1 | -1> {
  const signs = new Map<number, 1 | -1>();
  for (const { key, superseded_by } of versions) {
    const [was, is] = [superseded_by === null, ranked.get(key) === null];
    if (was !== is) signs.set(key, is ? 1 : -1);
  }
  return signs;
}

/** Notes the mails that are to be verified, and for which report each. @returns their message keys */
async function insertChecks(tx: Tx, versions: readonly NewVersion[], { originals }: Compared<AnyVersion>): Promise<Set<number>> {
  const checks: { message_key: number; report_key: number }[] = [];
  for (const version of versions) {
    const { message_key, trust } = version.item;
    const original = originals.get(version);
    const due = original ? original.trust !== 'ok' || (isKnown(version.reporter) && !isKnown(original.reporter)) : trust === null;
    if (due) checks.push({ message_key, report_key: (original ?? version).key });
  }
  if (checks.length > 0) {
    await tx.query(
      `insert into ruawatch.trust_checks (message_key, report_key) select * from unnest($1::bigint[], $2::bigint[]) on conflict do nothing`,
      [checks.map((c) => c.message_key), checks.map((c) => c.report_key)],
    );
  }
  return new Set(checks.map((c) => c.message_key));
}

interface ReportRow {
  version: NewVersion;
  superseded_by: number | null;
  allowance: Allowance;
}

const of =
  <T>(value: (report: AggregateReport) => T) =>
  (row: ReportRow) =>
    value(row.version.item.report);
const textsOf = ({ version: { item } }: ReportRow) => item.trust && trustTexts(item.trust);

const insertReports = jsonInsert<ReportRow>('ruawatch.reports', {
  report_key: ['bigint', ({ version }) => version.key],
  message_key: ['bigint', ({ version }) => version.item.message_key],
  part: ['integer', ({ version }) => version.item.part],
  identity: ['hex', of((r) => r.identity)],
  content_hash: ['hex', of((r) => r.content_hash)],
  superseded_by: ['bigint', (row) => row.superseded_by],
  org_name: ['text', of((r) => r.org_name)],
  org_email: ['text', of((r) => r.org_email)],
  extra_contact_info: ['text', of((r) => r.extra_contact_info)],
  reporter: ['text', ({ version }) => version.reporter],
  report_id: ['text', of((r) => r.report_id)],
  domain: ['text', of((r) => r.domain.slice(0, KEY_LENGTH))],
  begin_at: ['timestamptz', of((r) => isoSeconds(r.begin))],
  end_at: ['timestamptz', of((r) => isoSeconds(r.end))],
  policy_p: ['text', of((r) => r.policy.p)],
  policy_sp: ['text', of((r) => r.policy.sp)],
  policy_np: ['text', of((r) => r.policy.np)],
  policy_pct: ['integer', of((r) => percentOf(r.policy))],
  policy_fo: ['text', of((r) => r.policy.fo)],
  policy_testing: ['text', of((r) => r.policy.testing)],
  adkim: ['text', of((r) => r.policy.adkim)],
  aspf: ['text', of((r) => r.policy.aspf)],
  discovery_method: ['text', of((r) => r.policy.discovery_method)],
  version: ['text', of((r) => r.version)],
  generator: ['text', of((r) => r.generator)],
  errors: ['jsonb', of((r) => r.errors)],
  records: ['bigint', of((r) => r.records)],
  messages: ['bigint', of((r) => r.messages)],
  salvaged: ['boolean', of((r) => r.salvaged)],
  problems: ['jsonb', of((r) => r.problems)],
  received_at: ['timestamptz', ({ version }) => new Date(version.received).toISOString()],
  trust: ['text', ({ version }) => version.trust],
  reporter_trust: ['text', ({ version }) => version.item.trust?.reporter_trust ?? null],
  trust_reason: ['text', (row) => textsOf(row)?.trust_reason ?? null],
  trust_domain: ['text', (row) => textsOf(row)?.trust_domain ?? null],
  allowance_proven: ['integer', ({ allowance }) => allowance.proven],
  allowance_unproven: ['integer', ({ allowance }) => allowance.unproven],
});

/** Removes records that were copied before their report turned out to be a duplicate or unreadable. */
export async function dropRecords(tx: Tx, keys: readonly number[]): Promise<void> {
  if (keys.length > 0) await tx.query('delete from ruawatch.records where report_key = any($1::bigint[])', [keys]);
}
