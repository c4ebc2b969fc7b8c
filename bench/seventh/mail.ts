import { gzipSync } from 'node:zlib';
import { mailDate } from '../../demo/mime.ts';
import type { Random } from '../../demo/random.ts';
import { DEMO_AUTHSERV_ID, zip } from '../../demo/write.ts';
import type { Habits, ReportFacts } from './facts.ts';
import type { Style } from './style.ts';

/** How a receiver packs a report and sends it. */
export interface Post {
  /** What the XML is in; `members`: gzip in two members; `named`: gzip that names its file (RFC 1952). */
  container: 'gzip' | 'members' | 'named' | 'zip' | 'stored' | 'plain';
  /** Without: what the container is. */
  type?: string;
  /** Without: base64. */
  encoding?: 'quoted-printable' | '7bit' | '8bit';
  /** The report alone, beside a text, below another multipart, or before a text. */
  shape: 'single' | 'mixed' | 'nested' | 'last';
  fileName: keyof typeof NAMES;
  subject: keyof typeof SUBJECTS;
  from?: string;
  /** Characters a line of base64; 0: one line. */
  width?: number;
}

export interface Receiver {
  org: string;
  /** The domain of its address, and its part of file names and subjects. */
  site: string;
  email: string;
  habits: Habits;
  style: Style;
  post: Post;
}

const word = (text: string, charset = 'UTF-8') =>
  `=?${charset}?B?${Buffer.from(text, charset === 'UTF-8' ? 'utf8' : 'latin1').toString('base64')}?=`;
const percent = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

/** The parameters of a part's Content-Type and its Content-Disposition, by how the file's name is given. */
const NAMES = {
  quoted: (name: string) => ['', `attachment; filename="${name}"`],
  both: (name: string) => [`;\r\n name="${name}"`, `attachment;\r\n filename="${name}"`],
  token: (name: string) => [`; name=${name}`, `inline; filename=${name}`],
  'type-only': (name: string) => [`; name="${name}"`, ''],
  none: () => ['', ''],
  extended: (name: string) => ['', `attachment; filename*=UTF-8'de'${percent(name)}`],
  continued: (name: string) => [
    '',
    `attachment;\r\n filename*0*=utf-8''${percent(name.slice(0, 9))};\r\n filename*1="${name.slice(9, 20)}";\r\n filename*2*=${percent(name.slice(20))}`,
  ],
  word: (name: string) => [`;\r\n\tname="${word(name)}"`, `attachment;\r\n\tFILENAME="${word(name)}"`],
  // UTF-8 as it stands (RFC 6532).
  raw: (name: string) => ['', `attachment; filename="${Buffer.from(`δ – ${name}`).toString('latin1')}"`],
  comment: (name: string) => [' (a report)', `attachment (see RFC 9990); filename = "${name}"; size=1`],
} satisfies Record<string, (name: string) => string[]>;

/** Subjects as RFC 7489 (7.2.1.1) and RFC 9990 have them, and as receivers write them. */
const SUBJECTS = {
  standard: ({ policy, report_id }, { site }) => `Report Domain: ${policy.domain} Submitter: ${site} Report-ID: <${report_id}>`,
  bare: ({ policy, report_id }, { site }) => `Report domain: ${policy.domain} submitter: ${site} report-id: ${report_id}`,
  folded: ({ policy, report_id }, { site }) =>
    `Report Domain: ${policy.domain}\r\n Submitter: ${site}\r\n\tReport-ID: <${report_id}@${site}>`,
  words: ({ policy, report_id }, { site, org }) =>
    `${word(`Report Domain: ${policy.domain} `)}\r\n ${word(`Submitter: ${site} Report-ID: <${report_id}>`)}\r\n ${word(org)}`,
  preview: ({ policy, report_id }, { site }) =>
    `[Preview] Report Domain: ${policy.domain} Submitter: ${site} Report-ID: ${report_id}`,
  local: (_, { org }) => word(`Rapport: ${org}`),
  none: () => null,
} satisfies Record<string, (report: ReportFacts, receiver: Receiver) => string | null>;

