import type { RecordSink } from '../aggregate/record-stream.ts';
import { AggregateBuilder } from '../aggregate/report-builder.ts';
import type { NameHint } from '../aggregate/report-metadata.ts';
import type { Payload } from '../container/unpack.ts';
import { type Limits, Refusal } from '../limits.ts';
import { type Charset, Decoder, detectCharset } from '../mail/charset.ts';
import type { MailLimits } from '../mail-limits.ts';
import type { AggregateRecord, AggregateReport } from '../model.ts';
import { Problems } from '../problem-list.ts';
import { excerpt } from '../text.ts';
import { NotWellFormed, XmlReader } from './reader.ts';
import { Salvager } from './salvage.ts';
import { isReadAgain, MOST_CHARACTERS, readByTree, sameReading } from './second-reader.ts';

/** How the documents of a payload are read. */
export interface DocumentOptions {
  limits: Limits;
  /** The totals of the mail that the payload came in. */
  totals: MailLimits;
  /** Records in one batch. */
  batch: number;
  /** The charset that the mail states for the payload. */
  charset: string | null;
  /** What the file name says. */
  hint: NameHint | null;
  /** Which reports are read by the second reader as well; one in a hundred by default. */
  again?: (report: AggregateReport) => boolean;
  /** Takes the records, which are then not delivered in batches. */
  sink?: RecordSink;
}

/** What a payload yields, in order: the records of a report before the report itself. */
export type DocumentEvent =
  | { type: 'records'; begin: number; records: AggregateRecord[] }
  | { type: 'report'; report: AggregateReport }
  | { type: 'refused'; refusal: Refusal }
  /** The document has no feedback element. */
  | { type: 'foreign' };

/** The text of one payload as it is being read. */
interface Source {
  payload: Payload;
  charset: Charset;
  decoder: Decoder;
  chunks: Iterator<Buffer> | AsyncIterator<Buffer>;
  /** Characters before the document being read. */
  offset: number;
  /** The beginning of that document, already taken out of the payload. */
  carried: string;
}

/** Reads one XML payload. It mostly holds one document, but several may follow each other. */
export async function* readDocuments(payload: Payload, options: DocumentOptions): AsyncGenerator<DocumentEvent> {
  const charset = detectCharset(payload.head, options.charset);
  const opened = payload.open();
  const chunks = Symbol.asyncIterator in opened ? opened[Symbol.asyncIterator]() : opened[Symbol.iterator]();
  const source: Source = { payload, charset, decoder: new Decoder(charset), chunks, offset: 0, carried: '' };
  try {
    do options.totals.addDocument();
    while (yield* readDocument(source, options));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield { type: 'refused', refusal: error };
  } finally {
    await chunks.return?.();
  }
}

/** Reads one document from where the last one ended. Returns whether another one follows. */
async function* readDocument(source: Source, options: DocumentOptions): AsyncGenerator<DocumentEvent, boolean> {
  const { limits, totals, batch, hint, sink } = options;
  const { decoder, chunks } = source;
  const builder = new AggregateBuilder(limits, batch, hint, sink);
  const strict = new XmlReader(builder, limits);
  let broken: NotWellFormed | null = null;
  yield* takeBatches(builder, sink);
  try {
    strict.write(source.carried);
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      strict.write(decoder.write(next.value));
      yield* takeBatches(builder, sink);
    }
    strict.write(decoder.end());
    strict.end();
  } catch (error) {
    if (!(error instanceof NotWellFormed)) throw error;
    broken = error;
  }
  let salvaged = decoder.replaced;
  let another = false;
  if (broken !== null && builder.ended) {
    another = endAtBreak(source, builder, { strict, broken });
    salvaged ||= !another;
  } else if (broken !== null) {
    salvaged = true;
    builder.problems.add(
      'not_well_formed',
      `The report is not well-formed XML (${excerpt(broken.message, 120)}); whatever is whole was read.`,
    );
    yield* salvage(source, builder, { limits, sink, resume: source.offset + broken.resume });
  }
  if (!builder.started) {
    yield { type: 'foreign' };
    return false;
  }
  noteCharset(source, builder);
  try {
    const report = builder.finish(salvaged);
    totals.addMetadata(report);
    yield* takeBatches(builder, sink);
    if (!report.salvaged && !another && source.offset === 0 && (options.again ?? isReadAgain)(report))
      await compareReaders(source, report, options);
    yield { type: 'report', report };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield { type: 'refused', refusal: error };
  }
  return another;
}

