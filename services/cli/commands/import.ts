import { createHash } from 'node:crypto';
import {
  addResult,
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
  type ImportedMail,
  type ImportedState,
  importedStates,
  storeImports,
} from '../../store/messages/imports.ts';
import { recordLeft } from '../../store/messages/intake.ts';
import { waitingMessages } from '../../store/messages/messages.ts';
import { type Input, inputs } from '../inputs.ts';
import { type ImportContext, openForImport } from '../open.ts';
import { Progress } from '../terminal/progress.ts';

interface Trouble {
  file: string;
  code: string;
  reason: string;
}

/** What `import --json` prints. Every file is in exactly one place: stored, known, ignored, quarantined or failed. */
export interface ImportSummary {
  /** Mails and files read. */
  messages: number;
  /** Reports written, superseded ones included. */
  reports: number;
  /** Records written. */
  records: number;
  /** Reports with the same content as a stored one, from this or an earlier import or mailbox. */
  duplicates: number;
  /** Reports with the same identity as a stored one and other content: one of the two counts, see dmarc.superseded_reports. */
  superseded: number;
  /** Files that were imported before, byte for byte. */
  known: number;
  ignored: Trouble[];
  quarantined: Trouble[];
  failed: Trouble[];
}

const BATCH_FILES = 200;
const BATCH_BYTES = 8 * 1024 * 1024;
/** Another import or a parser may hold the same mails: tries, and the wait between two of them. */
const BUSY_TRIES = 300;
const BUSY_MS = 200;

/** `import PATH…`: files, folders, mbox files and Maildirs, through the same store, parser and analyzer as a mailbox. */
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
    else for (const line of describe(summary)) out(escaped(line));
    return summary.failed.length > 0 ? 1 : 0;
  } finally {
    progress.end();
    await context.close();
  }
}

