import { dayOf } from '../../shared/days.ts';
import { codeOf, messageOf, TransientError } from '../../shared/errors.ts';
import type { Db } from '../../shared/runtime/db.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { type LineBatch, type LineGroup, storeLines, type Unparsed } from '../../store/sending/lines.ts';
import type { LogSource } from '../../store/sending/sources.ts';
import { type Entry, takeLine } from '../lines/entry.ts';
import type { Raw } from '../lines/raw.ts';
import { type HashName, sampleOf } from '../privacy.ts';
import type { Program } from '../programs/index.ts';

/** What happened to lines, by what is counted: `ruawatch_log_lines_total`. */
export type Outcome = 'stored' | 'known' | 'foreign' | 'unparsed' | 'old';
export type Counts = Partial<Record<Outcome, number>>;

/**
 * Whether Postgres refuses the lines for what they are (classes 22 and 23). Every other reason passes:
 * whoever sent them sends them again.
 */
export const isUnstorable = (error: unknown): boolean => /^2[23]...$/.test(codeOf(error) ?? '');

/** Lines that one transaction stores, and bytes that may wait for one. */
const MOST_LINES = 5_000;
const MOST_WAITING_BYTES = 32 * 1024 * 1024;
/** Lines of one queue id in one delivery; no message has more. */
const MOST_OF_ONE_ID = 500;
const MOST_SAMPLES = 3;

/** A delivery whose lines wait to be stored. */
interface Waiting {
  source: LogSource;
  entries: Entry[];
  unparsed: Map<Program, { lines: number; samples: string[] }>;
  bytes: number;
  done: () => void;
  failed: (error: unknown) => void;
}

export interface WriterMeans {
  db: Db;
  log: Log;
  hash: HashName;
  programs: ReadonlySet<Program>;
  now(): Date;
  count(source: string, counts: Counts): void;
}

/**
 * Takes deliveries of lines, and stores them. Those that arrive while a transaction runs are stored together
 * in the next one. `take` resolves when its lines are committed, so whoever waits for it can acknowledge
 * them.
 */
export class Writer {
  private readonly means: WriterMeans;
  private waiting: Waiting[] = [];
  private bytes = 0;
  private running: Promise<void> | null = null;
  /** Why the newest transaction failed; null: it did not. */
  failure: string | null = null;

  constructor(means: WriterMeans) {
    this.means = means;
  }

  /** Whether so much waits that nothing more should be taken. */
  get full(): boolean {
    return this.bytes >= MOST_WAITING_BYTES;
  }

  /**
   * Reads and stores lines.
   * @throws TransientError `logs_waiting` when too much waits; otherwise what the store throws
   */
  async take(source: LogSource, raws: readonly Raw[]): Promise<Counts> {
    if (this.full) throw new TransientError('logs_waiting', 'Too many lines wait to be stored: send them again later.');
    const { counts, entries, unparsed, bytes } = this.read(source, raws);
    if (entries.length > 0 || unparsed.size > 0)
      await new Promise<void>((done, failed) => {
        this.bytes += bytes;
        this.waiting.push({ source, entries, unparsed, bytes, done, failed });
        this.running ??= this.run();
      });
    this.means.count(source.name, counts);
    return counts;
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.running;
  }

  private read(source: LogSource, raws: readonly Raw[]) {
    const { hash, programs } = this.means;
    const now = this.means.now().getTime();
    const options = { now, hash, programs, host: source.name };
    const oldest = source.dropped_before?.getTime() ?? Number.NEGATIVE_INFINITY;
    const counts: Counts = {};
    const add = (outcome: Outcome) => {
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    };
    const entries: Entry[] = [];
    const unparsed: Waiting['unparsed'] = new Map();
    let bytes = 0;
    for (const raw of raws) {
      const taken = takeLine(raw, options);
      if (taken.kept !== null) {
        if (taken.kept.at < oldest) {
          add('old');
          continue;
        }
        entries.push(taken.kept);
        bytes += taken.kept.text.length + 200;
        add('stored');
        continue;
      }
      add(taken.why);
      if (taken.why !== 'unparsed') continue;
      const of = unparsed.get(taken.program) ?? { lines: 0, samples: [] };
      unparsed.set(taken.program, of);
      of.lines++;
      if (of.samples.length < MOST_SAMPLES) of.samples.push(sampleOf(taken.redacted));
    }
    return { counts, entries, unparsed, bytes };
  }

  private async run(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch: Waiting[] = [];
      let lines = 0;
      while (this.waiting.length > 0 && (batch.length === 0 || lines + this.waiting[0]!.entries.length <= MOST_LINES)) {
        const next = this.waiting.shift()!;
        lines += next.entries.length;
        batch.push(next);
      }
      await this.store(batch);
      for (const { bytes } of batch) this.bytes -= bytes;
    }
    this.running = null;
  }

  /**
   * Stores deliveries together; when that fails for a reason that stays, each by itself, so that one cannot
   * hold up the others.
   */
  private async store(batch: readonly Waiting[]): Promise<void> {
    try {
      await storeLines(this.means.db, this.batchOf(batch));
      this.failure = null;
      for (const one of batch) one.done();
    } catch (error) {
      if (isUnstorable(error) && batch.length > 1) {
        for (const one of batch) await this.store([one]);
        return;
      }
      if (this.failure === null)
        this.means.log.warn({ err: messageOf(error) }, 'lines could not be stored; their sender must send them again');
      this.failure = messageOf(error);
      for (const one of batch) one.failed(error);
    }
  }

  private batchOf(batch: readonly Waiting[]): LineBatch {
    const groups = new Map<string, LineGroup>();
    const changes: LineBatch['changes'] = [];
    const unparsed = new Map<string, Unparsed>();
    const now = this.means.now();
    for (const { source, entries, unparsed: unread } of batch) {
      for (const entry of entries) addEntry(source, entry, { groups, changes });
      for (const [program, { lines, samples }] of unread) {
        const key = `${source.source_id} ${program}`;
        const found = unparsed.get(key) ?? { source_id: source.source_id, program, day: dayOf(now), lines: 0, samples: [] };
        unparsed.set(key, found);
        found.lines += lines;
        found.samples.push(...samples.slice(0, MOST_SAMPLES - found.samples.length));
      }
    }
    const sources = [...new Set(batch.map(({ source }) => source.source_id))];
    return { groups: [...groups.values()], changes, unparsed: [...unparsed.values()], sources, received: now };
  }
}

function addEntry(
  { source_id }: LogSource,
  { at, hash, host, program, tag, queueId, text, place, change }: Entry,
  { groups, changes }: { groups: Map<string, LineGroup>; changes: LineBatch['changes'] },
): void {
  if (change !== undefined) {
    const { kind: _, ...what } = change;
    changes.push({ source_id, hash, at, host, program, ...what, words: text.slice(0, 500) });
    return;
  }
  const key = `${source_id}\0${host}\0${queueId}`;
  const group = groups.get(key) ?? { source_id, host, queue_id: queueId, lines: [] };
  groups.set(key, group);
  if (group.lines.length >= MOST_OF_ONE_ID) return;
  group.lines.push({ at, hash, program, tag, text, ...(place === undefined ? {} : { place }) });
}
