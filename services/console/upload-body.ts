import type { IncomingMessage } from 'node:http';
import { words } from './page-words/en.ts';
import { Refusal, type UploadedFile } from './routes.ts';

/** What a form with files may be: all its bytes together, and its files. */
export const UPLOAD_BYTES = 64 * 1024 * 1024;
const UPLOAD_FILES = 200;

/**
 * Reads a form with files (multipart/form-data, RFC 7578), in bounded memory.
 * @throws Refusal `upload_too_large`, `bad_request`
 */
export async function readUpload(request: IncomingMessage): Promise<{ fields: Record<string, string>; files: UploadedFile[] }> {
  const type = request.headers['content-type'] ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) throw new Refusal(415, 'type_unknown', words.upload.no_form);
  const tooLarge = () => new Refusal(413, 'upload_too_large', words.upload.too_large(UPLOAD_BYTES / 1024 / 1024, UPLOAD_FILES));
  if (Number(request.headers['content-length']) > UPLOAD_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > UPLOAD_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  let form: FormData;
  try {
    form = await new Response(Buffer.concat(chunks), { headers: { 'content-type': type } }).formData();
  } catch (error) {
    throw Object.assign(new Refusal(400, 'bad_request', words.problems.bad_request), { cause: error });
  }
  const fields: Record<string, string> = {};
  const files: UploadedFile[] = [];
  for (const [name, value] of form as unknown as Iterable<[string, string | File]>) {
    if (typeof value === 'string') fields[name] = value;
    else if (value.size > 0) files.push({ name: value.name, bytes: Buffer.from(await value.arrayBuffer()) });
    if (files.length > UPLOAD_FILES) throw tooLarge();
  }
  return { fields, files };
}
