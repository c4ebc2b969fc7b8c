import type { Queryable, Tx } from '../shared/db.ts';
import { type Arrival, type Place, storeMails } from './intake.ts';
import type { MessageState } from './messages.ts';

/** What was imported stands beside the mailboxes under this name. */
export const IMPORT_PLACE: Place = { mailbox: 'import', folder: null, uidValidity: null };

export interface ImportedMail extends Arrival {
  raw: Buffer;
  file: string;
}

export interface Imported {
  file: string;
  message_key: number;
  /** The very same bytes were imported before. */
  known: boolean;
}

/** Stores a batch of files' mails as waiting messages. @returns one row for each mail, in their order */
export async function storeImports(tx: Tx, mails: readonly ImportedMail[]): Promise<Imported[]> {
  const { stored } = await storeMails(tx, IMPORT_PLACE, mails);
  const fresh = new Set(stored);
  const { rows } = await tx.query<{ message_key: number; fingerprint: string }>(
    `select message_key, encode(fingerprint, 'hex') as fingerprint from ruawatch.messages
      where mailbox = $1 and fingerprint = any($2::bytea[])`,
    [IMPORT_PLACE.mailbox, mails.map((m) => m.sha256)],
  );
  const keys = new Map(rows.map((r) => [r.fingerprint, r.message_key]));
  const imported: Imported[] = [];
  for (const mail of mails) {
    const message_key = keys.get(mail.sha256.toString('hex'))!;
    // A second copy within one batch is known as well.
    imported.push({ file: mail.file, message_key, known: !fresh.delete(message_key) });
  }
  const named = imported.filter((i) => !i.known);
  await tx.query(
    `update ruawatch.messages m set file = f.file from unnest($1::bigint[], $2::text[]) as f(message_key, file) where m.message_key = f.message_key`,
    [named.map((i) => i.message_key), named.map((i) => i.file.slice(0, 1000).replaceAll('\0', ' ').toWellFormed())],
  );
  return imported;
}

export interface ImportedState {
  message_key: number;
  state: MessageState;
  code: string | null;
  reason: string | null;
  reports: number;
}

/** How messages stand, and how many reports were read from each. */
export async function importedStates(db: Queryable, keys: readonly number[]): Promise<Map<number, ImportedState>> {
  const { rows } = await db.query<ImportedState>(
    `select m.message_key, m.state, m.code, m.reason,
            (select count(*) from ruawatch.reports r where r.message_key = m.message_key) as reports
       from ruawatch.messages m where m.message_key = any($1::bigint[])`,
    [keys],
  );
  return new Map(rows.map((r) => [r.message_key, r]));
}
