import { isQuad } from '../address.ts';
import { Refusal } from '../limits.ts';
import type { AggregateRecord, DkimAuth, OverrideReason, SpfAuth } from '../model.ts';
import type { Problems } from '../problem-list.ts';
import { enumerated, excerpt } from '../text.ts';
import { resolve } from '../xml/characters.ts';
import * as el from '../xml/report-elements.ts';
import type { SourceRecord } from './source.ts';

/** Numbers of a signature or check: where each of its four values begins and ends. */
const RESULT = 8;
/** Numbers of a reason. */
const REASON = 4;
const SINGLES = 2 * (el.ENVELOPE_TO - el.SOURCE_IP + 1);
/** Of `singles`, those of a row. */
const OF_ROW = 2 * (el.E_SPF - el.SOURCE_IP + 1);

/** Where the count stands in `singles`. */
const COUNT = 2 * (el.COUNT - el.SOURCE_IP);

const ENUMERATED = new Uint8Array(el.S_HUMAN + 1);
for (const what of [el.DISPOSITION, el.E_DKIM, el.E_SPF, el.REASON_TYPE, el.D_RESULT, el.S_SCOPE, el.S_RESULT]) {
  ENUMERATED[what] = 1;
}
/** Elements of which a second one is noted. */
const ONCE: Readonly<Record<number, string>> = {
  [el.SOURCE_IP]: 'source_ip',
  [el.COUNT]: 'count',
  [el.HEADER_FROM]: 'header_from',
};

const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);

/** Texts used last: a report repeats a few names thousands of times. One of another hash is forgotten. */
const SLOTS = 32_768;
const LONGEST = 255;
const texts: string[] = new Array<string>(SLOTS).fill('');

/** The text of these characters: one string for equal ones, that does not keep the document alive. */
function textOf(codes: Uint16Array, from: number, to: number): string {
  if (to - from > LONGEST) return Buffer.from(codes.buffer, codes.byteOffset + 2 * from, 2 * (to - from)).toString('utf16le');
  let hash = 0;
  for (let k = from; k < to; k++) hash = (Math.imul(hash, 31) + codes[k]!) | 0;
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const known = texts[slot]!;
  if (known.length === to - from) {
    let k = from;
    while (k < to && known.charCodeAt(k - from) === codes[k]) k++;
    if (k === to) return known;
  }
  const text = String.fromCharCode.apply(null, codes.subarray(from, to) as unknown as number[]);
  texts[slot] = text;
  return text;
}

/**
 * Where values of repeated elements begin and end: of each element, `size` numbers, -1 where there is no
 * value.
 */
export class Spans {
  at = new Int32Array();
  used = 0;
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  /** One more element. */
  add(): void {
    const end = this.used + this.size;
    if (end > this.at.length) {
      const at = new Int32Array(2 * end);
      at.set(this.at);
      this.at = at;
    }
    const { at } = this;
    for (let k = this.used; k < end; k++) at[k] = -1;
    this.used = end;
  }
}

/**
 * The record being read: one object for all records of a report, whose values are stretches of characters,
 * trimmed, and in lower case where they are enumerated. Of a value that is absent or empty, the stretch
 * begins at -1.
 */
export class RecordFields {
  codes: Uint16Array = new Uint16Array(0);
  readonly singles = new Int32Array(SINGLES);
  reasons = new Spans(REASON);
  readonly dkim = new Spans(RESULT);
  readonly spf = new Spans(RESULT);
  rows = 0;
  /** Messages, once the count was read; and whether source_ip is an address, in its canonical form. */
  count = 0;
  addressed = false;
  /** Characters of `codes` that are in use, and the text that they begin with. */
  private used = 0;
  private chunk = '';
  /** The characters of values that come as texts. */
  private scratch = new Uint16Array(0);
  /** The rows before the last, in a record with several. */
  private earlier: { singles: Int32Array; reasons: Spans }[] = [];
  private ownText: string | null = null;
  private readonly problems: Problems;
  /** The limit on repeated elements. */
  private readonly children: number;

