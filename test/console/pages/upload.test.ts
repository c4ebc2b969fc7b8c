import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UPLOAD_BYTES } from '../../../services/console/upload-body.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { takeUnqueued } from '../../../services/store/messages/messages.ts';
import { reportMail, reportXml, trusting } from '../../helpers/report.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

let c: TestConsole;
let root: TestPerson;
beforeAll(async () => {
  c = await testConsole();
  root = await c.person('admin', null);
});
afterAll(() => c.close());

// Node's reader ends a part wherever the boundary's characters stand: two of them came up in a form's token.
const BOUNDARY = 'ruawatch-test-boundary';
const part = (name: string, content: string, file?: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"\r\nContent-Type: application/octet-stream`}\r\n\r\n${content}\r\n`;

async function send(person: TestPerson, parts: string[], headers: Record<string, string> = {}) {
  const form = /name="form" value="([^"]+)"/.exec((await person.get('/account')).body)?.[1] ?? '';
  return person.raw({
    method: 'POST',
    url: '/upload',
    payload: Buffer.from(`${part('form', form)}${parts.join('')}--${BOUNDARY}--\r\n`),
    headers: {
      origin: 'http://localhost:9808',
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      ...headers,
    },
  });
}

test('files are stored as imported mails, read by the parser, and as unproven as a mail', async () => {
  const xml = reportXml({ id: 'bare' });
  const mail = reportMail(reportXml({ id: 'mailed' }), { unique: 'u' }).toString('latin1');
  const answer = await send(root, [part('files', xml, 'a.xml'), part('files', mail, 'b.eml'), part('files', 'nothing', 'c.txt')]);
  expect(answer.statusCode, answer.body).toBe(303);
  const place = String(answer.headers.location);
  expect((await root.get(place)).body).toContain('waiting');
  expect((await root.get(place)).headers.refresh).toBe('5');
  // No job is there: the sweeper takes them at once.
  const keys = await takeUnqueued(c.t.db, 3600, 10);
  expect(keys).toHaveLength(3);
  await parseMessages(c.t.db, keys, { trust: trusting('verify') });
  const { rows } = await c.t.db.query(
    'select report_id, trust, mailbox from dmarc.reports r join dmarc.messages using (message_key) order by 1',
  );
  expect(rows).toEqual([
    { report_id: 'bare', trust: 'bad', mailbox: 'upload' },
    { report_id: 'mailed', trust: 'pending', mailbox: 'upload' },
  ]);
  const page = (await root.get(place)).body;
  expect(page).toContain('no report');
  expect((await root.get(place)).headers.refresh).toBeUndefined();
  const { rows: acts } = await c.t.db.query("select by_name, detail from ruawatch.console_acts where act = 'reports_uploaded'");
  expect(acts).toMatchObject([{ by_name: root.name, detail: { files: ['a.xml', 'b.eml', 'c.txt'] } }]);
});

test('the same files again are known', async () => {
  const files = [part('files', reportXml({ id: 'bare' }), 'again.xml')];
  expect((await send(root, files)).statusCode).toBe(303);
  expect(await takeUnqueued(c.t.db, 3600, 10)).toEqual([]);
});

test.each([
  ['another form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['another origin', { origin: 'https://evil.example' }, 403],
  ['too many bytes', { 'content-length': String(UPLOAD_BYTES + 1) }, 413],
] as [string, Record<string, string>, number][])('%s is refused', async (_, headers, status) => {
  expect((await send(root, [part('files', 'x', 'a.xml')], headers)).statusCode).toBe(status);
});

test('what comes without its length is refused once it is more than is read, and so is one file too many', async () => {
  const form = /name="form" value="([^"]+)"/.exec((await root.get('/account')).body)![1]!;
  const piece = Buffer.alloc(1024 * 1024);
  let given = 0;
  async function* pieces() {
    yield Buffer.from(`${part('form', form)}--${BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n`);
    for (; given < UPLOAD_BYTES + 4 * piece.length; given += piece.length) yield piece;
  }
  const headers = { origin: 'http://localhost:9808', 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
  const { statusCode } = await root.raw({ method: 'POST', url: '/upload', payload: Readable.from(pieces()), headers });
  expect(statusCode).toBe(413);
  expect(given).toBeLessThan(UPLOAD_BYTES + 4 * piece.length);
  const files = (n: number) => Array.from({ length: n }, (_, i) => part('files', 'x', `${i}.txt`));
  expect((await send(root, files(201))).statusCode).toBe(413);
  expect((await send(root, files(200))).statusCode).toBe(303);
});

test('no file, and what is no form, are a sentence', async () => {
  expect((await send(root, [])).statusCode).toBe(400);
  const broken = await root.raw({
    method: 'POST',
    url: '/upload',
    payload: Buffer.from('nonsense'),
    headers: { origin: 'http://localhost:9808', 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  });
  expect([400, 403]).toContain(broken.statusCode);
  expect(broken.body).toContain('<h1>');
});

test('only admins who see all domains upload', async () => {
  for (const person of [await c.person('operator', null), await c.person('admin', ['example.com'])])
    expect((await send(person, [part('files', 'x', 'a.xml')])).statusCode).toBe(403);
});
