import { COUNT, childOf, FEEDBACK, RECORD, ROW, SOURCE_IP } from './elements.ts';
import { BLANKS, CLOSED, copied, FILLED, OPENED, type Step } from './shapes.ts';

/**
 * Records kept for comparison, and characters in one of them; beyond that a record is read like any other.
 */
const KEPT = 1_000;
const KEPT_LENGTH = 4_096;
/** Records before the comparison begins: a short document ends before it repeats itself much. */
const UNWATCHED = 64;
/**
 * After this many misses, the search goes on only while at least half of the records are found: otherwise it
 * costs more than it saves.
 */
const PATIENCE = 64;

/** The markup around the first two values of a record, where these are its address and count. */
interface Frame {
  /** Up to the address. */
  head: string;
  /** Between address and count. */
  middle: string;
  /** The end tag of the record. */
  close: string;
}

const frames = new WeakMap<readonly Step[], Frame | null>();

/**
 * The frame of a record of this shape; null for any other element, and for a record that begins in another
 * way. Only start tags and blanks may come before the address, and between its end and the count.
 */
export function frameOf(steps: readonly Step[]): Frame | null {
  let frame = frames.get(steps);
  if (frame === undefined) {
    frame = makeFrame(steps);
    frames.set(steps, frame);
  }
  return frame;
}

const BEGINNING = [
  { what: OPENED, parent: FEEDBACK, element: RECORD },
  { what: OPENED, parent: RECORD, element: ROW },
  { what: OPENED, parent: ROW, element: SOURCE_IP },
  { what: FILLED },
  { what: CLOSED },
  { what: OPENED, parent: ROW, element: COUNT },
  { what: FILLED },
] as const;

function makeFrame(steps: readonly Step[]): Frame | null {
  let expected = 0;
  let head = '';
  let middle = '';
  for (const { what, raw, reported } of steps) {
    const next = BEGINNING[expected];
    if (next === undefined) break;
    if (what !== BLANKS) {
      if (what !== next.what || ('element' in next && childOf(next.parent, reported) !== next.element)) return null;
      expected++;
    }
    if (expected <= 3) head += raw;
    else middle += raw;
  }
  const last = steps[steps.length - 1];
  if (expected < BEGINNING.length || last === undefined || last.raw === '') return null;
  return { head, middle, close: last.raw };
}

/** A record that was read, and the conclusions from it. */
interface Learned<T> {
  frame: Frame;
  text: string;
  start: number;
  end: number;
  conclusion: T;
  passing: boolean;
}

/**
 * The records of one document, by everything that follows their count: most reports say the same of many
 * addresses, and the conclusions from the text of one record hold for every other record with that text.
 * Bounded, and dropped with the document.
 */
export class Repeats<T> {
  /** Of the record found last. */
  ip = '';
  count = '';
  length = 0;
  private frame: Frame | null = null;
  private readonly known = new Map<string, T>();
  /** The part after the count of the element looked at last, and where that element began. */
  private tail = '';
  private at = -1;
  private seen = 0;
  private hits = 0;
  private misses = 0;

  /** The conclusions from an earlier record with the same text as the element that begins at `start`. */
  find(text: string, start: number): T | null {
    this.at = -1;
    const { frame } = this;
    if (frame === null || !text.startsWith(frame.head, start)) return null;
    const ip = start + frame.head.length;
    const ipEnd = text.indexOf('<', ip);
    if (ipEnd < 0 || !text.startsWith(frame.middle, ipEnd)) return null;
    const count = ipEnd + frame.middle.length;
    const countEnd = text.indexOf('<', count);
    const close = countEnd < 0 ? -1 : text.indexOf(frame.close, countEnd);
    const end = close + frame.close.length;
    if (close < 0 || end - countEnd > KEPT_LENGTH) return null;
    this.tail = text.slice(countEnd, end);
    const found = this.known.get(this.tail);
    if (found === undefined) {
      this.at = start;
      this.misses++;
      return null;
    }
    this.hits++;
    this.ip = text.slice(ip, ipEnd);
    this.count = text.slice(count, countEnd);
    this.length = end - start;
    return found;
  }

  /** Whether records are worth remembering. To be read once for each record that was reported. */
  get watching(): boolean {
    return this.seen++ >= UNWATCHED && (this.misses <= PATIENCE || this.hits >= this.misses);
  }

  /**
   * Remembers the conclusions from the record between `start` and `end` of `text`. Where `passing` is true,
   * `text` is a piece of a large document and must not be kept in memory.
   */
  learn({ frame, text, start, end, conclusion, passing }: Learned<T>): void {
    this.frame = frame;
    if (this.known.size >= KEPT) return;
    let { tail } = this;
    if (this.at !== start) {
      const ipEnd = text.indexOf('<', start + frame.head.length);
      const countEnd = text.indexOf('<', ipEnd + frame.middle.length);
      if (end - countEnd > KEPT_LENGTH) return;
      tail = text.slice(countEnd, end);
    }
    this.known.set(passing ? copied(tail) : tail, conclusion);
  }

  /** Stops the comparison. */
  forget(): void {
    this.frame = null;
    this.known.clear();
  }
}
