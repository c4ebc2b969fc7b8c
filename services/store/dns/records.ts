import { type Db, type Queryable, type Tx, transaction } from '../../shared/runtime/db.ts';
import { noteDomains } from '../analysis/note-work.ts';
import { jsonInsert } from '../json-insert.ts';
import { rowsJson } from '../sql-text.ts';
import { loadCheck, type StoredCheck, saveCheck } from './checks.ts';
import { loadDrifts, type StoredDrifts, saveDrifts } from './drifts.ts';

/** What a record is watched for. */
export const PURPOSES = [
  'spf',
  'spf_include',
  'spf_address',
  'dkim',
  'dmarc',
  'report_destination',
  'mx',
  'mta_sts',
  'tls_rpt',
  'bimi',
] as const;
export type Purpose = (typeof PURPOSES)[number];

/** What one server answered. */
export interface ServerAnswer {
  /** The name of an authoritative server, or "resolver". */
  server: string;
  state: 'records' | 'absent' | 'unknown';
  /** Of unknown: a sentence. */
  reason: string | null;
  values: readonly string[];
}

/** A question with all answers of a round. */
export interface Observed {
  name: string;
  type: string;
  purpose: Purpose;
  /** The names that CNAME records lead to. */
  aliases: readonly string[];
  answers: readonly ServerAnswer[];
}

/** An authoritative server of a zone, in one round. */
export interface ServerState {
  zone: string;
  server: string;
  address: string | null;
  /** `unknown`: it was not asked, or its address could not be looked up. */
  state: 'answers' | 'silent' | 'lame' | 'no address' | 'unknown';
  reason: string | null;
  serial: number | null;
}

/** A row of ruawatch.dns_servers, without its domain. */
export interface ServerRow {
  zone: string;
  server: string;
  address: string | null;
  serial: number | null;
  asked_at: Date;
  answered_at: Date | null;
  failing_since: Date | null;
  failure: 'silent' | 'lame' | 'no address' | null;
  reason: string | null;
}

/** A row of ruawatch.dns_questions, without its domain. */
export interface QuestionRow {
  name: string;
  type: string;
  purpose: Purpose;
  state: 'records' | 'absent' | 'unknown';
  asked_at: Date;
  first_answered_at: Date | null;
  answered_at: Date | null;
  unanswered_since: Date | null;
  reason: string | null;
  differ_since: Date | null;
  aliases: readonly string[];
  answers: readonly ServerAnswer[];
}

/** A value that is published as far as is known. */
export interface LiveRecord {
  record_key: number;
  name: string;
  type: string;
  value: string;
  missed_at: Date | null;
  misses: number;
}

/** What is stored of a domain before a round. */
export interface Stored {
  questions: readonly QuestionRow[];
  live: readonly LiveRecord[];
  servers: readonly ServerRow[];
}

/** What a round changes. */
export interface Changes {
  questions: QuestionRow[];
  added: { name: string; type: string; purpose: Purpose; value: string; servers: readonly string[]; at: Date }[];
  seen: { record_key: number; servers: readonly string[]; at: Date }[];
  missed: { record_key: number; at: Date }[];
  gone: { record_key: number; at: Date }[];
  servers: ServerRow[];
}

/** Values of one question that are kept after they are gone, the newest. */
const MOST_GONE = 100;

/** What a round stores, given what is stored. */
export interface RoundStores {
  change: (stored: Stored) => Changes;
  /** `news`: the analyzer must look. */
  check: (before: StoredCheck | null) => { check: StoredCheck | null; news: boolean };
  /** Null: nothing is known of what is declared, and what differed before is kept. */
  drift?: ((before: StoredDrifts | null) => { drifts: StoredDrifts | null; news: boolean }) | null;
  /** When the domain is asked about next. */
  due: (changes: Changes) => { at: Date; attempts: number };
}

/**
 * Stores a round: reads what is stored of the domain, and writes what changes. The row of the domain is
 * locked meanwhile, so that two watchers do not write the same value twice. Nothing is stored of a domain
 * that is no longer watched.
 */
