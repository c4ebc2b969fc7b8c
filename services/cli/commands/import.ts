import {
  addResult,
  type BatchResult,
  countReports,
  emptyResult,
  type Months,
  openReaders,
  parseWithFallback,
  type Readers,
  watchMonths,
} from '../../parser/index.ts';
import { DEFAULT_LIMITS } from '../../report/limits.ts';
import { readEnvelope } from '../../report/mail/mime.ts';
import { sleep } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { escaped, jsonText } from '../../shared/escape.ts';
import { persist } from '../../shared/retry.ts';
import { transaction } from '../../shared/runtime/db.ts';
import { createLog } from '../../shared/runtime/log.ts';
import type { Config } from '../../shared/settings/config.ts';
import { ownImported } from '../../store/domains/domains.ts';
import {
  IMPORT_PLACE,
  type Imported,
  type ImportedMail,
  type ImportedState,
  importedStates,
  storeImports,
} from '../../store/messages/imports.ts';
import { fingerprintOf, recordLeft } from '../../store/messages/intake.ts';
import { waitingMessages } from '../../store/messages/messages.ts';
import { saveProbe } from '../../store/sending/probes.ts';
import { type Input, inputs, type Skipped } from '../inputs.ts';
import { type ImportContext, openForImport } from '../open.ts';
import { isProbeReport } from '../probe/is-probe-report.ts';
import { emptySummary, type ImportSummary, summaryLines, type Trouble } from '../terminal/import-text.ts';
import { Progress } from '../terminal/progress.ts';

const BATCH_FILES = 200;
const BATCH_BYTES = 8 * 1024 * 1024;
/** Another import or a parser may hold the same mails: tries, and the wait between two of them. */
const BUSY_TRIES = 300;
const BUSY_MS = 200;

/**
 * `import PATH…`: files, folders, mbox files and Maildirs, through the same store, parser and analyzer as a
 * mailbox.
 */
export async function runImport(
  config: Config,
  paths: string[],
  options: { json?: boolean },
  out: (line: string) => void,
): Promise<number> {
  const log = createLog(process.env.LOG_LEVEL ? config.logLevel : 'warn');
  const context = await openForImport(config, { log, say: (line) => log.warn(line) });
  const progress = new Progress(process.stderr, 'Importing');
  try {
    const summary = await importPaths(context, paths, (s) =>
      progress.show(`${s.messages} mails, ${s.reports} reports, ${s.records} records`),
    );
    progress.end();
    if (options.json) out(jsonText(summary));
    else for (const line of summaryLines(summary)) out(escaped(line));
    return summary.failed.length > 0 ? 1 : 0;
  } finally {
    progress.end();
    await context.close();
  }
}

/** One import while it runs. */
interface ImportRun {
  context: ImportContext;
  readers: Readers;
  months: Months;
  maxBytes: number;
  summary: ImportSummary;
  /** Repeats work on the database while its failures are transient. */
  persistent<T>(work: () => Promise<T>): Promise<T>;
}

/** Imports paths within a running pipeline. */
export async function importPaths(
  context: ImportContext,
  paths: string[],
  onBatch: (summary: ImportSummary) => void,
): Promise<ImportSummary> {
  const retrying = (error: unknown) =>
    context.log.warn({ err: messageOf(error) }, 'the database is busy or not reachable; trying again');
  const run: ImportRun = {
    context,
    readers: openReaders(context.config),
    months: watchMonths(context),
    maxBytes: context.config.limits.mailBytes ?? DEFAULT_LIMITS.mailBytes,
    summary: emptySummary(),
    persistent: (work) => persist(work, retrying),
  };
  const domains = new Set<string>();
  const skipped: Skipped = (file, code, reason) => run.summary.skipped.push({ file, code, reason });
  const source = batches(inputs(paths, run.maxBytes, skipped));
  const worker = async () => {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      for (const domain of await importBatch(run, next.value)) domains.add(domain);
      onBatch(run.summary);
    }
  };
  try {
    await Promise.all(Array.from({ length: context.config.parser.concurrency }, worker));
  } finally {
    await run.readers.close();
  }
  const changed = [...domains].sort();
  for (let i = 0; i < changed.length; i += 1000) await context.queues.add('analyze', { domains: changed.slice(i, i + 1000) });
  return run.summary;
}

