import { canonicalAddress } from '../address.ts';
import { hostNameOf } from '../hostname.ts';
import { BATCH_LENGTH, type Limits, Refusal } from '../limits.ts';
import type { AggregateRecord, AggregateReport } from '../model.ts';
import { Problems } from '../problems.ts';
import { excerpt, shown, wholeNumber } from '../text.ts';
import * as el from '../xml/elements.ts';
import { copied } from '../xml/shapes.ts';
import { Aligner } from './alignment.ts';
import { ContentHash, identityOf, restOf } from './identity.ts';
import { type NameHint, Preamble } from './metadata.ts';
import { RecordFields, type Row } from './record.ts';
import { sourceFrom, sourceOf } from './source.ts';

/** What the records of a report have in common that differ in address and count alone. */
export interface Likeness {
  record: AggregateRecord;
  /** Its `restOf`. */
  rest: string;
  /** The characters of its text, without address and count. */
  length: number;
}

/**
 * Builds the model out of element events, whichever reader they come from: `open`, `text` and `close` for each element in document
 * order, then `finish`. Whole batches of records wait in `batches`; records keep their document order.
 *
 * Elements may come in any order, be absent, repeated or unknown. A value given twice keeps its first non-empty one.
 * Throws a Refusal at a limit of rule 7.
 */
export class AggregateBuilder {
  /** Full batches, to be taken away by whoever feeds the events. */
  readonly batches: AggregateRecord[][] = [];
  readonly problems = new Problems();
  private readonly preamble: Preamble;
  /** The text of the record just closed, for a record that is set aside. */
  recordText: () => string = () => '';
  /** A record begins. */
  onRecordStart: (() => void) | null = null;
  /** A feedback element was opened; and closed. */
  started = false;
  ended = false;
  /** A child of feedback ended just now: a place to go on from when the document breaks later. */
  onChildEnd: (() => void) | null = null;

  private readonly limits: Limits;
  private readonly batchSize: number;
  private readonly hint: NameHint | null;
  private batch: AggregateRecord[] = [];
  /** Characters in the batch being filled, in the records held back, and in the child of feedback being read. */
  private batchLength = 0;
  private heldLength = 0;
  private childLength = 0;
  private held: AggregateRecord[] | null = [];
  private aligner: Aligner | null = null;

  private readonly stack: number[] = [];
  private at: number = el.DOCUMENT;
  private buffer = '';
  /** The latest value of each element. */
  private readonly last: string[] = new Array<string>(el.S_HUMAN + 1).fill('');

  private metadata = 0;
  private metadataDone = false;
  private span: { begin: number; end: number } | null = null;
  private policies = 0;
  private policyDone = false;

  private readonly fields: RecordFields;
  /** Problems told before the record being read; and the record read last, when nothing was odd about it. */
  private toldBefore = 0;
  private regular: AggregateRecord | null = null;
  private regularRest = '';

  private records = 0;
  private messages = 0;
  /** The header_from all records share; null before the first record, '' once two differ. */
  private commonFrom: string | null = null;
  private readonly content = new ContentHash();

  /** `hint` is what the file name says. */
  constructor(limits: Limits, batchSize: number, hint: NameHint | null) {
    this.limits = limits;
    this.batchSize = batchSize;
    this.hint = hint;
    this.preamble = new Preamble(this.problems);
    this.fields = new RecordFields(this.problems, limits.children);
  }

  /** The begin of the report; known as soon as a batch is. */
  get beginAt(): number {
    return (this.span as { begin: number }).begin;
  }

