import { type Limits, Refusal } from '../limits.ts';

/** One header field of a mail. */
export interface Field {
  /** Lower case. */
  name: string;
  /**
   * Unfolded (RFC 5322 section 2.2.3): without line ends, and without blanks around it; one character per
   * byte.
   */
  value: string;
  /** The bytes of the field with all its lines, without the last line end. */
  start: number;
  end: number;
}

/** A header section. */
export interface Header {
  /** All fields, in order. Without any, this is no header section. */
  fields: Field[];
  /** Where the body begins. */
  body: number;
  /**
   * Null when the section follows RFC 5322 section 2.2 strictly, so that every reader of the mail finds the
   * same fields and the same body. Otherwise the reason why not: fields and body are then those of the
   * lenient reading, and others may read them differently.
   */
  doubt: string | null;
}

/** Bytes that are searched first for the end of a header section. */
const FIRST_LOOK = 8 * 1024;
/**
 * Mails of reporters have a few kilobytes of header in some dozen lines; a header far beyond that proves
 * nothing.
 */
const PLAUSIBLE_BYTES = 128 * 1024;
const PLAUSIBLE_LINES = 2_000;
/** The line that an mbox puts in front of a mail, with the time at its end. */
const FROM_LINE = /^>?From [^\s:]\S* .{0,200}\d\d:\d\d.{0,40}\d{4}\s{0,4}$/;

/**
 * Reads the header section at `start`. This is the only header parser: the poller, the reader and the
 * verifier all use it. A section that does not follow RFC 5322 is read leniently, and `doubt` says so: LF,
 * CRLF and CR end a line, a line of blanks separates header and body, a continuation may have lost its indent
 * (`name="x"` in column 0), the separator line may be missing.
 *
 * @throws Refusal `header_too_long`
 */
export function readHeader(raw: Buffer, start: number, end: number, limits: Pick<Limits, 'headerLength'>): Header {
  let size = Math.min(end - start, FIRST_LOOK);
  for (;;) {
    const text = raw.toString('latin1', start, start + size);
    const whole = start + size >= end;
    const found = sectionOf(text, whole);
    if (found !== null) {
      if (found.body > limits.headerLength) throw tooLong(limits);
      for (const field of found.fields) {
        field.start += start;
        field.end += start;
      }
      return { ...found, body: start + found.body };
    }
    if (size > limits.headerLength) throw tooLong(limits);
    size = Math.min(end - start, size * 4);
  }
}

/**
 * The header section of a whole mail. Blank lines and an mbox "From " line at the top are skipped. Blank
 * lines are a doubt, and so is a line that only begins like one of an mbox.
 *
 * @throws Refusal `header_too_long`
 */
export function readMailHeader(raw: Buffer, limits: Pick<Limits, 'headerLength'>): Header {
  const { start, doubt } = skipTop(raw);
  const header = readHeader(raw, start, raw.length, limits);
  return doubt === null ? header : { ...header, doubt };
}

/** The first field of each name, which is the one that counts when a mail is read. */
export function firstFields(fields: readonly Field[]): Map<string, string> {
  const first = new Map<string, string>();
  for (const { name, value } of fields) if (!first.has(name)) first.set(name, value);
  return first;
}

function tooLong(limits: Pick<Limits, 'headerLength'>): Refusal {
  return new Refusal('header_too_long', `The mail has a header section of more than ${limits.headerLength} bytes.`);
}

function sectionOf(text: string, whole: boolean): Header | null {
  const strict = readStrictly(text, whole);
  if (strict === null || typeof strict !== 'string') return strict;
  return readLeniently(text, whole, strict);
}

/**
 * The section, when it follows RFC 5322 strictly; else the reason why it does not; null when it does not end
 * within `text`.
 */
function readStrictly(text: string, whole: boolean): Header | string | null {
  const fields: Field[] = [];
  let open: Field | null = null;
  let lines = 0;
  let crlf = 0;
  for (let position = 0; position < text.length; ) {
    const lf = text.indexOf('\n', position);
    if (lf < 0 && !whole) {
      const cr = text.indexOf('\r', position);
      return cr >= 0 && cr < text.length - 1 ? BARE_CR : null;
    }
    const after = lf < 0 ? text.length : lf + 1;
    const ended = lf > position && text.charCodeAt(lf - 1) === 13;
    const stop = lf < 0 ? text.length : ended ? lf - 1 : lf;
    if (lf >= 0) {
      lines++;
      if (ended) crlf++;
      if (crlf > 0 && crlf < lines) return 'lines end with CRLF and with a bare LF';
    }
    if (text.slice(position, stop).includes('\r')) return BARE_CR;
    if (stop === position) {
      if (open === null) return 'a blank line precedes the first field';
      return closed(fields, text, after, lines);
    }
    const first = text.charCodeAt(position);
    if (first === 32 || first === 9) {
      if (open === null) return 'the first line is a continuation';
      if (isBlankLine(text, position, stop)) return 'a continuation line is blank';
      open.value += text.slice(position, stop);
      open.end = stop;
    } else {
      const colon = fieldColon(text, position, stop);
      if (colon < 0) return 'a line is neither a field nor a continuation';
      open = fieldAt(text, position, colon, stop);
      fields.push(open);
    }
    position = after;
  }
  if (!whole) return null;
  return closed(fields, text, text.length, lines);
}