export async function storeRound(
  db: Db,
  domain: string,
  now: Date,
  { change, check, drift = null, due }: RoundStores,
): Promise<Changes | null> {
  return transaction(db, async (tx) => {
    const { rowCount } = await tx.query('select from ruawatch.dns_watch where domain = $1 for update', [domain]);
    if (rowCount === 0) return null;
    const changes = change(await loadStored(tx, domain));
    await writeQuestions(tx, domain, changes);
    await writeRecords(tx, domain, changes);
    // What is published decides whose servers send, and explains findings.
    const checked = check(await loadCheck(tx, domain));
    if (checked.check !== null) await saveCheck(tx, domain, checked.check);
    const drifted = drift === null ? null : drift(await loadDrifts(tx, domain));
    if (drifted !== null) await saveDrifts(tx, domain, drifted.drifts);
    const news = changes.added.length + changes.gone.length > 0 || checked.news || drifted?.news;
    if (news || (await isMissedByLogs(tx, changes.questions))) await noteDomains(tx, [domain]);
    const next = due(changes);
    // Taking it moved it into the future: what is due again by now was so made while it was asked about.
    await tx.query(
      `update ruawatch.dns_watch set due_at = case when due_at > $3 then $2 else due_at end, asked_at = $3, attempts = $4
        where domain = $1`,
      [domain, next.at, now, next.attempts],
    );
    return changes;
  });
}

/** Whether one of the keys that DNS does not have is one that the logs show to sign. */
async function isMissedByLogs(tx: Tx, questions: readonly QuestionRow[]): Promise<boolean> {
  const absent = questions.filter(({ purpose, type, state }) => purpose === 'dkim' && type === 'TXT' && state === 'absent');
  if (absent.length === 0) return false;
  const { rows } = await tx.query<{ missed: boolean }>(
    `select exists (select from ruawatch.sending_days
                     where day >= (now() at time zone 'UTC')::date - 1
                       and selector || '._domainkey.' || signing_domain = any($1::text[])) as missed`,
    [absent.map(({ name }) => name)],
  );
  return rows[0]!.missed;
}

async function loadStored(tx: Tx, domain: string): Promise<Stored> {
  const questions = await tx.query<QuestionRow>(
    `select name, type, purpose, state, asked_at, first_answered_at, answered_at, unanswered_since, reason, differ_since, aliases, answers
       from ruawatch.dns_questions where domain = $1`,
    [domain],
  );
  const live = await tx.query<LiveRecord>(
    'select record_key, name, type, value, missed_at, misses from ruawatch.dns_records where domain = $1 and gone_at is null',
    [domain],
  );
  const servers = await tx.query<ServerRow>(
    `select zone, server, host(address) as address, serial, asked_at, answered_at, failing_since, failure, reason
       from ruawatch.dns_servers where domain = $1`,
    [domain],
  );
  return { questions: questions.rows, live: live.rows, servers: servers.rows };
}

const insertQuestions = jsonInsert<QuestionRow & { domain: string }>(
  'ruawatch.dns_questions as q',
  {
    domain: ['text', (row) => row.domain],
    name: ['text', (row) => row.name],
    type: ['text', (row) => row.type],
    purpose: ['text', (row) => row.purpose],
    state: ['text', (row) => row.state],
    asked_at: ['timestamptz', (row) => row.asked_at],
    first_answered_at: ['timestamptz', (row) => row.first_answered_at],
    answered_at: ['timestamptz', (row) => row.answered_at],
    unanswered_since: ['timestamptz', (row) => row.unanswered_since],
    reason: ['text', (row) => row.reason],
    differ_since: ['timestamptz', (row) => row.differ_since],
    aliases: ['text[]', (row) => row.aliases],
    answers: ['jsonb', (row) => row.answers],
  },
  `on conflict (domain, name, type) do update set purpose = excluded.purpose, state = excluded.state, asked_at = excluded.asked_at,
     first_answered_at = excluded.first_answered_at, answered_at = excluded.answered_at, unanswered_since = excluded.unanswered_since,
     reason = excluded.reason, differ_since = excluded.differ_since, aliases = excluded.aliases, answers = excluded.answers`,
);

