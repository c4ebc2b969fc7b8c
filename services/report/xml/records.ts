import {
  CDATA,
  type Chunk,
  FOREIGN,
  isText,
  KIND,
  NAME,
  PLAIN,
  passedOver,
  RETURN,
  resolve,
  resolved,
  tagEnd,
} from './characters.ts';
import { childIn, FEEDBACK, isOwn, LEAF, SKIPPED } from './report-elements.ts';

const BANG = 33;
const SLASH = 47;
const COLON = 58;
const LESS = 60;
const GREATER = 62;
const QUESTION = 63;

/** Elements and values that are noted at once, and elements that are open at once. */
const NOTES = 2_048;
const DEPTH = 32;
/**
 * Words of a note: the element, and where its value begins and ends; the end is negative where the value has
 * line ends or references to be resolved. A container has neither.
 */
const WORDS = 3;
/** Set in the element of a note when the next note is of the same value. */
const GOES_ON = 1 << 16;

const notes = new Int32Array(NOTES * WORDS);
/** The open elements: what each is, and where its name begins and ends. */
const open = new Int32Array(DEPTH * WORDS);

/** The limits that an element must keep to be read here. */
export interface RecordLimits {
  elementDepth: number;
  attributes: number;
  textLength: number;
  recordLength: number;
}

/** Receives what the element holds, in document order. */
export interface RecordListener {
  /** A container begins. */
  container(what: number): void;
  /** A leaf holds the characters between these of the chunk, or what they make when they are resolved. */
  value(what: number, from: number, to: number, odd: boolean): void;
  /** A leaf holds this text, which the document has in several pieces. */
  joined(what: number, text: string): void;
}

/**
 * Reads one child of feedback, such as a record, in one pass over its characters. It knows the elements of
 * the schema, in any order, with any prefix and any white space; what holds anything else, right or wrong, is
 * left to saxes, as is an element that the end of the chunk cuts off. Nothing is remembered from one element
 * to the next, so what one costs depends on its length alone.
 */
export class RecordScanner {
  /** What was found last, and the character after its start tag. */
  what = SKIPPED;
  headEnd = 0;
  private used = 0;
  private depth = 0;
  private deepest = 0;
  /** Characters in values. */
  private length = 0;
  /** Where the prefix of the child's tag stands, its colon included. */
  private prefix = 0;
  private prefixEnd = 0;
  /** The default namespace in scope is none of DMARC's. */
  private foreign = false;
  /** The namespace of elements without a prefix that are the child's own, besides those of DMARC. */
  private own: string | null = null;
  /** The default namespace that the start tag read last declares. */
  private xmlns: string | null = null;
  /** The start tag read last is that of an empty element. */
  private empty = false;
  private readonly limits: RecordLimits;

  constructor(limits: RecordLimits) {
    this.limits = limits;
  }

  /**
   * Takes apart the element that begins at `start`.
   * @param outerDepth the elements that are open around it, feedback the innermost
   * @param scope the default namespace there
   * @returns the character after it; -1 when it cannot be read here
   */
  scan(chunk: Chunk, start: number, outerDepth: number, scope: string | null): number {
    this.own = scope;
    const { codes } = chunk;
    const n = chunk.text.length;
    this.used = 0;
    this.length = 0;
    this.depth = 0;
    this.deepest = Math.min(this.limits.elementDepth - outerDepth, DEPTH);
    let at = FEEDBACK;
    let i = start;
    for (;;) {
      const c = this.depth === 0 ? 0 : codes[i + 1];
      if (c === BANG || c === QUESTION) {
        const skipped = at === SKIPPED && chunk.text.startsWith(CDATA, i);
        i = skipped ? this.cdata(chunk, i, SKIPPED) : passedOver(chunk, i);
      } else if (c === SLASH) {
        const last = --this.depth * WORDS;
        i = endTag(codes, i, open[last + 1]!, open[last + 2]!);
        if (this.depth === 0) return i;
        at = open[last - WORDS]!;
      } else {
        i = this.element(chunk, i, at);
        if (this.depth === 0) return i;
        at = open[(this.depth - 1) * WORDS]!;
      }
      if (i < 0) return -1;
      const next = endOfText(codes, i, n);
      if (codes[next] !== LESS || next === n || (kinds > 0 && !mayStand(codes, i, next, at))) return -1;
      i = next;
    }
  }