  /** An element begins. `tag` is the name as written, prefix and all. */
  open(tag: string): void {
    this.stack.push(this.at);
    const what = el.childOf(this.at, tag);
    this.at = what;
    switch (what) {
      case el.FEEDBACK:
        this.started = true;
        break;
      case el.METADATA:
        this.metadata++;
        this.childLength = 0;
        break;
      case el.POLICY:
        this.policies++;
        this.childLength = 0;
        if (this.policies > 1) {
          this.at = el.SKIPPED;
          this.problems.add('several_policies', 'The report has more than one policy_published; the first one is taken.');
        }
        break;
      case el.RECORD:
        this.fields.begin();
        this.childLength = 0;
        this.toldBefore = this.problems.told;
        this.regular = null;
        if (this.onRecordStart !== null) this.onRecordStart();
        break;
      case el.ROW:
      case el.REASON:
      case el.DKIM:
      case el.SPF:
        this.fields.open(what);
        break;
    }
  }

  /** Character data, entities resolved; a text may come in several pieces. */
  text(piece: string): void {
    if (this.at < el.LEAF) return;
    this.buffer = this.buffer === '' ? piece : this.buffer + piece;
    if (this.buffer.length > this.limits.textLength) throw textTooLong(this.limits);
    this.childLength += piece.length;
    if (this.childLength > this.limits.recordLength) {
      throw new Refusal('record_too_long', `A record of the report holds more than ${this.limits.recordLength} characters.`);
    }
  }

  /** The innermost element ends. */
  close(): void {
    const what = this.at;
    this.at = this.stack.pop() ?? el.DOCUMENT;
    if (what >= el.LEAF) {
      if (this.buffer !== '') {
        // Most values are those of the record before: to keep that one string spares the memory of all the others.
        const value = this.buffer === this.last[what] ? this.last[what] : this.buffer;
        this.last[what] = value;
        this.buffer = '';
        if (what >= el.SOURCE_IP) this.fields.set(what, value);
        else this.preamble.set(what, value);
      }
      return;
    }
    if (what === el.RECORD) this.endRecord();
    else if (what === el.POLICY) {
      this.policyDone = true;
      this.release();
    } else if (what === el.METADATA) {
      this.metadataDone = true;
      this.release();
    } else if (what === el.FEEDBACK) this.ended = true;
    if (this.at === el.FEEDBACK && this.onChildEnd !== null) this.onChildEnd();
  }

  /**
   * The document broke: forget what is open up to feedback. A child that was open is dropped, so that only whole ones count, and a
   * broken-off policy may be given again.
   */
  abandonChild(): void {
    if (this.stack.includes(el.POLICY) || this.at === el.POLICY) this.policies = 0;
    // Metadata are read again from their start, and errors would be told twice.
    if (this.stack.includes(el.METADATA) || this.at === el.METADATA) this.preamble.errors.length = 0;
    this.stack.length = 0;
    this.stack.push(el.DOCUMENT);
    this.at = el.FEEDBACK;
    this.buffer = '';
  }

  /** A record that could not be read stands in the problems with its text. */
  setAside(code: string, why: string, text: string): void {
    this.problems.add(code, `A record was set aside: ${why}. Its text: ${excerpt(text)}`);
  }

  /**
   * The report, and its last batch in `batches`. `salvaged` says that the document was not well-formed.
   *
   * @throws Refusal `metadata_missing`, `date_range_missing`, `date_range_invalid` when the report cannot be told from others,
   * `policy_domain_invalid` when what it is about is not a domain.
   */
  finish(salvaged: boolean): AggregateReport {
    const { preamble } = this;
    if (this.metadata === 0 || preamble.anonymous) {
      throw new Refusal('metadata_missing', 'The report says neither who made it nor its id, so it cannot be told from others.');
    }
    this.span ??= this.preamble.range(this.hint);
    if (this.span === null) {
      throw new Refusal('date_range_missing', 'The report says neither when it begins nor when it ends.');
    }
    const { begin, end } = this.span;
    this.metadataDone = true;
    this.policyDone = true;
    this.release();
    this.endBatch();
    if (this.policies === 0) {
      this.problems.add('policy_missing', 'The report has no policy_published; alignment is judged as relaxed.');
    }
    const domain = this.domain();
    if (preamble.policy.domain === null) {
      this.problems.add(
        'policy_domain_missing',
        domain === ''
          ? 'The report does not say which domain it is about.'
          : `The report names no policy domain; its records are all from ${excerpt(domain, 255)}.`,
      );
    }
    if (preamble.report_id === null) {
      this.problems.add('report_id_missing', 'The report has no report_id; its content stands in for it.');
    }
    const content_hash = this.content.finish(preamble, begin, end);
    const identity = identityOf(preamble, domain, begin, end, content_hash);
    return {
      kind: 'aggregate',
      org_name: preamble.org_name,
      org_email: preamble.org_email,
      extra_contact_info: preamble.extra_contact_info,
      report_id: preamble.report_id ?? '',
      domain,
      begin,
      end,
      version: preamble.version,
      generator: preamble.generator,
      errors: preamble.errors,
      policy: preamble.policy,
      problems: this.problems.list(),
      salvaged,
      records: this.records,
      messages: this.messages,
      identity,
      content_hash,
    };
  }

