import { gzipSync } from 'node:zlib';
import { ZipFile } from 'yazl';
import { mailDate } from './mime.ts';
import type { Random } from './random.ts';
import type { Dialect, ReportDescription } from './report.ts';

/** The server that took the mail in, as its `Authentication-Results` name it (RFC 8601 section 2.5). */
export const DEMO_AUTHSERV_ID = 'mx.kestrel-books.example';

/** Addresses of reporters' mail servers: documentation space, as the demo must not name a real machine. */
const REPORTER_NET = '198.51.100';

/** A zip of one file, the same bytes in every zone. */
export function zip(name: string, data: Buffer, mtime: Date, compress = true): Promise<Buffer> {
  const file = new ZipFile();
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    file.on('error', reject);
    file.outputStream.on('data', (chunk: Buffer) => chunks.push(chunk));
    file.outputStream.on('error', reject);
    file.outputStream.on('end', () => resolve(Buffer.concat(chunks)));
    // A zip's DOS time is the local one: shifted, and without the UTC field beside it, the bytes are the same
    // in every zone.
    const local = new Date(mtime.getTime() + mtime.getTimezoneOffset() * 60_000);
    file.addBuffer(data, name, { mtime: local, forceDosTimestamp: true, compress });
    file.end();
  });
}

/**
 * Puts the XML into the reporter's container. Returns its file name (RFC 7489 section 7.2.1.1) and its bytes.
 */
export async function packReport(
  dialect: Dialect,
  report: ReportDescription,
  date: Date,
): Promise<{ fileName: string; payload: Buffer }> {
  const xml = Buffer.from(dialect.xml(report));
  const stem = dialect.fileStem(report);
  switch (dialect.container) {
    case 'zip':
      return { fileName: `${stem}.zip`, payload: await zip(`${stem}.xml`, xml, date) };
    case 'gzip':
      return { fileName: `${stem}.xml.gz`, payload: gzipSync(xml) };
    case 'plain':
      return { fileName: `${stem}.xml`, payload: xml };
  }
}

/**
 * A report as the complete mail a mailbox would hold: the reporter's own mail under the trace headers of the
 * server that took it in.
 *
 * @param options.to the rua address
 * @param options.date when the reporter sent it
 * @param options.received when it reached the mailbox
 * @param options.author the domain that really wrote it, when that is not the reporter
 */
export async function writeReportMail(
  dialect: Dialect,
  report: ReportDescription,
  options: { to: string; date: Date; received: Date; random: Random; author?: string },
): Promise<Buffer> {
  const { to, date, received, random, author } = options;
  const packed = await packReport(dialect, report, date);
  const own = dialect.mail({ report, to, date, random, ...packed });
  const address = author === undefined ? dialect.org_email : `reports@${author}`;
  const mail = author === undefined ? own : own.replace(/^(From: .*?)<?[^\s<>]+@[^\s<>]+>?\r$/m, `$1<${address}>\r`);
  const sender = address.slice(address.indexOf('@') + 1);
  const trace = [
    `Return-Path: <${address}>`,
    `Delivered-To: ${to}`,
    `Authentication-Results: ${DEMO_AUTHSERV_ID};`,
    `\tdkim=pass header.d=${sender} header.s=rpt;`,
    `\tspf=pass smtp.mailfrom=${sender};`,
    `\tdmarc=pass header.from=${sender}`,
    `Received: from out.${sender} (out.${sender} [${REPORTER_NET}.${random.int(200, 250)}])`,
    `\tby ${DEMO_AUTHSERV_ID} with ESMTPS id ${random.hex(12)}`,
    `\tfor <${to}>; ${mailDate(received)}`,
  ];
  return Buffer.from(`${trace.join('\r\n')}\r\n${mail}`, 'latin1');
}
