import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type BrandOptions, type FeedMatch, matchName, nameInLine } from '../../dns/lookalikes/brand.ts';
import { normalDomain } from '../../report/orgdomain.ts';
import { messageOf, PermanentError } from '../../shared/errors.ts';

/** Matches that are kept, and how long a feed may send nothing. */
const MOST_MATCHES = 10_000;
const SILENT_MS = 30_000;

/**
 * The names of a file or of an HTTP answer, one a line, that have to do with a domain, each once.
 * @throws PermanentError `names_file` when it cannot be read
 */
export async function matchFeed(source: string, brand: BrandOptions): Promise<{ lines: number; matches: FeedMatch[] }> {
  const found = new Map<string, FeedMatch>();
  let lines = 0;
  try {
    for await (const line of createInterface({ input: await open(source), crlfDelay: Number.POSITIVE_INFINITY })) {
      lines++;
      const given = nameInLine(line);
      if (given === null) continue;
      const name = normalDomain(given);
      const match = found.has(name) ? null : matchName(name, brand);
      if (match !== null) found.set(name, match);
      if (found.size >= MOST_MATCHES) break;
    }
  } catch (error) {
    throw new PermanentError('names_file', `--names ${source} cannot be read: ${messageOf(error)}`, error);
  }
  return { lines, matches: [...found.values()] };
}

async function open(source: string): Promise<NodeJS.ReadableStream> {
  if (source === '-') return process.stdin;
  if (!/^https?:\/\//i.test(source)) return createReadStream(source, 'utf8');
  const answer = await fetch(source, { signal: AbortSignal.timeout(SILENT_MS) });
  if (!answer.ok || answer.body === null) throw new Error(`the server answers ${answer.status}`);
  return Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream).setEncoding('utf8');
}