function pack(container: Post['container'], stem: string, data: { xml: Buffer; date: Date }): Promise<Buffer> | Buffer {
  const { xml, date } = data;
  const half = xml.length >> 1;
  switch (container) {
    case 'gzip':
      return gzipSync(xml);
    case 'members':
      return Buffer.concat([gzipSync(xml.subarray(0, half)), gzipSync(xml.subarray(half), { level: 1 })]);
    case 'named': {
      const gzip = gzipSync(xml);
      // The flag FNAME, and the name behind the ten bytes of the head.
      return Buffer.concat([
        gzip.subarray(0, 3),
        Buffer.from([8]),
        gzip.subarray(4, 10),
        Buffer.from(`${stem}.xml\0`),
        gzip.subarray(10),
      ]);
    }
    case 'plain':
      return xml;
    default:
      return zip(`${stem}.xml`, xml, date, container === 'zip');
  }
}

/** RFC 2045 section 6.7, for text with line ends of CRLF. */
function quotedPrintable(data: Buffer): string {
  let column = 0;
  return data.toString('latin1').replace(/\r\n|([ \t](?=\r\n|$)|[^\t -<>-~])|./g, (found, unsafe?: string) => {
    if (found === '\r\n') {
      column = 0;
      return found;
    }
    const text = unsafe ? `=${unsafe.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}` : found;
    const fits = column + text.length < 76;
    column = (fits ? column : 0) + text.length;
    return fits ? text : `=\r\n${text}`;
  });
}

function encoded(payload: Buffer, { encoding, width = 76 }: Post): string {
  if (encoding === 'quoted-printable') return quotedPrintable(payload);
  if (encoding) return payload.toString('latin1');
  const text = payload.toString('base64');
  return width === 0 ? text : text.replace(new RegExp(`.{${width}}`, 'g'), '$&\r\n');
}

const TEXT = 'Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is an aggregate report. <feedback> is attached.\r\n';
const HTML = 'Content-Type: text/html\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<p>See <b>attached</b></p>\r\n';

function multipart(kind: string, boundary: string, parts: string[]): string {
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('');
  return `Content-Type: multipart/${kind};\r\n boundary="${boundary}"\r\n\r\n${body}--${boundary}--\r\n`;
}

function bodyOf(shape: Post['shape'], part: string, random: Random): string {
  const [outer, inner] = [`=_${random.hex(20)}`, `b'${random.digits(12)}+:`];
  if (shape === 'single') return part;
  if (shape === 'mixed') return multipart('mixed', outer, [TEXT, part]);
  if (shape === 'last') return multipart('mixed', outer, [part, TEXT]);
  return multipart('mixed', outer, [multipart('related', inner, [multipart('alternative', `${inner}2`, [TEXT, HTML]), part])]);
}

/** A report as the mail that the mailbox got, below the trace of the server that took it in. */
export async function writeMail(receiver: Receiver, report: ReportFacts, made: { xml: Buffer; random: Random }): Promise<Buffer> {
  const { post, site, email } = receiver;
  const { random } = made;
  const { domain } = report.policy;
  const date = new Date((report.end + random.int(600, 36_000)) * 1000);
  const stem = `${site}!${domain}!${report.begin}!${report.end}${random.chance(0.5) ? `!${random.hex(8)}` : ''}`;
  const payload = await pack(post.container, stem, { xml: made.xml, date });
  const ending = { gzip: '.xml.gz', members: '.xml.gz', named: '.gz', zip: '.zip', stored: '.zip', plain: '.xml' }[
    post.container
  ];
  const [parameters, disposition] = NAMES[post.fileName](stem + ending);
  const subject = SUBJECTS[post.subject](report, receiver);
  const head = [
    `Return-Path: <${email}>`,
    `Authentication-Results: ${DEMO_AUTHSERV_ID};\r\n\tdkim=pass header.d=${site} header.s=rpt;\r\n\tdmarc=pass header.from=${site}`,
    `Date: ${mailDate(date)}`,
    ...(subject === null ? [] : [`Subject: ${subject}`]),
    `From: ${post.from ?? ''}<${email}>`,
    `To: dmarc@${domain}`,
    `Message-ID: <${random.hex(24)}@${site}>`,
    'MIME-Version: 1.0',
  ];
  const part = [
    `Content-Type: ${post.type ?? (ending.endsWith('gz') ? 'application/gzip' : 'application/zip')}${parameters}`,
    `Content-Transfer-Encoding: ${post.encoding ?? 'base64'}`,
    ...(disposition ? [`Content-Disposition: ${disposition}`] : []),
    `\r\n${encoded(payload, post)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n${bodyOf(post.shape, part.join('\r\n'), random)}`, 'latin1');
}
