import { gunzipSync } from 'node:zlib';
import { SaxesParser } from 'saxes';
import { fromBuffer } from 'yauzl';

/**
 * The report in a demo mail, found without the program's own readers: the last attachment, decoded by its
 * bytes.
 */
export async function xmlOf(raw: Buffer): Promise<string> {
  const text = raw.toString('latin1');
  const start = Math.max(text.lastIndexOf('filename="'), 0);
  const body = text.slice(text.indexOf('\r\n\r\n', start) + 4);
  const plain = body.indexOf('</feedback>');
  if (plain >= 0) return body.slice(0, plain + '</feedback>'.length);
  const bytes = Buffer.from(body.split('\r\n--')[0] as string, 'base64');
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : await firstMember(bytes)).toString();
}

function firstMember(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    fromBuffer(bytes, { lazyEntries: true }, (error, zip) => {
      if (error) return reject(error);
      zip.on('error', reject);
      zip.on('entry', (entry) =>
        zip.openReadStream(entry, (failure, stream) => {
          if (failure) return reject(failure);
          const chunks: Buffer[] = [];
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('error', reject);
          stream.on('end', () => resolve(Buffer.concat(chunks)));
        }),
      );
      zip.readEntry();
    });
  });
}

/**
 * Reads a document strictly: the texts of its leaves by path, in order. Throws when it is not well-formed XML
 * with its namespaces.
 */
export function leaves(xml: string): { path: string; text: string }[] {
  const parser = new SaxesParser({ xmlns: true });
  const found: { path: string; text: string }[] = [];
  const names: string[] = [];
  let text = '';
  let leaf = false;
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', (tag) => {
    names.push(tag.local);
    text = '';
    leaf = true;
  });
  parser.on('text', (part) => {
    text += part;
  });
  parser.on('closetag', () => {
    if (leaf) found.push({ path: names.slice(1).join('/'), text });
    leaf = false;
    names.pop();
  });
  parser.write(xml).close();
  return found;
}

/** The texts of all leaves with that path. */
export function values(xml: string, path: string): string[] {
  return leaves(xml).flatMap((leaf) => (leaf.path === path ? [leaf.text] : []));
}

/** The records of a report as maps of path (below `record`) to text. */
export function recordsOf(xml: string): Map<string, string>[] {
  return [...xml.matchAll(/<record>.*?<\/record>/gs)].map(
    ([record]) => new Map(leaves(record).map(({ path, text }) => [path, text])),
  );
}
