import { createGzip, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ReadEvent } from '../../services/report/model.ts';
import { readMessage } from '../../services/report/read-mail.ts';
import { zipOf } from './archives.ts';
import { METADATA, mailWith, POLICY, readAll, recordXml, reportXml } from './build.ts';
import { msgOf } from './msgs.ts';

/** The gzip of a report of n records, made piece by piece. */
async function largeReport(n: number): Promise<Buffer> {
  const gzip = createGzip({ level: 1 });
  const chunks: Buffer[] = [];
  gzip.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => gzip.on('end', resolve));
  gzip.write(`<?xml version="1.0"?><feedback>${METADATA}${POLICY}`);
  for (let i = 0; i < n; i += 1000) {
    let piece = '';
    for (let k = i; k < Math.min(n, i + 1000); k++)
      piece += recordXml({ ip: `10.${k >> 16}.${(k >> 8) & 255}.${k & 255}`, count: 1 + (k % 5) });
    if (!gzip.write(piece)) await new Promise((resolve) => gzip.once('drain', resolve));
  }
  gzip.end('</feedback>');
  await ended;
  return Buffer.concat(chunks);
}

describe('a large report', () => {
  test('comes in bounded batches, in order, with bounded memory', async () => {
    const n = 200_000;
    const bytes = await largeReport(n);
    let batches = 0;
    let records = 0;
    let messages = 0;
    let inOrder = true;
    let peak = 0;
    const before = process.memoryUsage();
    for await (const event of readMessage(bytes, { limits: { ratio: 1_000 }, batch: 5_000 })) {
      if (event.type === 'records') {
        batches++;
        expect(event.records.length).toBeLessThanOrEqual(5_000);
        expect(event.begin).toBe(1_700_000_000);
        for (const record of event.records) {
          const k = records++;
          messages += record.count;
          inOrder &&= record.source_ip === `10.${k >> 16}.${(k >> 8) & 255}.${k & 255}`;
        }
        peak = Math.max(peak, process.memoryUsage().rss);
      } else {
        expect(event).toMatchObject({ type: 'report', report: { records: n, messages, salvaged: false, problems: [] } });
      }
    }
    expect(records).toBe(n);
    expect(inOrder).toBe(true);
    expect(batches).toBe(n / 5_000);
    // The document is over 130 MB of text; reading it whole would take several times as much.
    expect(peak - before.rss).toBeLessThan(250 * 1024 * 1024);
  });

  test('broken near its end is salvaged from there: nothing is lost or told twice', async () => {
    const n = 30_000;
    const record = (i: number): string => recordXml({ ip: `10.0.${i >> 8}.${i & 255}`, count: 1 + (i % 5) });
    const pieces = Array.from({ length: n }, (_, i) => record(i));
    pieces[20_000] = pieces[20_000]?.replace('</row>', '</wor>') as string;
    pieces[25_000] = pieces[25_000]?.replace('example.com', 'a < b & c') as string;
    const seen: string[] = [];
    for await (const event of readMessage(Buffer.from(`<feedback>${METADATA}${POLICY}${pieces.join('')}</feedback>`))) {
      if (event.type === 'records')
        for (const { source_ip, header_from } of event.records) seen.push(`${source_ip} ${header_from}`);
      else expect(event).toMatchObject({ type: 'report', report: { records: n - 1, salvaged: true } });
    }
    const whole = Array.from({ length: n }, (_, i) => `10.0.${i >> 8}.${i & 255} ${i === 25_000 ? 'a < b & c' : 'example.com'}`);
    whole.splice(20_000, 1);
    expect(seen).toEqual(whole);
  });
});

describe('a mail without a report', () => {
  const complaint = (type: string) =>
    [
      'From: abuse@receiver.example',
      'Subject: Report Domain: example.com Submitter: receiver.example',
      'Content-Type: multipart/report; report-type=feedback-report; boundary=f',
      '',
      '--f',
      'Content-Type: message/feedback-report',
      '',
      `Feedback-Type: ${type}`,
      'Source-IP: 192.0.2.1',
      '',
      '--f--',
      '',
    ].join('\r\n');
  const eventsOf = async (raw: string) => {
    const events: ReadEvent[] = [];
    for await (const event of readMessage(Buffer.from(raw))) events.push(event);
    return events;
  };

  test('that only announces one is refused, and one of chat is nothing', async () => {
    expect(await eventsOf('Subject: Report Domain: example.com Submitter: r.example\r\n\r\nSee the attachment.')).toMatchObject([
      { type: 'refused', problem: { message: expect.stringMatching(/^The mail claims to be a report, but holds none\./) } },
    ]);
    expect(await eventsOf('Subject: lunch\r\n\r\nShall we?')).toMatchObject([{ type: 'nothing' }]);
  });

  test('that is a complaint about abuse is nothing, whatever its subject announces', async () => {
    expect(await eventsOf(complaint('abuse'))).toMatchObject([{ type: 'nothing', problem: { code: 'complaint' } }]);
  });

  test('is read as far as the mails that are attached to it as files', async () => {
    const inner = mailWith(gzipSync(`<feedback>${METADATA}${POLICY}${recordXml({})}</feedback>`));
    const outer = Buffer.concat([
      Buffer.from(
        'Subject: Fwd\r\nContent-Type: application/octet-stream; name=a.eml\r\nContent-Transfer-Encoding: base64\r\n\r\n',
      ),
      Buffer.from(inner.toString('base64')),
    ]);
    const types: string[] = [];
    for await (const { type } of readMessage(outer)) types.push(type);
    expect(types).toEqual(['records', 'report']);
  });
});

