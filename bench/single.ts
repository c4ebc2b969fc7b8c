import { createReadStream, readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { from as copyFrom } from 'pg-copy-streams';
import type { BatchResult } from '../services/parser/batch-result.ts';
import { nothingElse } from '../services/parser/reading/other-result.ts';
import { BATCH_RECORDS, keysFrom } from '../services/parser/reading/protocol.ts';
import { verdictUnverified } from '../services/parser/verify/while-parsing.ts';
import { attributed, type ReadMessage, writeMessages } from '../services/parser/write-messages.ts';
import type { AggregateRecord, AggregateReport, ReadEvent } from '../services/report/model.ts';
import { readMessage } from '../services/report/read-mail.ts';
import { openPool, type Tx, transaction } from '../services/shared/runtime/db.ts';
import { storeImports } from '../services/store/messages/imports.ts';
import { claimMessages } from '../services/store/messages/messages.ts';
import { COPY_RECORDS } from '../services/store/reports/copy-records.ts';
import { RecordLines } from '../services/store/reports/record-lines.ts';
import { takeReportKeys } from '../services/store/reports/reports.ts';
import { arrivalOf } from '../test/helpers/arrival.ts';
import { linesOf } from '../test/helpers/lines.ts';
import { CONNECTIONS, files, type StageInput, warm } from './input.ts';
import { type Measure, measure, type Work } from './measure.ts';
import { attachmentsOf, unpack } from './payloads.ts';

/**
 * Decompressing and decoding the same payloads, nothing else. The text is looked at once, so that the
 * decoding cannot be left out.
 */
export async function floorRead(stage: string, input: StageInput): Promise<Measure> {
  const packed = files(input.path).map((file) => attachmentsOf(readFileSync(file)));
  return measure(stage, null, async () => {
    const work = { mails: packed.length, reports: 0, records: 0, bytes: 0 };
    for (const attachment of packed.flat()) {
      const { text, size } = unpack(attachment);
      work.bytes += size;
      work.reports++;
      for (let at = text.indexOf('<record>'); at >= 0; at = text.indexOf('<record>', at + 8)) work.records++;
    }
    return work;
  });
}

/** The same for one large gzip file, as a stream. */
export async function largeFloorRead(stage: string, input: StageInput): Promise<Measure> {
  return measure(stage, null, async () => {
    const work = { mails: 1, reports: 1, records: 0, bytes: 0 };
    const decoder = new TextDecoder('utf-8');
    let tail = '';
    for await (const chunk of createReadStream(input.path).pipe(createGunzip({ chunkSize: 256 * 1024 }))) {
      work.bytes += (chunk as Buffer).length;
      const text = tail + decoder.decode(chunk as Buffer, { stream: true });
      for (let at = text.indexOf('<record>'); at >= 0; at = text.indexOf('<record>', at + 8)) work.records++;
      tail = text.slice(-7);
    }
    return work;
  });
}

/** The reader over all mails to the lines of COPY, on one core. */
export async function read(stage: string, input: StageInput): Promise<Measure> {
  const raws = files(input.path).map((file) => readFileSync(file));
  const measured = await measure(stage, null, async () => {
    const work: Work = { mails: raws.length, reports: 0, records: 0 };
    const sink = new RecordLines();
    for (const raw of raws) {
      for await (const event of readMessage(raw, { sink })) {
        sink.drop();
        if (event.type === 'report') {
          work.reports++;
          work.records += event.report.records;
        } else if ('problem' in event) throw unread(event);
      }
    }
    return work;
  });
  // Counted apart: the reader does not say how long its documents were.
  let bytes = 0;
  if (stage === 'read') for (const raw of raws) for (const attachment of attachmentsOf(raw)) bytes += unpack(attachment).size;
  return bytes === 0 ? measured : { ...measured, mb_per_s: Math.round(bytes / 1e5 / measured.seconds) / 10 };
}

/** The load is all report mails: any other event means that the bench is not measuring what it says. */
function unread(event: ReadEvent): Error {
  return new Error(`A mail of the load was not read: ${JSON.stringify(event).slice(0, 500)}`);
}

/** A mail of one report, read into memory before what is timed. */
interface ReadMail {
  raw: Buffer;
  file: string;
  report: AggregateReport;
  records: AggregateRecord[];
}

async function readAll(at: string): Promise<ReadMail[]> {
  const mails: ReadMail[] = [];
  for (const file of files(at)) {
    const raw = readFileSync(file);
    const records: AggregateRecord[] = [];
    for await (const event of readMessage(raw)) {
      if (event.type === 'records') for (const record of event.records) records.push(record);
      else if (event.type === 'report') mails.push({ raw, file, report: event.report, records });
      else throw unread(event);
    }
  }
  return mails;
}

/** Groups of about BATCH_RECORDS records: what goes into one transaction. */
function batches(mails: readonly ReadMail[]): ReadMail[][] {
  const groups: ReadMail[][] = [];
  let group: ReadMail[] = [];
  let records = 0;
  for (const mail of mails) {
    group.push(mail);
    records += mail.records.length;
    if (records < BATCH_RECORDS) continue;
    groups.push(group);
    group = [];
    records = 0;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

async function inParallel<T>(connections: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: connections }, worker));
}

