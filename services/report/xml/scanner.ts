import type { SaxesParser } from 'saxes';
import { type Listener, releaseText, strictParser, type Tokenizer } from './saxes.ts';
import { BLANKS, CLOSED, FILLED, OPENED, type Recognised, recognise, remember, type Step } from './shapes.ts';

const SLASH = 47;
const LESS = 60;
const GREATER = 62;

/**
 * Kinds of characters in text, as flags: those of values, carriage returns, characters that need a closer
 * look, and what is left to saxes.
 */
const PLAIN = 1;
const RETURN = 2;
const SPECIAL = 4;
const FOREIGN = 8;
const KIND = new Uint8Array(0x10000).fill(PLAIN);
KIND.fill(FOREIGN, 0, 0x20).fill(FOREIGN, 0xd800, 0xe000).fill(FOREIGN, 0xfffe);
for (const space of '\t\n ') KIND[space.charCodeAt(0)] = 0;
KIND['\r'.charCodeAt(0)] = RETURN;
for (const special of '&]') KIND[special.charCodeAt(0)] = SPECIAL;

/** ASCII characters of names: 2 where a name may begin with it. */
const NAME = new Uint8Array(0x10000);
for (const letter of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_:') NAME[letter.charCodeAt(0)] = 2;
for (const letter of '0123456789-.') NAME[letter.charCodeAt(0)] = 1;

const DECLARATION =
  /<\?xml[ \t\r\n]+version=(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding=(?:"[A-Za-z][\w.-]*"|'[A-Za-z][\w.-]*'))?(?:[ \t\r\n]+standalone=(?:"yes"|"no"|'yes'|'no'))?[ \t\r\n]*\?>/y;
/** Values of printable ASCII only: the normalisation of white space in values is left to saxes. */
const ATTRIBUTE = /[ \t\r\n]+([A-Za-z_:][\w.:-]*)=(?:"([ !#-%'-;=-~]*)"|'([ -%(-;=-~]*)')/y;
const TAG_END = /[ \t\r\n]*(\/?)>/y;
/** An end tag that the end of the chunk cuts off. */
const PARTIAL_END = /^<\/(?:[A-Za-z_:][\w.:-]*)?$/;
const BLANK = /^[ \t\r\n]*$/;
const REFERENCE = /&(?:(amp|lt|gt|quot|apos);)?/g;
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * A token cut off by the end of a chunk is kept up to this length: no report has longer ones, and it is
 * scanned again each time.
 */
const CARRIED = 4_096;
/** In place of where the next token begins: a token that is left to saxes, and one that the chunk cuts off. */
const IRREGULAR = -1;
const INCOMPLETE = -2;

/**
 * Reports exactly what saxes would report, several times faster, for as long as the document is regular: an
 * XML declaration, tags with plain names and attributes, text with no references but the predefined ones. At
 * the first token that is anything else, right or wrong, a saxes parser with the same elements open takes
 * over for good, so what is refused, and how, is decided in one place. A token is reported during the same
 * `write` in which saxes would report it or its error.
 *
 * It is fast because it takes markup apart once: a child of the root, such as a record, that differs from an
 * earlier one in its values alone is recognised as a whole.
 */
export class Scanner implements Tokenizer {
  private readonly listener: Listener;
  private strict: SaxesParser | null = null;
  /** Characters of the document that the strict parser has not seen, less those it was fed instead. */
  private shift = 0;
  private readonly open: string[] = [];
  private begun = false;
  private declared = false;
  /** The root was opened. */
  private rooted = false;
  /** A token that is not whole yet, and where it begins in the document. */
  private carry = '';
  private base = 0;
  /** Characters of the text being scanned whose tokens are done with. */
  private done = 0;
  private at = 0;
  /** The steps of the child of the root being read; null when they are not to be remembered. */
  private steps: Step[] | null = null;

  constructor(listener: Listener) {
    this.listener = listener;
  }

  get position(): number {
    return this.strict === null ? this.at : this.strict.position + this.shift;
  }

  write(chunk: string): void {
    if (this.strict !== null) {
      this.strict.write(chunk);
      return;
    }
    const text = this.carry === '' ? chunk : this.carry + chunk;
    this.done = 0;
    const regular = this.scan(text);
    this.carry = text.slice(this.done);
    this.base += this.done;
    if (!regular || this.carry.length > CARRIED) this.handOver();
  }

  close(): void {
    if (this.strict !== null) {
      this.strict.close();
    } else if (!this.rooted || this.open.length > 0 || !BLANK.test(this.carry)) {
      this.handOver().close();
    } else if (this.carry !== '') {
      this.listener.text(resolved(this.carry) as string);
    }
  }

  /**
   * Reports the part of a text that has been read so far, so that a text without an end does not stay in
   * memory. False when what is being read is not text.
   */
  release(): boolean {
    return releaseText(this.strict ?? this.handOver(), this.listener);
  }

  /** Lets saxes read the document from `base` on. */
  private handOver(): SaxesParser {
    let prefix = this.declared ? '<?xml version="1.0"?>' : '';
    if (this.rooted && this.open.length === 0) prefix = '<a></a>';
    for (const name of this.open) prefix += `<${name}>`;
    this.shift = this.base - prefix.length;
    this.strict = strictParser(this.listener, prefix);
    this.strict.write(this.carry);
    this.carry = '';
    return this.strict;
  }

  /** Reports the tokens of `text` up to `done`; false when the token that follows is not regular. */
  private scan(text: string): boolean {
    this.steps = null;
    let i = this.begun ? 0 : this.begin(text);
    if (i < 0) return false;
    for (;;) {
      this.done = i;
      let j = text.indexOf('<', i);
      const cut = j < 0;
      if (cut) j = text.length;
      if (j > i && !this.content(text, i, j, cut)) return false;
      if (cut) return true;
      i = this.tag(text, j);
      if (i < 0) return i === INCOMPLETE;
    }
  }

  /** Reads the declaration; returns where the first token begins, or IRREGULAR. */
  private begin(text: string): number {
    if (text.length === 0) return 0;
    this.begun = true;
    if (text.charCodeAt(0) !== LESS) return IRREGULAR;
    DECLARATION.lastIndex = 0;
    this.declared = DECLARATION.test(text);
    return this.declared ? DECLARATION.lastIndex : 0;
  }

  /**
   * Reports the text from `i` to `j`, unless the end of the chunk cuts it off; false when it is not regular.
   */
  private content(text: string, i: number, j: number, cut: boolean): boolean {
    let kinds = 0;
    for (let k = i; k < j; k++) kinds |= KIND[text.charCodeAt(k)] as number;
    const blank = (kinds & ~RETURN) === 0;
    if (kinds >= FOREIGN || (!blank && this.open.length === 0)) return false;
    const value = text.slice(i, j);
    // A reference that the end of the chunk cuts off is not resolved, and left to saxes.
    const content = kinds > PLAIN ? resolved(value) : value;
    if (content === null) return false;
    if (cut) return true;
    this.listener.text(content, blank);
    this.done = j;
    this.steps?.push(blank ? { what: BLANKS, raw: value, reported: content } : { what: FILLED, raw: '', reported: '' });
    return true;
  }

  /**
   * Reports the tag at `j`, or the whole element if it is a child of the root that differs from an earlier
   * one in its values alone; returns where the next token begins, or IRREGULAR or INCOMPLETE.
   */
  private tag(text: string, j: number): number {
    if (text.charCodeAt(j + 1) === SLASH) return this.endTag(text, j);
    if (this.open.length === 1) {
      const { listener, base } = this;
      this.at = base + j;
      const repeated = listener.repeated?.(text, j) ?? 0;
      if (repeated > 0) return j + repeated;
      const element = recognise(text, j);
      if (element !== null) {
        const end = j + this.repeat(element, base + j);
        listener.recognised?.(text, j, end, element.steps);
        return end;
      }
      this.steps = [];
    }
    return this.startTag(text, j);
  }

  private endTag(text: string, j: number): number {
    const { open } = this;
    if (open.length === 0) return IRREGULAR;
    const name = open[open.length - 1] as string;
    const end = j + 2 + name.length;
    if (end >= text.length) return PARTIAL_END.test(text.slice(j)) ? INCOMPLETE : IRREGULAR;
    if (text.charCodeAt(end) !== GREATER || !text.startsWith(name, j + 2)) return IRREGULAR;
    open.pop();
    this.at = this.base + end + 1;
    this.closed(text.slice(j, end + 1), name);
    return end + 1;
  }

  private startTag(text: string, j: number): number {
    const { open, listener } = this;
    const n = text.length;
    if (this.rooted && open.length === 0) return IRREGULAR;
    let end = j + 1;
    if (end === n) return INCOMPLETE;
    if (NAME[text.charCodeAt(end)] !== 2) return IRREGULAR;
    do end++;
    while (end < n && NAME[text.charCodeAt(end)] !== 0);
    if (end === n) return INCOMPLETE;
    const name = text.slice(j + 1, end);
    let empty = false;
    if (text.charCodeAt(end) === GREATER) {
      end++;
    } else {
      if (text.charCodeAt(end) === SLASH && end + 1 === n) return INCOMPLETE;
      const attributes: number[] = [];
      end = attributesOf(text, end, attributes);
      TAG_END.lastIndex = end;
      const rest = end < 0 ? null : TAG_END.exec(text);
      if (rest === null) return IRREGULAR;
      end = TAG_END.lastIndex;
      empty = rest[1] === '/';
      for (const length of attributes) listener.attribute(length);
      if (attributes.length > 0) this.steps = null;
    }
    this.rooted = true;
    this.at = this.base + end;
    listener.opened(name);
    this.steps?.push({ what: OPENED, raw: text.slice(j, end), reported: name });
    if (empty) this.closed('', name);
    else open.push(name);
    return end;
  }

  /** Reports the end of an element, and remembers the shape of a child of the root. */
  private closed(raw: string, name: string): void {
    const { steps } = this;
    this.listener.closed();
    if (steps === null) return;
    steps.push({ what: CLOSED, raw, reported: name });
    if (this.open.length === 1) remember(steps);
  }

  /** Reports an element that begins at `start` of the document; returns its length. */
  private repeat({ steps, values }: Recognised, start: number): number {
    const { listener } = this;
    let value = 0;
    let at = start;
    for (const { what, raw, reported } of steps) {
      at += raw.length;
      if (what === OPENED) {
        this.at = at;
        listener.opened(reported);
      } else if (what === CLOSED) {
        this.at = at;
        listener.closed();
      } else if (what === BLANKS) {
        listener.text(reported, true);
      } else {
        const content = values[++value] as string;
        at += content.length;
        if (content !== '') listener.text(content);
      }
    }
    return at - start;
  }
}

/**
 * Adds the lengths of the attributes from `from` on to `lengths`; returns where they end, or -1 when a name
 * comes twice.
 */
function attributesOf(text: string, from: number, lengths: number[]): number {
  const names = new Set<string>();
  let end = from;
  for (;;) {
    ATTRIBUTE.lastIndex = end;
    const match = ATTRIBUTE.exec(text);
    if (match === null) return end;
    end = ATTRIBUTE.lastIndex;
    names.add(match[1] as string);
    lengths.push((match[2] ?? (match[3] as string)).length);
    if (names.size < lengths.length) return -1;
  }
}

/**
 * Text with its line ends normalised (XML 1.0 section 2.11) and its references resolved; null when saxes must
 * decide.
 */
function resolved(text: string): string | null {
  if (text.includes(']]>')) return null;
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  if (!lines.includes('&')) return lines;
  let regular = true;
  const content = lines.replace(REFERENCE, (_reference, name: string | undefined) => {
    if (name === undefined) regular = false;
    return PREDEFINED[name ?? ''] ?? '';
  });
  return regular ? content : null;
}
