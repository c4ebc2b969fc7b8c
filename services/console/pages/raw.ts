import { documentOf } from '../../report/document.ts';
import { visibleReport } from '../../store/console/reports.ts';
import { sees } from '../../store/console/scope.ts';
import { placeOfReport, type RawMail, rawBytes, rawMail } from '../../store/messages/raw-mail.ts';
import { byKey } from '../given.ts';
import { words } from '../page-words/en.ts';
import { type Answer, type AnyRoute, type Asked, Refusal, route } from '../routes.ts';

/** Larger mails are read by nothing but the parser, whose threads can be stopped. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_READ = 16 * 1024 * 1024;

/**
 * A mail for a person: all in it is about domains that the person sees. One without reports, or with a part
 * that could not be read and may be about anybody, belongs to the installation.
 * @throws Refusal `no_page`, as if it did not exist
 */
async function mailFor({ db, reader }: Pick<Asked, 'db' | 'reader'>, key: number): Promise<RawMail> {
  const mail = await rawMail(db, key);
  const { scope } = reader;
  const own = mail?.told && mail.domains.length > 0 && mail.domains.every((domain) => sees(scope, domain));
  if (mail === null || !(scope.all || own)) throw new Refusal(404, 'no_page', words.problems.no_page);
  return mail;
}

async function bytesOf(asked: Pick<Asked, 'db'>, mail: RawMail): Promise<Buffer> {
  if (mail.size > MOST_BYTES) throw new Refusal(409, 'mail_too_large', words.reports.too_large(mail.message_key));
  const raw = await rawBytes(asked.db, mail);
  if (raw === null) throw new Refusal(409, 'raw_missing', words.reports.mail_gone);
  return raw;
}

const mailFile = route({
  method: 'GET',
  path: '/messages/:key/mail',
  kind: 'file',
  least: 'operator',
  scope: 'object',
  params: byKey,
  async handle(asked): Promise<Answer> {
    const mail = await mailFor(asked, asked.params.key);
    const content = await bytesOf(asked, mail);
    // What is on the mailbox's disk as it came: no browser may take it for a page.
    return { is: 'file', type: 'application/octet-stream', content, name: `mail-${mail.message_key}.eml` };
  },
});

const xmlFile = route({
  method: 'GET',
  path: '/reports/:key/xml',
  kind: 'file',
  least: 'operator',
  scope: 'object',
  params: byKey,
  async handle(asked): Promise<Answer> {
    const report = await visibleReport(asked.reader, asked.params.key);
    const place = report === null ? null : await placeOfReport(asked.db, asked.params.key);
    if (report === null || place === null) throw new Refusal(404, 'no_report', words.reports.no_report);
    const mail = await rawMail(asked.db, place.message_key);
    if (mail === null) throw new Refusal(409, 'raw_missing', words.reports.mail_gone);
    if (mail.size > MOST_READ) throw new Refusal(409, 'mail_too_large', words.reports.too_large(mail.message_key));
    const found = await documentOf(await bytesOf(asked, mail), place.part, { limits: { unpackedBytes: MOST_BYTES } });
    if (found === null) throw new Refusal(409, 'raw_missing', words.reports.mail_gone);
    return { is: 'file', type: 'text/plain; charset=utf-8', content: found, name: `report-${report.report_key}.xml` };
  },
});

export const RAW_ROUTES: AnyRoute[] = [mailFile, xmlFile];
