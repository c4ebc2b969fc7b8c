import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
const mailOf = (...files: Buffer[]) =>
  Buffer.from(
    [
      'From: r@reporter.example',
      'Subject: Report Domain: example.com',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b',
      '',
      ...files.flatMap((file, n) => [
        '--b',
        `Content-Type: application/gzip; name="${n}.xml.gz"`,
        'Content-Transfer-Encoding: base64',
        '',
        file.toString('base64'),
      ]),
      '--b--',
      '',
    ].join('\r\n'),
  );
const xml = reportXml({ id: 'of example.com' });
const hostile = reportXml({ id: '</xml><script>alert(1)</script>'.replace(/[<>]/g, '') });
const mail = reportMail(xml, { unique: 'one' });

beforeAll(async () => {
  c = await testConsole();
  const both = mailOf(
    gzipSync(reportXml({ id: 'first' })),
    gzipSync(reportXml({ id: 'second' }).replaceAll('example.com', 'example.net')),
  );
  const partly = mailOf(
    gzipSync(reportXml({ id: 'beside' })),
    gzipSync(reportXml().replaceAll('example.com', 'example.net')).subarray(0, 40),
  );
  await parseMessages(c.t.db, await receive(c.t, [mail, both, partly, reportMail(hostile, { unique: 'two' })]), {
    trust: trusting('off'),
  });
});
afterAll(() => c.close());

const key = async (report: string) =>
  (
    await c.t.db.query<{ report_key: number; message_key: number }>(
      'select report_key, message_key from ruawatch.reports where report_id = $1',
      [report],
    )
  ).rows[0]!;

test('the XML of a report is that which was read, as text that no browser runs', async () => {
  const person = await c.person('operator', ['example.com']);
  const answer = await person.get(`/reports/${(await key('of example.com')).report_key}/xml`);
  expect(answer.statusCode).toBe(200);
  expect(answer.body.trim()).toBe(xml.trim());
  expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="report-\d+\.xml"$/);
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
  expect(answer.headers['cache-control']).toBe('no-store');
});

test('the mail is byte for byte that which came', async () => {
  const person = await c.person('admin', ['example.com']);
  const answer = await person.get(`/messages/${(await key('of example.com')).message_key}/mail`);
  expect(answer.rawPayload.equals(mail)).toBe(true);
  expect(answer.headers['content-type']).toBe('application/octet-stream');
  expect(answer.headers['content-disposition']).toMatch(/^attachment; /);
});

test('of a mail about several domains, each gets his report, and only who sees all the mail', async () => {
  const [first, second] = [await key('first'), await key('second')];
  const com = await c.person('operator', ['example.com']);
  const net = await c.person('operator', ['example.net']);
  const both = await c.person('operator', ['example.com', 'example.net']);
  expect((await com.get(`/reports/${first.report_key}/xml`)).body).toContain('first');
  expect((await net.get(`/reports/${second.report_key}/xml`)).body).toContain('second');
  expect((await com.get(`/reports/${second.report_key}/xml`)).statusCode).toBe(404);
  expect((await com.get(`/messages/${first.message_key}/mail`)).statusCode).toBe(404);
  expect((await net.get(`/messages/${first.message_key}/mail`)).statusCode).toBe(404);
  expect((await both.get(`/messages/${first.message_key}/mail`)).statusCode).toBe(200);
});

test('of a mail with a part that could not be read, nobody but who sees all domains gets the whole', async () => {
  const { report_key, message_key } = await key('beside');
  const com = await c.person('operator', ['example.com']);
  expect((await com.get(`/reports/${report_key}/xml`)).statusCode).toBe(200);
  expect((await com.get(`/messages/${message_key}/mail`)).statusCode).toBe(404);
  const all = await c.person('operator', null);
  expect((await all.get(`/messages/${message_key}/mail`)).statusCode).toBe(200);
});

test('a mail whose bytes are gone says so', async () => {
  const { report_key, message_key } = await key('of example.com');
  await c.t.db.query('delete from ruawatch.raw where message_key = $1', [message_key]);
  const root = await c.person('operator', null);
  for (const url of [`/reports/${report_key}/xml`, `/messages/${message_key}/mail`]) {
    const answer = await root.get(url);
    expect(answer.statusCode).toBe(409);
    expect(answer.body).toContain('no longer kept');
  }
});