  /**
   * The domain that the report is about, as a host name. It becomes a key, a subject line and a question to DNS: what is no host name
   * is refused. Without one, that of all its records counts when it is one; "" when there is none.
   */
  private domain(): string {
    const said = this.preamble.policy.domain;
    if (said === null) return hostNameOf(this.commonFrom ?? '') ?? '';
    const domain = hostNameOf(said);
    if (domain !== null) return domain;
    throw new Refusal(
      'policy_domain_invalid',
      `The domain that the report says it is about is not a host name: ${shown(said, 80)}.`,
    );
  }

  private endRecord(): void {
    const { fields } = this;
    if (fields.rows === 0) {
      this.setAside('record_without_row', 'it has no row, so no count', this.recordText());
      return;
    }
    if (fields.rows > 1) {
      this.problems.add('several_rows', 'A record has more than one row; each counts as a record with the same identifiers.');
      for (const row of fields.extraRows) this.endRow(row);
    }
    this.endRow(fields.row);
  }

  private endRow(row: Row): void {
    let count = 0;
    if (row.count === null) {
      this.problems.add('record_count_missing', 'A record has no count; it counts no messages.');
    } else {
      const number = wholeNumber(row.count);
      if (number !== null && number > this.limits.recordMessages) {
        this.setAside(
          'record_count_too_large',
          `its count of ${number} messages is more than one address sends (limits.recordMessages: ${this.limits.recordMessages})`,
          this.recordText(),
        );
        return;
      }
      if (number === null) {
        this.setAside(
          'record_count_invalid',
          `its count is not a number of messages (${excerpt(row.count, 40)})`,
          this.recordText(),
        );
        return;
      }
      count = number;
    }
    let source_ip: string | null = null;
    if (row.ip !== null) {
      source_ip = canonicalAddress(row.ip);
      if (source_ip === null) {
        this.problems.add('source_ip_invalid', `A record has a source_ip that is no address: ${excerpt(row.ip, 80)}.`);
      }
    }
    const { fields } = this;
    const record: AggregateRecord = {
      source_ip,
      count,
      disposition: row.disposition,
      dkim: row.dkim,
      spf: row.spf,
      reasons: row.reasons,
      header_from: fields.header_from,
      envelope_from: fields.envelope_from,
      envelope_to: fields.envelope_to,
      auth: { dkim: fields.dkim, spf: fields.spf },
      dkim_aligned: false,
      spf_aligned: false,
      source: '',
      forwarded: false,
      foreign_dkim: null,
      foreign_spf: null,
    };
    const rest = restOf(record);
    const length = this.tally(record, source_ip ?? row.ip, rest);
    if (this.held === null) {
      this.judge(record);
      this.deliver(record, length);
      if (source_ip !== null && !fields.repeats && fields.rows === 1 && this.problems.told === this.toldBefore) {
        this.regular = record;
        this.regularRest = rest;
      }
      return;
    }
    this.heldLength += length;
    if (this.held.length >= this.limits.heldRecords || this.heldLength > this.limits.heldBytes) {
      throw new Refusal(
        'records_before_policy',
        `More than ${this.held.length} records come before report_metadata and policy_published, without which they cannot be judged.`,
      );
    }
    this.held.push(record);
  }