const insertServers = jsonInsert<ServerRow & { domain: string }>(
  'ruawatch.dns_servers as s',
  {
    domain: ['text', (row) => row.domain],
    zone: ['text', (row) => row.zone],
    server: ['text', (row) => row.server],
    address: ['inet', (row) => row.address],
    serial: ['bigint', (row) => row.serial],
    asked_at: ['timestamptz', (row) => row.asked_at],
    answered_at: ['timestamptz', (row) => row.answered_at],
    failing_since: ['timestamptz', (row) => row.failing_since],
    failure: ['text', (row) => row.failure],
    reason: ['text', (row) => row.reason],
  },
  `on conflict (domain, zone, server) do update set address = excluded.address, serial = excluded.serial, asked_at = excluded.asked_at,
     answered_at = excluded.answered_at, failing_since = excluded.failing_since, failure = excluded.failure, reason = excluded.reason`,
);

async function writeQuestions(tx: Tx, domain: string, { questions, servers }: Changes): Promise<void> {
  await insertQuestions(
    tx,
    questions.map((row) => ({ ...row, domain })),
  );
  await insertServers(
    tx,
    servers.map((row) => ({ ...row, domain })),
  );
  // Servers that the zone no longer names.
  const zones = [...new Set(servers.map(({ zone }) => zone))];
  await tx.query(
    'delete from ruawatch.dns_servers where domain = $1 and zone = any($2::text[]) and not (server = any($3::text[]))',
    [domain, zones, servers.map(({ server }) => server)],
  );
}

async function writeRecords(tx: Tx, domain: string, { added, seen, missed, gone }: Changes): Promise<void> {
  await tx.query(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen)
     select $1, name, type, purpose, value, servers, at, at
       from jsonb_to_recordset($2::jsonb) as r(name text, type text, purpose text, value text, servers text[], at timestamptz)`,
    [domain, rowsJson(added)],
  );
  await tx.query(
    `update ruawatch.dns_records d set last_seen = r.at, servers = r.servers, missed_at = null, misses = 0
       from jsonb_to_recordset($1::jsonb) as r(record_key bigint, servers text[], at timestamptz) where d.record_key = r.record_key`,
    [rowsJson(seen)],
  );
  await tx.query(
    `update ruawatch.dns_records d set missed_at = r.at, misses = d.misses + 1, gone_at = case when r.gone then r.at end
       from jsonb_to_recordset($1::jsonb) as r(record_key bigint, at timestamptz, gone boolean) where d.record_key = r.record_key`,
    [rowsJson([...missed.map((row) => ({ ...row, gone: false })), ...gone.map((row) => ({ ...row, gone: true }))])],
  );
  if (gone.length === 0) return;
  await tx.query(
    `delete from ruawatch.dns_records where record_key in (
       select record_key from (
         select record_key, row_number() over (partition by name, type order by gone_at desc, record_key desc) as n
           from ruawatch.dns_records where domain = $1 and gone_at is not null) r where n > ${MOST_GONE})`,
    [domain],
  );
}

/** A row of `dns history`. */
export interface HistoryRow {
  purpose: Purpose;
  name: string;
  type: string;
  value: string;
  published: boolean;
  first_seen: Date;
  last_seen: Date;
  gone_at: Date | null;
  servers: string[];
  unanswered_since: Date | null;
  unanswered_why: string | null;
}

/** Everything that was seen of a domain's records: the newest change first within each name. */
export async function loadHistory(q: Queryable, domain: string): Promise<HistoryRow[]> {
  const { rows } = await q.query<HistoryRow>(
    `select purpose, name, type, value, published, first_seen, last_seen, gone_at, servers, unanswered_since, unanswered_why
       from dmarc.dns_records where domain = $1
      order by array_position($2::text[], purpose), name, type, published desc, first_seen desc, value`,
    [domain, PURPOSES],
  );
  return rows;
}

/**
 * The records by which an SPF record admits addresses itself, as last seen: the record, and what its names
 * hold.
 */
export async function loadAdmitting(q: Queryable, domain: string): Promise<Pick<LiveRecord, 'name' | 'type' | 'value'>[]> {
  const { rows } = await q.query<Pick<LiveRecord, 'name' | 'type' | 'value'>>(
    `select name, type, value from ruawatch.dns_records
      where domain = $1 and gone_at is null and purpose in ('spf', 'mx', 'spf_address') order by name, type, value`,
    [domain],
  );
  return rows;
}