  constructor(problems: Problems, children: number) {
    this.problems = problems;
    this.children = children;
  }

  /**
   * A record begins.
   * @param codes where its values are
   * @param used characters of `codes` that must stay; others may be written after them
   */
  begin(codes: Uint16Array = this.scratch, used = 0, chunk = ''): void {
    this.codes = codes;
    this.used = used;
    this.chunk = chunk;
    this.rows = 0;
    const { singles } = this;
    for (let k = 0; k < SINGLES; k += 2) singles[k] = -1;
    this.reasons.used = 0;
    this.dkim.used = 0;
    this.spf.used = 0;
    if (this.earlier.length > 0) this.earlier = [];
  }

  /** A container within the record begins. @throws Refusal `too_many_children` */
  open(what: number): void {
    switch (what) {
      case el.ROW:
        if (this.rows++ > 0) {
          this.refuseMore(this.earlier.length);
          this.earlier.push({ singles: this.singles.slice(0, OF_ROW), reasons: this.reasons });
          this.singles.fill(-1, 0, OF_ROW);
          this.reasons = new Spans(REASON);
        }
        break;
      case el.REASON:
        this.guardChildren(this.reasons);
        this.ownText = null;
        this.reasons.add();
        break;
      case el.DKIM:
        this.guardChildren(this.dkim);
        this.dkim.add();
        break;
      case el.SPF:
        this.guardChildren(this.spf);
        this.spf.add();
        break;
    }
  }

  /** Each row of the record in its turn, with what all of them share. */
  *eachRow(): Generator<void> {
    const last = { singles: this.singles.slice(0, OF_ROW), reasons: this.reasons };
    for (const { singles, reasons } of [...this.earlier, last]) {
      this.singles.set(singles);
      this.reasons = reasons;
      yield;
    }
  }

  /** A text in the reason itself, where its type should be. */
  reasonText(text: string): void {
    this.ownText = this.ownText === null ? text : `${this.ownText} ${text}`;
  }

  /** The reason ends: a word of its own is its type, when it has no other. */
  endReason(): void {
    const { ownText: text, reasons } = this;
    if (text === null) return;
    this.ownText = null;
    if (reasons.at[reasons.used - REASON]! < 0 && /^[\w-]+$/.test(text)) {
      this.setText(el.REASON_TYPE, text);
      return;
    }
    this.problems.add('stray_text', `The element reason holds a text of its own: ${text}.`);
    this.setText(el.REASON_COMMENT, text);
  }

  private guardChildren(list: Spans): void {
    this.refuseMore(list.used / list.size);
  }

  private refuseMore(have: number): void {
    if (have < this.children) return;
    throw new Refusal('too_many_children', `A record repeats an element more than ${this.children} times.`);
  }

  /** Sets the value of one element of the record from a text. */
  setText(what: number, text: string): void {
    const from = this.append(text);
    this.set(what, from, this.used);
  }

  /** The same from characters of `codes` with line ends and references to be resolved, which can be. */
  setResolved(what: number, from: number, to: number): void {
    const start = this.reserve(to - from);
    this.used = resolve(this.codes, from, to, this.codes, start);
    this.set(what, start, this.used);
  }

  /** Characters of `codes` as they are, or with line ends and references resolved, which can be. */
  written(from: number, to: number, odd: boolean): string {
    if (!odd) return this.chunk.slice(from, to);
    const start = this.reserve(to - from);
    return textOf(this.codes, start, resolve(this.codes, from, to, this.codes, start));
  }