/** What became of a file: of reports their number and doubt, of everything else its problem. */
async function toldOf(raw: Uint8Array | string, name?: string, limits = {}): Promise<unknown[]> {
  return (await readAll(raw, limits, name)).events.flatMap((event) => {
    if (event.type === 'records') return [];
    if (event.type === 'nothing') return [['nothing', event.problem.code, event.problem.message]];
    if (event.type === 'refused') return [['refused', event.part, event.name, event.problem.code, event.problem.message]];
    if (event.type === 'bounce') return [['bounce', event.part, event.name]];
    return [[event.type, event.part, event.name, event.doubt]];
  });
}

const FORWARDED = 'the report is in a mail that was forwarded or returned inside it';
const NO_ARCHIVE = 'The attachment is called an archive, and its bytes are none; ask the sender for the report again.';
const CLAIMS = 'The mail claims to be a report, but holds none.';
const HOLDS_NONE = 'The mail holds no report.';
const NONE = [['nothing', 'no_report', HOLDS_NONE]];
const SEVEN = 'The attachment is an archive of the format 7z; only zip, gzip and tar can be opened.';
const DAMAGE = 'The compressed data are damaged (the checksum does not match); what could be read is used.';
const NEITHER = 'The file is neither a mail nor a report.';
const part = (type: string, body: string) => `--o\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`;
const mailOf = (...parts: string[]) =>
  `Subject: x\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n${parts.join('')}--o--\r\n`;

describe('the bytes of a file decide what it is', () => {
  const zipped = () => zipOf([{ name: 'a.xml', data: reportXml() }]);

  test.each<[string, Uint8Array | string | (() => Promise<Uint8Array>), string | undefined, unknown[]]>([
    ['nothing at all', '', undefined, [['nothing', 'empty', 'The file is empty.']]],
    ['XML', reportXml(), 'r.xml', [['report', 0, 'r.xml', null]]],
    ['XML without a name', reportXml(), undefined, [['report', 0, null, null]]],
    ['a mail', mailWith(gzipSync(reportXml())), 'a.eml', [['report', 0, 'a.xml.gz', null]]],
    [
      'a mail in the format of Outlook',
      msgOf({ subject: 'x', attachments: [{ name: 'a.xml.gz', data: gzipSync(reportXml()) }] }),
      'a.msg',
      [['report', 0, 'a.xml.gz', null]],
    ],
    ['a text', 'Just a text', 'a.txt', [['nothing', 'not_a_mail', NEITHER]]],
    [
      'a text called a report',
      'Just a text',
      'r!example.com!1700000000!1700086399.txt',
      [['refused', 0, 'r!example.com!1700000000!1700086399.txt', 'report_not_found', `${CLAIMS} ${NEITHER}`]],
    ],
    [
      'a text called an archive',
      'Just a text',
      'a.zip',
      [['refused', 0, 'a.zip', 'report_not_found', `${CLAIMS} ${NO_ARCHIVE}`]],
    ],
    [
      'what looks like one field, called an archive',
      'a: b\n\nc',
      'a.zip',
      [['refused', 0, 'a.zip', 'report_not_found', `${CLAIMS} ${NO_ARCHIVE}`]],
    ],
    ['a mail that is called an archive', mailWith(gzipSync(reportXml())), 'a.zip', [['report', 0, 'a.xml.gz', null]]],
    ['bytes called an archive', Buffer.from([1, 2, 3, 4, 5]), 'a.gz', [['refused', 0, 'a.gz', 'archive_damaged', NO_ARCHIVE]]],
    [
      'a zip after other bytes',
      async () => Buffer.concat([Buffer.from('MZ?'), await zipped()]),
      'a.exe',
      [['report', 0, 'a.xml', null]],
    ],
    [
      'XML of another kind',
      '<other/>',
      'a.xml',
      [['nothing', 'not_a_report', 'The attachment is XML, but holds no feedback element.']],
    ],
    [
      'JSON of another kind',
      '{"a": 1}',
      'a.json',
      [['nothing', 'not_a_report', 'The attachment is JSON, but not a TLS report.']],
    ],
    [
      'a zip of a text',
      () => zipOf([{ name: 'a.txt', data: 'hello' }]),
      'a.zip',
      [['nothing', 'not_a_report', 'The attachment is neither XML nor JSON, so it is no report.']],
    ],
    [
      'a zip of white space',
      () => zipOf([{ name: 'a.txt', data: '   ' }]),
      'a.zip',
      [['nothing', 'empty_payload', 'The attachment is empty, or begins with too much white space.']],
    ],
  ])('%s', async (_what, raw, name, told) => {
    expect(await toldOf(typeof raw === 'function' ? await raw() : raw, name)).toEqual(told);
  });
});

