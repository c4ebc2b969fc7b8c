import type { TlsReport } from '../../report/model.ts';
import { belongingOf, domainOf } from '../../report/reporters/reporters.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { jsonInsert } from '../json-insert.ts';
import { lockIdentities } from '../locks.ts';
import { isoSeconds, KEY_LENGTH } from '../sql-text.ts';
import {
  countDuplicates,
  findDuplicates,
  outcomesOf,
  rankVersions,
  type StoreOutcome,
  TLS_REPORTS,
  takeKeys,
  type Version,
  writeReceived,
  writeSuperseded,
} from './supersession.ts';

/** A TLS report (RFC 8460) about to be stored. */
export interface NewTlsReport {
  message_key: number;
  part: number;
  received_at: Date;
  report: TlsReport;
}

export interface TlsVersion extends Version {
  /** Its mail proves the reporter. */
  proven: boolean;
  /** Its mail claims to be from the organization that the report names. */
  own: boolean;
  /** Null: it is stored. */
  item: NewTlsReport | null;
}

/** A new report whose key and rank are known. */
interface TlsRow {
  key: number;
  superseded_by: number | null;
  received: number;
  item: NewTlsReport;
}

/**
 * Writes the TLS reports of a batch. Of several contents of one identity a proven one is current before
 * others, else one from the reporter's own address, else the newest, of two at once the greater hash.
 * @returns what became of each, in their order
 */
export async function storeTlsReports(tx: Tx, incoming: readonly NewTlsReport[]): Promise<StoreOutcome[]> {
  if (incoming.length === 0) return [];
  const stored = await lockTlsVersions(tx, [...new Set(incoming.map(({ report }) => report.identity))]);
  const senders = await loadSenders(tx, [...new Set(incoming.map(({ message_key }) => message_key))]);
  const versions = incoming.map((item) => versionOf(item, senders.get(item.message_key) ?? null));
  const { fresh, originals, earlier } = findDuplicates(stored, versions);
  const keys = await takeKeys(tx, TLS_REPORTS, fresh.length);
  for (const [i, version] of fresh.entries()) version.key = keys[i]!;
  const ranked = rankVersions([...stored, ...fresh], outranksTls);
  await writeSuperseded(tx, TLS_REPORTS, stored, ranked);
  await insert(
    tx,
    fresh.map(({ key, received, item }) => ({ key, superseded_by: ranked.get(key)!, received, item: item! })),
  );
  await writeReceived(tx, TLS_REPORTS, earlier);
  await countDuplicates(tx, TLS_REPORTS, originals.values());
  return outcomesOf(versions, stored, { originals }, ({ key }) => ranked.get(key) === null);
}

async function lockTlsVersions(tx: Tx, identities: readonly string[]): Promise<TlsVersion[]> {
  await lockIdentities(tx, identities);
  return loadTlsVersions(tx, identities);
}

/** The stored versions of identities that the caller has locked. */
export async function loadTlsVersions(tx: Tx, identities: readonly string[]): Promise<TlsVersion[]> {
  const { rows } = await tx.query<{
    key: number;
    identity: string;
    content_hash: string;
    received_at: Date;
    superseded_by: number | null;
    org_name: string | null;
    contact_info: string | null;
    sender: string | null;
    reporter_trust: string | null;
  }>(
    `select tls_report_key as key, encode(identity, 'hex') as identity, encode(content_hash, 'hex') as content_hash, r.received_at,
            superseded_by, org_name, contact_info, m.sender, reporter_trust
       from ruawatch.tls_reports r left join ruawatch.messages m using (message_key)
      where identity = any(select decode(i, 'hex') from unnest($1::text[]) i)`,
    [identities],
  );
  return rows.map(({ received_at, org_name, contact_info, sender, reporter_trust, ...row }) => ({
    ...row,
    proven: reporter_trust === 'authenticated',
    received: received_at.getTime(),
    own: isOwn(org_name, contact_info, sender),
    item: null,
  }));
}

/** The From fields of messages, as they stand in the mails. */
async function loadSenders(tx: Tx, messages: readonly number[]): Promise<Map<number, string | null>> {
  const { rows } = await tx.query<{ message_key: number; sender: string | null }>(
    'select message_key, sender from ruawatch.messages where message_key = any($1::bigint[])',
    [messages],
  );
  return new Map(rows.map(({ message_key, sender }) => [message_key, sender]));
}