  /** The same from characters of `codes`. */
  set(what: number, from: number, to: number): void {
    const { codes } = this;
    let start = from;
    let end = to;
    while (start < end && isSpace(codes[start]!)) start++;
    while (end > start && isSpace(codes[end - 1]!)) end--;
    if (start === end) return;
    let odd = codes[start]! > 0x7e || codes[end - 1]! > 0x7e;
    if (ENUMERATED[what] !== 0) {
      for (let k = start; k < end; k++) {
        const c = codes[k]!;
        if (c > 0x7f || (c >= 65 && c <= 90)) odd = true;
      }
    }
    if (odd) {
      const text = textOf(codes, start, end);
      const normal = ENUMERATED[what] !== 0 ? enumerated(text) : text.trim();
      if (normal === null || normal === '') return;
      if (normal !== text) {
        start = this.append(normal);
        end = this.used;
      }
    }
    this.place(what, start, end);
  }

  private place(what: number, from: number, to: number): void {
    let list = this.singles;
    let at = 2 * (what - el.SOURCE_IP);
    if (what >= el.S_DOMAIN) {
      list = this.spf.at;
      at = this.spf.used - RESULT + 2 * (what - el.S_DOMAIN);
    } else if (what >= el.D_DOMAIN) {
      list = this.dkim.at;
      at = this.dkim.used - RESULT + 2 * (what - el.D_DOMAIN);
    } else if (what === el.REASON_TYPE || what === el.REASON_COMMENT) {
      list = this.reasons.at;
      at = this.reasons.used - REASON + 2 * (what - el.REASON_TYPE);
    }
    if (list[at]! < 0) {
      list[at] = from;
      list[at + 1] = to;
    } else if (ONCE[what] !== undefined) {
      const value = textOf(this.codes, from, to);
      if (value === this.text(what)) return;
      this.problems.add('repeated_element', `A second ${ONCE[what]} was ignored: ${excerpt(value, 120)}.`);
    }
  }

  /** The count as digits alone say it; null when it is something else. */
  plainCount(): number | null {
    const { codes, singles } = this;
    const [from, to] = [singles[COUNT]!, singles[COUNT + 1]!];
    if (from < 0 || to - from > 6) return null;
    let count = 0;
    for (let k = from; k < to; k++) {
      const digit = codes[k]! - 48;
      if (digit < 0 || digit > 9) return null;
      count = 10 * count + digit;
    }
    return count;
  }

  /** Whether the record has an address, a dotted quad that is canonical as it stands. */
  plainAddress(): boolean {
    const { codes, singles } = this;
    const [from, to] = [singles[0]!, singles[1]!];
    this.addressed = from >= 0 && isQuad(codes, from, to);
    return this.addressed;
  }

  /** The address as it is kept: canonical, or null when it is none. */
  setAddress(address: string | null): void {
    this.addressed = address !== null;
    if (address === null) return;
    this.singles[0] = this.append(address);
    this.singles[1] = this.used;
  }

  /** The only value of an element. */
  text(what: number): string | null {
    return this.value(this.singles, 2 * (what - el.SOURCE_IP));
  }

  /** The value whose stretch stands in `list` at `at`. */
  private value(list: Int32Array, at: number): string | null {
    const from = list[at]!;
    return from < 0 ? null : textOf(this.codes, from, list[at + 1]!);
  }

  /** What our own verdict on the record depends on: of signatures, those that pass. */
  authenticated(): SourceRecord {
    const dkim: DkimAuth[] = [];
    for (let k = 0; k < this.dkim.used; k += RESULT) {
      if (!this.passes(this.dkim, k)) continue;
      dkim.push({ domain: this.value(this.dkim.at, k), selector: null, result: 'pass', human_result: null });
    }
    const spf: SpfAuth[] = [];
    for (let k = 0; k < this.spf.used; k += RESULT) {
      const passes = this.passes(this.spf, k);
      const domain = passes ? this.value(this.spf.at, k) : null;
      spf.push({ domain, scope: this.value(this.spf.at, k + 2), result: passes ? 'pass' : null, human_result: null });
    }
    return {
      source_ip: this.addressed ? this.address() : null,
      header_from: this.text(el.HEADER_FROM),
      reasons: this.reasonList(),
      auth: { dkim, spf },
    };
  }

