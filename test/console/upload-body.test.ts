import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readUpload, UPLOAD_BYTES } from '../../services/console/upload-body.ts';

const TYPE = 'multipart/form-data; boundary=----Boundary7MA4YWxk';
const request = (headers: Record<string, string>, chunks: Iterable<Buffer> = []) =>
  Object.assign(Readable.from(chunks), { headers }) as unknown as IncomingMessage;
const file = (name: string, content: string) =>
  `------Boundary7MA4YWxk\r\ncontent-disposition: form-data; name="reports"; filename="${name}"\r\ncontent-type: text/xml\r\n\r\n${content}\r\n`;
const field = (name: string, content: string) =>
  `------Boundary7MA4YWxk\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
const form = (...parts: string[]) => [Buffer.from(`${parts.join('')}------Boundary7MA4YWxk--\r\n`)];
const refusal = async (asked: IncomingMessage) => {
  const error = await readUpload(asked).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  const { status, code, message } = error as { status: number; code: string; message: string };
  return [status, code, message];
};
const TOO_LARGE = [413, 'upload_too_large', expect.stringMatching(/\b64 MB.*\b200\b|\b200\b.*\b64 MB/)];

test('fields and files are read, whatever the pieces they come in; a file that was not chosen is none', async () => {
  const [whole] = form(field('csrf', 'a'), file('a.xml', '<feedback/>'), file('', ''), file('ä.xml', 'ö'));
  for (const pieces of [[whole!], [whole!.subarray(0, 40), whole!.subarray(40)]])
    expect(await readUpload(request({ 'content-type': TYPE }, pieces))).toEqual({
      fields: { csrf: 'a' },
      files: [
        { name: 'a.xml', bytes: Buffer.from('<feedback/>') },
        { name: 'ä.xml', bytes: Buffer.from('ö') },
      ],
    });
});

test.each([
  {},
  { 'content-type': 'application/json' },
  { 'content-type': 'x multipart/form-data; boundary=----Boundary7MA4YWxk' },
])('what is no form with files is refused: %j', async (headers) => {
  expect((await refusal(request(headers as Record<string, string>))).slice(0, 2)).toEqual([415, 'type_unknown']);
});

test('a form that ends in the middle is no form', async () => {
  expect((await refusal(request({ 'content-type': TYPE }, [Buffer.from('------Boundary7MA4YWxk\r\n')]))).slice(0, 2)).toEqual([
    400,
    'bad_request',
  ]);
});

test('more bytes than a form may have are refused, at once where it says so, else once they have come', async () => {
  const most = String(UPLOAD_BYTES);
  let read = 0;
  const chunks = function* (length: number) {
    const chunk = Buffer.alloc(length);
    for (;;) {
      read += length;
      yield chunk;
    }
  };
  expect(await refusal(request({ 'content-type': TYPE, 'content-length': String(UPLOAD_BYTES + 1) }, chunks(1)))).toEqual(
    TOO_LARGE,
  );
  expect(read).toBeLessThan(1_000);
  expect(await refusal(request({ 'content-type': TYPE }, chunks(UPLOAD_BYTES / 64)))).toEqual(TOO_LARGE);
  const [start, end] = [file('a', '').slice(0, -2), '\r\n------Boundary7MA4YWxk--\r\n'];
  const exact = Buffer.concat([
    Buffer.from(start),
    Buffer.alloc(UPLOAD_BYTES - start.length - end.length, 'x'),
    Buffer.from(end),
  ]);
  const { files } = await readUpload(request({ 'content-type': TYPE, 'content-length': most }, [exact]));
  expect(files.map(({ bytes }) => bytes.length)).toEqual([UPLOAD_BYTES - start.length - end.length]);
  expect(await refusal(request({ 'content-type': TYPE }, [exact, Buffer.from('x')]))).toEqual(TOO_LARGE);
});

test('two hundred files are read, and no more', async () => {
  const of = (many: number) =>
    request({ 'content-type': TYPE }, form(...Array.from({ length: many }, (_, i) => file(`${i}`, 'x'))));
  expect((await readUpload(of(200))).files).toHaveLength(200);
  expect(await refusal(of(201))).toEqual(TOO_LARGE);
});