function* takeBatches(builder: AggregateBuilder, sink: RecordSink | undefined): Generator<DocumentEvent> {
  if (sink !== undefined) yield { type: 'records', begin: 0, records: [] };
  for (const records of builder.batches.splice(0)) yield { type: 'records', begin: builder.beginAt, records };
}

/** A report has ended, and something follows it. Returns whether that is another document. */
function endAtBreak(
  source: Source,
  builder: AggregateBuilder,
  { strict, broken }: { strict: XmlReader; broken: NotWellFormed },
): boolean {
  const rest = strict.rest(broken.resume)?.trimStart() ?? '';
  const another = /^<[^/]/.test(rest);
  if (another) {
    builder.problems.add('several_documents', 'Another document follows the report in the same file; it is read separately.');
    source.offset += broken.resume;
    source.carried = rest;
  } else {
    const what = excerpt(broken.message, 80);
    builder.problems.add('trailing_data', `Something follows the end of the report (${what}); it was not read.`);
  }
  return another;
}

/**
 * Reads what is left of a document that is not well-formed, from the character `resume` of its payload on.
 */
async function* salvage(
  source: Source,
  builder: AggregateBuilder,
  { limits, sink, resume }: { limits: Limits; sink: RecordSink | undefined; resume: number },
): AsyncGenerator<DocumentEvent> {
  const salvager = new Salvager(builder, limits);
  const decoder = new Decoder(source.charset);
  let skip = resume;
  try {
    for await (const chunk of source.payload.open()) {
      const text = decoder.write(chunk);
      if (skip < text.length) salvager.write(skip > 0 ? text.slice(skip) : text);
      skip = Math.max(0, skip - text.length);
      yield* takeBatches(builder, sink);
      if (salvager.stopped) return;
    }
    salvager.write(decoder.end());
    salvager.end();
  } finally {
    source.decoder.replaced ||= decoder.replaced;
  }
}

/** Notes on a report whether another reader, fast-xml-parser, reads something else in its document. */
async function compareReaders(
  { payload, charset }: Source,
  report: AggregateReport,
  { limits, hint }: DocumentOptions,
): Promise<void> {
  const decoder = new Decoder(charset);
  let text = '';
  for await (const chunk of payload.open()) {
    text += decoder.write(chunk);
    if (text.length > MOST_CHARACTERS) return;
  }
  const other = readByTree(text + decoder.end(), limits, hint);
  if (other === null || sameReading(report, other)) return;
  const problems = new Problems();
  problems.add(
    'readers_differ',
    'Two readers read this report in different ways; the reading of the first one is stored. The fault is in ruawatch: please report it with the mail.',
  );
  report.problems.push(...problems.list());
}

/** Lists what was wrong with the bytes of a report, and with the containers around it. */
function noteCharset({ payload, charset, decoder }: Source, builder: AggregateBuilder): void {
  const { problems } = builder;
  if (decoder.replaced) {
    problems.add('bytes_replaced', `The report holds bytes that are not ${charset.encoding}; they were replaced.`);
  }
  if (charset.unknown !== null) {
    problems.add('charset_unknown', `The charset ${excerpt(charset.unknown, 60)} is unknown; the report is read as UTF-8.`);
  }
  for (const problem of payload.problems.list()) problems.add(problem.code, problem.message);
}
