import { COUNT, childOf, FEEDBACK, RECORD, ROW, SOURCE_IP } from './elements.ts';
import { BLANKS, CLOSED, copied, FILLED, OPENED, type Step } from './shapes.ts';

/** Records kept to compare others with, and characters of one: beyond that a record is read like any other. */
const KEPT = 1_000;
const KEPT_LENGTH = 4_096;
/** A short document is over before it repeats itself much. */
const UNWATCHED = 64;
/** After so many in vain, looking goes on only while every other record is found: else it costs more than it spares. */
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
 * The frame of a record of this shape; null for any other element, and for a record that begins otherwise. `open` and blanks are all that
 * may stand before the address, and all between its end and the count.
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
  for (const { what, raw, told } of steps) {
    const next = BEGINNING[expected];
    if (next === undefined) break;
    if (what !== BLANKS) {
      if (what !== next.what || ('element' in next && childOf(next.parent, told) !== next.element)) return null;
      expected++;
    }
    if (expected <= 3) head += raw;
    else middle += raw;
  }
  const last = steps[steps.length - 1];
  if (expected < BEGINNING.length || last === undefined || last.raw === '') return null;
  return { head, middle, close: last.raw };
}

/**
 * The records of one document, by all that follows their count: most reports say the same of many addresses, and what was concluded
 * from the text of one holds for every other with that text. Bounded, and lost with the document.
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
  private told = 0;
  private hits = 0;
  private misses = 0;

  /** What was concluded from a record like the element that begins at `start`. */
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

  /** Whether records are worth remembering (still, or already). Asked once for each that was told. */
  get watching(): boolean {
    return this.told++ >= UNWATCHED && (this.misses <= PATIENCE || this.hits >= this.misses);
  }

  /**
   * Remembers what was concluded from a record between `start` and `end`.
   * @param passing `text` is a piece of a large document, and not to be kept alive
   */
  learn(frame: Frame, text: string, start: number, end: number, conclusion: T, passing: boolean): void {
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

  /** Gives up looking. */
  forget(): void {
    this.frame = null;
    this.known.clear();
  }
}