  /** Reports what the element found last holds, in the chunk in which it was found. */
  report(listener: RecordListener, chunk: Chunk): void {
    const { used } = this;
    let before = '';
    for (let k = 0; k < used; k += WORDS) {
      const what = notes[k]!;
      if (what < LEAF) {
        listener.container(what);
        continue;
      }
      const from = notes[k + 1]!;
      const to = Math.abs(notes[k + 2]!);
      const odd = notes[k + 2]! < 0;
      const goesOn = what > GOES_ON;
      if (!goesOn && before === '') {
        listener.value(what, from, to, odd);
        continue;
      }
      before += odd ? resolved(chunk, from, to) : chunk.text.slice(from, to);
      if (goesOn) continue;
      listener.joined(what, before);
      before = '';
    }
  }

  /** Reads a start tag inside `parent`, and all of a leaf; returns the character after it, or -1. */
  private element(chunk: Chunk, i: number, parent: number): number {
    const { text, codes } = chunk;
    const n = text.length;
    const name = i + 1;
    let end = name;
    let local = name;
    let c = codes[end]!;
    if (NAME[c] !== 2) return -1;
    do {
      if (c === COLON && local === name) local = end + 1;
      c = codes[++end]!;
    } while (NAME[c] !== 0 && end < n);
    let what = childIn(parent, codes, local, end);
    const prefixed = local !== name;
    if (this.depth === 0) {
      this.what = what;
      this.prefix = name;
      this.prefixEnd = local;
    } else if (prefixed ? !this.isOwnPrefix(codes, name, local) : this.foreign && this.prefix !== this.prefixEnd) {
      what = SKIPPED;
    }
    const { limits } = this;
    if (this.depth >= this.deepest || end - name > limits.textLength || this.used === NOTES * WORDS) return -1;
    this.empty = false;
    this.xmlns = null;
    const next = c === GREATER && end < n ? end + 1 : this.tagEnd(chunk, end);
    if (next < 0) return -1;
    if (this.depth === 0) this.beginScope(next);
    else if (this.xmlns !== null && what !== SKIPPED) {
      // What a change of the scope means for the elements within is left to the builder.
      const foreign = !isOwn(this.xmlns, this.own);
      if (prefixed ? foreign !== this.foreign : this.foreign) return -1;
      if (!prefixed && foreign) what = SKIPPED;
    }
    if (what >= LEAF) {
      if (this.empty) return next;
      const after = this.content(chunk, next, what);
      return after < 0 ? -1 : endTag(codes, after, name, end);
    }
    if (what !== SKIPPED && this.depth > 0) this.note(what, 0, 0);
    if (!this.empty) {
      const at = this.depth++ * WORDS;
      open[at] = what;
      open[at + 1] = name;
      open[at + 2] = end;
    }
    return next;
  }

  /** The start tag of the child has been read, up to `end`. */
  private beginScope(end: number): void {
    this.headEnd = end;
    const scope = this.xmlns ?? this.own;
    this.own = this.prefix === this.prefixEnd ? scope : null;
    this.foreign = !isOwn(scope, this.own);
  }

  /** Whether a prefix is that of the child: any other one is of an extension (RFC 9990 section 4). */
  private isOwnPrefix(codes: Uint16Array, from: number, to: number): boolean {
    const { prefix } = this;
    if (to - from !== this.prefixEnd - prefix) return false;
    for (let k = 0; k < to - from; k++) if (codes[from + k] !== codes[prefix + k]) return false;
    return true;
  }

