import { createHash, type Hash } from 'node:crypto';
import { canonicalAddress } from './address.ts';
import { Aligner } from './alignment.ts';
import * as el from './elements.ts';
import { type Limits, Refusal } from './limits.ts';
import type { AggregateRecord, AggregateReport, DkimAuth, OverrideReason, PolicyPublished, SpfAuth } from './model.ts';
import { normalDomain } from './orgdomain.ts';
import { Problems } from './problems.ts';
import { sourceOf } from './source.ts';
import { enumerated, excerpt, trimmed, wholeNumber } from './text.ts';

/** The last second of the year 9999: what a time in a report may reach. */
const LAST_SECOND = 253_402_300_799;

/** Separators of the canonical form; none can occur in a value, as XML forbids them. */
const FIELD = '\x1f';
const ITEM = '\x1e';
const GROUP = '\x1d';

interface Row {
  ip: string | null;
  count: string | null;
  disposition: string | null;
  dkim: string | null;
  spf: string | null;
  reasons: OverrideReason[];
}

const emptyRow = (): Row => ({ ip: null, count: null, disposition: null, dkim: null, spf: null, reasons: [] });

/** What the file name of a report says (RFC 7489 section 7.2.1.1), for a report that does not say it itself. */
export interface NameHint {
  begin: number;
  end: number;
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
  private held: AggregateRecord[] | null = [];
  private aligner: Aligner | null = null;

  private readonly stack: number[] = [];
  private at: number = el.DOCUMENT;
  private buffer = '';

  private version: string | null = null;
  private org_name: string | null = null;
  private org_email: string | null = null;
  private extra_contact_info: string | null = null;
  private report_id: string | null = null;
  private generator: string | null = null;
  private readonly errors: string[] = [];
  private begin: string | null = null;
  private end: string | null = null;
  private metadata = 0;
  private metadataDone = false;
  private span: { begin: number; end: number } | null = null;
  private policies = 0;
  private policyDone = false;
  private readonly policy: PolicyPublished = {
    domain: null,
    adkim: null,
    aspf: null,
    p: null,
    sp: null,
    np: null,
    pct: null,
    fo: null,
    testing: null,
    discovery_method: null,
  };

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
  private readonly hash: Hash = createHash('sha256');
  private hashed = '';

  /** `hint` is what the file name says. */
  constructor(limits: Limits, batchSize: number, hint: NameHint | null) {
    this.limits = limits;
    this.batchSize = batchSize;
    this.hint = hint;
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
        break;
      case el.POLICY:
        this.policies++;
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
  }

