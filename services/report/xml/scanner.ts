import type { SaxesParser } from 'saxes';
import {
  type Chunk,
  chunkOf,
  FOREIGN,
  isBegun,
  KIND,
  mayGoOn,
  NAME,
  PLAIN,
  RETURN,
  resolved,
  SURROGATE,
  tagEnd,
} from './characters.ts';
import { type Listener, releaseText, strictParser, type Tokenizer } from './saxes.ts';

const SLASH = 47;
const BANG = 33;
const LESS = 60;
const GREATER = 62;

const DECLARATION =
  /<\?xml[ \t\r\n]+version=(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding=(?:"[A-Za-z][\w.-]*"|'[A-Za-z][\w.-]*'))?(?:[ \t\r\n]+standalone=(?:"yes"|"no"|'yes'|'no'))?[ \t\r\n]*\?>/y;
/** An end tag that the end of the chunk cuts off. */
const PARTIAL_END = /^<\/(?:[A-Za-z_:][\w.:-]*[ \t\r\n]*)?$/;
const END = /[ \t\r\n]*>/y;
const COMMENT = '<!--';
const CDATA = '<![CDATA[';
const BLANK = /^[ \t\r\n]*$/;
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
 * XML declaration, tags with plain names and attributes, comments, CDATA, text with no references but those of
 * characters and the predefined ones. At the first token that is anything else, right or wrong, a saxes parser
 * with the same elements open takes over for good, so what is refused, and how, is decided in one place. A
 * token is reported during the same `write` in which saxes would report it or its error, an attribute with
 * its tag.
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
    const regular = this.scan(chunkOf(text));
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
      this.listener.text(resolved(chunkOf(this.carry), 0, this.carry.length) as string);
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
    // No declaration may come any more.
    if (this.base > 0 && !this.declared) prefix = '<!---->';
    if (this.rooted && this.open.length === 0) prefix = '<a></a>';
    for (const name of this.open) prefix += `<${name}>`;
    this.shift = this.base - prefix.length;
    this.strict = strictParser(this.listener, prefix);
    this.strict.write(this.carry);
    this.carry = '';
    return this.strict;
  }

  /** Reports the tokens of `text` up to `done`; false when the token that follows is not regular. */
  private scan(chunk: Chunk): boolean {
    const { text } = chunk;
    let i = this.begun ? 0 : this.begin(text);
    if (i < 0) return false;
    for (;;) {
      this.done = i;
      let j = text.indexOf('<', i);
      const cut = j < 0;
      if (cut) j = text.length;
      if (j > i && !this.content(chunk, i, j, cut)) return false;
      if (cut) return true;
      i = this.tag(chunk, j);
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
  private content(chunk: Chunk, i: number, j: number, cut: boolean): boolean {
    const { text, codes } = chunk;
    let kinds = 0;
    for (let k = i; k < j; k++) kinds |= KIND[codes[k]!]!;
    const blank = (kinds & ~RETURN) === 0;
    if (kinds >= FOREIGN || (!blank && this.open.length === 0)) return false;
    if (cut) return kinds <= PLAIN || mayGoOn(chunk, i, j);
    const content = kinds > PLAIN ? resolved(chunk, i, j) : text.slice(i, j);
    if (content === null) return false;
    this.listener.text(content, blank);
    this.done = j;
    return true;
  }

  /**
   * Reports the tag at `j`, unless the listener takes the whole element; returns where the next token begins,
   * or IRREGULAR or INCOMPLETE.
   */
  private tag(chunk: Chunk, j: number): number {
    const { text } = chunk;
    const c = text.charCodeAt(j + 1);
    if (c === SLASH) return this.endTag(text, j);
    if (c === BANG) return text.startsWith(COMMENT, j) ? comment(chunk, j) : this.cdata(chunk, j);
    if (this.open.length > 0) {
      this.at = this.base + j;
      const taken = this.listener.record?.(chunk, j) ?? 0;
      if (taken > 0) return j + taken;
    }
    return this.startTag(text, j);
  }

  private endTag(text: string, j: number): number {
    const { open } = this;
    if (open.length === 0) return IRREGULAR;
    const name = open[open.length - 1] as string;
    const end = j + 2 + name.length;
    if (end >= text.length) return PARTIAL_END.test(text.slice(j)) ? INCOMPLETE : IRREGULAR;
    if (!text.startsWith(name, j + 2)) return IRREGULAR;
    END.lastIndex = end;
    if (!END.test(text)) return PARTIAL_END.test(text.slice(j, j + CARRIED)) ? INCOMPLETE : IRREGULAR;
    open.pop();
    this.at = this.base + END.lastIndex;
    this.listener.closed();
    return END.lastIndex;
  }

  private cdata(chunk: Chunk, j: number): number {
    const { text } = chunk;
    const { listener, open } = this;
    if (!text.startsWith(CDATA, j)) return mayBegin(text, j) ? INCOMPLETE : IRREGULAR;
    if (open.length === 0) return IRREGULAR;
    const from = j + CDATA.length;
    const to = text.indexOf(']]>', from);
    if (!isText(chunk, from, to < 0 ? text.length : to)) return IRREGULAR;
    if (to < 0) return INCOMPLETE;
    listener.text(text.slice(from, to).replace(/\r\n?/g, '\n'));
    return to + 3;
  }

  private startTag(text: string, j: number): number {
    const { open, listener } = this;
    const n = text.length;
    let end = j + 1;
    if (end === n) return INCOMPLETE;
    if (this.rooted && open.length === 0) return IRREGULAR;
    if (NAME[text.charCodeAt(end)] !== 2) return IRREGULAR;
    do end++;
    while (end < n && NAME[text.charCodeAt(end)] !== 0);
    if (end === n) return INCOMPLETE;
    const name = text.slice(j + 1, end);
    let empty = false;
    let xmlns: string | null = null;
    if (text.charCodeAt(end) === GREATER) {
      end++;
    } else {
      const rest = tagEnd(text, end);
      if (rest === null) return n - end <= CARRIED && isBegun(text.slice(end)) ? INCOMPLETE : IRREGULAR;
      ({ end, empty, xmlns } = rest);
      for (const length of rest.attributes) listener.attribute(length);
    }
    this.rooted = true;
    this.at = this.base + end;
    listener.opened(name, xmlns);
    if (empty) listener.closed();
    else open.push(name);
    return end;
  }
}

/** Where the token after a comment begins, or IRREGULAR or INCOMPLETE. */
function comment(chunk: Chunk, j: number): number {
  const { text } = chunk;
  const from = j + COMMENT.length;
  const dashes = text.indexOf('--', from);
  if (!isText(chunk, from, dashes < 0 ? text.length : dashes)) return IRREGULAR;
  if (dashes < 0 || dashes + 2 === text.length) return INCOMPLETE;
  return text.charCodeAt(dashes + 2) === GREATER ? dashes + 3 : IRREGULAR;
}

/** Whether a comment or CDATA may begin with what the chunk has left of it. */
function mayBegin(text: string, j: number): boolean {
  const begun = text.slice(j, j + CDATA.length);
  return j + begun.length === text.length && (COMMENT.startsWith(begun) || CDATA.startsWith(begun));
}

/** Whether all characters are such as XML allows; the end of the chunk may cut a pair of surrogates. */
function isText({ text, codes }: Chunk, from: number, to: number): boolean {
  let kinds = 0;
  for (let k = from; k < to; k++) kinds |= KIND[codes[k]!]!;
  if ((kinds & SURROGATE) === 0) return kinds < FOREIGN;
  const last = to === text.length && (codes[to - 1]! & 0xfc00) === 0xd800 ? to - 1 : to;
  return kinds < FOREIGN && text.slice(from, last).isWellFormed();
}