/** Imports paths within a running pipeline. */
export async function importPaths(
  context: ImportContext,
  paths: string[],
  onBatch: (summary: ImportSummary) => void,
): Promise<ImportSummary> {
  const summary: ImportSummary = {
    messages: 0,
    reports: 0,
    records: 0,
    duplicates: 0,
    superseded: 0,
    known: 0,
    ignored: [],
    quarantined: [],
    failed: [],
  };
  const domains = new Set<string>();
  const maxBytes = context.config.limits.mailBytes ?? DEFAULT_LIMITS.mailBytes;
  const source = batches(inputs(paths, maxBytes));
  const readers = openReaders(context.config);
  const months = watchMonths(context);
  const worker = async () => {
    for (;;) {
      const next = await source.next();
      if (next.done) return;
      for (const domain of await importBatch(context, next.value, maxBytes, summary, readers, months)) domains.add(domain);
      onBatch(summary);
    }
  };
  try {
    await Promise.all(Array.from({ length: context.config.parser.concurrency }, worker));
  } finally {
    await readers.close();
  }
  const changed = [...domains].sort();
  for (let i = 0; i < changed.length; i += 1000) await context.queues.add('analyze', { domains: changed.slice(i, i + 1000) });
  return summary;
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

async function importBatch(
  context: ImportContext,
  batch: Input[],
  maxBytes: number,
  summary: ImportSummary,
  readers: Readers,
  months: Months,
): Promise<string[]> {
  summary.messages += batch.length;
  const say = (error: unknown) =>
    context.log.warn({ err: messageOf(error) }, 'the database is busy or not reachable; trying again');
  const large = batch.filter((input) => input.raw === null);
  if (large.length > 0) summary.quarantined.push(...(await persist(() => quarantineTooLarge(context, large, maxBytes), say)));
  const mails = batch.flatMap((input) => (input.raw ? [mailOf(input, input.raw)] : []));
  if (mails.length === 0) return [];
  const imported = await persist(() => transaction(context.db, (tx) => storeImports(tx, mails)), say);
  const stored = imported.filter((i) => i.known).map((i) => i.message_key);
  // Known messages that still wait were stored by a try whose answer was lost, or by an import that was interrupted.
  const left = stored.length > 0 ? await persist(() => waitingMessages(context.db, stored), say) : [];
  const waiting = new Set(left.map((m) => m.message_key));
  // The bytes are committed, and still in memory.
  const raws = new Map(
    imported.flatMap(({ message_key, known }, i) =>
      !known || waiting.has(message_key) ? [[message_key, mails[i]!.raw] as const] : [],
    ),
  );
  const result = emptyResult();
  for (let keys = [...raws.keys()], turn = 0; keys.length > 0 && turn < BUSY_TRIES; turn++) {
    if (turn > 0) await sleep(BUSY_MS);
    const now = await persist(() => parseWithFallback(context, keys, context.log, { readers, months, raws }), say);
    addResult(result, { ...now, busy: [] });
    keys = now.busy;
  }
  const states = new Map<number, Pick<ImportedState, 'state' | 'code' | 'reason'>>();
  for (const message of result.messages) {
    states.set(message.message_key, message);
    for (const report of message.reports) {
      if (report.outcome === 'duplicate') summary.duplicates++;
      else {
        summary.reports++;
        summary.records += report.records;
        if (report.outcome !== 'stored') summary.superseded++;
      }
    }
  }
  const others = imported.filter(({ message_key, known }) => known || !states.has(message_key)).map((i) => i.message_key);
  const earlier =
    others.length > 0 ? await persist(() => importedStates(context.db, others), say) : new Map<number, ImportedState>();
  const parsed = new Set(states.keys());
  // Importing reports about a domain is a request to watch it.
  const keys = imported.map(({ message_key }) => message_key);
  const fresh = await persist(() => ownImported(context.db, keys, context.clock.now()), say);
  if (fresh.length > 0) context.log.info({ domains: fresh }, 'domains of imported reports are treated as yours from now on');
  for (const { file, message_key, known } of imported) {
    const row = { reports: 0, records: 0, ...states.get(message_key), ...earlier.get(message_key) } as ImportedState;
    // A message that waited from before counts as new when it was parsed now; a second copy of it does not.
    const news = parsed.delete(message_key);
    if (known && !news) {
      summary.known++;
      summary.duplicates += row.reports;
    } else if (!news) {
      // It was committed, but the answer was lost.
      summary.reports += row.reports;
      summary.records += row.records;
    }
    const trouble = { file, code: row.code ?? row.state, reason: row.reason ?? 'It is waiting to be parsed.' };
    if (row.state === 'ignored') summary.ignored.push(trouble);
    else if (row.state === 'quarantined') summary.quarantined.push(trouble);
    else if (row.state !== 'stored') summary.failed.push(trouble);
  }
  return result.domains;
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
    sha256: createHash('sha256').update(raw).digest(),
    raw,
  };
}

/** A Date header (RFC 5322); null for times that Postgres cannot store or that make no sense. */
function dateOf(header: string | null): Date | null {
  const date = new Date(header?.replace(/\([^)]*\)/g, '') ?? Number.NaN);
  return date.getTime() > 0 && date.getUTCFullYear() < 2200 ? date : null;
}

async function quarantineTooLarge(context: ImportContext, large: Input[], maxBytes: number): Promise<Trouble[]> {
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
      fingerprint: createHash('sha256').update(`${input.file}|${input.size}|${input.modified.toISOString()}`).digest(),
      code: 'mail_too_large' as const,
      reason: reason(input),
    })),
  );
  return large.map((input) => ({ file: input.file, code: 'mail_too_large', reason: reason(input) }));
}

function describe(summary: ImportSummary): string[] {
  const lines = [
    `${summary.messages} mails and files: ${summary.reports} reports with ${summary.records} records stored, ${summary.duplicates} duplicates` +
      `${summary.superseded > 0 ? `, ${summary.superseded} superseded (same identity, different content)` : ''}.`,
  ];
  for (const [what, list] of [
    ['ignored', summary.ignored],
    ['quarantined', summary.quarantined],
    ['failed', summary.failed],
  ] as const) {
    if (list.length === 0) continue;
    lines.push(`${list.length} ${what}:`);
    for (const t of list.slice(0, 20)) lines.push(`  ${t.file}: ${t.code}: ${t.reason}`);
    if (list.length > 20) lines.push(`  … and ${list.length - 20} more: ruawatch messages list --state ${what}`);
  }
  lines.push('Sources and findings follow when the analyzer runs: ruawatch start analyzer, or ruawatch start.');
  return lines;
}