async function* batches(source: AsyncGenerator<Input>): AsyncGenerator<Input[]> {
  let batch: Input[] = [];
  let bytes = 0;
  for await (const input of source) {
    batch.push(input);
    bytes += input.raw?.length ?? 0;
    if (batch.length >= BATCH_FILES || bytes >= BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/** @returns the domains whose rollups changed */
async function importBatch(run: ImportRun, batch: Input[]): Promise<string[]> {
  const { context, summary, persistent } = run;
  summary.messages += batch.length;
  const large = batch.filter((input) => input.raw === null);
  if (large.length > 0) summary.quarantined.push(...(await persistent(() => quarantineTooLarge(run, large))));
  const mails: ImportedMail[] = [];
  for (const input of batch)
    if (input.raw !== null && !(await keepProbe(run, input.file, input.raw))) mails.push(mailOf(input, input.raw));
  if (mails.length === 0) return [];
  const imported = await persistent(() => transaction(context.db, (tx) => storeImports(tx, mails)));
  const result = await parse(run, await rawsToParse(run, mails, imported));
  // Importing reports about a domain is a request to watch it.
  const keys = imported.map(({ message_key }) => message_key);
  const fresh = await persistent(() => ownImported(context.db, keys, context.clock.now()));
  if (fresh.length > 0) context.log.info({ domains: fresh }, 'domains of imported reports are treated as yours from now on');
  addCounts(summary, result);
  await countFiles(run, imported, result);
  return result.domains;
}

/**
 * Keeps a report of `guard probe` apart. False: it is none, or cannot be read as one and goes the way of all
 * others.
 */
async function keepProbe({ context, summary, persistent }: ImportRun, file: string, raw: Buffer): Promise<boolean> {
  if (!isProbeReport(raw)) return false;
  // The threads read all else: this one has no reader until it needs one.
  const { readProbeReport } = await import('../probe/read-report.ts');
  const probe = await readProbeReport(raw, file);
  if (probe === null) return false;
  if ((await persistent(() => saveProbe(context.db, probe))) === null) summary.known++;
  else {
    summary.probe_reports++;
    summary.probe_mails += probe.mails.length;
  }
  return true;
}

/** The bytes, still in memory, of the mails that are to be parsed, by message key. */
async function rawsToParse(
  { context, persistent }: ImportRun,
  mails: readonly ImportedMail[],
  imported: readonly Imported[],
): Promise<Map<number, Buffer>> {
  const known = imported.filter((one) => one.known).map((one) => one.message_key);
  // Known messages that still wait were stored by a try whose answer was lost, or by an import that was
  // interrupted.
  const left = known.length > 0 ? await persistent(() => waitingMessages(context.db, known)) : [];
  const waiting = new Set(left.map((message) => message.message_key));
  return new Map(
    imported.flatMap(({ message_key, known }, i) =>
      !known || waiting.has(message_key) ? [[message_key, mails[i]!.raw] as const] : [],
    ),
  );
}

async function parse({ context, readers, months, persistent }: ImportRun, raws: Map<number, Buffer>): Promise<BatchResult> {
  const result = emptyResult();
  for (let keys = [...raws.keys()], n = 0; keys.length > 0 && n < BUSY_TRIES; n++) {
    if (n > 0) await sleep(BUSY_MS);
    const now = await persistent(() => parseWithFallback(context, keys, context.log, { readers, months, raws }));
    addResult(result, { ...now, busy: [] });
    keys = now.busy;
  }
  return result;
}

function addCounts(summary: ImportSummary, { messages }: BatchResult): void {
  const counts = countReports(messages);
  for (const name of Object.keys(counts) as (keyof typeof counts)[]) summary[name] += counts[name];
}

const NOTHING_STORED = { reports: 0, records: 0, tls_reports: 0, failure_reports: 0 };

/**
 * Puts each file into its place in the summary: what was parsed now, and what the database says of the
 * others.
 */
async function countFiles(
  { context, summary, persistent }: ImportRun,
  imported: readonly Imported[],
  result: BatchResult,
): Promise<void> {
  const states = new Map(result.messages.map((message) => [message.message_key, message]));
  const others = imported.filter(({ message_key, known }) => known || !states.has(message_key)).map((one) => one.message_key);
  const stored =
    others.length > 0 ? await persistent(() => importedStates(context.db, others)) : new Map<number, ImportedState>();
  const parsed = new Set(states.keys());
  for (const { file, message_key, known } of imported) {
    const row = { ...states.get(message_key), ...(stored.get(message_key) ?? NOTHING_STORED) } as ImportedState;
    // A message that waited from before counts as new when it was parsed now; a second copy of it does not.
    const isNew = parsed.delete(message_key);
    if (known && !isNew) {
      summary.known++;
      summary.duplicates += row.reports + row.tls_reports + row.failure_reports;
    } else if (!isNew) {
      // It was committed, but the answer was lost.
      summary.reports += row.reports;
      summary.records += row.records;
      summary.tls_reports += row.tls_reports;
      summary.failure_reports += row.failure_reports;
    }
    const trouble = { file, code: row.code ?? row.state, reason: row.reason ?? 'It is waiting to be parsed.' };
    if (row.state === 'ignored') summary.ignored.push(trouble);
    else if (row.state === 'quarantined') summary.quarantined.push(trouble);
    else if (row.state !== 'stored') summary.failed.push(trouble);
  }
}

function mailOf(input: Input, raw: Buffer): ImportedMail {
  const envelope = readEnvelope(raw.subarray(0, 64 * 1024));
  return {
    uid: null,
    file: input.file,
    receivedAt: dateOf(envelope.date) ?? input.modified,
    sender: envelope.from,
    subject: envelope.subject,
    messageId: envelope.message_id,
    size: raw.length,
    sha256: fingerprintOf(raw),
    raw,
  };
}

/** A Date header (RFC 5322); null for times that Postgres cannot store or that make no sense. */
function dateOf(header: string | null): Date | null {
  const date = new Date(header?.replace(/\([^)]*\)/g, '') ?? Number.NaN);
  return date.getTime() > 0 && date.getUTCFullYear() < 2200 ? date : null;
}

async function quarantineTooLarge({ context, maxBytes }: ImportRun, large: Input[]): Promise<Trouble[]> {
  const reason = (input: Input) => `It has ${input.size} bytes, above the limit of ${maxBytes} (limits.mailBytes).`;
  await recordLeft(
    context.db,
    IMPORT_PLACE,
    large.map((input) => ({
      uid: null,
      receivedAt: input.modified,
      sender: null,
      subject: input.file,
      messageId: null,
      size: input.size,
      fingerprint: fingerprintOf(`${input.file}|${input.size}|${input.modified.toISOString()}`),
      code: 'mail_too_large' as const,
      reason: reason(input),
    })),
  );
  return large.map((input) => ({ file: input.file, code: 'mail_too_large', reason: reason(input) }));
}
