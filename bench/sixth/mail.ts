import { deflateRawSync, gzipSync } from 'node:zlib';
import { base64Lines, encodedWords, entity, type Header, mailDate, multipart } from '../../demo/mime.ts';
import type { Random } from '../../demo/random.ts';
import { zip } from '../../demo/write.ts';
import type { Container, Naming, Receiver, Shape } from './receivers.ts';
import type { Period } from './report.ts';

/** What the mail says of the report it carries. */
interface Carried {
  domain: string;
  id: string;
  period: Period;
  xml: Buffer;
  sent: Date;
}

/**
 * The size of a report's first half in two members of a gzip: as of a program that compresses while it
 * writes.
 */
const half = (xml: Buffer): number => Math.ceil(xml.length / 2);

/** RFC 1952 with the file's name in the header (FNAME), which zlib's own functions leave out. */
function namedGzip(name: string, data: Buffer): Buffer {
  const plain = gzipSync(data);
  const head = Buffer.from(plain.subarray(0, 10));
  head[3] = 0x08;
  return Buffer.concat([head, Buffer.from(`${name}\0`, 'latin1'), deflateRawSync(data), plain.subarray(-8)]);
}

/** The attachment's bytes, and what its name ends in. */
async function pack(container: Container, stem: string, { xml, sent }: Carried): Promise<{ data: Buffer; suffix: string }> {
  const at = half(xml);
  switch (container) {
    case 'gzip':
      return { data: gzipSync(xml), suffix: '.xml.gz' };
    case 'gzip named':
      return { data: namedGzip(`${stem}.xml`, xml), suffix: '.xml.gz' };
    case 'gzip members':
      return { data: Buffer.concat([gzipSync(xml.subarray(0, at)), gzipSync(xml.subarray(at))]), suffix: '.xml.gz' };
    case 'zip':
      return { data: await zip(`${stem}.xml`, xml, sent), suffix: '.zip' };
    case 'zip stored':
      return { data: await zip(`reports/${stem}.xml`, xml, sent, false), suffix: '.zip' };
    default:
      return { data: xml, suffix: '.xml' };
  }
}

/**
 * Quoted-printable (RFC 2045 section 6.7) of text: line ends become CRLF, everything else is kept byte for
 * byte.
 */
