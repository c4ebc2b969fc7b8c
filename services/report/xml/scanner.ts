import type { SaxesParser } from 'saxes';
import {
  CDATA,
  type Chunk,
  chunkOf,
  FOREIGN,
  isText,
  KIND,
  NAME,
  PLAIN,
  passedOver,
  RETURN,
  resolved,
  tagEnd,
} from './characters.ts';
import { type Listener, releaseText, strictParser, type Tokenizer } from './saxes.ts';

const SLASH = 47;
const BANG = 33;
const LESS = 60;
const GREATER = 62;
const QUESTION = 63;

const DECLARATION =
  /<\?xml[ \t\r\n]+version=(?:"1\.0"|'1\.0')(?:[ \t\r\n]+encoding=(?:"[A-Za-z][\w.-]*"|'[A-Za-z][\w.-]*'))?(?:[ \t\r\n]+standalone=(?:"yes"|"no"|'yes'|'no'))?[ \t\r\n]*\?>/y;
const END = /[ \t\r\n]*>/y;
const BLANK = /^[ \t\r\n]*$/;
/**
 * What the end of a chunk may have cut off is kept up to this length, and scanned again with the next chunk:
 * no report has longer tokens.
 */
const CARRIED = 4_096;

/** What it costs to make a saxes parser, in characters that it would read in that time. */
const HANDOVER = 400;

/**
 * Reports exactly what saxes would report, several times faster, where the document is regular: an XML
 * declaration, tags with plain names and attributes, comments, CDATA, text with no references but those of
 * characters and the predefined ones. At a token that is anything else, right or wrong, a saxes parser with
 * the same elements open takes over up to the end of the next tag, so what is refused, and how, is decided in
 * one place. An attribute is reported with its tag, and what is not regular among the last characters of a
 * chunk with the next one.
 */
