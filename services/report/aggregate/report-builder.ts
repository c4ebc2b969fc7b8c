import { canonicalAddress, statedAddress } from '../address.ts';
import { hostNameOf } from '../hostname.ts';
import { type Limits, Refusal } from '../limits.ts';
import type { AggregateRecord, AggregateReport } from '../model.ts';
import { Problems } from '../problem-list.ts';
import { excerpt, shown, wholeNumber } from '../text.ts';
import type { Chunk } from '../xml/characters.ts';
import * as el from '../xml/report-elements.ts';
import { identityOf } from './content-hash.ts';
import { RecordFields } from './record.ts';
import { type RecordSink, RecordStream } from './record-stream.ts';
import { repaired } from './repaired.ts';
import { type NameHint, PROBE_GENERATOR, ReportMetadata } from './report-metadata.ts';

/** Characters of a text in the wrong place that are kept. */
const STRAY_LENGTH = 80;

/**
 * Builds a report from element events, whichever reader they come from: `open`, `text` and `close` for each
 * element in document order, then `finish`. Full batches of records wait in `batches`.
 *
 * Elements may come in any order, be absent, repeated or unknown. Of a value given twice, the first non-empty
 * one counts. Throws a Refusal at a limit (limits.ts).
 */
export class AggregateBuilder {
  readonly problems = new Problems();
  /** The text of the record just closed, for a record that is set aside. */
  recordText: () => string = () => '';
  /** Called when a record begins. */
  onRecordStart: (() => void) | null = null;
  /** Called when a child of feedback has ended: a place to resume from when the document breaks later. */
  onChildEnd: (() => void) | null = null;
  /** The feedback element has begun; and has ended. */
  started = false;
  ended = false;

  private readonly limits: Limits;
  private readonly hint: NameHint | null;
  private readonly metadata: ReportMetadata;
  private readonly stream: RecordStream;
  private readonly fields: RecordFields;

  private readonly stack: number[] = [];
  /** Of the child of feedback being read: its prefix, colon included, and the namespace it declares. */
  private prefix = '';
  private xmlns: string | null = null;
  /** The default namespace in scope, and those outside of each open element. */
  scope: string | null = null;
  private readonly scopes: (string | null)[] = [];
  private at: number = el.DOCUMENT;
  private buffer = '';
  /** The text being read is longer than the limit, and is left out. */
  private dropped = false;
  /** The beginning of a text in an element that should hold only elements. */
  private stray = '';
  /** What comes now was cut out of a document that is not well-formed, and repaired. */
  repairing = false;
  /** Characters in the child of feedback being read. */
  private childLength = 0;

  private metadataCount = 0;
  private metadataDone = false;
  private range: { begin: number; end: number } | null = null;
  private policyCount = 0;
  private policyDone = false;

  /**
   * @param hint what the file name says
   * @param sink takes the records, in place of batches
   */
  constructor(limits: Limits, batchSize: number, hint: NameHint | null, sink: RecordSink | null = null) {
    this.limits = limits;
    this.hint = hint;
    this.metadata = new ReportMetadata(this.problems);
    this.stream = new RecordStream(limits, batchSize, sink);
    this.fields = new RecordFields(this.problems, limits.children);
  }

  /** Full batches, to be taken away by the caller. */
  get batches(): AggregateRecord[][] {
    return this.stream.batches;
  }

  /** The begin of the report; known as soon as there is a batch. */
  get beginAt(): number {
    return (this.range as { begin: number }).begin;
  }

  /**
   * An element begins.
   * @param tag the name as written, prefix and all
   * @param xmlns the default namespace that it declares
   */
  open(tag: string, xmlns: string | null = null): void {
    if (this.stray !== '') this.endStray();
    this.stack.push(this.at);
    this.scopes.push(this.scope);
    if (xmlns !== null) this.scope = xmlns;
    const what = this.childOf(tag);
    this.at = what;
    switch (what) {
      case el.FEEDBACK:
        this.started = true;
        break;
      case el.METADATA:
      case el.POLICY:
      case el.RECORD:
        if (!this.beginChild(what)) this.at = el.SKIPPED;
        this.childLength = 0;
        if (what === el.RECORD && this.onRecordStart !== null) this.onRecordStart();
        break;
      case el.ROW:
      case el.REASON:
      case el.DKIM:
      case el.SPF:
        this.fields.open(what);
        break;
    }
  }