function quotedPrintable(data: Buffer): string {
  const lines: string[] = [];
  for (const line of data.toString('latin1').split(/\r?\n/)) {
    const coded = line
      .replace(/[^\t -<>-~]/g, (c) => `=${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
      .replace(/[\t ]$/, (c) => (c === ' ' ? '=20' : '=09'));
    let at = 0;
    while (coded.length - at > 76) {
      let end = at + 75;
      // A soft line break never parts the three characters of one octet.
      if (coded[end - 1] === '=') end -= 1;
      else if (coded[end - 2] === '=') end -= 2;
      lines.push(`${coded.slice(at, end)}=`);
      at = end;
    }
    lines.push(coded.slice(at));
  }
  return lines.join('\r\n');
}

const percent = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** A header's parameter with a file name in it. */
function parameter(name: string, value: string, naming: Naming): string {
  const ascii = /^[ -~]*$/.test(value);
  if (naming === 'sections') {
    const coded = percent(value);
    // Not within an octet of three characters.
    const cut = coded.indexOf('%21') + 3;
    return `${name}*0*=UTF-8''${coded.slice(0, cut)};\r\n ${name}*1*=${coded.slice(cut)}`;
  }
  if (naming === 'extended' || (naming !== 'word' && !ascii)) return `${name}*=utf-8''${percent(value)}`;
  if (naming === 'word') return `${name}="${encodedWords(value)}"`;
  if (naming === 'token' && /^[\w.!+-]+$/.test(value)) return `${name}=${value}`;
  return `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
}

/** By suffix: the usual media type, and those a receiver may have in its place. */
const MEDIA: Record<string, [usual: string, others: RegExp]> = {
  '.xml': ['text/xml', /\/(xml|octet-stream)$/],
  '.zip': ['application/zip', /\/(zip|x-zip-compressed|octet-stream)$/],
  '.xml.gz': ['application/gzip', /\/(gzip|x-gzip|octet-stream)$/],
};

/** The headers and the body of the part that is the report. */
async function attachment(receiver: Receiver, carried: Carried, random: Random): Promise<{ headers: Header[]; body: string }> {
  const { domain, period, sent } = carried;
  const container = random.pick(receiver.containers);
  const unique = random.chance(0.5) ? `!${random.hex(6)}` : '';
  const regular = `${receiver.domain}!${domain}!${period.begin}!${period.end}${unique}`;
  const { data, suffix } = await pack(container, /^[ -~]*$/.test(regular) ? regular : `${sent.getTime()}`, carried);
  const name =
    receiver.oddName === null
      ? regular + suffix
      : receiver.oddName(random).replace(/\.xml$/i, (end) => end + suffix.replace('.xml', ''));
  const [usual, others] = MEDIA[suffix]!;
  const type = others.test(receiver.mediaType) ? receiver.mediaType : usual;
  const quoted = container === 'xml quoted';
  const charset = suffix === '.xml' && type !== 'application/octet-stream' && random.chance(0.5) ? '; charset=utf-8' : '';
  const headers: Header[] = [
    ['Content-Type', `${type}${receiver.encoding === 'utf8' ? charset : ''};\r\n\t${parameter('name', name, receiver.naming)}`],
    ['Content-Transfer-Encoding', quoted ? 'quoted-printable' : random.pick(['base64', 'Base64'])],
    ['Content-Disposition', `attachment;\r\n ${parameter('filename', name, receiver.naming)}`],
  ];
  return {
    headers: random.shuffle(headers),
    body: quoted ? quotedPrintable(data) : base64Lines(data, random.pick([76, 72, 64])),
  };
}

function body(shape: Shape, file: string, { domain }: Carried, random: Random): { type: string; body: string } {
  const boundary = `=_${random.hex(20)}'+?`;
  const inner = `alt.${random.hex(12)}`;
  const text = entity(
    [['Content-Type', 'text/plain; charset=us-ascii']],
    `DMARC aggregate report for ${domain}.\r\n<feedback> follows.\r\n`,
  );
  const html = entity(
    [
      ['content-type', 'text/html; charset="UTF-8"'],
      ['content-transfer-encoding', 'quoted-printable'],
    ],
    `<html><body><p style=3D"color:#333">Report for <b>${domain}</b>=\r\n</p></body></html>`,
  );
  const both = entity([['Content-Type', `multipart/alternative; boundary="${inner}"`]], multipart(inner, [text, html]));
  const parts: Record<Exclude<Shape, 'alone'>, string[]> = {
    text: [text, file],
    'text+html': [both, file],
    html: [html, file],
    after: [file, text],
    'only part': [file],
  };
  const preamble = random.chance(0.3) ? 'This is a multi-part message in MIME format.\r\n\r\n' : '';
  return {
    type: `multipart/mixed;\r\n boundary="${boundary}"`,
    body: multipart(boundary, parts[shape as Exclude<Shape, 'alone'>], preamble),
  };
}

function subject(receiver: Receiver, { domain, id }: Carried, random: Random): string {
  const bare = id.replace(/^<|>$/g, '');
  const form = random.next();
  if (form < 0.5) return `Report Domain: ${domain}\r\n Submitter: ${receiver.domain}\r\n Report-ID: <${bare}>`;
  if (form < 0.8) return `Report Domain: ${domain} Submitter: ${receiver.domain} Report-ID: ${id}`;
  return encodedWords(`Report domain: ${domain} Submitter: ${receiver.domain} Report-ID: ${bare}`);
}

/** The whole mail with one report, under the headers of the server that took it in. */
export async function writeMail(receiver: Receiver, carried: Carried, random: Random): Promise<Buffer> {
  const { domain, sent } = carried;
  const sender = `dmarc-reports@${receiver.domain}`;
  const trace: Header[] = [
    ['Return-Path', `<${sender}>`],
    ['Authentication-Results', `mx.example; dkim=pass header.d=${receiver.domain}; dmarc=pass header.from=${receiver.domain}`],
  ];
  const headers: Header[] = [
    ['From', random.pick([sender, `<${sender}>`, `"DMARC, reports" <${sender}>`, `${encodedWords('Bücherei')} <${sender}>`])],
    ['To', random.pick([`dmarc@${domain}`, `<dmarc@${domain}>`])],
    ['Subject', subject(receiver, carried, random)],
    ['Date', mailDate(sent, random.pick([0, -480, 60, 345]))],
    ['Message-ID', `<${random.hex(16)}.${sent.getTime()}@${receiver.domain}>`],
    ['MIME-Version', random.pick(['1.0', '1.0 (a comment; 2)'])],
  ];
  const shape = random.pick(receiver.shapes);
  const file = await attachment(receiver, carried, random);
  if (shape === 'alone')
    return Buffer.from(entity([...trace, ...random.shuffle([...headers, ...file.headers])], `${file.body}\r\n`), 'latin1');
  const whole = body(shape, entity(file.headers, file.body), carried, random);
  return Buffer.from(
    entity([...trace, ...random.shuffle([...headers, ['Content-Type', whole.type] as Header])], whole.body),
    'latin1',
  );
}
