import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readEnvelope } from '../../services/report/mail/mime.ts';
import { tarOf, zipOf } from './archives.ts';
import { mailWith, readAll, reportXml } from './build.ts';
import { msgOf } from './msgs.ts';

const xml = reportXml();
const eml = mailWith(gzipSync(xml));
const crlfLess = Buffer.from(eml.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
const msg = msgOf({ subject: 'a report', attachments: [{ name: 'a.xml.gz', data: gzipSync(xml) }] });
const FAILURE = [
  'From: DMARC <dmarc@receiver.example>',
  'Subject: FW: failure',
  'Content-Type: multipart/report; report-type=feedback-report; boundary=f',
  '',
  '--f',
  'Content-Type: message/feedback-report',
  '',
  'Feedback-Type: auth-failure',
  'Reported-Domain: example.com',
  'Source-IP: 192.0.2.1',
  '',
  '--f',
  'Content-Type: message/rfc822',
  '',
  'From: a@example.com',
  'Subject: was said',
  '',
  'hello',
  '--f--',
  '',
].join('\r\n');

const ids = async (raw: Uint8Array, name?: string) => {
  const { reports, codes } = await readAll(raw, {}, name);
  expect(codes).toEqual([]);
  return reports.map(({ report_id }) => report_id);
};

function uuencode(bytes: Uint8Array, name = 'report.xml.gz', end = '`\nend\n'): string {
  const letter = (n: number): string => String.fromCharCode(n === 0 ? 96 : n + 32);
  let text = `begin 644 ${name}\n`;
  for (let at = 0; at < bytes.length; at += 45) {
    const line = bytes.subarray(at, at + 45);
    text += letter(line.length);
    for (let i = 0; i < line.length; i += 3) {
      const [a = 0, b = 0, c = 0] = line.subarray(i, i + 3);
      text += [a >> 2, ((a & 3) << 4) | (b >> 4), ((b & 15) << 2) | (c >> 6), c & 63].map(letter).join('');
    }
    text += '\n';
  }
  return text + end;
}

describe('a mail inside anything is read', () => {
  test.each<[string, () => Uint8Array | Promise<Uint8Array>]>([
    ['a zip of an .eml', () => zipOf([{ name: 'a.eml', data: eml }])],
    ['a gzip of an .eml', () => gzipSync(eml)],
    ['a tar of an .eml', () => tarOf([{ name: 'a.eml', data: eml }])],
    ['a tar.gz of an .eml', () => gzipSync(tarOf([{ name: 'a', data: eml }]))],
    ['an .eml with line feeds alone, in a zip', () => zipOf([{ name: 'x.txt', data: crlfLess }])],
    ['a zip of an .msg', () => zipOf([{ name: 'a.msg', data: msg }])],
    ['a gzip of an .msg', () => gzipSync(msg)],
    [
      'a zip of a mail after a byte order mark',
      () => zipOf([{ name: 'a.eml', data: Buffer.concat([Buffer.from('\ufeff'), eml]) }]),
    ],
    ['a zip of a mail after blank lines', () => zipOf([{ name: 'a.eml', data: Buffer.concat([Buffer.from('\r\n\r\n'), eml]) }])],
  ])('%s, as a file and attached', async (_name, make) => {
    const bytes = await make();
    expect(await ids(bytes)).toEqual(['r-1']);
    expect(await ids(mailWith(bytes, 'Content-Type: application/octet-stream'))).toEqual(['r-1']);
    expect(await ids(mailWith(bytes, 'Content-Type: application/zip; name="mails.zip"'))).toEqual(['r-1']);
  });

  test.each([
    ['application/octet-stream; name=x.eml', eml],
    ['application/octet-stream; name="report.eml"', crlfLess],
    ['application/octet-stream', eml],
    ['text/plain; name=x.eml', eml],
    ['application/vnd.ms-outlook; name="Report.msg"', msg],
    ['application/octet-stream; name=x.msg', msg],
    ['application/octet-stream', msg],
    ['message/rfc822', eml],
    ['image/png', eml],
  ])('attached as %s', async (type, bytes) => {
    expect(await ids(mailWith(bytes, `Content-Type: ${type}`))).toEqual(['r-1']);
  });

  test('declared to be encoded and is not', async () => {
    const mail = `Subject: x\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${crlfLess}\n--o--\n`;
    expect(await ids(Buffer.from(mail))).toEqual(['r-1']);
  });

  test('in a part of a digest', async () => {
    const digest = `Subject: x\nContent-Type: multipart/digest; boundary=o\n\n--o\n\n${crlfLess}\n--o--\n`;
    expect(await ids(Buffer.from(digest))).toEqual(['r-1']);
  });

  test('several in one archive, and an mbox of several', async () => {
    const other = mailWith(gzipSync(xml.replace('>r-1<', '>r-2<')));
    const zip = await zipOf([
      { name: '1.eml', data: eml },
      { name: 'readme.txt', data: 'two mails' },
      { name: '2.eml', data: other },
    ]);
    expect(await ids(zip)).toEqual(['r-1', 'r-2']);
    const line = 'From dmarc@receiver.example Tue Nov 14 22:13:20 2023\n';
    const mbox = Buffer.from(`${line}${crlfLess}\n\n${line}${other.toString('latin1').replaceAll('\r\n', '\n')}\n`, 'latin1');
    expect(await ids(gzipSync(mbox))).toEqual(['r-1', 'r-2']);
    expect(await ids(await zipOf([{ name: 'reports.mbox', data: mbox }]))).toEqual(['r-1', 'r-2']);
  });

  test('mails in mails in archives, and a failure report with its original', async () => {
    const twice = await zipOf([{ name: 'b.eml', data: mailWith(await zipOf([{ name: 'a.eml', data: eml }])) }]);
    expect(await ids(twice)).toEqual(['r-1']);
    expect(await ids(mailWith(mailWith(msg, 'Content-Type: application/x; name=b.msg'), 'Content-Type: application/x'))).toEqual([
      'r-1',
    ]);
    const { failures, codes } = await readAll(await zipOf([{ name: 'failure.eml', data: FAILURE }]));
    expect(codes).toEqual([]);
    expect(failures).toMatchObject([{ domain: 'example.com', reporter: 'receiver.example', subject: 'was said' }]);
  });

  test('beside a failure report; but not within the mail that one quotes', async () => {
    const part = (text: string): string => `--o\r\nContent-Type: message/rfc822\r\n\r\n${text}\r\n`;
    const both = await readAll(
      `Subject: two\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n${part(FAILURE)}${part(eml.toString('latin1'))}--o--\r\n`,
    );
    expect([both.failures.length, both.reports.length, both.codes]).toEqual([1, 1, []]);
    const quoting = await readAll(
      FAILURE.replace('hello', `x\r\n\r\n${xml}`).replace('From: a@', 'Content-Type: text/xml\r\nFrom: a@'),
    );
    expect([quoting.failures.length, quoting.reports.length]).toEqual([1, 0]);
  });

  test('what is inside proves nothing about its author', async () => {
    const doubts = async (raw: Uint8Array | string) =>
      (await readAll(raw)).events.flatMap((event) => (event.type === 'report' ? [event.doubt] : []));
    expect(await doubts(eml)).toEqual([null]);
    for (const bytes of [eml, msg, await zipOf([{ name: 'a.eml', data: eml }])]) {
      expect(await doubts(mailWith(bytes, 'Content-Type: application/octet-stream'))).toEqual([
        'the report is in a mail that was forwarded or returned inside it',
      ]);
    }
    expect(await doubts(`Subject: x\n\n${uuencode(gzipSync(xml))}`)).toEqual([expect.stringContaining('text of the mail')]);
  });

  test.each([
    ['a failure report', FAILURE],
    [
      'a failure notice in words',
      readFileSync(path.resolve(import.meta.dirname, '../fixtures/failure/exim-notice-in-words.eml'), 'latin1'),
    ],
  ])('so does %s: its own mail proves it, none around it does', async (_, text) => {
    const doubts = async (raw: Uint8Array | string) =>
      (await readAll(raw)).events.flatMap((event) => (event.type === 'failure' ? [event.doubt] : []));
    expect(await doubts(text)).toEqual([null]);
    const forwarded = ['the report is in a mail that was forwarded or returned inside it'];
    const part = `Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\n${text}\r\n--o--\r\n`;
    expect(await doubts(part)).toEqual(forwarded);
    expect(await doubts(mailWith(Buffer.from(text, 'latin1'), 'Content-Type: application/octet-stream'))).toEqual(forwarded);
  });

  test('within the limits of nesting, parts and memory', async () => {
    let bytes: Uint8Array = gzipSync(xml);
    for (let i = 0; i < 5; i++) bytes = await zipOf([{ name: 'a.eml', data: mailWith(bytes, 'Content-Type: application/zip') }]);
    expect((await readAll(bytes)).codes).toEqual(['nested_too_deep']);
    let mail: Buffer = eml;
    for (let i = 0; i < 6; i++) mail = mailWith(mail, 'Content-Type: application/octet-stream');
    expect((await readAll(mail, { mimeDepth: 14 })).reports).toHaveLength(1);
    expect((await readAll(mail, { mimeDepth: 12 })).codes).toEqual(['mime_too_deep']);
    const many = await zipOf(Array.from({ length: 4 }, (_, i) => ({ name: `${i}.eml`, data: eml })));
    expect((await readAll(many, { mimeParts: 12 })).reports).toHaveLength(4);
    expect((await readAll(many, { mimeParts: 11 })).codes).toEqual(['too_many_parts']);
    const large = gzipSync(Buffer.concat([eml, Buffer.alloc(6_000_000, 'x\n')]));
    expect((await readAll(large, { heldBytes: 5_000_000, ratio: 1e9 })).codes).toEqual(['unpacked_too_large']);
    expect((await readAll(large, { heldBytes: 7_000_000, ratio: 1e9 })).reports).toHaveLength(1);
  });
});

describe('a mail that a transfer or an editor wrote anew', () => {
  const text = eml.toString('latin1');
  const wide = (mark: string, order: 'le' | 'be') => {
    const bytes = Buffer.from(`${mark}${text}`, 'utf16le');
    return order === 'le' ? bytes : bytes.swap16();
  };
  const utf32 = (order: 'le' | 'be') => {
    const bytes = Buffer.alloc(4 * (text.length + 1));
    for (const [i, letter] of [...`\ufeff${text}`].entries())
      bytes[order === 'le' ? 'writeUInt32LE' : 'writeUInt32BE'](letter.charCodeAt(0), 4 * i);
    return bytes;
  };
  const body = xml.replaceAll('=', '=3D').replaceAll('<record>', '<rec=\r\nord>');
  const quoted = `From: dmarc@receiver.example\r\nSubject: A report\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${body}`;
  test.each<[string, Buffer]>([
    ['CR CR LF at the end of every line', Buffer.from(text.replaceAll('\r\n', '\r\r\n'), 'latin1')],
    ['CR CR CR LF', Buffer.from(text.replaceAll('\r\n', '\r\r\r\n'), 'latin1')],
    [
      'CR CR LF in its body alone',
      Buffer.from(
        text.replace(/(?<=\r\n\r\n).*$/s, (body) => body.replaceAll('\r\n', '\r\r\n')),
        'latin1',
      ),
    ],
    ['CR CR LF after soft line ends', Buffer.from(quoted.replaceAll('\r\n', '\r\r\n'))],
    ['bare CR', Buffer.from(text.replaceAll('\r\n', '\r'), 'latin1')],
    ['UTF-16, little-endian', wide('\ufeff', 'le')],
    ['UTF-16, big-endian', wide('\ufeff', 'be')],
    ['UTF-16 without a mark', wide('', 'le')],
    ['UTF-32, little-endian', utf32('le')],
    ['UTF-32, big-endian', utf32('be')],
  ])('%s', async (_, bytes) => {
    const both = await Promise.all([ids(bytes), ids(await zipOf([{ name: 'a.eml', data: bytes }]))]);
    expect(both).toEqual([['r-1'], ['r-1']]);
    expect(await ids(mailWith(bytes, 'Content-Type: application/octet-stream; name=x.eml'))).toEqual(['r-1']);
    expect(readEnvelope(bytes).subject).toBe(readEnvelope(eml).subject);
  });

  test.each([
    ['gzip', () => gzipSync(xml)],
    ['zip', () => zipOf([{ name: 'a.xml', data: xml }])],
  ])('%s in base64 that is not declared as that', async (_, make) => {
    const mail = mailWith(await make()).toString('latin1');
    expect(mail).toContain('base64');
    expect(await ids(Buffer.from(mail.replace(/Content-Transfer-Encoding: base64\r\n/i, ''), 'latin1'))).toEqual(['r-1']);
    expect(await ids(Buffer.from(mail.replace('base64', '8bit'), 'latin1'))).toEqual(['r-1']);
  });
});

/** What Outlook makes of attachments (MS-OXTNEF). */
function tnefOf(files: readonly { name: string; bytes: Uint8Array; kind?: 'file' | 'message' }[]): Buffer {
  const attribute = (level: number, id: number, value: Uint8Array) => {
    const head = Buffer.alloc(9);
    head.writeUInt8(level);
    head.writeUInt32LE(id, 1);
    head.writeUInt32LE(value.length, 5);
    return Buffer.concat([head, value, Buffer.alloc(2)]);
  };
  return Buffer.concat([
    Buffer.from([0x78, 0x9f, 0x3e, 0x22, 1, 0]),
    attribute(1, 0x00089006, Buffer.from([0, 0, 1, 0])),
    ...files.flatMap(({ name, bytes, kind = 'file' }) => [
      attribute(2, 0x00069002, Buffer.alloc(14)),
      attribute(2, 0x00018010, Buffer.from(`${name}\0`)),
      kind === 'file' ? attribute(2, 0x0006800f, bytes) : attribute(2, 0x00069005, asProperty(bytes)),
    ]),
  ]);
}

/**
 * The properties of an attached message: how it is attached (a message, 5), and the message itself, filled up
 * to four octets.
 */
function asProperty(message: Uint8Array): Buffer {
  const numbers = Buffer.alloc(24);
  for (const [i, n] of [2, 0x37050003, 5, 0x3701000d, 1, message.length + 16].entries()) numbers.writeUInt32LE(n, i * 4);
  const iid = Buffer.from('0703020000000000c000000000000046', 'hex');
  return Buffer.concat([numbers, iid, message, Buffer.alloc((4 - (message.length % 4)) % 4)]);
}

describe('winmail.dat', () => {
  const xml2 = xml.replace('>r-1<', '>r-2<');
  const attached = (bytes: Uint8Array) =>
    mailWith(bytes, 'Content-Type: application/ms-tnef; name="winmail.dat"')
      .toString('latin1')
      .replace(/Subject: .*/, 'Subject: hello');
  test('its attachments are read, whatever the mail is called', async () => {
    const two = tnefOf([
      { name: 'a.gz', bytes: gzipSync(xml) },
      { name: 'note.txt', bytes: Buffer.from('hello') },
      { name: 'b.zip', bytes: await zipOf([{ name: 'b.xml', data: xml2 }]) },
    ]);
    expect(await ids(Buffer.from(attached(two), 'latin1'))).toEqual(['r-1', 'r-2']);
    expect(await ids(two)).toEqual(['r-1', 'r-2']);
    expect(await ids(gzipSync(two))).toEqual(['r-1', 'r-2']);
    expect(await ids(Buffer.from(attached(tnefOf([{ name: 'a.eml', bytes: eml }])), 'latin1'))).toEqual(['r-1']);
  });

  test('the attachments of a message of Outlook that is attached in it are read, as deep as archives are', async () => {
    const message = (inner: Buffer) => tnefOf([{ name: 'Report', bytes: inner, kind: 'message' }]);
    const inner = tnefOf([
      { name: 'a.xml.gz', bytes: gzipSync(xml) },
      { name: 'b.xml', bytes: Buffer.from(xml2) },
    ]);
    expect(await ids(Buffer.from(attached(message(inner)), 'latin1'))).toEqual(['r-1', 'r-2']);
    expect(await ids(message(message(inner)))).toEqual(['r-1', 'r-2']);
    let deep = inner;
    for (let i = 0; i < 20; i++) deep = message(deep);
    const refused = await readAll(Buffer.from(attached(deep), 'latin1'));
    expect([refused.reports, refused.codes]).toEqual([[], ['nested_too_deep']]);
  });

  test('one that is cut off is damaged, and one without a report is nothing', async () => {
    const whole = tnefOf([{ name: 'a.xml.gz', bytes: gzipSync(xml) }]);
    const cut = await readAll(Buffer.from(attached(whole.subarray(0, -60)), 'latin1'));
    expect(cut.codes.length + cut.reports.length).toBeGreaterThan(0);
    for (const bytes of [tnefOf([]), tnefOf([{ name: 'a.txt', bytes: Buffer.from('hello') }]), whole.subarray(0, 20)])
      expect((await readAll(Buffer.from(attached(bytes), 'latin1'))).reports).toEqual([]);
  });
});

describe('uuencoded', () => {
  test('a line whose length is wrong', async () => {
    const lines = uuencode(gzipSync(xml)).split('\n');
    lines[2] = `J${lines[2]!.slice(1)}`;
    expect(await ids(Buffer.from(`From: a@b.example\nSubject: x\n\n${lines.join('\n')}`))).toEqual(['r-1']);
  });

  const zipped = gzipSync(xml);
  test.each([
    ['in the text of a mail', `Subject: x\n\nHello,\n\n${uuencode(zipped)}\n-- \nme\n`],
    ['as the whole body', `Subject: x\n\n${uuencode(zipped)}`],
    ['with CRLF', `Subject: x\n\n${uuencode(zipped)}`.replaceAll('\n', '\r\n')],
    [
      'declared as an encoding',
      `Subject: x\nContent-Transfer-Encoding: x-uuencode\nContent-Type: application/gzip\n\n${uuencode(zipped)}`,
    ],
    [
      'with blanks for zeros, lost at the ends of lines',
      `Subject: x\n\n${uuencode(zipped).replaceAll('`', ' ').replace(/ +$/gm, '')}`,
    ],
    ['cut off after its last line', `Subject: x\n\n${uuencode(zipped, 'a', '')}`],
    ['plain XML', `Subject: x\n\n${uuencode(Buffer.from(xml), 'a.xml')}`],
    ['as base64', `Subject: x\n\nbegin-base64 644 a.gz\n${zipped.toString('base64').replace(/.{76}/g, '$&\n')}\n====\n`],
    ['in a part', mailWith(Buffer.from(uuencode(zipped)), 'Content-Type: application/octet-stream')],
  ])('%s', async (_name, mail) => {
    expect(await ids(Buffer.from(mail as string))).toEqual(['r-1']);
  });

  test('a zip, a mail, and two files in one text', async () => {
    expect(await ids(Buffer.from(`Subject: x\n\n${uuencode(await zipOf([{ name: 'a.xml', data: xml }]))}`))).toEqual(['r-1']);
    expect(await ids(Buffer.from(`Subject: x\n\n${uuencode(eml)}`))).toEqual(['r-1']);
    const two = `Subject: x\n\n${uuencode(zipped)}\nand\n${uuencode(gzipSync(xml.replace('>r-1<', '>r-2<')))}`;
    expect(await ids(Buffer.from(two))).toEqual(['r-1', 'r-2']);
  });

  test('words that begin like one are words', async () => {
    expect((await readAll('Subject: x\n\nbegin 644 times\nbegin again\n')).codes).toEqual(['no_report']);
    expect((await readAll('Subject: x\n\nWe begin\nbegin 123\n')).codes).toEqual(['no_report']);
  });
});

describe('a gzip with line ends before it', () => {
  test.each(['\n', '\r\n\r\n', ' \t\r\n', '\n'.repeat(60)])('%j', async (blanks) => {
    const bytes = Buffer.concat([Buffer.from(blanks), gzipSync(xml)]);
    expect(await ids(mailWith(bytes, 'Content-Type: application/gzip; name=a.xml.gz'))).toEqual(['r-1']);
    expect(await ids(mailWith(bytes, 'Content-Type: application/octet-stream'))).toEqual(['r-1']);
    expect(await ids(await zipOf([{ name: 'a.gz', data: bytes }]))).toEqual(['r-1']);
    expect(await ids(gzipSync(bytes))).toEqual(['r-1']);
    expect((await readAll(mailWith(bytes.subarray(0, blanks.length + 20), 'Content-Type: application/gzip'))).codes).toEqual([
      'archive_damaged',
    ]);
  });
});

describe('a failure report that lost its structure', () => {
  const [, ...rest] = FAILURE.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const quoted = (mark: string) => body.replace(/^/gm, mark);
  test.each([
    ['quoted in an answer', `Subject: Re: failure\r\n\r\nSee below.\r\n\r\n${quoted('> ')}`],
    ['quoted twice', `Subject: Re: failure\r\n\r\n${quoted('>> ')}`],
    ['quoted with bars', `Subject: x\r\nContent-Type: text/plain\r\n\r\n${quoted('| ')}`],
    ['quoted with initials', `Subject: x\r\n\r\n${quoted('JD> ')}`],
    ['quoted with other signs', `Subject: x\r\n\r\n${quoted('# ')}`],
    ['quoted with a no-break space', `Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${quoted('>\u00a0')}`],
    ['forwarded as text', `Subject: Fwd: x\r\n\r\n-----Original Message-----\r\n${body}`],
    ['quoted under the header of the report', `${FAILURE.split('\r\n\r\n')[0]}\r\n\r\n${quoted('> ')}`],
    ['whose boundary is another', FAILURE.replace('boundary=f', 'boundary=other')],
    ['encoded', `Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(body).toString('base64')}\r\n`],
  ])('%s is set aside, not ignored', async (_, mail) => {
    expect((await readAll(mail)).codes).toEqual(['report_not_found']);
  });

  test('a complaint, and a mail that speaks of one, are ignored as before', async () => {
    const complaint = quoted('> ').replace('auth-failure', 'abuse');
    expect((await readAll(`Subject: x\r\n\r\n${complaint}`)).codes).toEqual(['no_report']);
    expect((await readAll('Subject: x\r\n\r\nIt has Feedback-Type: auth-failure in it.\r\n')).codes).toEqual(['no_report']);
  });
});

describe('a zip with bytes before it', () => {
  test.each([
    ['a few', 10],
    ['more than are looked at first', 10_000],
  ])('%s', async (_name, n) => {
    const before = Buffer.from(Array.from({ length: n }, (_, i) => 65 + ((i * 7) % 26)));
    for (const options of [{}, { streamed: true }, { zip64: true }]) {
      const zip = await zipOf([{ name: 'a.xml', data: xml }], options);
      const bytes = Buffer.concat([before, zip]);
      expect(await ids(bytes)).toEqual(['r-1']);
      expect(await ids(mailWith(bytes, 'Content-Type: application/zip; name=a.zip'))).toEqual(['r-1']);
      expect(await ids(mailWith(bytes, 'Content-Type: application/octet-stream'))).toEqual(['r-1']);
      expect(await ids(gzipSync(bytes))).toEqual(['r-1']);
    }
  });

  test('whose offsets count them, as in a self-extracting archive', async () => {
    const zip = await zipOf([{ name: 'a.xml', data: xml }]);
    const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
    const directory = zip.readUInt32LE(end + 16);
    zip.writeUInt32LE(directory + 64, end + 16);
    zip.writeUInt32LE(64, directory + 42);
    expect(await ids(Buffer.concat([Buffer.alloc(64, 'MZ'), zip]))).toEqual(['r-1']);
  });

  test('and line ends, or a blank line, before an attachment', async () => {
    const zip = await zipOf([{ name: 'a.xml', data: xml }]);
    expect(await ids(Buffer.concat([Buffer.from('\r\n\r\n'), zip]))).toEqual(['r-1']);
    expect(await ids(mailWith(Buffer.concat([Buffer.from('\n'), zip]), 'Content-Type: application/zip'))).toEqual(['r-1']);
  });
});