  /** The innermost element ends. */
  close(): void {
    const what = this.at;
    this.at = this.stack.pop() ?? el.DOCUMENT;
    if (what >= el.LEAF) {
      if (this.buffer !== '') {
        const value = this.buffer;
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
    if (this.stack.includes(el.METADATA) || this.at === el.METADATA) this.errors.length = 0;
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
    if (this.metadata === 0 || (this.report_id === null && this.org_name === null && this.org_email === null)) {
      throw new Refusal('metadata_missing', 'The report says neither who made it nor its id, so it cannot be told from others.');
    }
    this.span ??= this.range();
    if (this.span === null) {
      throw new Refusal('date_range_missing', 'The report says neither when it begins nor when it ends.');
    }
    const { begin, end } = this.span;
    this.metadataDone = true;
    this.policyDone = true;
    this.release();
    if (this.batch.length > 0) {
      this.batches.push(this.batch);
      this.batch = [];
    }
    if (this.policies === 0) {
      this.problems.add('policy_missing', 'The report has no policy_published; alignment is judged as relaxed.');
    }
    const domain = normalDomain(this.policy.domain ?? this.commonFrom ?? '');
    if (this.policy.domain === null) {
      this.problems.add(
        'policy_domain_missing',
        domain === ''
          ? 'The report does not say which domain it is about.'
          : `The report names no policy domain; its records are all from ${excerpt(domain, 255)}.`,
      );
    }
    if (this.report_id === null) {
      this.problems.add('report_id_missing', 'The report has no report_id; its content stands in for it.');
    }
    this.hash.update(this.hashed);
    const policy = this.policy;
    const content_hash = this.hash
      .update(
        [
          `\n${this.version ?? ''}`,
          this.org_name,
          this.org_email,
          this.extra_contact_info,
          this.report_id,
          this.generator,
          this.errors.join(ITEM),
          begin,
          end,
          policy.domain,
          policy.adkim,
          policy.aspf,
          policy.p,
          policy.sp,
          policy.np,
          policy.pct,
          policy.fo,
          policy.testing,
          policy.discovery_method,
        ].join(FIELD),
      )
      .digest('hex');
    const reporter = (this.org_name ?? this.org_email ?? '').toLowerCase();
    const id = this.report_id ?? `content ${content_hash}`;
    const identity = createHash('sha256').update([reporter, domain, id, begin, end].join(FIELD)).digest('hex');
    return {
      kind: 'aggregate',
      org_name: this.org_name,
      org_email: this.org_email,
      extra_contact_info: this.extra_contact_info,
      report_id: this.report_id ?? '',
      domain,
      begin,
      end,
      version: this.version,
      generator: this.generator,
      errors: this.errors,
      policy,
      problems: this.problems.list(),
      salvaged,
      records: this.records,
      messages: this.messages,
      identity,
      content_hash,
    };
  }

  /** When the report begins and ends; null when neither it nor its name says. */
  private range(): { begin: number; end: number } | null {
    const { hint } = this;
    let begin = this.second(this.begin, 'begin');
    let end = this.second(this.end, 'end');
    if (begin === null && end === null && hint !== null) {
      this.problems.add('date_range_from_name', 'The report has no date range; it was taken from the file name.');
      begin = hint.begin;
      end = hint.end;
    }
    if (begin === null && end === null) return null;
    if (begin === null || end === null) {
      this.problems.add('date_range_incomplete', `The report does not say when it ${begin === null ? 'begins' : 'ends'}.`);
    }
    const first = begin ?? (end as number);
    const last = end ?? (begin as number);
    if (last < first) this.problems.add('date_range_reversed', 'The report ends before it begins.');
    return { begin: first, end: last };
  }

  /** Seconds since the epoch; fractions ("1337270400.0") are cut off. */
  private second(text: string | null, what: string): number | null {
    if (text === null) return null;
    const match = /^(\d{1,15})(?:\.\d*)?$/.exec(text);
    if (match === null) {
      this.problems.add('date_range_unreadable', `The ${what} of the report is not a time: ${excerpt(text, 80)}.`);
      return null;
    }
    const value = Number(match[1]);
    if (value > LAST_SECOND) {
      throw new Refusal('date_range_invalid', `The ${what} of the report is beyond the year 9999: ${value}.`);
    }
    return value;
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
    this.digest(record, row.ip);
    if (this.commonFrom !== '' && this.commonFrom !== this.header_from) {
      this.commonFrom = this.commonFrom === null ? (this.header_from ?? '') : '';
    }
    if (this.held === null) {
      this.deliver(record);
      return;
    }
    if (this.held.length >= this.limits.heldRecords) {
      throw new Refusal(
        'records_before_policy',
        `More than ${this.limits.heldRecords} records come before report_metadata and policy_published, without which they cannot be judged.`,
      );
    }
    this.held.push(record);
  }

  /** Policy and begin are known, or will not come: held-back records go out. */
  private release(): void {
    if (this.held === null || !this.policyDone || !this.metadataDone) return;
    this.span ??= this.range();
    if (this.span === null) return;
    const held = this.held;
    this.held = null;
    this.aligner = new Aligner(this.policy);
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
    if (this.batch.length < this.batchSize) return;
    this.batches.push(this.batch);
    this.batch = [];
  }

  /** Adds what the record says, as sent, to the content hash: fields in a fixed order, repeated ones in theirs. */
  private digest(r: AggregateRecord, ip: string | null): void {
    let line = `${r.source_ip ?? ip ?? ''}${FIELD}${r.count}${FIELD}${r.disposition ?? ''}${FIELD}${r.dkim ?? ''}${FIELD}${r.spf ?? ''}`;
    line += `${FIELD}${r.header_from ?? ''}${FIELD}${r.envelope_from ?? ''}${FIELD}${r.envelope_to ?? ''}`;
    for (const reason of r.reasons) line += `${GROUP}${reason.type ?? ''}${ITEM}${reason.comment ?? ''}`;
    line += FIELD;
    for (const d of r.auth.dkim) {
      line += `${GROUP}${d.domain ?? ''}${ITEM}${d.selector ?? ''}${ITEM}${d.result ?? ''}${ITEM}${d.human_result ?? ''}`;
    }
    line += FIELD;
    for (const s of r.auth.spf) {
      line += `${GROUP}${s.domain ?? ''}${ITEM}${s.scope ?? ''}${ITEM}${s.result ?? ''}${ITEM}${s.human_result ?? ''}`;
    }
    this.hashed += `${line}\n`;
    if (this.hashed.length < 32_768) return;
    this.hash.update(this.hashed);
    this.hashed = '';
  }

  /** A value that stands twice: the first one counts, and a second one that differs is told. */
  private first(known: string | null, value: string | null, what: string): string | null {
    if (known === null) return value;
    if (value !== null && value !== known) {
      this.problems.add('repeated_element', `A second ${what} was passed over: ${excerpt(value, 120)}.`);
    }
    return known;
  }

  private set(what: number, value: string): void {
    const { row, policy } = this;
    switch (what) {
      case el.SOURCE_IP:
        row.ip = this.first(row.ip, trimmed(value), 'source_ip');
        break;
      case el.COUNT:
        row.count = this.first(row.count, trimmed(value), 'count');
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
        this.header_from = this.first(this.header_from, trimmed(value), 'header_from');
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
      case el.VERSION:
        this.version ??= trimmed(value);
        break;
      case el.ORG_NAME:
        this.org_name = this.first(this.org_name, trimmed(value), 'org_name');
        break;
      case el.EMAIL:
        this.org_email ??= trimmed(value);
        break;
      case el.EXTRA_CONTACT:
        this.extra_contact_info ??= trimmed(value);
        break;
      case el.REPORT_ID:
        this.report_id = this.first(this.report_id, trimmed(value), 'report_id');
        break;
      case el.GENERATOR:
        this.generator ??= trimmed(value);
        break;
      case el.ERROR: {
        const error = trimmed(value);
        if (error !== null && this.errors.length < this.limits.children) this.errors.push(error);
        break;
      }
      case el.BEGIN:
        this.begin = this.first(this.begin, trimmed(value), 'begin');
        break;
      case el.END:
        this.end = this.first(this.end, trimmed(value), 'end');
        break;
      case el.P_DOMAIN:
        policy.domain = this.first(policy.domain, trimmed(value), 'policy domain');
        break;
      case el.P_ADKIM:
        policy.adkim ??= enumerated(value);
        break;
      case el.P_ASPF:
        policy.aspf ??= enumerated(value);
        break;
      case el.P_P:
        policy.p = this.first(policy.p, enumerated(value), 'policy');
        break;
      case el.P_SP:
        policy.sp ??= enumerated(value);
        break;
      case el.P_NP:
        policy.np ??= enumerated(value);
        break;
      case el.P_PCT:
        policy.pct ??= trimmed(value);
        break;
      case el.P_FO:
        policy.fo ??= enumerated(value);
        break;
      case el.P_TESTING:
        policy.testing ??= enumerated(value);
        break;
      case el.P_DISCOVERY:
        policy.discovery_method ??= enumerated(value);
        break;
    }
  }
}

/** One text, comment or tag is longer than the limit. */
export function textTooLong(limits: Limits): Refusal {
  return new Refusal('text_too_long', `The document holds a text, comment or tag of more than ${limits.textLength} characters.`);
}
