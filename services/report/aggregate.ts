import { canonicalAddress } from './address.ts';
import { Aligner } from './alignment.ts';
import { ContentHash, identityOf } from './digest.ts';
import * as el from './elements.ts';
import { BATCH_LENGTH, type Limits, Refusal } from './limits.ts';
import type { AggregateRecord, AggregateReport, DkimAuth, OverrideReason, SpfAuth } from './model.ts';
import { normalDomain } from './orgdomain.ts';
import { firstOf, type NameHint, Preamble } from './preamble.ts';
import { Problems } from './problems.ts';
import { sourceOf } from './source.ts';
import { enumerated, excerpt, trimmed, wholeNumber } from './text.ts';

interface Row {
  ip: string | null;
  count: string | null;
  disposition: string | null;
  dkim: string | null;
  spf: string | null;
  reasons: OverrideReason[];
}

const emptyRow = (): Row => ({ ip: null, count: null, disposition: null, dkim: null, spf: null, reasons: [] });

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

  private row: Row = emptyRow();
  private rows = 0;
  private extraRows: Row[] = [];
  private header_from: string | null = null;
  private envelope_from: string | null = null;
  private envelope_to: string | null = null;
  private dkim: DkimAuth[] = [];
  private spf: SpfAuth[] = [];
  private reason: OverrideReason = { type: null, comment: null };
  private signature: DkimAuth = { domain: null, selector: null, result: null, human_result: null };
  private check: SpfAuth = { domain: null, scope: null, result: null, human_result: null };

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
        this.resetRecord();
        if (this.onRecordStart !== null) this.onRecordStart();
        break;
      case el.ROW:
        if (this.rows++ > 0) {
          this.guardChildren(this.extraRows.length);
          this.extraRows.push(this.row);
          this.row = emptyRow();
        }
        break;
      case el.REASON:
        this.guardChildren(this.row.reasons.length);
        this.reason = { type: null, comment: null };
        this.row.reasons.push(this.reason);
        break;
      case el.DKIM:
        this.guardChildren(this.dkim.length);
        this.signature = { domain: null, selector: null, result: null, human_result: null };
        this.dkim.push(this.signature);
        break;
      case el.SPF:
        this.guardChildren(this.spf.length);
        this.check = { domain: null, scope: null, result: null, human_result: null };
        this.spf.push(this.check);
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
        this.set(what, value);
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
   * @throws Refusal `metadata_missing`, `date_range_missing`, `date_range_invalid` when the report cannot be told from others.
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
    const domain = normalDomain(preamble.policy.domain ?? this.commonFrom ?? '');
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

  private guardChildren(have: number): void {
    if (have < this.limits.children) return;
    throw new Refusal('too_many_children', `A record repeats an element more than ${this.limits.children} times.`);
  }

  private resetRecord(): void {
    // The object is used again: a report of a million records need not make a million of them.
    const { row } = this;
    row.ip = null;
    row.count = null;
    row.disposition = null;
    row.dkim = null;
    row.spf = null;
    row.reasons = [];
    this.rows = 0;
    this.childLength = 0;
    if (this.extraRows.length > 0) this.extraRows = [];
    this.header_from = null;
    this.envelope_from = null;
    this.envelope_to = null;
    this.dkim = [];
    this.spf = [];
  }

  private endRecord(): void {
    if (this.rows === 0) {
      this.setAside('record_without_row', 'it has no row, so no count', this.recordText());
      return;
    }
    if (this.rows > 1) {
      this.problems.add('several_rows', 'A record has more than one row; each counts as a record with the same identifiers.');
      for (const row of this.extraRows) this.endRow(row);
    }
    this.endRow(this.row);
  }

  private endRow(row: Row): void {
    let count = 0;
    if (row.count === null) {
      this.problems.add('record_count_missing', 'A record has no count; it counts no messages.');
    } else {
      const number = wholeNumber(row.count);
      if (number === null || !Number.isSafeInteger(this.messages + number)) {
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
    if (this.records >= this.limits.records) {
      throw new Refusal('too_many_records', `The report has more than ${this.limits.records} records.`);
    }
    this.records++;
    this.messages += count;
    const record: AggregateRecord = {
      source_ip,
      count,
      disposition: row.disposition,
      dkim: row.dkim,
      spf: row.spf,
      reasons: row.reasons,
      header_from: this.header_from,
      envelope_from: this.envelope_from,
      envelope_to: this.envelope_to,
      auth: { dkim: this.dkim, spf: this.spf },
      dkim_aligned: false,
      spf_aligned: false,
      source: '',
      forwarded: false,
      foreign_dkim: null,
      foreign_spf: null,
    };
    const length = this.content.record(record, row.ip);
    if (this.commonFrom !== '' && this.commonFrom !== this.header_from) {
      this.commonFrom = this.commonFrom === null ? (this.header_from ?? '') : '';
    }
    if (this.held === null) {
      this.deliver(record);
      this.batchLength += length;
      if (this.batchLength >= BATCH_LENGTH) this.endBatch();
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

  /** Policy and begin are known, or will not come: held-back records go out. */
  private release(): void {
    if (this.held === null || !this.policyDone || !this.metadataDone) return;
    this.span ??= this.preamble.range(this.hint);
    if (this.span === null) return;
    const held = this.held;
    this.held = null;
    this.aligner = new Aligner(this.preamble.policy);
    for (const record of held) this.deliver(record);
  }

  private deliver(record: AggregateRecord): void {
    const aligner = this.aligner as Aligner;
    const verdict = aligner.judge(record);
    const from = sourceOf(record, aligner);
    record.dkim_aligned = verdict.dkim_aligned;
    record.spf_aligned = verdict.spf_aligned;
    record.source = from.source;
    record.forwarded = from.forwarded;
    record.foreign_dkim = from.foreign_dkim;
    record.foreign_spf = from.foreign_spf;
    this.batch.push(record);
    if (this.batch.length >= this.batchSize) this.endBatch();
  }

  private endBatch(): void {
    if (this.batch.length > 0) this.batches.push(this.batch);
    this.batch = [];
    this.batchLength = 0;
  }

  private set(what: number, value: string): void {
    const { row } = this;
    switch (what) {
      case el.SOURCE_IP:
        row.ip = firstOf(this.problems, row.ip, trimmed(value), 'source_ip');
        break;
      case el.COUNT:
        row.count = firstOf(this.problems, row.count, trimmed(value), 'count');
        break;
      case el.DISPOSITION:
        row.disposition ??= enumerated(value);
        break;
      case el.E_DKIM:
        row.dkim ??= enumerated(value);
        break;
      case el.E_SPF:
        row.spf ??= enumerated(value);
        break;
      case el.REASON_TYPE:
        this.reason.type ??= enumerated(value);
        break;
      case el.REASON_COMMENT:
        this.reason.comment ??= trimmed(value);
        break;
      case el.HEADER_FROM:
        this.header_from = firstOf(this.problems, this.header_from, trimmed(value), 'header_from');
        break;
      case el.ENVELOPE_FROM:
        this.envelope_from ??= trimmed(value);
        break;
      case el.ENVELOPE_TO:
        this.envelope_to ??= trimmed(value);
        break;
      case el.D_DOMAIN:
        this.signature.domain ??= trimmed(value);
        break;
      case el.D_SELECTOR:
        this.signature.selector ??= trimmed(value);
        break;
      case el.D_RESULT:
        this.signature.result ??= enumerated(value);
        break;
      case el.D_HUMAN:
        this.signature.human_result ??= trimmed(value);
        break;
      case el.S_DOMAIN:
        this.check.domain ??= trimmed(value);
        break;
      case el.S_SCOPE:
        this.check.scope ??= enumerated(value);
        break;
      case el.S_RESULT:
        this.check.result ??= enumerated(value);
        break;
      case el.S_HUMAN:
        this.check.human_result ??= trimmed(value);
        break;
      default:
        this.preamble.set(what, value);
    }
  }
}

/** One text, comment or tag is longer than the limit. */
export function textTooLong(limits: Limits): Refusal {
  return new Refusal('text_too_long', `The document holds a text, comment or tag of more than ${limits.textLength} characters.`);
}
