import { BATCH_LENGTH, type Limits, Refusal } from '../limits.ts';
import type { AggregateRecord, PolicyPublished } from '../model.ts';
import { HEADER_FROM } from '../xml/report-elements.ts';
import { Aligner } from './alignment.ts';
import { ContentHash } from './content-hash.ts';
import type { RecordFields } from './record.ts';
import { type Verdict, verdictOf } from './source.ts';

/** Takes records instead of the batches: a record's values last until it returns. */
export interface RecordSink {
  /** @param begin the report's, in seconds since the epoch */
  add(record: RecordFields, verdict: Verdict, begin: number): void;
}

/**
 * The records of one report on their way to whoever takes them: counted, hashed, held back until the policy
 * is known, evaluated against it, and given to the sink or gathered in batches. Records keep their document
 * order.
 */
export class RecordStream {
  /** Full batches, to be taken away by the caller. */
  readonly batches: AggregateRecord[][] = [];
  readonly content = new ContentHash();
  records = 0;
  messages = 0;
  /** The header_from that all records share; null before the first record, '' once two differ. */
  commonFrom: string | null = null;
  private readonly limits: Limits;
  private readonly batchSize: number;
  private readonly sink: RecordSink | null;
  private begin = 0;
  private batch: AggregateRecord[] = [];
  /** Octets in the batch being filled, and in the records held back. */
  private batchLength = 0;
  private heldLength = 0;
  private held: RecordFields[] | null = [];
  private aligner: Aligner | null = null;

  constructor(limits: Limits, batchSize: number, sink: RecordSink | null) {
    this.limits = limits;
    this.batchSize = batchSize;
    this.sink = sink;
  }

  /** Records are held back: the policy is not known yet. */
  get holding(): boolean {
    return this.held !== null;
  }

  /**
   * Adds a record that has not been evaluated.
   * @throws Refusal `too_many_records`, `too_many_messages`, `records_before_policy`
   */
  add(record: RecordFields): void {
    const length = this.count(record);
    if (this.held === null) {
      this.append(record, length);
      return;
    }
    this.heldLength += length;
    if (this.held.length >= this.limits.heldRecords || this.heldLength > this.limits.heldBytes) {
      throw new Refusal(
        'records_before_policy',
        `More than ${this.held.length} records come before report_metadata and policy_published, without which they cannot be evaluated.`,
      );
    }
    this.held.push(record.copy());
  }

  /** The policy is known, or will not come: the records held back are evaluated and go out. */
  release(policy: PolicyPublished, begin: number): void {
    const held = this.held ?? [];
    this.held = null;
    this.begin = begin;
    this.aligner = new Aligner(policy);
    for (const record of held) this.append(record, 0);
  }

  /** The document has ended: the last batch is full. */
  endBatch(): void {
    if (this.batch.length > 0) this.batches.push(this.batch);
    this.batch = [];
    this.batchLength = 0;
  }

  /** Counts a record and adds it to the content hash; returns how many octets it holds. */
  private count(record: RecordFields): number {
    if (this.records >= this.limits.records) {
      throw new Refusal('too_many_records', `The report has more than ${this.limits.records} records.`);
    }
    if (this.messages + record.count > this.limits.messages) {
      throw new Refusal('too_many_messages', `The report counts more than ${this.limits.messages} messages.`);
    }
    this.records++;
    this.messages += record.count;
    if (this.commonFrom !== '') {
      const from = record.text(HEADER_FROM);
      if (this.commonFrom !== from) this.commonFrom = this.commonFrom === null ? (from ?? '') : '';
    }
    return this.content.record(record);
  }

  /** @param length octets of the record, which count towards the length of its batch */
  private append(record: RecordFields, length: number): void {
    const verdict = verdictOf(record.authenticated(), this.aligner as Aligner);
    if (this.sink !== null) {
      this.sink.add(record, verdict, this.begin);
      return;
    }
    this.batch.push({ ...record.asObject(), ...verdict });
    if (this.batch.length >= this.batchSize) this.endBatch();
    this.batchLength += length;
    if (this.batchLength >= BATCH_LENGTH) this.endBatch();
  }
}