  /**
   * The element inside the innermost one. Reporters use prefixes and namespaces as they like, down to the
   * children of feedback. Below these, another prefix than the child's, or a default namespace in scope that
   * is neither the child's nor one of DMARC's, is of an extension (RFC 9990 appendix A), whatever its names
   * are.
   */
  private childOf(tag: string): number {
    const what = el.childOf(this.at, tag);
    if (this.at === el.DOCUMENT || this.at === el.SKIPPED) return what;
    const prefix = tag.slice(0, tag.indexOf(':') + 1);
    if (this.at === el.FEEDBACK) {
      this.prefix = prefix;
      // The default namespace is not that of an element with a prefix.
      this.xmlns = prefix === '' ? this.scope : null;
      return what;
    }
    const own = prefix === '' ? el.isOwn(this.scope, this.xmlns) : prefix === this.prefix;
    return own ? what : el.SKIPPED;
  }

  /** Character data, entities resolved; a text may come in several pieces. */
  text(piece: string): void {
    if (this.at < el.LEAF) {
      if (this.at !== el.DOCUMENT && this.at !== el.SKIPPED && !isBlank(piece)) {
        this.stray += piece.slice(0, Math.max(0, STRAY_LENGTH - this.stray.length));
      }
      return;
    }
    if (this.dropped) return;
    const before = this.buffer.length;
    if (before + piece.length > this.limits.textLength) {
      this.dropText(before);
      return;
    }
    this.buffer = before === 0 ? piece : this.buffer + piece;
    this.childLength += piece.length;
    if (this.childLength > this.limits.recordLength) {
      throw new Refusal('record_too_long', `A record of the report holds more than ${this.limits.recordLength} characters.`);
    }
  }

  /**
   * The report loses a text that is too long, and nothing else. @param before characters of it that were
   * counted
   */
  private dropText(before: number): void {
    this.problems.add('text_too_long', `A text of more than ${this.limits.textLength} characters was left out.`);
    this.childLength -= before;
    this.buffer = '';
    this.dropped = true;
  }

  /** A text in an element that should hold only elements: the type of a reason, or odd. */
  private endStray(): void {
    const text = excerpt(this.stray, STRAY_LENGTH);
    this.stray = '';
    if (this.at === el.REASON) this.fields.reasonText(text);
    else this.problems.add('stray_text', `The element ${el.nameOf(this.at)} holds a text of its own: ${text}.`);
  }

  /** The innermost element ends. */
  close(): void {
    if (this.stray !== '') this.endStray();
    const what = this.at;
    this.at = this.stack.pop() ?? el.DOCUMENT;
    this.scope = this.scopes.pop() ?? null;
    if (what >= el.LEAF) {
      this.dropped = false;
      if (this.buffer !== '') {
        if (this.repairing) this.buffer = repaired(what, this.buffer, this.problems);
        const value = this.buffer;
        this.buffer = '';
        this.joined(what, value);
      }
      return;
    }
    if (what === el.REASON) this.fields.endReason();
    else if (what === el.FEEDBACK) this.ended = true;
    else this.endChild(what);
    if (this.at === el.FEEDBACK && this.onChildEnd !== null) this.onChildEnd();
  }