  /** Counts a record and takes it into the content hash; returns how much text it holds. */
  private tally(record: AggregateRecord, ip: string | null, rest: string): number {
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

  /**
   * What the record that ended last shares with every other that says the same of another address; null when it was odd.
   * @param passing the text it was cut out of must not stay alive with it
   */
  likeness(passing: boolean): Likeness | null {
    const { regular, fields } = this;
    if (regular === null) return null;
    const record = passing ? (JSON.parse(JSON.stringify(regular)) as AggregateRecord) : regular;
    const { ip, count } = fields.row;
    return { record, rest: copied(this.regularRest), length: this.childLength - (ip ?? '').length - (count ?? '').length };
  }

  /**
   * A record like an earlier one of this report but for its address and count, as sent; false when it must be read like any other.
   * The records share what they have in common, so nobody may change it.
   */
  another(like: Likeness, ip: string, count: string): boolean {
    const { limits } = this;
    const source_ip = canonicalAddress(ip);
    const number = wholeNumber(count);
    if (source_ip === null || number === null || number > limits.recordMessages) return false;
    if (Math.max(ip.length, count.length) > limits.textLength) return false;
    if (like.length + ip.length + count.length > limits.recordLength) return false;
    const r = like.record;
    const record: AggregateRecord = {
      source_ip,
      count: number,
      disposition: r.disposition,
      dkim: r.dkim,
      spf: r.spf,
      reasons: r.reasons,
      header_from: r.header_from,
      envelope_from: r.envelope_from,
      envelope_to: r.envelope_to,
      auth: r.auth,
      dkim_aligned: r.dkim_aligned,
      spf_aligned: r.spf_aligned,
      source: sourceFrom(r.foreign_dkim, r.foreign_spf, source_ip),
      forwarded: r.forwarded,
      foreign_dkim: r.foreign_dkim,
      foreign_spf: r.foreign_spf,
    };
    this.deliver(record, this.tally(record, source_ip, like.rest));
    return true;
  }

  /** Policy and begin are known, or will not come: held-back records go out. */
  private release(): void {
    if (this.held === null || !this.policyDone || !this.metadataDone) return;
    this.span ??= this.preamble.range(this.hint);
    if (this.span === null) return;
    const held = this.held;
    this.held = null;
    this.aligner = new Aligner(this.preamble.policy);
    for (const record of held) {
      this.judge(record);
      this.deliver(record, 0);
    }
  }

  private judge(record: AggregateRecord): void {
    const aligner = this.aligner as Aligner;
    const verdict = aligner.judge(record);
    const from = sourceOf(record, aligner);
    record.dkim_aligned = verdict.dkim_aligned;
    record.spf_aligned = verdict.spf_aligned;
    record.source = from.source;
    record.forwarded = from.forwarded;
    record.foreign_dkim = from.foreign_dkim;
    record.foreign_spf = from.foreign_spf;
  }

  /** @param length characters of the record, towards the length of its batch */
  private deliver(record: AggregateRecord, length: number): void {
    this.batch.push(record);
    if (this.batch.length >= this.batchSize) this.endBatch();
    this.batchLength += length;
    if (this.batchLength >= BATCH_LENGTH) this.endBatch();
  }

  private endBatch(): void {
    if (this.batch.length > 0) this.batches.push(this.batch);
    this.batch = [];
    this.batchLength = 0;
  }
}

/** One text, comment or tag is longer than the limit. */
export function textTooLong(limits: Limits): Refusal {
  return new Refusal('text_too_long', `The document holds a text, comment or tag of more than ${limits.textLength} characters.`);
}
