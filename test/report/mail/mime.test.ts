import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../../services/report/limits.ts';
import { decodeBody, decodeQuotedPrintable, type Mail, readEnvelope, readMail } from '../../../services/report/mail/mime.ts';
import { readAll, reportXml } from '../build.ts';

const read = (text: string | Buffer): Mail => readMail(Buffer.from(text), DEFAULT_LIMITS) as Mail;
const bodies = (mail: Mail): string[] => mail.parts.map((part) => decodeBody(part.bytes, part.encoding).toString());

/** Quoted-printable as a careful sender writes it. */
function quote(bytes: Uint8Array): string {
  let out = '';
  let line = 0;
  for (const byte of bytes) {
    const piece =
      byte > 32 && byte < 127 && byte !== 61 ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    if (line + piece.length > 75) {
      out += '=\r\n';
      line = 0;
    }
    out += piece;
    line += piece.length;
  }
  return out;
}

describe('mail', () => {
  test.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('with %s line ends', (_name, eol) => {
    const mail = read(
      [
        'Subject: x',
        'Content-Type: multipart/mixed;',
        '\tboundary="b"',
        '',
        'preamble',
        '--b',
        '',
        'one',
        '--b',
        'Content-Type: text/xml; name=n.xml',
        '',
        'two',
        'three',
        '--b--',
        'epilogue',
      ].join(eol),
    );
    expect(bodies(mail)).toEqual(['one', `two${eol}three`]);
    expect(mail.parts[1]).toMatchObject({ type: 'text/xml', name: 'n.xml' });
  });

  test('that is its attachment and nothing else', () => {
    const mail = read(
      'Subject: x\nContent-Type: application/gzip; name="a.gz"\nContent-Transfer-Encoding: base64\n\nSGVs\nbG8=\n',
    );
    expect(bodies(mail)).toEqual(['Hello']);
    expect(mail.parts[0]?.name).toBe('a.gz');
  });

  test('without a closing boundary, and with a longer boundary inside a shorter one', () => {
    const text =
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\none\n--bb--\n--b\n\ntwo\n--b-not\nstill two';
    expect(bodies(read(text))).toEqual(['one', 'two\n--b-not\nstill two']);
  });

  test('whose multipart never names its boundary, and one whose boundary never comes', () => {
    expect(bodies(read('Content-Type: multipart/mixed\n\n--xyz\n\none\n--xyz\n\ntwo\n--xyz--\n'))).toEqual(['one', 'two']);
    expect(bodies(read('Content-Type: multipart/mixed; boundary=b\n\njust text'))).toEqual(['just text']);
  });

  test('with a From line on top, quoted or not, and blank lines before it', () => {
    for (const top of [
      'From a@b Mon Apr  7 23:16:09 2025\n',
      '>From a@b Mon Apr  7 23:16:09 2025\r\n',
      '   \n\n',
      '\nFrom x\n',
    ]) {
      expect(read(`${top}Subject: hello\n\nbody`)).toMatchObject({ subject: 'hello' });
    }
  });

  test('whose part headers lost their indent, or their separator line', () => {
    const lost = read(
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/zip;\nname="a!b!1.zip"\nContent-Transfer-Encoding: base64\n\nSGk=\n--b--',
    );
    expect(lost.parts[0]).toMatchObject({ type: 'application/zip', name: 'a!b!1.zip', encoding: 'base64' });
    const glued = read(
      'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/xml\nContent-Transfer-Encoding: base64\nSGVsbG8gd29ybGQ\n--b--',
    );
    expect(bodies(glued)).toEqual(['Hello world']);
    const blank = read('Content-Type: multipart/mixed; boundary=b\n \n--b\nContent-Type: text/xml\n \t\nhello\n--b--');
    expect(bodies(blank)).toEqual(['hello']);
  });

  test('forwarded as message/rfc822, also encoded', () => {
    const inner = 'From: a@b\nContent-Type: text/xml\n\n<x/>';
    expect(read(`Content-Type: message/rfc822\n\n${inner}`).parts).toMatchObject([{ type: 'text/xml', within: [0] }]);
    const encoded = Buffer.from(inner).toString('base64');
    expect(bodies(read(`Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${encoded}`))).toEqual(['<x/>']);
  });

  test.each([
    ['name="a;b.xml"', 'a;b.xml'],
    ['name="a\\"b.xml"', 'a"b.xml'],
    ['name=a.xml', 'a.xml'],
    ["name*=utf-8''d%C3%A9j%C3%A0.xml", 'déjà.xml'],
    ["name*=iso-8859-1'fr'd%E9j%E0.xml", 'déjà.xml'],
    ['name*0="long-"; name*1="name.xml"', 'long-name.xml'],
    ['name*1="b.xml"; name*0*=utf-8\'\'%C3%A9', 'éb.xml'],
    ['name="=?utf-8?B?ZMOpasOgLnhtbA==?="', 'déjà.xml'],
    ['name="=?iso-8859-1?Q?d=E9j=E0=2Exml?="', 'déjà.xml'],
  ])('with a part whose %s', (parameter, name) => {
    expect(read(`Content-Type: text/xml; ${parameter}\n\nx`).parts[0]?.name).toBe(name);
  });

  test('is not what does not begin with header fields', () => {
    expect(readMail(Buffer.from('hello world\nhow are you'), DEFAULT_LIMITS)).toBeNull();
    expect(readMail(Buffer.from([0, 1, 2, 3, 255]), DEFAULT_LIMITS)).toBeNull();
    expect(readMail(Buffer.alloc(0), DEFAULT_LIMITS)).toBeNull();
  });

  test('gives back any attachment byte for byte, however it was encoded', () => {
    const eols = fc.constantFrom('\n', '\r\n');
    const encodings = fc.constantFrom('base64', 'quoted-printable', 'binary');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), eols, encodings, fc.nat(3), (bytes, eol, encoding, depth) => {
        const raw = Buffer.from(bytes);
        // A binary body must not hold the boundary; its trailing line end would be the delimiter's.
        fc.pre(encoding !== 'binary' || (!raw.includes('--') && raw.at(-1) !== 13));
        let body: Buffer;
        if (encoding === 'base64') body = Buffer.from(raw.toString('base64').replace(/.{1,76}/g, `$&${eol}`));
        else if (encoding === 'quoted-printable') body = Buffer.from(quote(raw));
        else body = raw;
        let entity: Buffer = Buffer.concat([
          Buffer.from(`Content-Type: application/octet-stream${eol}Content-Transfer-Encoding: ${encoding}${eol}${eol}`),
          body,
        ]);
        for (let level = 0; level < depth; level++) {
          const boundary = `level-${level}`;
          entity = Buffer.concat([
            Buffer.from(`Content-Type: multipart/mixed; boundary="${boundary}"${eol}${eol}--${boundary}${eol}`),
            entity,
            Buffer.from(`${eol}--${boundary}--${eol}`),
          ]);
        }
        const mail = read(entity);
        expect(mail.parts).toHaveLength(1);
        const part = mail.parts[0] as Mail['parts'][number];
        expect(decodeBody(part.bytes, part.encoding)).toEqual(raw);
      }),
    );
  });

  test('never throws but a Refusal, whatever the bytes', async () => {
    const token = fc.constantFrom(
      '--b',
      '\n',
      '\r\n',
      ':',
      'Content-Type: multipart/mixed; boundary=b',
      'Content-Type: message/rfc822',
      '=?',
      '?=',
      '"',
      ';',
      '--',
      'a',
      '<feedback>',
      '\x1f\x8b',
      'PK\x03\x04',
      '\0',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(token, { maxLength: 30 }), async (tokens) => {
        const outcome = await readAll(Buffer.from(`Subject: x\n${tokens.join('')}`, 'latin1'));
        expect(outcome.reports.length + outcome.codes.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('quoted-printable', () => {
  test.each([
    ['a=\nb', 'ab'],
    ['a=\r\nb', 'ab'],
    ['a=  \r\nb', 'ab'],
    ['=3D=3d', '=='],
    ['a=zz=', 'a=zz'],
    ['<a b=3D"c"/>', '<a b="c"/>'],
  ])('%j is %j', (text, expected) => {
    expect(decodeQuotedPrintable(Buffer.from(text)).toString()).toBe(expected);
  });
});

describe('bodies', () => {
  test.each(['7bit', '8bit', 'quoted-printable', 'base64', 'x-unknown', ''])('of encoding %j hold a report', async (encoding) => {
    const xml = reportXml().replace('receiver.example', 'Empfänger');
    let body = xml;
    if (encoding === 'base64') body = Buffer.from(xml).toString('base64');
    if (encoding === 'quoted-printable') body = quote(Buffer.from(xml));
    const field = encoding === '' ? '' : `Content-Transfer-Encoding: ${encoding}\n`;
    const { reports } = await readAll(`Subject: x\nContent-Type: text/plain\n${field}\n${body}`);
    expect(reports.map((report) => report.org_name)).toEqual(['Empfänger']);
  });
});

describe('envelope', () => {
  test('is read from a head that ends anywhere', () => {
    const head =
      'Authentication-Results: mx.example; dmarc=pass\n header.from=receiver.example\nReceived: x\nFrom: =?utf-8?q?J=C3=B6rg?= <j@example>\nSubject: =?utf-8?B?UmVwb3J0IERv?=\n =?utf-8?B?bWFpbg==?=\nDate: Mon, 7 Apr 2025 23:16:09 +0200\nMessage-ID: <1@x>\n\nbody';
    expect(readEnvelope(Buffer.from(head))).toEqual({
      from: 'Jörg <j@example>',
      subject: 'Report Domain',
      message_id: '<1@x>',
      date: 'Mon, 7 Apr 2025 23:16:09 +0200',
      authentication_results: 'mx.example; dmarc=pass header.from=receiver.example',
    });
    for (let cut = 0; cut < head.length; cut++) expect(() => readEnvelope(Buffer.from(head.slice(0, cut)))).not.toThrow();
  });

  test('of anything at all does not throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { subject } = readEnvelope(Buffer.from(bytes));
        expect(subject === null || !subject.includes('\0')).toBe(true);
      }),
    );
  });
});
