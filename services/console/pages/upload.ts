import { z } from 'zod';
import { DEFAULT_LIMITS } from '../../report/limits.ts';
import { readEnvelope } from '../../report/mail/mime.ts';
import { transaction } from '../../shared/runtime/db.ts';
import { noteAct } from '../../store/console/audit.ts';
import { type ImportedMail, importedStates, storeImports, UPLOAD_PLACE } from '../../store/messages/imports.ts';
import { fingerprintOf } from '../../store/messages/intake.ts';
import { leaveToSweep } from '../../store/messages/raw-mail.ts';
import { postForm } from '../form.ts';
import { html, path, withQuery } from '../html.ts';
import { words } from '../page-words/en.ts';
import { type AnyRoute, page, Refusal, route, see, type UploadedFile } from '../routes.ts';
import { fileOf, tableOf, tableQuery } from '../tables.ts';

const w = words.upload;
const ENVELOPE_BYTES = 64 * 1024;
const AGAIN_SECONDS = 5;

/** The keys of the mails that were uploaded: an own list, so that it can be looked at again. */
const keys = z
  .string()
  .regex(/^[\d,]{0,4000}$/)
  .default('')
  .transform((text) => text.split(',').filter(Boolean).map(Number).filter(Number.isSafeInteger));

interface Row {
  key: number;
  state: string;
  reports: number;
  records: number;
  reason: string;
}

const upload = route({
  method: 'GET',
  path: '/upload',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  query: z.object({ ...tableQuery, keys }),
  async handle({ db, query: asked }) {
    const states = await importedStates(db, asked.keys);
    const rows: Row[] = [...states.values()].map((one) => ({
      key: one.message_key,
      state: one.state,
      reports: one.reports + one.tls_reports + one.failure_reports,
      records: one.records,
      reason: [one.code, one.reason].filter(Boolean).join(': '),
    }));
    const table = tableOf<Row>(
      'uploaded',
      [
        { key: 'mail', label: words.quarantine.mail, as: 'head', of: (one) => one.key, show: (one) => String(one.key) },
        {
          key: 'state',
          label: words.health.state,
          of: (one) => one.state,
          show: (one) => words.health.states_of[one.state] ?? one.state,
        },
        { key: 'reports', label: words.reports.title, as: 'number', of: (one) => one.reports },
        { key: 'records', label: words.reports.records, as: 'number', of: (one) => one.records },
        { key: 'reason', label: words.quarantine.reason, of: (one) => one.reason },
      ],
      rows,
    );
    const file = fileOf(asked, [table], 'ruawatch');
    if (file !== null) return file;
    const waits = rows.some(({ state }) => state === 'received');
    const body = html`<div class="heading"><h1>${w.title}</h1><p class="quiet">${w.lead}</p></div>
${rows.length > 0 && html`<section><h2>${w.result}</h2>${waits && html`<p role="status">${w.waits}</p>`}${table.html(withQuery(path`/upload`, { keys: asked.keys.join(',') }))}</section>`}
${postForm(
  path`/upload`,
  html`<label>${w.files}<input type="file" name="files" multiple required></label><p class="hint">${w.hint}</p><button class="primary">${w.send}</button>`,
  { as: { class: 'drop', enctype: 'multipart/form-data' } },
)}`;
    return page(w.title, body, { section: 'reports', ...(waits ? { refresh: AGAIN_SECONDS } : {}) });
  },
});

/** A file as `import` would store it. */
function mailOf({ name, bytes }: UploadedFile, now: Date): ImportedMail {
  const envelope = readEnvelope(bytes.subarray(0, ENVELOPE_BYTES));
  const date = new Date(envelope.date?.replace(/\([^)]*\)/g, '') ?? Number.NaN);
  return {
    uid: null,
    file: name.slice(0, 500),
    receivedAt: date.getTime() > 0 && date <= now ? date : now,
    sender: envelope.from,
    subject: envelope.subject,
    messageId: envelope.message_id,
    size: bytes.length,
    sha256: fingerprintOf(bytes),
    raw: bytes,
  };
}

const send = route({
  method: 'POST',
  path: '/upload',
  kind: 'page',
  least: 'admin',
  scope: 'installation',
  upload: true,
  perMinute: 30,
  async handle({ db, config, files, visitor, clock }) {
    if (files.length === 0) throw new Refusal(400, 'wrong_parameter', w.no_file);
    const most = config.limits.mailBytes ?? DEFAULT_LIMITS.mailBytes;
    const large = files.find(({ bytes }) => bytes.length > most);
    if (large !== undefined) throw new Refusal(413, 'mail_too_large', w.file_too_large(large.name, most));
    const now = clock.now();
    const stored = await transaction(db, async (tx) => {
      const imported = await storeImports(
        tx,
        files.map((file) => mailOf(file, now)),
        UPLOAD_PLACE,
      );
      const act = { by: visitor!.name, person: visitor!.person_key, act: 'reports_uploaded' };
      await noteAct(tx, { ...act, detail: { files: files.map(({ name }) => name.slice(0, 200)) } }, now);
      return [...new Set(imported.map(({ message_key }) => message_key))];
    });
    await leaveToSweep(db, stored);
    return see(withQuery(path`/upload`, { keys: stored.join(',') }));
  },
});

export const UPLOAD_ROUTES: AnyRoute[] = [upload, send];
