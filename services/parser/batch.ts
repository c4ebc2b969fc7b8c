import type { Limits } from '../report/limits.ts';
import type { Problem } from '../report/model.ts';
import { reporterOf } from '../report/reporters/reporters.ts';
import type { Db, Tx } from '../shared/runtime/db.ts';
import { collectYoungGarbage } from '../shared/runtime/garbage.ts';
import type { Config } from '../shared/settings/config.ts';
import { noteDomains, noteSources } from '../store/analysis/note-work.ts';
import {
  type ClaimedMessage,
  claimMessages,
  loadRaw,
  loadRaws,
  type Settlement,
  settleMessages,
  waitingMessages,
} from '../store/messages/messages.ts';
import { countDeaths, markedTransaction } from '../store/messages/parse-marks.ts';
import { RecordCopy } from '../store/reports/copy-records.ts';
import {
  dropRecords,
  type NewReport,
  type StoredReports,
  type StoreOutcome,
  storeReports,
  takeReportKeys,
} from '../store/reports/reports.ts';
import { classOf, type ReporterTrust, reporterKey } from '../store/reports/trust.ts';
import { dropEmptyPending } from '../store/rollups/pending.ts';
import { loadPolicyReports, policyText, rollUpPolicies } from '../store/rollups/policy-days.ts';
import { rollUp } from '../store/rollups/source-days.ts';
import { keyText } from '../store/sql-text.ts';
import { noteOther, nothingRead, type Privacy, REDACT, writeOthers } from './other-reports.ts';
import { type Readers, readHere } from './reading/pool.ts';
import { BATCH_RECORDS, keysFrom, type ReadReport, type ReadResult } from './reading/protocol.ts';
import type { Months } from './upkeep/months.ts';
import { judgeAtHand, notToBeVerified } from './verify/at-hand.ts';
import type { Judge } from './verify/reporter.ts';

/** A raw mail above this is worked alone, its records copied while they are read. */
const LARGE_RAW_BYTES = 512 * 1024;
/** Raw bytes that a batch may hold in memory. */
const BATCH_RAW_BYTES = 8 * 1024 * 1024;
/**
 * Workers that may die over a message: the first with its batch, two more over it alone. One alone would not do: whoever kills the
 * process twice in a second, for reasons of his own, would set aside what happened to be read.
 */
const DEATHS = 3;

/** How messages are parsed: who reads them, and what the settings say. */
interface Ways {
  readers: Readers;
  limits: Partial<Limits>;
  trust: Config['trust'];
  privacy: Privacy;
  raws: Raws;
  months: Months;
}

/** Raw mails by message key. */
export type Raws = ReadonlyMap<number, Buffer>;

/** What became of one message. */
export interface MessageResult extends Settlement {
  reports: {
    key: number;
    outcome: StoreOutcome;
    records: number;
    messages: number;
    /** What became known of a new report's origin; null when it is to be verified, or not at all. */
    reporter_trust: ReporterTrust | null;
  }[];
  /** Its reports are to be verified, or one that it is a copy of. */
  unverified: boolean;
}

/** What was read from a message. */
export interface ReadMessage {
  message: ClaimedMessage;
  result: ReadResult;
  judge: Judge;
}

export interface BatchResult {
  messages: MessageResult[];
  /** Domains to be judged again: not those of which only what waits to be verified changed. */
  domains: string[];
  /** Messages that still wait because somebody else held their rows: another worker, or the poller noting that it moved the mail. */
  busy: number[];
}

/**
 * Parses waiting messages and writes what they hold: reports, records, rollups, the messages' states and the analyzer's work, in one
 * transaction for a batch of small messages and one for each large one. Safe to repeat: a message that is no longer waiting is left
 * out, and one that another worker holds is skipped.
 * Whether the reports come from whom they say is known at once where nobody needs to be asked; else it is verified afterwards (verify.ts),
 * and until then they wait.
 * A message over which a worker died is parsed with nothing beside it, and after the third death quarantined.
 * @param keys message keys, as a parse job carries them
 * @param readers who reads the mails; without, this thread does
 * @param raws what is at hand of the mails' bytes, by whoever has just stored them; all others are loaded
 * @param months makes the months that are about to be written; without, they share the default partition
 * @throws what Postgres throws: the transaction is rolled back and the messages wait as before
 */
