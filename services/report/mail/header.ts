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
 * CRLF, CR CR LF and CR end a line, a line of blanks separates header and body, a continuation may have lost
 * its indent (`name="x"` in column 0), the separator line may be missing.
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

/** For a header that is read to its end: how much of it there may be was decided before. */
export const WHOLE_HEADER = { headerLength: Number.MAX_SAFE_INTEGER };

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
    // A doubt about a line that is only cut off here does no harm: the lenient reading waits for its end.
    const cut = lf < 0;
    // The LF of this CR may follow.
    if (cut && !whole && text.indexOf('\r', position) === text.length - 1) return null;
    const after = cut ? text.length : lf + 1;
    const ended = text.charCodeAt(lf - 1) === 13;
    const stop = cut ? text.length : ended ? lf - 1 : lf;
    if (!cut) {
      lines++;
      if (ended) crlf++;
      if (crlf > 0 && crlf < lines) return 'lines end with CRLF and with a bare LF';
    }
    if (text.slice(position, stop).includes('\r')) return BARE_CR;
    if (stop === position) {
      if (open === null) return 'a blank line precedes the first field';
      return closed(fields, after, lines);
    }
    const first = text.charCodeAt(position);
    if (first === 32 || first === 9) {
      if (open === null) return 'the first line is a continuation';
      if (isBlankLine(text, position, stop)) return 'a continuation line is blank';
      open.value += text.slice(position, stop);
      open.end = stop;
    } else {
      const colon = fieldColon(text, position);
      if (colon === null) return 'a line is neither a field nor a continuation';
      open = fieldAt(text, position, colon, stop);
      fields.push(open);
    }
    position = after;
  }
  if (!whole) return null;
  return closed(fields, text.length, lines);
}

const BARE_CR = 'a line holds a bare CR';

function closed(fields: Field[], body: number, lines: number): Header {
  for (const field of fields) field.value = trimmedBlanks(field.value);
  const doubt = fields.some(({ value }) => value.includes('\0'))
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
  for (let position = 0; ; ) {
    let next = text.indexOf(eol, position);
    if (next < 0) {
      if (!whole) return null;
      next = text.length;
    }
    const after = Math.min(next + 1, text.length);
    let stop = next;
    while (stop > position && text.charCodeAt(stop - 1) === 13) stop--;
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
      const colon = fieldColon(text, position);
      if (colon !== null) {
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
    position = after;
  }
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
 * A field name: any printable ASCII but the colon (RFC 5322 section 2.2). Blanks before the colon are
 * obsolete (section 4.5) but still in use. A text with `=`, a quote or an angle bracket is not taken for a
 * name: it is a parameter that lost its indent, or XML that lost the line before it.
 */
const FIELD_NAME = /[!#-9;?-~]+[ \t]*:/y;

/** Position of the colon that ends a field name beginning at `from`; null without one. */
function fieldColon(text: string, from: number): number | null {
  FIELD_NAME.lastIndex = from;
  return FIELD_NAME.test(text) ? FIELD_NAME.lastIndex - 1 : null;
}

function lostIndent(line: string): boolean {
  return /^[A-Za-z][A-Za-z0-9*-]{0,40}\s*=\s*["'\w]/.test(line);
}

/** The length of blank lines and of an mbox "From " line at the top. */
function skipTop(raw: Buffer): { start: number; doubt: string | null } {
  let start = 0;
  while ([9, 10, 13, 32].includes(raw[start] as number)) start++;
  const blank = start > 0 ? 'a blank line precedes the first field' : null;
  const top = /^(>?From [^\r\n]*)(?:\r*\n|\r)/.exec(raw.toString('latin1', start, start + FIRST_LOOK));
  // "From : x" is a field, in its obsolete form.
  if (top === null || /^>?From [ \t]*:/.test(top[1]!)) return { start, doubt: blank };
  return {
    start: start + top[0].length,
    doubt: blank ?? (FROM_LINE.test(top[1]!) ? null : 'the first line is neither a field nor one of an mbox'),
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
  while (isBlank(text.charCodeAt(from))) from++;
  while (isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}
