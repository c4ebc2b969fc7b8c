import type { SaxesParser } from 'saxes';
import { type Listener, strictParser, type Tokenizer } from './saxes.ts';
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
    const { open, listener, base } = this;
    const n = text.length;
    let i = 0;
    if (!this.begun && n > 0) {
      this.begun = true;
      if (text.charCodeAt(0) !== LESS) return false;
      DECLARATION.lastIndex = 0;
      this.declared = DECLARATION.test(text);
      if (this.declared) i = DECLARATION.lastIndex;
    }
    /** The steps of the child of the root being read; null when they are not to be remembered. */
    let steps: Step[] | null = null;
    for (;;) {
      this.done = i;
      let j = text.indexOf('<', i);
      const cut = j < 0;
      if (cut) j = n;
      if (j > i) {
        let kinds = 0;
        for (let k = i; k < j; k++) kinds |= KIND[text.charCodeAt(k)] as number;
        const blank = (kinds & ~RETURN) === 0;
        if (kinds >= FOREIGN || (!blank && open.length === 0)) return false;
        const value = text.slice(i, j);
        // A reference that the end of the chunk cuts off is not resolved, and left to saxes.
        const content = kinds > PLAIN ? resolved(value) : value;
        if (content === null) return false;
        if (cut) return true;
        listener.text(content);
        this.done = j;
        steps?.push(blank ? { what: BLANKS, raw: value, reported: content } : { what: FILLED, raw: '', reported: '' });
      }
      if (cut) return true;

      const first = text.charCodeAt(j + 1);
      if (first === SLASH) {
        if (open.length === 0) return false;
        const name = open[open.length - 1] as string;
        const end = j + 2 + name.length;
        if (end >= n) return PARTIAL_END.test(text.slice(j));
        if (text.charCodeAt(end) !== GREATER || !text.startsWith(name, j + 2)) return false;
        open.pop();
        i = end + 1;
        this.at = base + i;
        listener.closed();
        steps?.push({ what: CLOSED, raw: text.slice(j, i), reported: name });
        if (open.length === 1 && steps !== null) remember(steps);
        continue;
      }

      if (open.length === 1) {
        this.at = base + j;
        i = j + (listener.repeated?.(text, j) ?? 0);
        if (i > j) continue;
        const element = recognise(text, j);
        if (element !== null) {
          i = j + this.repeat(element, base + j);
          listener.recognised?.(text, j, i, element.steps);
          continue;
        }
        steps = [];
      }
      if (this.rooted && open.length === 0) return false;
      let end = j + 1;
      if (end === n) return true;
      if (NAME[first] !== 2) return false;
      do end++;
      while (end < n && NAME[text.charCodeAt(end)] !== 0);
      if (end === n) return true;
      const name = text.slice(j + 1, end);
      let empty = false;
      if (text.charCodeAt(end) === GREATER) {
        i = end + 1;
      } else {
        if (text.charCodeAt(end) === SLASH && end + 1 === n) return true;
        const attributes: number[] = [];
        end = attributesOf(text, end, attributes);
        TAG_END.lastIndex = end;
        const rest = end < 0 ? null : TAG_END.exec(text);
        if (rest === null) return false;
        i = TAG_END.lastIndex;
        empty = rest[1] === '/';
        for (const length of attributes) listener.attribute(length);
        if (attributes.length > 0) steps = null;
      }
      this.rooted = true;
      this.at = base + i;
      listener.opened(name);
      steps?.push({ what: OPENED, raw: text.slice(j, i), reported: name });
      if (!empty) {
        open.push(name);
        continue;
      }
      listener.closed();
      steps?.push({ what: CLOSED, raw: '', reported: name });
      if (open.length === 1 && steps !== null) remember(steps);
    }
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
        listener.text(reported);
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