export async function parseMessages(
  db: Db,
  keys: readonly number[],
  limits: Partial<Limits>,
  trust: Config['trust'],
  privacy: Privacy = REDACT,
  readers: Readers = readHere(limits),
  raws: Raws = new Map(),
  months: Months = { before: async () => undefined },
): Promise<BatchResult> {
  const ways: Ways = { readers, limits, trust, privacy, raws, months };
  const total = nothingDone();
  const merge = (result: BatchResult) => addResult(total, result);
  const large: number[] = [];
  let batch: number[] = [];
  let bytes = 0;
  const flush = async () => {
    if (batch.length === 0) return;
    const { result, tooLarge } = await readers.turns.beside(() => parseSmall(db, batch, ways));
    merge(result);
    large.push(...tooLarge);
    batch = [];
    bytes = 0;
  };
  await countDeaths(db, keys);
  const suspects: number[] = [];
  const deadly: number[] = [];
  for (const { message_key, size, worker_deaths } of await waitingMessages(db, keys)) {
    if (worker_deaths >= DEATHS) {
      deadly.push(message_key);
      continue;
    }
    if (worker_deaths > 0) {
      suspects.push(message_key);
      continue;
    }
    if (size > LARGE_RAW_BYTES) {
      large.push(message_key);
      continue;
    }
    if (bytes + size > BATCH_RAW_BYTES) await flush();
    batch.push(message_key);
    bytes += size;
  }
  await flush();
  for (const key of large) merge(await readers.turns.beside(() => parseLarge(db, key, ways)));
  for (const key of suspects) merge(await readers.turns.byItself(() => parseLarge(db, key, ways)));
  if (deadly.length > 0) merge(await setAside(db, deadly));
  const settled = new Set(total.messages.map((m) => m.message_key));
  const unsettled = keys.filter((key) => !settled.has(key));
  if (unsettled.length > 0) total.busy = (await waitingMessages(db, unsettled)).map((m) => m.message_key);
  return total;
}

export const nothingDone = (): BatchResult => ({ messages: [], domains: [], busy: [] });

/** Adds one result to another. */
export function addResult(total: BatchResult, { messages, domains, busy }: BatchResult): void {
  total.messages.push(...messages);
  total.domains = [...new Set([...total.domains, ...domains])];
  total.busy.push(...busy);
}

/** Reads a batch of small messages into memory, then writes all of it. One that proves large inside is handed back. */
async function parseSmall(
  db: Db,
  keys: readonly number[],
  { readers, trust, privacy, raws, months }: Ways,
): Promise<{ result: BatchResult; tooLarge: number[] }> {
  return markedTransaction(db, keys, async (tx) => {
    const claimed = await claimMessages(tx, keys);
    const absent = claimed.filter((m) => !raws.has(m.message_key));
    const loaded = absent.length > 0 ? await loadRaws(tx, absent) : null;
    const rawOf = (key: number) => raws.get(key) ?? loaded?.get(key);
    const present = claimed.flatMap((m) => rawOf(m.message_key) ?? []);
    const reading = readers.small(present, () => takeReportKeys(tx, claimed.length), toVerify(claimed, trust));
    const tooLarge: number[] = [];
    const unit: ReadMessage[] = [];
    const copied = new Set<number>();
    let behind: ReadResult['reports'] = [];
    let records = 0;
    /** Copies the records that lie in memory. They are nobody's yet, so that no lock is held that another could wait for. */
    const copy = async () => {
      await months.before(
        behind.map(({ report }) => report),
        copied.size > 0,
      );
      const lines = new RecordCopy(tx);
      for (const report of behind) {
        await lines.write(report.lines);
        report.lines = '';
        copied.add(report.key);
      }
      await lines.end();
      behind = [];
      records = 0;
    };
    try {
      for (const message of claimed) {
        const got = rawOf(message.message_key) ? (await reading.next()).value! : refusedWith(RAW_MISSING);
        if (got === 'large') {
          tooLarge.push(message.message_key);
          continue;
        }
        const read = 'problem' in got ? refusedWith(got.problem) : got;
        unit.push({ message, result: read, judge: await judgeAtHand(read.origin, message.mailbox, trust) });
        for (const report of read.reports) {
          behind.push(report);
          records += report.report.records;
        }
        if (records >= BATCH_RECORDS) await copy();
      }
      // After the last of them, the reader is free.
      await reading.next();
    } finally {
      await reading.return(undefined);
    }
    await months.before(
      behind.map(({ report }) => report),
      copied.size > 0,
    );
    return { result: unit.length > 0 ? await writeSmall(tx, unit, privacy, copied) : nothingDone(), tooLarge };
  });
}