/**
 * Most servers refuse a mail that is From an organization and not signed by it: a forger can rarely claim
 * that.
 */
function isOwn(org_name: string | null, contact_info: string | null, sender: string | null): boolean {
  const domain = domainOf(sender);
  if (domain === null) return false;
  // What ends in a domain ends in a text of this form.
  const address = /([^\s<>]+)>?\s*$/.exec(sender!)![1]!;
  return ['known', 'own'].includes(belongingOf({ org_name, org_email: contact_info }, domain, address));
}

const versionOf = (item: NewTlsReport, sender: string | null): TlsVersion => ({
  // Duplicates take no key.
  key: Number.NaN,
  identity: item.report.identity,
  content_hash: item.report.content_hash,
  received: item.received_at.getTime(),
  superseded_by: undefined,
  proven: false,
  own: isOwn(item.report.org_name, item.report.contact_info, sender),
  item,
});

/** The order of the versions of an identity. */
export function outranksTls(a: TlsVersion, b: TlsVersion): boolean {
  if (a.proven !== b.proven) return a.proven;
  if (a.own !== b.own) return a.own;
  return a.received === b.received ? a.content_hash > b.content_hash : a.received > b.received;
}

type Policy = Omit<TlsReport['policies'][number], 'failures'> & { key: number; n: number; failures: number };
type Failure = TlsReport['policies'][number]['failures'][number] & { key: number; policy_n: number; n: number };

async function insert(tx: Tx, reports: readonly TlsRow[]): Promise<void> {
  const policies: Policy[] = [];
  const failures: Failure[] = [];
  for (const { key, item } of reports) {
    for (const [i, policy] of item.report.policies.entries()) {
      policies.push({ ...policy, key, n: i + 1, failures: policy.failures.length });
      for (const [j, failure] of policy.failures.entries()) failures.push({ ...failure, key, policy_n: i + 1, n: j + 1 });
    }
  }
  await insertReports(tx, reports);
  await insertPolicies(tx, policies);
  await insertFailures(tx, failures);
}

const insertReports = jsonInsert<TlsRow>('ruawatch.tls_reports', {
  tls_report_key: ['bigint', ({ key }) => key],
  message_key: ['bigint', ({ item }) => item.message_key],
  part: ['integer', ({ item }) => item.part],
  identity: ['hex', ({ item }) => item.report.identity],
  content_hash: ['hex', ({ item }) => item.report.content_hash],
  superseded_by: ['bigint', (row) => row.superseded_by],
  org_name: ['text', ({ item }) => item.report.org_name],
  contact_info: ['text', ({ item }) => item.report.contact_info],
  report_id: ['text', ({ item }) => item.report.report_id],
  begin_at: ['timestamptz', ({ item }) => isoSeconds(item.report.begin)],
  end_at: ['timestamptz', ({ item }) => isoSeconds(item.report.end)],
  problems: ['jsonb', ({ item }) => item.report.problems],
  received_at: ['timestamptz', ({ received }) => new Date(received).toISOString()],
});

const insertPolicies = jsonInsert<Policy>('ruawatch.tls_policies', {
  tls_report_key: ['bigint', ({ key }) => key],
  n: ['integer', ({ n }) => n],
  policy_domain: ['text', (p) => p.policy_domain?.slice(0, KEY_LENGTH) ?? null],
  policy_type: ['text', (p) => p.policy_type],
  policy_string: ['jsonb', (p) => p.policy_string],
  mx_host: ['jsonb', (p) => p.mx_host],
  successful_sessions: ['bigint', (p) => p.successful_sessions],
  failed_sessions: ['bigint', (p) => p.failed_sessions],
  failures: ['integer', (p) => p.failures],
});

const insertFailures = jsonInsert<Failure>('ruawatch.tls_failures', {
  tls_report_key: ['bigint', ({ key }) => key],
  policy_n: ['integer', (f) => f.policy_n],
  n: ['integer', ({ n }) => n],
  result_type: ['text', (f) => f.result_type],
  failed_sessions: ['bigint', (f) => f.failed_sessions],
  sending_mta_ip: ['inet', (f) => f.sending_mta_ip],
  receiving_ip: ['inet', (f) => f.receiving_ip],
  receiving_mx_hostname: ['text', (f) => f.receiving_mx_hostname],
  receiving_mx_helo: ['text', (f) => f.receiving_mx_helo],
  failure_reason_code: ['text', (f) => f.failure_reason_code],
  additional_information: ['text', (f) => f.additional_information],
});
