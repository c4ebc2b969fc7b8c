import type { FailureReport } from '../../report/model.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { jsonInsert } from '../json-insert.ts';
import { lockIdentities } from '../locks.ts';
import { isoSeconds, KEY_LENGTH } from '../sql-text.ts';
import { type Content, countDuplicates, FAILURE_REPORTS, findDuplicates, outcomesOf, type StoreOutcome } from './supersession.ts';

/** A failure report (RFC 9991) about to be stored. */
export interface NewFailure {
  message_key: number;
  part: number;
  received_at: Date;
  report: FailureReport;
}

interface FailureVersion extends Content {
  /** Null until it has a row. */
  key: number | null;
  /** Null: it is stored. */
  item: NewFailure | null;
}

/**
 * Writes failure reports. Their content is their identity, so none supersedes another: one that is stored is
 * counted as a duplicate.
 * @returns what became of each, in their order
 */
export async function storeFailures(tx: Tx, incoming: readonly NewFailure[]): Promise<StoreOutcome[]> {
  if (incoming.length === 0) return [];
  const stored = await lockFailures(tx, [...new Set(incoming.map(({ report }) => report.content_hash))]);
  const versions = incoming.map(versionOf);
  const { fresh, originals } = findDuplicates(stored, versions);
  const repeated = [...originals.values()];
  await insertFailures(
    tx,
    fresh.map((version) => ({ item: version.item!, duplicates: repeated.filter((one) => one === version).length })),
  );
  await countDuplicates(
    tx,
    FAILURE_REPORTS,
    repeated.flatMap(({ key }) => (key === null ? [] : { key })),
  );
  return outcomesOf(versions, stored, { originals }, () => true);
}

async function lockFailures(tx: Tx, hashes: readonly string[]): Promise<FailureVersion[]> {
  await lockIdentities(tx, hashes);
  const { rows } = await tx.query<{ key: number; content_hash: string; received_at: Date }>(
    // Retention deletes these rows at any time: what is to be counted on one keeps it.
    `select failure_key as key, encode(content_hash, 'hex') as content_hash, received_at from ruawatch.failure_reports
      where content_hash = any(select decode(h, 'hex') from unnest($1::text[]) h) order by failure_key for no key update`,
    [hashes],
  );
  return rows.map(({ key, content_hash, received_at }) => ({
    key,
    identity: content_hash,
    content_hash,
    received: received_at.getTime(),
    item: null,
  }));
}

const versionOf = (item: NewFailure): FailureVersion => ({
  key: null,
  identity: item.report.content_hash,
  content_hash: item.report.content_hash,
  received: item.received_at.getTime(),
  item,
});

const of =
  <T>(value: (report: FailureReport) => T) =>
  ({ item }: { item: NewFailure }) =>
    value(item.report);

const insertFailures = jsonInsert<{ item: NewFailure; duplicates: number }>('ruawatch.failure_reports', {
  message_key: ['bigint', ({ item }) => item.message_key],
  part: ['integer', ({ item }) => item.part],
  content_hash: ['hex', of((r) => r.content_hash)],
  duplicates: ['bigint', ({ duplicates }) => duplicates],
  form: ['text', of((r) => r.form)],
  reporter: ['text', of((r) => r.reporter)],
  user_agent: ['text', of((r) => r.user_agent)],
  domain: ['text', of((r) => r.domain.slice(0, KEY_LENGTH))],
  source_ip: ['inet', of((r) => r.source_ip)],
  arrived_at: ['timestamptz', of((r) => (r.arrived === null ? null : isoSeconds(r.arrived)))],
  incidents: ['bigint', of((r) => r.incidents)],
  auth_failure: ['jsonb', of((r) => r.auth_failure)],
  identity_alignment: ['text', of((r) => r.identity_alignment)],
  delivery_result: ['text', of((r) => r.delivery_result)],
  authentication_results: ['jsonb', of((r) => r.authentication_results)],
  dkim_domain: ['text', of((r) => r.dkim_domain)],
  dkim_selector: ['text', of((r) => r.dkim_selector)],
  dkim_identity: ['text', of((r) => r.dkim_identity)],
  original_envelope_id: ['text', of((r) => r.original_envelope_id)],
  original_mail_from: ['text', of((r) => r.original_mail_from)],
  original_rcpt_to: ['jsonb', of((r) => r.original_rcpt_to)],
  header_from: ['text', of((r) => r.header_from)],
  subject: ['text', of((r) => r.subject)],
  message_id: ['text', of((r) => r.message_id)],
  redacted: ['boolean', of((r) => r.redacted)],
  problems: ['jsonb', of((r) => r.problems)],
  received_at: ['timestamptz', ({ item }) => item.received_at.toISOString()],
});