const RAW_MISSING: Problem = {
  code: 'raw_missing',
  message: 'The raw mail is no longer in the archive, so there is nothing to read.',
};

const refusedWith = (problem: Problem): ReadResult => ({ ...nothingRead(), reports: [], origin: null, refused: [problem] });

/** Whom the readers believe about the authors of these mails; null when nobody asks. */
const toVerify = (messages: readonly ClaimedMessage[], trust: Config['trust']) =>
  messages.some(({ mailbox }) => notToBeVerified(mailbox, trust.check) === null) ? trust : null;

/** Quarantines messages that killed their workers. */
async function setAside(db: Db, keys: readonly number[]): Promise<BatchResult> {
  const reason = `A worker died each of the ${DEATHS} times that the mail was read, twice with nothing else at hand; it is not tried again by itself.`;
  const messages = keys.map((message_key) => ({
    message_key,
    state: 'quarantined' as const,
    code: 'killed_worker',
    reason,
    reports: [],
    unverified: false,
  }));
  await settleMessages(db, messages);
  return { ...nothingDone(), messages };
}

/** Report keys one by one, taken from the sequence `step` at a time. */
export function keySource(tx: Tx, step: number): () => Promise<number> {
  return keysFrom(() => takeReportKeys(tx, step));
}

/**
 * Writes what was read from claimed messages: reports, records, rollups and the messages' states. Once a transaction: it takes the locks
 * that others wait for (identities, then the rows of the rollups), each kind in one order, and a second call would begin again with the first.
 * @param copied reports whose records are written already
 */
export async function writeSmall(
  tx: Tx,
  read: readonly ReadMessage[],
  privacy: Privacy = REDACT,
  copied: ReadonlySet<number> = new Set(),
): Promise<BatchResult> {
  const news: NewReport[] = [];
  const linesOf = new Map<number, string | Uint8Array>();
  for (const { message, result, judge } of read) {
    for (const read of result.reports) {
      news.push(newReport(message, read, judge));
      linesOf.set(read.key, read.lines);
    }
  }
  const decision = await storeReports(tx, news);
  const kept = new Set(decision.kept.map(({ key }) => key));
  const absent = [...kept].filter((key) => !copied.has(key));
  if (absent.length > 0) {
    const copy = new RecordCopy(tx);
    for (const key of absent) await copy.write(linesOf.get(key)!);
    await copy.end();
  }
  await dropRecords(
    tx,
    [...copied].filter((key) => !kept.has(key)),
  );
  return finish(tx, read, news, decision, privacy);
}

function newReport(message: ClaimedMessage, read: Omit<ReadReport, 'lines'>, judge: Judge): NewReport {
  const { part, key, report, doubt } = read;
  const trust = judge(report, doubt);
  const { message_key, received_at } = message;
  return { key, message_key, part, received_at, report, trust, reporter: trust?.reporter ?? reporterOf(report, null, null) };
}

