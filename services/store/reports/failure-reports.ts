import type { FailureReport } from '../../report/model.ts';
import { type Db, type Tx, transaction } from '../../shared/runtime/db.ts';
import { storedRange } from '../messages/messages.ts';
import { KEY_LENGTH } from './copy-records.ts';
import { rowsJson } from './tls-reports.ts';

/** A failure report about to be stored. */
export interface NewFailure {
  message_key: number;
  part: number;
  received_at: Date;
  report: FailureReport;
}

/** Writes failure reports; one that is there already is counted on it. */
export async function storeFailures(tx: Tx, incoming: readonly NewFailure[]): Promise<void> {
  if (incoming.length === 0) return;
  const first = new Map<string, { item: NewFailure; again: number }>();
  for (const item of incoming) {
    const known = first.get(item.report.content_hash);
    if (known === undefined) first.set(item.report.content_hash, { item, again: 0 });
    else known.again++;
  }
  // In one order everywhere, so that two workers with the same reports wait for each other and never deadlock.
  const rows = [...first.values()]
    .sort((a, b) => (a.item.report.content_hash < b.item.report.content_hash ? -1 : 1))
    .map(({ item: { report, message_key, part, received_at }, again }) => ({
      ...report,
      message_key,
      part,
      duplicates: again,
      domain: report.domain.slice(0, KEY_LENGTH),
      arrived_at: report.arrived === null ? null : new Date(report.arrived * 1000).toISOString(),
      received_at: received_at.toISOString(),
    }));
  await tx.query(
    `insert into ruawatch.failure_reports (message_key, part, content_hash, duplicates, form, reporter, user_agent, domain, source_ip,
            arrived_at, incidents, auth_failure, identity_alignment, delivery_result, authentication_results, dkim_domain, dkim_selector,
            dkim_identity, original_envelope_id, original_mail_from, original_rcpt_to, header_from, subject, message_id, redacted, problems,
            received_at)
     select message_key, part, decode(content_hash, 'hex'), duplicates, form, reporter, user_agent, domain, source_ip,
            arrived_at, incidents, auth_failure, identity_alignment, delivery_result, authentication_results, dkim_domain, dkim_selector,
            dkim_identity, original_envelope_id, original_mail_from, original_rcpt_to, header_from, subject, message_id, redacted, problems,
            received_at
       from jsonb_to_recordset($1::jsonb) as r(message_key bigint, part integer, content_hash text, duplicates bigint, form text,
            reporter text, user_agent text, domain text, source_ip inet, arrived_at timestamptz, incidents bigint, auth_failure jsonb,
            identity_alignment text, delivery_result text, authentication_results jsonb, dkim_domain text, dkim_selector text,
            dkim_identity text, original_envelope_id text, original_mail_from text, original_rcpt_to jsonb, header_from text, subject text,
            message_id text, redacted boolean, problems jsonb, received_at timestamptz)
         on conflict (content_hash) do update set duplicates = failure_reports.duplicates + excluded.duplicates + 1`,
    [rowsJson(rows)],
  );
}

/**
 * Notes that mails hold personal data, so that they go in time.
 * @param hideSubjects also hides their subjects in the archive, which mostly repeat that of the mail that failed
 */
export async function notePersonal(tx: Tx, keys: readonly number[], hideSubjects: boolean): Promise<void> {
  if (keys.length === 0) return;
  await tx.query(
    `insert into ruawatch.personal_mails (message_key) select unnest($1::bigint[]) on conflict (message_key) do nothing`,
    [keys],
  );
  if (!hideSubjects) return;
  await tx.query(
    `update ruawatch.messages set subject = '***' where message_key = any($1::bigint[]) and subject is not null and subject <> '***'`,
    [keys],
  );
}

/**
 * Deletes failure reports, and the raw bytes of the mails they came in, that were stored before `before`; so it does with complaints.
 * The rows in the archive stay, without sender and subject.
 * @returns how many mails were emptied; fewer than `limit` means that none is left
 */
export async function dropPersonal(db: Db, before: Date, limit: number): Promise<number> {
  return transaction(db, async (tx) => {
    const { rows } = await tx.query<{ message_key: number }>(
      `delete from ruawatch.personal_mails
        where message_key in (
              select p.message_key from ruawatch.personal_mails p
               where p.stored_at < $1
                 -- One that was sent back to be read again must still have something to read.
                 and not exists (select from ruawatch.messages m where m.message_key = p.message_key and m.state = 'received')
               order by p.stored_at limit $2 for update skip locked)
       returning message_key`,
      [before, limit],
    );
    const keys = rows.map((row) => row.message_key);
    if (keys.length === 0) return 0;
    await tx.query('delete from ruawatch.failure_reports where message_key = any($1::bigint[])', [keys]);
    const { rows: emptied } = await tx.query<{ stored_at: Date }>(
      'update ruawatch.messages set sender = null, subject = null, raw_gone_at = now() where message_key = any($1::bigint[]) returning stored_at',
      [keys],
    );
    if (emptied.length > 0) {
      await tx.query('delete from ruawatch.raw where message_key = any($1::bigint[]) and stored_at >= $2 and stored_at < $3', [
        keys,
        ...storedRange(emptied),
      ]);
      // What they took is measured again.
      await tx.query(
        `update ruawatch.raw_stock set bytes = null
          where partition in (select to_char(s at time zone 'UTC', '"raw_"YYYY"_"MM') from unnest($1::timestamptz[]) s)`,
        [emptied.map(({ stored_at }) => stored_at.toISOString())],
      );
    }
    return keys.length;
  });
}