  /**
   * The document broke: closes everything up to feedback. A child that was open is dropped, so that only
   * whole ones count, and a policy that was broken off may be given again.
   */
  abandonChild(): void {
    if (this.stack.includes(el.POLICY) || this.at === el.POLICY) this.policyCount = 0;
    // The metadata are read again from their start, and errors would be listed twice.
    if (this.stack.includes(el.METADATA) || this.at === el.METADATA) this.metadata.errors.length = 0;
    this.stack.length = 0;
    this.stack.push(el.DOCUMENT);
    this.at = el.FEEDBACK;
    this.buffer = '';
    this.dropped = false;
    this.stray = '';
  }

  /** Lists a record that could not be read among the problems, with its text. */
  setAside(code: string, why: string, text: string): void {
    this.problems.add(code, `A record was set aside: ${why}. Its text: ${excerpt(text)}`);
  }

  /** Sets aside a record without a row. */
  setAsideEmpty(text: string): void {
    this.setAside('record_without_row', 'it has no row, so no count', text);
  }

  /**
   * The report; its last batch is in `batches`.
   *
   * @param salvaged whether the document was not well-formed
   * @throws Refusal `probe_report`; `metadata_missing`, `date_range_missing`, `date_range_invalid` when the
   *   report cannot be distinguished from others, `policy_domain_invalid` when what it is about is not a
   *   domain
   */
  finish(salvaged: boolean): AggregateReport {
    const { metadata, stream } = this;
    if (this.metadataCount === 0 || metadata.anonymous) {
      throw new Refusal(
        'metadata_missing',
        'The report says neither who made it nor its id, so it cannot be told apart from others.',
      );
    }
    if (metadata.generator === PROBE_GENERATOR) {
      throw new Refusal(
        'probe_report',
        'The report is of mail that guard probe took in an environment that is no production, and counts for nothing here: guard probe --import keeps such mail apart.',
      );
    }
    this.range ??= metadata.range(this.hint);
    if (this.range === null) {
      throw new Refusal('date_range_missing', 'The report says neither when it begins nor when it ends.');
    }
    const { begin, end } = this.range;
    this.release(true);
    stream.endBatch();
    const domain = this.domain();
    this.noteAbsent(domain);
    const content_hash = stream.content.finish(metadata, begin, end);
    return {
      kind: 'aggregate',
      ...metadata.described({ domain, begin, end }),
      problems: this.problems.list(),
      salvaged,
      records: stream.records,
      messages: stream.messages,
      identity: identityOf(metadata, { domain, begin, end, content_hash }),
      content_hash,
    };
  }

  /** Lists what the report should say and does not. */
  private noteAbsent(domain: string): void {
    const { problems, metadata } = this;
    if (this.policyCount === 0) {
      problems.add('policy_missing', 'The report has no policy_published; alignment is evaluated as relaxed.');
    }
    if (metadata.policy.domain === null) {
      problems.add(
        'policy_domain_missing',
        domain === ''
          ? 'The report does not say which domain it is about.'
          : `The report names no policy domain; its records are all from ${excerpt(domain, 255)}.`,
      );
    }
    if (metadata.report_id === null) {
      problems.add('report_id_missing', 'The report has no report_id; its content is used instead.');
    }
  }

  /**
   * The domain that the report is about, as a host name. It becomes a key, part of a subject line and a
   * question to DNS, so anything but a host name is refused. Without a policy domain, the domain that all
   * records share counts; "" when there is none.
   */
  private domain(): string {
    const policyDomain = this.metadata.policy.domain;
    if (policyDomain === null) return hostNameOf(this.stream.commonFrom ?? '') ?? '';
    const domain = hostNameOf(policyDomain) ?? hostNameOf(repaired(el.P_DOMAIN, policyDomain, this.problems));
    if (domain !== null) return domain;
    throw new Refusal(
      'policy_domain_invalid',
      `The domain that the report says it is about is not a host name: ${shown(policyDomain, 80)}.`,
    );
  }

  /** The next element is a child of feedback. */
  get inFeedback(): boolean {
    return this.at === el.FEEDBACK;
  }