/** Reads one message of any size, copying its records while they come. */
async function parseLarge(db: Db, key: number, { readers, trust, privacy, raws, months }: Ways): Promise<BatchResult> {
  return markedTransaction(db, [key], async (tx) => {
    const [message] = await claimMessages(tx, [key]);
    if (!message) return nothingDone();
    // What was handed to a reader in an attempt before is gone from here.
    const given = raws.get(key);
    const raw = given && given.length > 0 ? given : await loadRaw(tx, message);
    let judge = await judgeAtHand(null, message.mailbox, trust);
    // What loading or storing the mail left in the driver would lie beside it all the while.
    collectYoungGarbage();
    let result: ReadResult = raw ? { ...nothingRead(), reports: [], origin: null } : refusedWith(RAW_MISSING);
    let news: NewReport[] = [];
    const copied = new Set<number>();
    let copy: RecordCopy | null = null;
    const endCopy = async () => {
      await copy?.end();
      copy = null;
    };
    const more = async () => {
      await endCopy();
      return takeReportKeys(tx, 64);
    };
    try {
      for await (const piece of raw ? readers.large(raw, more, toVerify([message], trust)) : []) {
        if (piece.type === 'lines') {
          // What is worked alone is large. A mail's reports are nearly always of one month; the next round takes care of others.
          if (copied.size === 0) await months.before([{ begin: piece.begin, records: BATCH_RECORDS }], false);
          copy ??= new RecordCopy(tx);
          copied.add(piece.key);
          await copy.write(piece.lines);
        } else if (piece.type === 'report') {
          result.reports.push({ ...piece, lines: '' });
          news.push(newReport(message, piece, judge));
        } else if (piece.type === 'origin') {
          judge = await judgeAtHand(piece.origin, message.mailbox, trust);
        } else if (piece.type === 'event') {
          noteOther(piece.event, result);
        } else {
          result = refusedWith(piece.problem);
          news = [];
        }
      }
      await endCopy();
    } catch (error) {
      await (copy as RecordCopy | null)?.abort(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    const decision = await storeReports(tx, news);
    const stays = new Set(news.filter((r) => decision.outcomes.get(r.key) !== 'duplicate').map((r) => r.key));
    await dropRecords(
      tx,
      [...copied].filter((report_key) => !stays.has(report_key)),
    );
    return finish(tx, [{ message, result, judge }], news, decision, privacy);
  });
}

async function finish(
  tx: Tx,
  read: readonly ReadMessage[],
  news: readonly NewReport[],
  decision: StoredReports,
  privacy: Privacy,
): Promise<BatchResult> {
  const ours = new Map(news.map((r) => [r.key, r]));
  const sizeOf = ({ key, report }: NewReport) => ({
    records: report.records,
    messages: report.messages,
    ...decision.allowances.get(key)!,
  });
  const left = [...decision.signs.keys()].filter((key) => !ours.has(key));
  const leaving = new Map((await loadPolicyReports(tx, left)).map((report) => [report.key, report]));
  const changes = [...decision.signs].map(([key, sign]) => {
    const mine = ours.get(key);
    const trust = mine ? classOf(mine.trust) : leaving.get(key)!.trust;
    const report = mine?.report ?? leaving.get(key)!;
    const reporter = mine ? reporterKey(mine.reporter) : leaving.get(key)!.reporter;
    const size = mine ? sizeOf(mine) : leaving.get(key)!.size;
    return { key, sign, trust, reporter, begin: report.begin, size, report };
  });
  await rollUp(tx, changes);
  await rollUpPolicies(tx, changes);
  await dropEmptyPending(tx, changes);
  const judged = decision.kept.filter(({ trust }) => trust !== null && trust.reporter_trust !== null);
  // What stands and tells a policy was noted with it. (What waits to be verified is noted by its verdict.)
  const silent = judged.filter(({ key, report }) => !decision.signs.has(key) || policyText(report.policy) === '');
  await noteDomains(
    tx,
    silent.map(({ report }) => keyText(report.domain)),
  );
  const aside = decision.kept.filter(({ key }) => !decision.signs.has(key));
  await noteSources(
    tx,
    aside.map((one) => ({ key: one.key, begin: one.report.begin, trust: classOf(one.trust), size: sizeOf(one) })),
  );
  await writeOthers(tx, read, privacy);

  const messages: MessageResult[] = read.map(({ message, result }) => ({
    ...verdict(message.message_key, result),
    reports: news
      .filter((r) => r.message_key === message.message_key)
      .map((r) => ({
        key: r.key,
        outcome: decision.outcomes.get(r.key)!,
        records: r.report.records,
        messages: r.report.messages,
        reporter_trust: (decision.outcomes.get(r.key) !== 'duplicate' && r.trust?.reporter_trust) || null,
      })),
    unverified: decision.unverified.has(message.message_key),
  }));
  await settleMessages(tx, messages);
  const domains = new Set(judged.map(({ report }) => report.domain));
  for (const { report } of aside) domains.add(report.domain);
  for (const { report, trust } of changes) if (trust !== 'pending') domains.add(report.domain);
  return { messages, domains: [...domains], busy: [] };
}

/** A message that held a report is stored, whatever else was in it; the first thing that could not be read is kept as its reason. */
function verdict(message_key: number, result: ReadResult): Settlement {
  const trouble = result.refused[0] ?? result.other[0] ?? null;
  const reports = result.reports.length + result.tls.length + result.failures.length;
  const state = reports > 0 ? 'stored' : result.refused.length > 0 ? 'quarantined' : 'ignored';
  return { message_key, state, code: trouble?.code ?? null, reason: trouble?.message ?? null };
}