  /** Reads attributes, or the end of an empty element. */
  private tagEnd(chunk: Chunk, from: number): number {
    const { limits } = this;
    const rest = tagEnd(chunk, from);
    if (rest === null || rest.attributes.length > limits.attributes) return -1;
    for (const size of rest.attributes) if (size > limits.textLength) return -1;
    this.xmlns = rest.xmlns;
    this.empty = rest.empty;
    return rest.end;
  }

  /** Reads a value, in one piece or several; returns where its end tag begins, or -1. */
  private content(chunk: Chunk, from: number, what: number): number {
    const { text, codes } = chunk;
    const { textLength } = this.limits;
    const [first, length] = [this.used, this.length];
    let i = from;
    while (codes[i] !== LESS || codes[i + 1] !== SLASH) {
      if (codes[i] !== LESS) i = this.leaf(codes, text.length, i, what);
      else if (text.startsWith(CDATA, i)) i = this.cdata(chunk, i, what);
      else i = passedOver(chunk, i);
      if (i < 0 || this.used > NOTES * WORDS - 2 * WORDS) return -1;
    }
    for (let k = first; k < this.used - WORDS; k += WORDS) notes[k] = what | GOES_ON;
    return this.length - length > textLength ? -1 : i;
  }

  /** Reads text; returns where it ends, or -1. */
  private leaf(codes: Uint16Array, n: number, from: number, what: number): number {
    const to = endOfText(codes, from, n);
    this.length += to - from;
    if (to === n || this.length > this.limits.recordLength) return -1;
    if (kinds <= PLAIN) this.note(what, from, to);
    else if (kinds < FOREIGN && isRegular(codes, from, to)) this.note(what, from, -to);
    else return -1;
    return to;
  }

  /**
   * Reads a CDATA section; returns the character after it, or -1 where it has line ends to be normalised, or
   * characters that saxes must look at.
   */
  private cdata(chunk: Chunk, start: number, what: number): number {
    const { text } = chunk;
    const from = start + CDATA.length;
    const to = text.indexOf(']]>', from);
    this.length += to - from;
    if (to < 0 || this.length > this.limits.recordLength) return -1;
    if (!isText(chunk, from, to) || text.slice(from, to).includes('\r')) return -1;
    if (to > from) this.note(what, from, to);
    return to + 3;
  }

  private note(what: number, from: number, to: number): void {
    const { used } = this;
    notes[used] = what;
    notes[used + 1] = from;
    notes[used + 2] = to;
    this.used = used + WORDS;
  }
}

/** The kinds of characters in the text whose end was searched last. */
let kinds = 0;

/** Where the text from `from` on ends: at a "<", or at `n`. */
function endOfText(codes: Uint16Array, from: number, n: number): number {
  let all = 0;
  let i = from;
  for (let c = codes[i]!; c !== LESS && i < n; c = codes[++i]!) all |= KIND[c]!;
  kinds = all;
  return i;
}

/** Whether a text other than spaces may stand in a container. */
function mayStand(codes: Uint16Array, from: number, to: number, container: number): boolean {
  if ((kinds & ~RETURN) === 0) return true;
  return container === SKIPPED && kinds < FOREIGN && isRegular(codes, from, to);
}

/** Whether the line ends and references of a text can be resolved here. */
function isRegular(codes: Uint16Array, from: number, to: number): boolean {
  if (scratch.length < to - from) scratch = new Uint16Array(2 * (to - from));
  return resolve(codes, from, to, scratch, 0) >= 0;
}

let scratch = new Uint16Array(1_024);

/**
 * The character after the end tag at `i`, if it ends the element whose name is given by its place; else -1.
 */
function endTag(codes: Uint16Array, i: number, name: number, nameEnd: number): number {
  let at = i + 2;
  for (let k = name; k < nameEnd; k++, at++) if (codes[at] !== codes[k]) return -1;
  while ((KIND[codes[at]!]! & ~RETURN) === 0) at++;
  return codes[at] === GREATER ? at + 1 : -1;
}