  /** A text that may keep the document alive: few addresses come twice. */
  private address(): string {
    const { singles, chunk } = this;
    const [from, to] = [singles[0]!, singles[1]!];
    return to <= chunk.length ? chunk.slice(from, to) : textOf(this.codes, from, to);
  }

  private passes({ at }: Spans, k: number): boolean {
    const { codes } = this;
    const from = at[k + 4]!;
    if (from < 0 || at[k + 5] !== from + 4) return false;
    return codes[from] === 112 && codes[from + 1] === 97 && codes[from + 2] === 115 && codes[from + 3] === 115;
  }

  private reasonList(): OverrideReason[] {
    const { at, used } = this.reasons;
    const list: OverrideReason[] = [];
    for (let k = 0; k < used; k += REASON) list.push({ type: this.value(at, k), comment: this.value(at, k + 2) });
    return list;
  }

  /** The record as an object, without our own verdict. */
  asObject() {
    const { dkim, spf } = this;
    const auth: AggregateRecord['auth'] = { dkim: [], spf: [] };
    for (let k = 0; k < dkim.used; k += RESULT) {
      const [domain, selector, result, human_result] = this.four(dkim.at, k);
      auth.dkim.push({ domain, selector, result, human_result });
    }
    for (let k = 0; k < spf.used; k += RESULT) {
      const [domain, scope, result, human_result] = this.four(spf.at, k);
      auth.spf.push({ domain, scope, result, human_result });
    }
    return {
      source_ip: this.addressed ? this.text(el.SOURCE_IP) : null,
      count: this.count,
      disposition: this.text(el.DISPOSITION),
      dkim: this.text(el.E_DKIM),
      spf: this.text(el.E_SPF),
      reasons: this.reasonList(),
      header_from: this.text(el.HEADER_FROM),
      envelope_from: this.text(el.ENVELOPE_FROM),
      envelope_to: this.text(el.ENVELOPE_TO),
      auth,
    };
  }

  private four(list: Int32Array, k: number) {
    return [this.value(list, k), this.value(list, k + 2), this.value(list, k + 4), this.value(list, k + 6)] as const;
  }

  /** A copy that holds nothing but the record. */
  copy(): RecordFields {
    const copy = new RecordFields(this.problems, this.children);
    copy.begin();
    copy.keep(this.codes, this.singles, copy.singles);
    for (const name of ['reasons', 'dkim', 'spf'] as const) {
      const { at, used } = this[name];
      copy[name].at = new Int32Array(used);
      copy[name].used = used;
      copy.keep(this.codes, at.subarray(0, used), copy[name].at);
    }
    copy.scratch = new Uint16Array(0);
    copy.codes = copy.codes.slice(0, copy.used);
    copy.count = this.count;
    copy.addressed = this.addressed;
    return copy;
  }

  private keep(codes: Uint16Array, spans: Int32Array, into: Int32Array): void {
    for (let k = 0; k < spans.length; k += 2) {
      const [from, to] = [spans[k]!, spans[k + 1]!];
      into[k] = from < 0 ? -1 : this.reserve(to - from);
      if (from < 0) continue;
      this.codes.set(codes.subarray(from, to), this.used);
      this.used += to - from;
      into[k + 1] = this.used;
    }
  }

  /** Adds the characters of a text to those in use; returns where they begin. */
  private append(text: string): number {
    const start = this.reserve(text.length);
    for (let k = 0; k < text.length; k++) this.codes[start + k] = text.charCodeAt(k);
    this.used = start + text.length;
    return start;
  }

  /** Makes room for characters behind those in use; returns where. */
  private reserve(length: number): number {
    const end = this.used + length;
    if (end > this.codes.length) {
      const codes = new Uint16Array(2 * end);
      codes.set(this.codes.subarray(0, this.used));
      if (this.codes === this.scratch) this.scratch = codes;
      this.codes = codes;
    }
    return this.used;
  }
}