export class Scanner implements Tokenizer {
  private readonly listener: Listener;
  /** What saxes reads meanwhile. */
  private readonly relay: Listener;
  private strict: SaxesParser | null = null;
  /** Characters of the document that the strict parser has not seen, less those it was fed instead. */
  private shift = 0;
  /**
   * All that hand-overs have cost, in characters: saxes goes on up to here, so that a document of them costs
   * no more than twice.
   */
  private owed = 0;
  /** saxes has reported a tag since it was last asked to read on. */
  private tagged = false;
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
    this.relay = {
      opened: (name, xmlns) => {
        this.tagged = true;
        this.rooted = true;
        this.open.push(name);
        listener.opened(name, xmlns);
      },
      closed: () => {
        this.tagged = true;
        this.open.pop();
        listener.closed();
      },
      text: (text) => listener.text(text),
      attribute: (length) => listener.attribute(length),
      doctype: () => listener.doctype(),
      malformed: (message) => listener.malformed(message),
    };
  }

  get position(): number {
    return this.strict === null ? this.at : this.strict.position + this.shift;
  }

  write(chunk: string): void {
    this.read(this.carry === '' ? chunk : this.carry + chunk, CARRIED);
  }

  close(): void {
    const { strict, carry } = this;
    if (strict === null && this.rooted && this.open.length === 0 && BLANK.test(carry)) {
      if (carry !== '') this.listener.text(resolved(chunkOf(carry), 0, carry.length) as string);
      return;
    }
    this.read(carry, 0);
    (this.strict ?? this.handOver(0)).close();
  }

  /**
   * Reports the tokens of `text`, which begins at `base`. Up to `carried` characters, with a token that is
   * not whole, are left.
   */
  private read(text: string, carried: number): void {
    const chunk = chunkOf(text);
    this.done = 0;
    do {
      if (this.strict === null) {
        this.scan(chunk);
        if (text.length - this.done <= carried) break;
      }
      this.done = this.strictly(text, this.done);
    } while (this.strict === null && this.done < text.length);
    this.carry = text.slice(this.done);
    this.base += this.done;
  }

  /**
   * Reports the part of a text that has been read so far, so that a text without an end does not stay in
   * memory. False when what is being read is not text.
   */
  release(): boolean {
    if (this.strict === null) {
      this.handOver(0).write(this.carry);
      this.base += this.carry.length;
      this.carry = '';
    }
    return releaseText(this.strict!, this.listener);
  }

  /** A saxes parser for what follows the first `done` characters from `base` on. */
  private handOver(done: number): SaxesParser {
    let prefix = this.declared ? '<?xml version="1.0"?>' : '';
    // No declaration may come any more.
    if (this.base + done > 0 && !this.declared) prefix = '<!---->';
    if (this.rooted && this.open.length === 0) prefix = '<a></a>';
    for (const name of this.open) prefix += `<${name}>`;
    this.shift = this.base + done - prefix.length;
    this.owed += HANDOVER + prefix.length;
    this.strict = strictParser(this.relay, prefix);
    return this.strict;
  }

  /** Lets saxes read `text` from `from` on; returns where the scanner goes on, or the end. */
  private strictly(text: string, from: number): number {
    const strict = this.strict ?? this.handOver(from);
    let i = Math.min(Math.max(from, this.owed - this.base), text.length);
    strict.write(text.slice(from, i));
    // XML 1.1 has other line ends.
    while (i < text.length && strict.xmlDecl.version !== '1.1') {
      const end = text.indexOf('>', i) + 1;
      if (end === 0) break;
      this.tagged = false;
      strict.write(text.slice(i, end));
      i = end;
      if (!this.tagged) continue;
      this.begun = true;
      this.strict = null;
      this.at = this.base + i;
      return i;
    }
    strict.write(text.slice(i));
    return text.length;
  }

  /** Reports the tokens from `done` on, up to one that is not whole or not regular, where `done` is then. */
  private scan(chunk: Chunk): void {
    const { text } = chunk;
    let i = this.begun ? this.done : this.begin(text);
    while (i >= 0) {
      this.done = i;
      const j = text.indexOf('<', i);
      if (j < 0 || (j > i && !this.content(chunk, i, j))) return;
      i = this.tag(chunk, j);
    }
  }

  /** Reads the declaration; returns where the first token begins, or -1. */
  private begin(text: string): number {
    if (text.charCodeAt(0) !== LESS) return -1;
    this.begun = true;
    DECLARATION.lastIndex = 0;
    this.declared = DECLARATION.test(text);
    return this.declared ? DECLARATION.lastIndex : 0;
  }

  /** Reports the text from `i` to `j`; false when it is not regular. */
  private content(chunk: Chunk, i: number, j: number): boolean {
    const { text, codes } = chunk;
    let kinds = 0;
    for (let k = i; k < j; k++) kinds |= KIND[codes[k]!]!;
    const blank = (kinds & ~RETURN) === 0;
    if (kinds >= FOREIGN || (!blank && this.open.length === 0)) return false;
    const content = kinds > PLAIN ? resolved(chunk, i, j) : text.slice(i, j);
    if (content === null) return false;
    this.listener.text(content, blank);
    this.done = j;
    return true;
  }

  /**
   * Reports the tag at `j`, unless the listener takes the whole element; returns where the next token begins,
   * or -1.
   */
  private tag(chunk: Chunk, j: number): number {
    const { text } = chunk;
    const c = text.charCodeAt(j + 1);
    if (c === SLASH) return this.endTag(text, j);
    if (c === BANG && text.startsWith(CDATA, j)) return this.cdata(chunk, j);
    if (c === BANG || c === QUESTION) return passedOver(chunk, j);
    if (this.open.length > 0) {
      this.at = this.base + j;
      const taken = this.listener.record?.(chunk, j) ?? 0;
      if (taken > 0) return j + taken;
    }
    return this.startTag(chunk, j);
  }

  private endTag(text: string, j: number): number {
    const { open } = this;
    const name = open[open.length - 1];
    if (name === undefined || !text.startsWith(name, j + 2)) return -1;
    END.lastIndex = j + 2 + name.length;
    if (!END.test(text)) return -1;
    open.pop();
    this.at = this.base + END.lastIndex;
    this.listener.closed();
    return END.lastIndex;
  }

  private cdata(chunk: Chunk, j: number): number {
    const { text } = chunk;
    const { listener, open } = this;
    if (open.length === 0) return -1;
    const from = j + CDATA.length;
    const to = text.indexOf(']]>', from);
    if (to < 0 || !isText(chunk, from, to)) return -1;
    listener.text(text.slice(from, to).replace(/\r\n?/g, '\n'));
    return to + 3;
  }

  private startTag(chunk: Chunk, j: number): number {
    const { text } = chunk;
    const { open, listener } = this;
    let end = j + 1;
    if ((this.rooted && open.length === 0) || NAME[text.charCodeAt(end)] !== 2) return -1;
    do end++;
    while (NAME[text.charCodeAt(end)]! > 0);
    const name = text.slice(j + 1, end);
    let empty = false;
    let xmlns: string | null = null;
    if (text.charCodeAt(end) === GREATER) {
      end++;
    } else {
      const rest = tagEnd(chunk, end);
      if (rest === null) return -1;
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
