import { BATCH_LENGTH, type Limits, Refusal } from '../limits.ts';
import type { AggregateRecord, PolicyPublished } from '../model.ts';
import { Aligner } from './alignment.ts';
import { ContentHash } from './identity.ts';
import { sourceOf } from './source.ts';

/**
 * The records of one report on their way to whoever takes the batches: counted, hashed, held back until the
 * policy is known, evaluated against it, and gathered in batches. Records keep their document order.
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
  private batch: AggregateRecord[] = [];
  /** Characters in the batch being filled, and in the records held back. */
  private batchLength = 0;
  private heldLength = 0;
  private held: AggregateRecord[] | null = [];
  private aligner: Aligner | null = null;

  constructor(limits: Limits, batchSize: number) {
    this.limits = limits;
    this.batchSize = batchSize;
  }

  /** Records are held back: the policy is not known yet. */
  get holding(): boolean {
    return this.held !== null;
  }

  /**
   * Adds a record that has not been evaluated.
   * @param ip its address as the content hash takes it: canonical, or as it was sent when it is no address
   * @param rest its `restOf`
   * @throws Refusal `too_many_records`, `too_many_messages`, `records_before_policy`
   */
  add(record: AggregateRecord, ip: string | null, rest: string): void {
    const length = this.count(record, ip, rest);
    if (this.held === null) {
      this.evaluate(record);
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
    this.held.push(record);
  }

  /** The policy is known, or will not come: the records held back are evaluated and go out. */
  release(policy: PolicyPublished): void {
    const held = this.held ?? [];
    this.held = null;
    this.aligner = new Aligner(policy);
    for (const record of held) {
      this.evaluate(record);
      this.append(record, 0);
    }
  }

  /** The document has ended: the last batch is full. */
  endBatch(): void {
    if (this.batch.length > 0) this.batches.push(this.batch);
    this.batch = [];
    this.batchLength = 0;
  }

  /** Counts a record and adds it to the content hash; returns how many characters it holds. */
  private count(record: AggregateRecord, ip: string | null, rest: string): number {
    if (this.records >= this.limits.records) {
      throw new Refusal('too_many_records', `The report has more than ${this.limits.records} records.`);
    }
    if (this.messages + record.count > this.limits.messages) {
      throw new Refusal('too_many_messages', `The report counts more than ${this.limits.messages} messages.`);
    }
    this.records++;
    this.messages += record.count;
    if (this.commonFrom !== '' && this.commonFrom !== record.header_from) {
      this.commonFrom = this.commonFrom === null ? (record.header_from ?? '') : '';
    }
    return this.content.record(ip, record.count, rest);
  }

  /** Fills in our own verdict on a record. */
  private evaluate(record: AggregateRecord): void {
    const aligner = this.aligner as Aligner;
    const alignment = aligner.evaluate(record);
    const from = sourceOf(record, aligner);
    record.dkim_aligned = alignment.dkim_aligned;
    record.spf_aligned = alignment.spf_aligned;
    record.source = from.source;
    record.forwarded = from.forwarded;
    record.foreign_dkim = from.foreign_dkim;
    record.foreign_spf = from.foreign_spf;
  }

  /** @param length characters of the record, which count towards the length of its batch */
  private append(record: AggregateRecord, length: number): void {
    this.batch.push(record);
    if (this.batch.length >= this.batchSize) this.endBatch();
    this.batchLength += length;
    if (this.batchLength >= BATCH_LENGTH) this.endBatch();
  }
}