const BARE_CR = 'a line holds a bare CR';

function closed(fields: Field[], text: string, body: number, lines: number): Header {
  for (const field of fields) field.value = trimmedBlanks(field.value);
  const nul = text.indexOf('\0');
  const doubt =
    nul >= 0 && nul < body
      ? 'a field holds a NUL'
      : body > PLAUSIBLE_BYTES || lines > PLAUSIBLE_LINES
        ? 'it is far longer than the header of any genuine report'
        : null;
  return { fields, body, doubt };
}

/** The section of a damaged mail; null when it does not end within `text`. */
function readLeniently(text: string, whole: boolean, doubt: string): Header | null {
  const fields: Field[] = [];
  let open: Field | null = null;
  const eol = text.includes('\n') ? '\n' : '\r';
  const end = (body: number): Header => {
    for (const field of fields) field.value = trimmedBlanks(field.value);
    return { fields, body, doubt };
  };
  for (let position = 0; position < text.length; ) {
    let next = text.indexOf(eol, position);
    if (next < 0) {
      if (!whole) return null;
      next = text.length;
    }
    const after = Math.min(next + 1, text.length);
    const stop = next > position && text.charCodeAt(next - 1) === 13 ? next - 1 : next;
    const first = text.charCodeAt(position);
    if (stop === position) return end(after);
    if (first === 32 || first === 9) {
      // A line of blanks separates like an empty one: pasted mails have such lines.
      if (isBlankLine(text, position, stop)) return end(after);
      if (open !== null) {
        open.value += text.slice(position, stop);
        open.end = stop;
      }
    } else {
      const colon = fieldColon(text, position, stop);
      if (colon > 0) {
        open = fieldAt(text, position, colon, stop);
        fields.push(open);
      } else if (open !== null && lostIndent(text.slice(position, stop))) {
        open.value += ` ${text.slice(position, stop)}`;
        open.end = stop;
      } else {
        // Not a field: the separator line is missing, and the body has begun.
        return end(position);
      }
    }
    position = next + 1;
  }
  if (!whole) return null;
  return end(text.length);
}

function fieldAt(text: string, position: number, colon: number, stop: number): Field {
  return {
    name: trimmedBlanks(text.slice(position, colon)).toLowerCase(),
    value: text.slice(colon + 1, stop),
    start: position,
    end: stop,
  };
}

/**
 * Position of the colon that ends a field name beginning at `from`, or -1. A name is any printable ASCII but
 * the colon (RFC 5322 section 2.2), and blanks before the colon are obsolete (section 4.5) but still in use.
 * A text with `=`, a quote or an angle bracket is not taken for a name: it is a parameter that lost its
 * indent, or XML that lost the line before it.
 */
function fieldColon(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c === 58) return i > from ? i : -1;
    if (c > 32 && c < 127 && c !== 34 && (c < 60 || c > 62)) continue;
    // Not with indexOf, which for each line without a colon would search the rest of the mail.
    let colon = i;
    while (colon < to && isBlank(text.charCodeAt(colon))) colon++;
    return colon < to && text.charCodeAt(colon) === 58 ? colon : -1;
  }
  return -1;
}

function lostIndent(line: string): boolean {
  return /^[A-Za-z][A-Za-z0-9*-]{0,40}\s*=\s*["'\w]/.test(line);
}

/** The length of blank lines and of an mbox "From " line at the top. */
function skipTop(raw: Buffer): { start: number; doubt: string | null } {
  let start = 0;
  while (start < raw.length && (isBlank(raw[start] as number) || raw[start] === 10 || raw[start] === 13)) start++;
  const blank = start > 0 ? 'a blank line precedes the first field' : null;
  const marked = raw[start] === 0x3e ? start + 1 : start;
  if (raw.toString('latin1', marked, marked + 5) !== 'From ') return { start, doubt: blank };
  const lf = raw.indexOf(10, start);
  const cr = raw.indexOf(13, start);
  if (lf < 0 && cr < 0) return { start, doubt: blank };
  const end = lf >= 0 && (cr < 0 || cr === lf - 1 || lf < cr) ? lf : cr;
  const line = raw.toString('latin1', start, Math.min(end, start + 1_000));
  // "From : x" is a field, in its obsolete form.
  if (/^>?From [ \t]*:/.test(line)) return { start, doubt: blank };
  return {
    start: end + 1,
    doubt: blank ?? (FROM_LINE.test(line) ? null : 'the first line is neither a field nor one of an mbox'),
  };
}

function isBlankLine(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!isBlank(text.charCodeAt(i))) return false;
  return true;
}

function isBlank(c: number): boolean {
  return c === 32 || c === 9;
}

/**
 * The text without the blanks around it. A loop: a regular expression would take quadratic time on runs of
 * blanks.
 */
function trimmedBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}
