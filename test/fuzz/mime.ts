import { MOST_BYTES, repeated } from './bytes.ts';
import type { Random } from './random.ts';

const HEADERS = [
  'Content-Type: multipart/mixed; boundary="b-1"',
  'Content-Type: multipart/mixed; boundary=-',
  'Content-Type: multipart/mixed',
  'Content-Type: multipart/report; report-type=feedback-report; boundary=x',
  'Content-Type: multipart/report; report-type="tlsrpt"; boundary=x',
  'Content-Type: message/rfc822',
  'Content-Type: message/feedback-report',
  'Content-Type: message/delivery-status',
  'Content-Type: text/xml; charset=utf-16',
  'Content-Type: text/xml; charset=iso-2022-jp',
  "Content-Type: application/zip; name*0*=utf-8''%41; name*1=b; name*999999999=c",
  'Content-Type: application/gzip; name="=?utf-8?Q?=00?="',
  'Content-Type: ;;;=;"',
  'Content-Type: application/tlsrpt+gzip',
  'Content-Transfer-Encoding: base64',
  'Content-Transfer-Encoding: quoted-printable',
  'Content-Transfer-Encoding: uuencode',
  'Content-Disposition: attachment; filename="../../../etc/passwd"',
  'Content-Disposition: attachment; filename="a!b!1700000000!1700086399.xml"',
  'Subject: Report Domain: example.com Submitter: x Report-ID: <1>',
  'Subject: =?utf-8?B?////?= =?utf-16?Q?=D8=00?=',
  'From: "\0" <@>',
  'Date: Thu, 99 Zzz 99999 99:99:99 +9999',
  'Feedback-Type: auth-failure',
  'Authentication-Results: mx; dkim=pass',
  ' continued',
  'name="x"',
  ':',
  '',
];

/**
 * One change to the lines of a mail: headers, boundaries, encodings, parts. Works on text that need not be a
 * mail.
 */
export function mutateMime(random: Random, text: string): string {
  const lines = text.split('\n');
  const at = random.below(lines.length + 1);
  const length = Math.min(lines.length - at, random.size(40));
  switch (random.below(10)) {
    case 0:
      lines.splice(at, length);
      break;
    case 1:
      lines.splice(at, 0, ...lines.slice(at, at + length));
      break;
    case 2:
      lines.splice(random.below(Math.min(lines.length, 12) + 1), 0, `${random.pick(HEADERS)}\r`);
      break;
    case 3:
      lines.splice(at, 0, random.pick(HEADERS));
      break;
    case 4: {
      const boundaries = lines.flatMap((line, i) => (line.startsWith('--') ? [i] : []));
      if (boundaries.length > 0) {
        const line = random.pick(boundaries);
        lines[line] = random.pick([
          '',
          '--',
          `${lines[line]}--`,
          `x${lines[line]}`,
          `${lines[line]} x`,
          (lines[line] as string).slice(0, -2),
        ]);
      }
      break;
    }
    case 5:
      return forwarded(random, text);
    case 6:
      return `${Array.from({ length: random.size(24) }, (_, i) => `Content-Type: multipart/mixed; boundary=n${i}\n\n--n${i}\n`).join('')}${text}`;
    case 7:
      return text.replaceAll('\r\n', random.pick(['\n', '\r', '\r\r\n', ' \r\n', '\n\r']));
    case 8:
      lines.splice(
        at,
        0,
        ...Array.from({ length: random.size(1500) }, (_, i) => random.pick(['--b-1', `X-${i}: y`, '--', random.pick(HEADERS)])),
      );
      break;
    default:
      if (random.oneIn(6))
        lines.splice(
          at,
          0,
          repeated(random, Buffer.from(random.pick([...HEADERS, '-', '--b-1\n', '=', ';', '"', '\\']))).toString(),
        );
  }
  return lines.join('\n').slice(0, MOST_BYTES);
}

function forwarded(random: Random, text: string): string {
  const deep = random.size(20);
  return `${'Subject: Fwd\nContent-Type: message/rfc822\n\n'.repeat(deep)}${text}`;
}

/** A mail around bytes, with headers and an encoding that may or may not fit them. */
export function mailAround(random: Random, bytes: Buffer): Buffer {
  const encoding = random.pick(['base64', 'base64', 'base64', 'quoted-printable', '8bit', '7bit', 'x-unknown']);
  const body =
    encoding === 'base64'
      ? bytes.toString('base64').replace(/.{76}/g, '$&\r\n')
      : encoding === 'quoted-printable'
        ? bytes.toString('latin1').replace(/[^ -<>-~]/g, (c) => `=${c.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`)
        : bytes.toString('latin1');
  const type = random.pick([
    'application/gzip',
    'application/zip',
    'text/xml',
    'application/octet-stream',
    'text/plain',
    'application/json',
  ]);
  const name = random.pick(['r!example.com!1700000000!1700086399.xml.gz', 'report.zip', 'a.xml', '']);
  const subject = random.pick(['Report Domain: example.com Submitter: r', 'Hello', '']);
  return Buffer.from(
    `From: dmarc@receiver.example\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b-1"\r\n\r\n--b-1\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b-1\r\nContent-Type: ${type}; name="${name}"\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n--b-1--\r\n`,
    'latin1',
  );
}
