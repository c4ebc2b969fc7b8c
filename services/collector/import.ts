import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { messageOf, PermanentError } from '../shared/errors.ts';
import { GuardWatch } from '../shared/guard-watch.ts';
import type { Context } from '../shared/runtime/service.ts';
import { alsoUnder, type LogSource, logSources, type NewLogSource, putFileSource } from '../store/sending/sources.ts';
import { BodyError, linesOfBody } from './intake/json.ts';
import { cutLines, LineCutter } from './intake/lines.ts';
import { type Counts, Writer } from './intake/writer.ts';
import { joinAll } from './joining/rounds.ts';
import { Parts } from './lines/partial.ts';
import type { Raw } from './lines/raw.ts';
import { isPreamble, readTrace } from './lines/trace.ts';
import { hashOfNames } from './names.ts';

const LINES_AT_ONCE = 2_000;

/** What `logs import` did. */
export interface LogImport {
  lines: number;
  counts: Counts;
  judged: number;
  /** Other sources under which the same messages came: they count twice. */
  twice: { name: string; messages: number; of: number }[];
}

/** @throws PermanentError `log_source_differs`: a source keeps the place that it was made with */
function refuseOther(known: LogSource, given: NewLogSource): void {
  const other = (['cluster', 'environment', 'workload'] as const).find((one) => given[one] !== '' && given[one] !== known[one]);
  const networks = given.egress.length > 0 && [...given.egress].sort().join() !== [...known.egress].sort().join();
  if (other === undefined && !networks) return;
  const what = other === undefined ? 'other networks (--egress)' : `the ${other} "${known[other]}", and not "${given[other]}"`;
  throw new PermanentError(
    'log_source_differs',
    `The source ${known.name} has ${what}: leave that option out, or import under another --source.`,
  );
}

/**
 * Reads a file of lines through the same steps as lines that shippers send, and judges its messages at the
 * end: a file that is complete gets no more lines. Lines that were imported before change nothing.
 * @param file a path, gzip or not; "-" reads `stdin`
 * @throws PermanentError `log_file` when it cannot be read, `log_source_differs`
 */
export async function importLogs(
  context: Pick<Context, 'config' | 'db' | 'clock' | 'log'>,
  { file, source: given, stdin, signal }: { file: string; source: NewLogSource; stdin: Readable; signal?: AbortSignal },
): Promise<LogImport> {
  const { config, db, clock, log } = context;
  const hash = await hashOfNames(context);
  const known = (await logSources(db)).find(({ name }) => name === given.name);
  if (known !== undefined) refuseOther(known, given);
  const source: LogSource = known ?? (await putFileSource(db, given));
  const done: LogImport = { lines: 0, counts: {}, judged: 0, twice: [] };
  const count = (_: string, counts: Counts) => {
    for (const [outcome, lines] of Object.entries(counts) as [keyof Counts, number][])
      done.counts[outcome] = (done.counts[outcome] ?? 0) + lines;
  };
  const now = () => clock.now();
  const writer = new Writer({ db, log, hash, programs: new Set(config.collector.programs), now, count });
  const lines = rawsOf(now);
  let batch: Raw[] = [];
  const flush = async () => {
    if (batch.length === 0) return;
    const raws = batch;
    batch = [];
    await writer.take(source, raws);
  };
  for await (const line of readLines(file, stdin)) {
    if (signal?.aborted) break;
    done.lines++;
    batch.push(...cutLines(lines.take(line), config.collector.max_line_bytes));
    if (batch.length >= LINES_AT_ONCE) await flush();
  }
  batch.push(...cutLines(lines.rest(), config.collector.max_line_bytes));
  await flush();
  const means = {
    db,
    log,
    hash,
    now,
    declared: new GuardWatch(config.guardFile, log),
    insideNetworks: config.collector.inside_networks,
    // Without a queue at hand: the analyzer's sweep finds the rows.
    wake: async () => undefined,
  };
  done.judged = await joinAll(means, { before: now(), source: source.source_id }, signal === undefined ? {} : { signal });
  done.twice = await alsoUnder(db, source.source_id);
  return done;
}

/**
 * Reads lines one after the other: a CSV of Microsoft 365 says in its heading that it is one; JSON is read as
 * shippers send it; parts of lines are put together. `rest` gives what began and did not end.
 */
function rawsOf(now: () => Date): { take(line: string): Raw[]; rest(): Raw[] } {
  let trace: ReturnType<typeof readTrace> | undefined;
  const parts = new Parts();
  const text = (line: string) => parts.add({ text: line }) ?? [];
  const take = (line: string): Raw[] => {
    if (trace === undefined) {
      if (isPreamble(line)) return [];
      trace = readTrace(line);
      if (trace !== null) return [];
    }
    if (trace !== null) return trace(line);
    if (!/^\s*[{[]/.test(line)) return [text(line)].flat();
    try {
      return linesOfBody(line, { now: now().getTime(), parts }).raws;
    } catch (error) {
      // A line that begins like JSON and is none: Knot's begin with a zone in brackets.
      if (error instanceof BodyError) return [text(line)].flat();
      throw error;
    }
  };
  return { take, rest: () => parts.rest() };
}

/** A line of a file, which may be JSON that holds the line of a program, or a part of one. */
const MOST_OF_FILE = 256 * 1024;

async function* readLines(file: string, stdin: Readable): AsyncGenerator<string> {
  const cutter = new LineCutter(MOST_OF_FILE);
  const input = file === '-' ? stdin : createReadStream(file);
  try {
    for await (const chunk of inUtf8(unpacked(input))) yield* cutter.push(chunk);
  } catch (error) {
    throw new PermanentError('log_file', `${file === '-' ? 'The input' : file} cannot be read: ${messageOf(error)}.`, error);
  }
  yield* cutter.end();
}

/**
 * Text as UTF-8 that is UTF-16 by its byte order mark: Windows PowerShell writes so, and exports of Exchange
 * may be.
 */
async function* inUtf8(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | null | undefined;
  for await (const chunk of chunks) {
    if (decoder === undefined) {
      const mark = chunk.subarray(0, 2).toString('hex');
      decoder = mark === 'fffe' ? new TextDecoder('utf-16le') : mark === 'feff' ? new TextDecoder('utf-16be') : null;
    }
    yield decoder === null ? chunk : Buffer.from(decoder.decode(chunk, { stream: true }));
  }
}

/** Unpacks gzip, by its first octets. */
async function* unpacked(input: Readable): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const iterator = input[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return;
  const head = Buffer.from(first.value as Buffer | string);
  const rest = async function* () {
    yield head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next())
      yield Buffer.from(next.value as Buffer | string);
  };
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* rest();
    return;
  }
  const feeding = (async () => {
    for await (const chunk of rest()) if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve));
    gunzip.end();
  })().catch((error: Error) => void gunzip.destroy(error));
  for await (const chunk of gunzip) yield chunk as Buffer;
  await feeding;
}
