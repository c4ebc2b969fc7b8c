import type { RecordFields, Spans } from '../../report/aggregate/record.ts';
import type { RecordSink } from '../../report/aggregate/record-stream.ts';
import type { Verdict } from '../../report/aggregate/source.ts';
import { Bytes } from '../../report/bytes.ts';
import * as el from '../../report/xml/report-elements.ts';
import { isoSeconds, KEY_LENGTH, plain } from '../sql-text.ts';

const octets = (text: string) => new TextEncoder().encode(text);
const TAB = 9;
const NULL = octets('\\N');
const JSON_NULL = octets('null');
const [TRUE, FALSE, QUOTE, COMMA] = [116, 102, 34, 44];
const REASON_NAMES = ['{"type":', ',"comment":'].map(octets);
const DKIM_NAMES = ['{"domain":', ',"selector":', ',"result":', ',"human_result":'].map(octets);
const SPF_NAMES = ['{"domain":', ',"scope":', ',"result":', ',"human_result":'].map(octets);
const [LIST_BEGINS, LIST_ENDS, AUTH_BEGINS, AUTH_GOES_ON, AUTH_ENDS] = ['[', ']', '{"dkim":[', '],"spf":[', ']}'].map(octets) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];

/** What COPY escapes, and NUL, which Postgres refuses. */
const COPY_SPECIAL = new Uint8Array(0x80);
for (const c of '\\\t\n\r\0') COPY_SPECIAL[c.charCodeAt(0)] = 1;
/** What JSON within COPY escapes. */
const JSON_SPECIAL = new Uint8Array(0x80).fill(1, 0, 0x20);
for (const c of '"\\') JSON_SPECIAL[c.charCodeAt(0)] = 1;

const singleAt = (what: number) => 2 * (what - el.SOURCE_IP);
const BEFORE_REASONS = [el.DISPOSITION, el.E_DKIM, el.E_SPF].map(singleAt);
const AFTER_REASONS = [el.HEADER_FROM, el.ENVELOPE_FROM, el.ENVELOPE_TO].map(singleAt);

/** Writes records as lines of COPY_RECORDS, in the text format of COPY. */
export class RecordLines implements RecordSink {
  /** The key of the report that the next records belong to. */
  key = 0;
  /** Records of that report so far, and those not yet taken away. */
  records = 0;
  waiting = 0;
  /** The report's, in seconds since the epoch. */
  begin = 0;
  private readonly bytes = new Bytes(16 * 1024);

  /** Octets not yet taken away. */
  get length(): number {
    return this.bytes.used;
  }

  /** The lines written since the last call. */
  take(): Uint8Array<ArrayBuffer> {
    const lines = this.bytes.written.slice();
    this.drop();
    return lines;
  }

  /** Forgets the lines that were not taken away. */
  drop(): void {
    this.bytes.used = 0;
    this.waiting = 0;
  }

  /** The next records are another report's. */
  next(key: number): void {
    this.key = key;
    this.records = 0;
  }

  add(record: RecordFields, verdict: Verdict, begin: number): void {
    const { bytes } = this;
    const { codes, singles, reasons } = record;
    this.begin = begin;
    this.waiting++;
    bytes.decimal(this.key);
    bytes.octet(TAB);
    bytes.decimal(++this.records);
    bytes.octet(TAB);
    bytes.text(isoSeconds(begin));
    bytes.octet(TAB);
    if (record.addressed) this.value(codes, singles, 0);
    else bytes.octets(NULL);
    bytes.octet(TAB);
    bytes.decimal(record.count);
    for (const at of BEFORE_REASONS) this.column(codes, singles, at);
    bytes.octet(TAB);
    if (reasons.used === 0) {
      bytes.octets(NULL);
    } else {
      bytes.octets(LIST_BEGINS);
      this.objects(codes, reasons, REASON_NAMES);
      bytes.octets(LIST_ENDS);
    }
    for (const at of AFTER_REASONS) this.column(codes, singles, at);
    bytes.octet(TAB);
    bytes.octets(AUTH_BEGINS);
    this.objects(codes, record.dkim, DKIM_NAMES);
    bytes.octets(AUTH_GOES_ON);
    this.objects(codes, record.spf, SPF_NAMES);
    bytes.octets(AUTH_ENDS);
    this.flag(verdict.dkim_aligned);
    this.flag(verdict.spf_aligned);
    this.flag(verdict.forwarded);
    this.text(verdict.source.slice(0, KEY_LENGTH));
    this.text(verdict.foreign_dkim);
    this.text(verdict.foreign_spf);
    bytes.octet(10);
  }

  private flag(value: boolean): void {
    this.bytes.octet(TAB);
    this.bytes.octet(value ? TRUE : FALSE);
  }

  private text(text: string | null): void {
    this.bytes.octet(TAB);
    if (text === null) this.bytes.octets(NULL);
    else this.bytes.text(copyText(text));
  }

  private column(codes: Uint16Array, list: Int32Array, at: number): void {
    this.bytes.octet(TAB);
    this.value(codes, list, at);
  }

  private value(codes: Uint16Array, list: Int32Array, at: number): void {
    const { bytes } = this;
    const from = list[at]!;
    if (from < 0) bytes.octets(NULL);
    else if (!bytes.characters(codes, from, list[at + 1]!, COPY_SPECIAL))
      bytes.text(copyText(textOf(codes, from, list[at + 1]!)));
  }

  private objects(codes: Uint16Array, list: Spans, names: readonly Uint8Array[]): void {
    const { bytes } = this;
    const { at, used, size } = list;
    for (let item = 0; item < used; item += size) {
      if (item > 0) bytes.octet(COMMA);
      for (let k = 0; k < size; k += 2) {
        bytes.octets(names[k >> 1]!);
        const from = at[item + k]!;
        if (from < 0) bytes.octets(JSON_NULL);
        else this.quoted(codes, from, at[item + k + 1]!);
      }
      bytes.octet(125);
    }
  }

  /** One JSON string within a value of COPY. */
  private quoted(codes: Uint16Array, from: number, to: number): void {
    const { bytes } = this;
    const before = bytes.used;
    bytes.octet(QUOTE);
    if (bytes.characters(codes, from, to, JSON_SPECIAL)) {
      bytes.octet(QUOTE);
      return;
    }
    bytes.used = before;
    bytes.text(JSON.stringify(plain(textOf(codes, from, to))).replaceAll('\\', '\\\\'));
  }
}

const SPECIAL = /[\\\t\n\r\0\ud800-\udfff]/;

/** One value in the text format of COPY. NUL and lone surrogates become U+FFFD. */
function copyText(value: string): string {
  if (!SPECIAL.test(value)) return value;
  return plain(value).replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

const textOf = (codes: Uint16Array, from: number, to: number): string =>
  Buffer.from(codes.buffer, codes.byteOffset + 2 * from, 2 * (to - from)).toString('utf16le');