/**
 * COPY of the very rows that the load becomes, their text made beforehand, into the same table with its
 * indexes.
 */
export async function floorCopy(stage: string, input: StageInput, connections: number): Promise<Measure> {
  const db = openPool(input.databaseUrl!, { max: connections });
  let key = 0;
  let records = 0;
  const mails = await readAll(input.path);
  const groups = batches(mails).map((group) => {
    const lines = group.map(({ report, records: of }) => linesOf({ key: ++key, n: 1, begin: report.begin }, of));
    for (const { report } of group) records += report.records;
    return Buffer.concat(lines);
  });
  await warm(db, connections);
  try {
    return await measure(stage, input.postmaster, async () => {
      await inParallel(connections, groups, (text) =>
        transaction(db, async (tx) => {
          const stream = tx.query(copyFrom(COPY_RECORDS));
          const done = finished(stream);
          stream.end(text);
          await done;
        }),
      );
      return { mails: mails.length, reports: key, records };
    });
  } finally {
    await db.end();
  }
}

/**
 * From reports in memory to committed rows: identities, duplicates, records, rollups, states. The raw mails
 * are stored before.
 */
export async function store(stage: string, input: StageInput): Promise<Measure> {
  const db = openPool(input.databaseUrl!, { max: CONNECTIONS });
  const groups = batches(await readAll(input.path));
  const keys: Map<number, ReadMail>[] = [];
  for (const group of groups) {
    const mails = group.map(({ raw, file }) => ({ ...arrivalOf(raw), file }));
    const imported = await transaction(db, (tx) => storeImports(tx, mails));
    keys.push(new Map(imported.map((row, i) => [row.message_key, group[i]!])));
  }
  await warm(db, CONNECTIONS);
  try {
    return await measure(stage, input.postmaster, async () => {
      const work = { mails: 0, reports: 0, records: 0 };
      await inParallel(CONNECTIONS, keys, async (group) => {
        const written = await transaction(db, (tx) => storeGroup(tx, group));
        work.mails += written.messages.length;
        for (const report of written.messages.flatMap((message) => message.reports)) {
          work.reports++;
          work.records += report.records;
        }
      });
      return work;
    });
  } finally {
    await db.end();
  }
}

/** What the parser does with a batch of small messages once they are read. */
async function storeGroup(tx: Tx, group: ReadonlyMap<number, ReadMail>): Promise<BatchResult> {
  const claimed = await claimMessages(tx, [...group.keys()]);
  const keyOf = keysFrom(() => takeReportKeys(tx, claimed.length));
  const read: ReadMessage[] = [];
  for (const message of claimed) {
    const { report, records } = group.get(message.message_key)!;
    const key = await keyOf();
    const lines = linesOf({ key, n: 1, begin: report.begin }, records);
    const verdictOf = verdictUnverified(message.mailbox, 'off')!;
    const reports = [attributed({ part: 0, key, report, lines, doubt: null }, message, verdictOf)];
    read.push({ message, reports, result: nothingElse() });
  }
  return writeMessages(tx, read);
}
