import { Refusal } from '../limits.ts';
import type { DkimAuth, OverrideReason, SpfAuth } from '../model.ts';
import type { Problems } from '../problems.ts';
import { enumerated, trimmed } from '../text.ts';
import * as el from '../xml/elements.ts';
import { firstOf } from './metadata.ts';

/** `<row>`, as sent. */
export interface Row {
  ip: string | null;
  count: string | null;
  disposition: string | null;
  dkim: string | null;
  spf: string | null;
  reasons: OverrideReason[];
}

const emptyRow = (): Row => ({ ip: null, count: null, disposition: null, dkim: null, spf: null, reasons: [] });

/** The record being read: one object for all records of a report, reset for each. */
export class RecordFields {
  row: Row = emptyRow();
  rows = 0;
  /** The rows before `row`, in a record with several. */
  extraRows: Row[] = [];
  header_from: string | null = null;
  envelope_from: string | null = null;
  envelope_to: string | null = null;
  dkim: DkimAuth[] = [];
  spf: SpfAuth[] = [];
  private ownText: string | null = null;
  private reason: OverrideReason = { type: null, comment: null };
  private signature: DkimAuth = { domain: null, selector: null, result: null, human_result: null };
  private check: SpfAuth = { domain: null, scope: null, result: null, human_result: null };
  private readonly problems: Problems;
  /** The limit on repeated elements. */
  private readonly children: number;

  constructor(problems: Problems, children: number) {
    this.problems = problems;
    this.children = children;
  }

  begin(): void {
    // The object is reused, so that a report of a million records does not create a million objects.
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

  /** A container within the record begins. @throws Refusal `too_many_children` */
  open(what: number): void {
    switch (what) {
      case el.ROW:
        if (this.rows++ > 0) {
          this.guardChildren(this.extraRows.length);
          this.extraRows.push(this.row);
          this.row = emptyRow();
        }
        break;
      case el.REASON:
        this.guardChildren(this.row.reasons.length);
        this.ownText = null;
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

  /** A text in the reason itself, where its type should be. */
  reasonText(text: string): void {
    this.ownText = this.ownText === null ? text : `${this.ownText} ${text}`;
  }

  /** The reason ends: a word of its own is its type, when it has no other. */
  endReason(): void {
    const { ownText: text, reason } = this;
    if (text === null) return;
    this.ownText = null;
    if (reason.type === null && /^[\w-]+$/.test(text)) {
      reason.type = enumerated(text);
      return;
    }
    this.problems.add('stray_text', `The element reason holds a text of its own: ${text}.`);
    reason.comment ??= text;
  }

  private guardChildren(have: number): void {
    if (have < this.children) return;
    throw new Refusal('too_many_children', `A record repeats an element more than ${this.children} times.`);
  }

  /** Sets the value of one element of the record. */
  set(what: number, value: string): void {
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
      default:
        this.setResult(what, value);
    }
  }

  /** Of a signature, or of a check of SPF. */
  private setResult(what: number, value: string): void {
    switch (what) {
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
    }
  }
}