  /**
   * A child of feedback begins.
   * @param chunk where its values are, when its parts come by `container` and `value`
   * @returns false for one that does not count
   */
  beginChild(what: number, chunk?: Chunk): boolean {
    if (this.stray !== '') this.endStray();
    if (what === el.METADATA) this.metadataCount++;
    if (what === el.POLICY && this.policyCount++ > 0) {
      this.problems.add('several_policies', 'The report has more than one policy_published; the first one counts.');
      return false;
    }
    if (chunk === undefined) this.fields.begin();
    else this.fields.begin(chunk.codes, chunk.text.length + 1, chunk.text);
    return true;
  }

  /** It ends. */
  endChild(what: number): void {
    if (what === el.RECORD) this.endRecord();
    if (what === el.POLICY) this.policyDone = true;
    if (what === el.METADATA) this.metadataDone = true;
    if (what === el.POLICY || what === el.METADATA) this.release();
  }

  container(what: number): void {
    this.fields.open(what);
  }

  value(what: number, from: number, to: number, odd: boolean): void {
    if (what < el.SOURCE_IP) this.metadata.set(what, this.fields.written(from, to, odd));
    else if (odd) this.fields.setResolved(what, from, to);
    else this.fields.set(what, from, to);
  }

  joined(what: number, text: string): void {
    if (what < el.SOURCE_IP) this.metadata.set(what, text);
    else this.fields.setText(what, text);
  }

  /** The record has ended: it is counted, or set aside. */
  private endRecord(): void {
    const { fields } = this;
    if (fields.rows === 0) {
      this.setAsideEmpty(this.recordText());
      return;
    }
    if (fields.rows === 1) {
      this.endRow();
      return;
    }
    this.problems.add('several_rows', 'A record has more than one row; each counts as a record with the same identifiers.');
    for (const _ of fields.eachRow()) this.endRow();
  }

  private endRow(): void {
    const { fields, problems } = this;
    const count = fields.plainCount() ?? this.countOf(fields.text(el.COUNT));
    if (count === null) return;
    fields.count = count;
    if (fields.plainAddress()) {
      this.stream.add(fields);
      return;
    }
    const written = fields.text(el.SOURCE_IP);
    if (written === null) this.problems.add('source_ip_missing', 'A record does not say which address its mail came from.');
    let address = written === null ? null : canonicalAddress(written);
    if (address === null && written !== null) {
      address = statedAddress(written);
      const shown = excerpt(written, 80);
      if (address === null) problems.add('source_ip_invalid', `A record has an invalid source_ip: ${shown}.`);
      else problems.add('source_ip_odd', `A record writes its source_ip as ${shown}; it was read as ${address}.`);
    }
    fields.setAddress(address);
    this.stream.add(fields);
  }

  /** The count of a row; null when the record has to be set aside for it. */
  private countOf(count: string | null): number | null {
    if (count === null) {
      this.problems.add('record_count_missing', 'A record has no count; it counts no messages.');
      return 0;
    }
    const number = wholeNumber(count);
    if (number === null) {
      const why = `its count is not a number of messages (${excerpt(count, 40)})`;
      this.setAside('record_count_invalid', why, this.recordText());
      return null;
    }
    const { recordMessages } = this.limits;
    if (number <= recordMessages) return number;
    const why = `its count of ${number} messages is more than one address sends (limits.recordMessages: ${recordMessages})`;
    this.setAside('record_count_too_large', why, this.recordText());
    return null;
  }

  /** Policy and begin are known, or will not come: the records held back go out. */
  private release(last = false): void {
    if (!this.stream.holding || !(last || (this.policyDone && this.metadataDone))) return;
    this.range ??= this.metadata.range(this.hint);
    if (this.range !== null) this.stream.release(this.metadata.policy, this.range.begin);
  }
}

function isBlank(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 32) return false;
  return true;
}

/** One comment, tag or attribute is longer than the limit. */
export function textTooLong(limits: Limits): Refusal {
  return new Refusal(
    'text_too_long',
    `The document holds a comment, tag or attribute of more than ${limits.textLength} characters.`,
  );
}
