import type { SaxesParser } from 'saxes';
import { type Chunk, chunkOf, KIND, passedOver, RETURN } from './characters.ts';
import { isBetweenTags, type Listener, releaseText, strictParser, type Tokenizer } from './saxes.ts';

const SLASH = 47;
const BANG = 33;
const LESS = 60;
const QUESTION = 63;

/**
 * What the end of a chunk may have cut off is kept up to this length, and scanned again with the next chunk:
 * few records are longer.
 */
const CARRIED = 4_096;

/** Characters that saxes reads at once, at least, where a ">" was of no tag. */
const MOST_AT_ONCE = 4_096;

/**
 * saxes, which is spared the elements that the listener takes as a whole, and the comments, processing
 * instructions and white space before them. All else is given to saxes tag by tag, so what is refused, and
 * how, is decided in one place.
 */
export class Scanner implements Tokenizer {
  private readonly listener: Listener;
  private readonly strict: SaxesParser;
  /** Characters of the document that saxes was given, and spared. */
  private given = 0;
  private spared = 0;
  private sparing = false;
  /** What is left of the last chunk. */
  private carry = '';

  constructor(listener: Listener) {
    this.listener = listener;
    this.strict = strictParser(listener);
  }

  get position(): number {
    return (this.sparing ? this.given : this.strict.position) + this.spared;
  }

  write(chunk: string): void {
    this.read(this.carry === '' ? chunk : this.carry + chunk, CARRIED);
  }

  close(): void {
    this.read(this.carry, 0);
    this.strict.close();
  }

  /**
   * Reports the part of a text that has been read so far, so that a text without an end does not stay in
   * memory. False when what is being read is not text.
   */
  release(): boolean {
    this.strict.write(this.carry);
    this.given += this.carry.length;
    this.carry = '';
    return releaseText(this.strict, this.listener);
  }

  /** Reads a text. Up to `carried` characters, which may begin an element, are left. */
  private read(text: string, carried: number): void {
    const { strict } = this;
    const chunk = chunkOf(text);
    let i = 0;
    let least = 0;
    for (;;) {
      if (isBetweenTags(strict)) {
        least = 0;
        if (this.listener.mayTake?.() === true) i = this.spare(chunk, i);
      }
      if (text.length - i <= carried) break;
      const end = text.indexOf('>', i + least) + 1 || text.length;
      strict.write(text.slice(i, end));
      this.given += end - i;
      i = end;
      // A text of nothing but ">" would take a call for each.
      least = Math.min(2 * least + 1, MOST_AT_ONCE);
    }
    this.carry = text.slice(i);
  }

  /** Passes over all that saxes is spared from `from` on; returns where it must go on. */
  private spare(chunk: Chunk, from: number): number {
    const { codes } = chunk;
    let i = from;
    for (;;) {
      let j = i;
      while ((KIND[codes[j]!]! & ~RETURN) === 0) j++;
      const next = codes[j + 1];
      if (codes[j] !== LESS || next === SLASH) return i;
      this.spared += j - i;
      const end = next === BANG || next === QUESTION ? passedOver(chunk, j) : this.taken(chunk, j);
      if (end < 0) {
        this.spared -= j - i;
        return i;
      }
      this.spared += end - j;
      i = end;
    }
  }

  /** The character after the element at `start`, if the listener takes it; else -1. */
  private taken(chunk: Chunk, start: number): number {
    this.sparing = true;
    const length = this.listener.record!(chunk, start);
    this.sparing = false;
    return length === 0 ? -1 : start + length;
  }
}
