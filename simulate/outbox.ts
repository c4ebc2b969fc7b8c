import type { Db } from '../services/shared/runtime/db.ts';
import type { Calendar } from './calendar.ts';

/** A mail that the alerter made. */
export interface SentMail {
  tick: number;
  subject: string;
  text: string;
}

/** The mails in the outbox, oldest first, each with its plain text part. */
export async function readMails(db: Db, calendar: Calendar): Promise<SentMail[]> {
  const { rows } = await db.query<{ subject: string; raw: Buffer; created_at: Date }>(
    'select subject, raw, created_at from ruawatch.outbox where webhook is null order by outbox_key',
  );
  return rows.map(({ subject, raw, created_at }) => ({ tick: calendar.tickAt(created_at), subject, text: textOf(raw) }));
}

/** The text/plain part of a mail as the alerter composes it: multipart/alternative, quoted-printable. */
export function textOf(raw: Buffer): string {
  const mail = raw.toString('latin1');
  // Two hyphens alone are no end of the part: a soft line break may stand before an option, such as `--why`.
  const boundary = /boundary="?([^";\r\n]+)/i.exec(mail)?.[1];
  const at = mail.search(/^Content-Type: text\/plain/im);
  const begin = mail.indexOf('\r\n\r\n', at) + 4;
  const end = boundary === undefined ? -1 : mail.indexOf(`\r\n--${boundary}`, begin);
  const encoded = mail.slice(begin, end < 0 ? undefined : end).replaceAll(/=\r\n/g, '');
  const bytes = encoded.replaceAll(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}