describe('in a mail', () => {
  test.each<[string, string | Uint8Array, unknown[]]>([
    [
      'a forwarded mail',
      mailOf(part('message/rfc822', mailWith(gzipSync(reportXml())).toString('latin1'))),
      [['report', 0, 'a.xml.gz', FORWARDED]],
    ],
    [
      'a report, then a text called an archive',
      mailOf(part('text/xml', reportXml()), part('application/zip', 'none')),
      [['report', 0, null, null]],
    ],
    [
      'XML of another kind, then a report',
      mailOf(part('text/xml', '<other/>'), part('text/xml', reportXml())),
      [['report', 0, null, null]],
    ],
    [
      'a report, then XML of another kind',
      mailOf(part('text/xml', reportXml()), part('text/xml', '<other/>')),
      [['report', 0, null, null]],
    ],
    [
      'a text called a zip',
      mailOf(part('application/zip', 'none')),
      [['refused', 0, null, 'report_not_found', `${CLAIMS} ${NO_ARCHIVE}`]],
    ],
    [
      'white space called a zip',
      mailOf(part('application/zip; name=a.zip', '   ')),
      [['refused', 0, 'a.zip', 'report_not_found', `${CLAIMS} ${NO_ARCHIVE}`]],
    ],
    ['white space', mailOf(part('application/x', '   ')), NONE],
    ['nothing called a zip', mailOf(part('application/zip; name=a.zip', '')), NONE],
    [
      'the header of a mail with a failure in it',
      mailOf(part('text/rfc822-headers', 'Feedback-Type: auth-failure')),
      [['refused', 0, null, 'report_not_found', `${CLAIMS} ${HOLDS_NONE}`]],
    ],
    [
      'a text that quotes a failure report',
      mailOf(part('text/plain', '> Feedback-Type: auth-failure\r\n')),
      [['refused', 0, null, 'report_not_found', `${CLAIMS} ${HOLDS_NONE}`]],
    ],
    ['a header called a zip', mailOf(part('text/rfc822-headers; name=a.zip', 'Subject: y')), NONE],
    [
      'an archive of another format',
      mailOf(part('application/x-7z', '7z\xbc\xaf\x27\x1c')),
      [['refused', 0, null, 'archive_method_unknown', SEVEN]],
    ],
    [
      'a damaged gzip',
      mailWith(gzipSync(reportXml()).subarray(0, 40)),
      [['refused', 0, 'a.xml.gz', 'archive_damaged', `${DAMAGE} That is no report.`]],
    ],
    [
      'a picture called a zip',
      mailWith(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'Content-Type: application/zip; name="a.zip"'),
      NONE,
    ],
    [
      'a file with the name of a report',
      mailWith(Buffer.from('none'), 'Content-Type: x/y; name="r!e.example!1700000000!1700000001.pdf"'),
      [['refused', 0, 'r!e.example!1700000000!1700000001.pdf', 'report_not_found', `${CLAIMS} ${HOLDS_NONE}`]],
    ],
  ])('%s', async (_what, raw, told) => {
    expect(await toldOf(typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw)).toEqual(told);
  });
});

describe('limits of a mail', () => {
  test('it is as large as the limit and no larger', async () => {
    const bytes = Buffer.from(reportXml());
    expect(await toldOf(bytes, 'r.xml', { mailBytes: bytes.length })).toEqual([['report', 0, 'r.xml', null]]);
    expect(await toldOf(bytes, 'r.xml', { mailBytes: bytes.length - 1 })).toEqual([
      ['refused', 0, null, 'mail_too_large', `The mail is larger than ${bytes.length - 1} bytes.`],
    ]);
  });

  test.each<[string, (inner: Buffer) => Uint8Array]>([
    ['a file', (inner) => inner],
    ['a mail', (inner) => mailWith(inner)],
    ['a mail in the format of Outlook', (inner) => msgOf({ subject: 'x', attachments: [{ name: 'a.gz', data: inner }] })],
  ])('containers in %s nest as deep as the limit and no deeper', async (_what, make) => {
    const twice = gzipSync(gzipSync(reportXml()));
    expect((await readAll(make(twice), { nesting: 2 })).codes).toEqual([]);
    expect((await readAll(make(twice), { nesting: 1 })).codes).toEqual(['nested_too_deep']);
  });
});

test.each<[string, () => Uint8Array]>([
  ['a file', () => Buffer.from(reportXml())],
  ['an attachment', () => mailWith(gzipSync(reportXml()))],
  ['a mail inside a mail', () => mailWith(mailWith(gzipSync(reportXml())), 'Content-Type: application/octet-stream; name=a.eml')],
])('an error that is none of the mail is thrown on, not told of the mail: %s', async (_what, make) => {
  const events = readMessage(make(), {
    sink: {
      add: () => {
        throw new RangeError('no space');
      },
    },
  });
  const drain = async () => {
    for await (const _ of events);
  };
  await expect(drain()).rejects.toThrow(new RangeError('no space'));
});
