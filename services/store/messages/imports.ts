import type { Queryable, Tx } from '../../shared/runtime/db.ts';
import { type Arrival, type Place, storeMails } from './intake.ts';
import type { MessageState } from './messages.ts';

/** Imported mails are stored under this name, as if they came from a mailbox. */
export const IMPORT_PLACE: Place = { mailbox: 'import', folder: null, uidValidity: null };

/** Files that were uploaded in the console: unlike imported ones they are verified, as a mail is. */
export const UPLOAD_PLACE: Place = { mailbox: 'upload', folder: null, uidValidity: null };

export interface ImportedMail extends Arrival {
  raw: Buffer;
  file: string;
}

export interface Imported {
  file: string;
  message_key: number;
  /** The same bytes were imported before. */
  known: boolean;
}

/** Stores a batch of mails from files as waiting messages. @returns a row for each mail, in their order */
export async function storeImports(tx: Tx, mails: readonly ImportedMail[], place = IMPORT_PLACE): Promise<Imported[]> {
  const { stored, keys } = await storeMails(tx, place, mails);
  const fresh = new Set(stored);
  return mails.map(({ file, sha256 }) => {
    const message_key = keys.get(sha256.toString('hex'))!;
    // So is a second copy within the batch.
    return { file, message_key, known: !fresh.delete(message_key) };
  });
}

export interface ImportedState {
  message_key: number;
  state: MessageState;
  code: string | null;
  reason: string | null;
  reports: number;
  records: number;
  tls_reports: number;
  failure_reports: number;
}

/** The state of messages, and how many reports and records were read from each. */
export async function importedStates(db: Queryable, keys: readonly number[]): Promise<Map<number, ImportedState>> {
  const { rows } = await db.query<ImportedState>(
    `select m.message_key, m.state, m.code, m.reason,
            r.reports, r.records, t.tls_reports, f.failure_reports
       from ruawatch.messages m
      cross join lateral (select count(*) as reports, coalesce(sum(records), 0) as records from ruawatch.reports r
                           where r.message_key = m.message_key) r
      cross join lateral (select count(*) as tls_reports from ruawatch.tls_reports r where r.message_key = m.message_key) t
      cross join lateral (select count(*) as failure_reports from ruawatch.failure_reports r where r.message_key = m.message_key) f
      where m.message_key = any($1::bigint[])`,
    [keys],
  );
  return new Map(rows.map((r) => [r.message_key, r]));
}
