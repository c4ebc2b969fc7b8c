import type { Raw } from './raw.ts';

/** CRI: a line of more than 16 KB is written in parts, all but the last marked P. */
const CRI = /^(\S+) (stdout|stderr) ([FP]) /;
/** Docker cuts at as many octets, and the last part alone ends in a line end. */
const DOCKER_PART = 16_384;
/** Of lines that never end, the begin is kept. */
const MOST_HELD = 64 * 1024;
const MOST_STREAMS = 1_000;

/**
 * Puts the parts of long lines together, which container runtimes write; parts of several streams may be
 * mixed.
 */
export class Parts {
  private readonly held = new Map<string, Raw>();

  /** @returns what is whole: the line itself, all of its parts with the last one, or nothing yet */
  add(raw: Raw): Raw | null {
    const part = partOf(raw);
    if (part === null) return raw;
    const begun = this.held.get(part.of);
    const whole = begun === undefined ? raw : { ...begun, text: (begun.text + part.text).slice(0, MOST_HELD) };
    this.held.delete(part.of);
    if (part.last) return whole;
    if (this.held.size >= MOST_STREAMS) return whole;
    this.held.set(part.of, whole);
    return null;
  }

  /** What began and did not end. */
  rest(): Raw[] {
    const all = [...this.held.values()];
    this.held.clear();
    return all;
  }
}

/**
 * Whether it is a part, of which stream, and whether the line ends with it; null: nothing says that it is
 * one.
 */
function partOf(raw: Raw): { of: string; text: string; last: boolean } | null {
  if (raw.part !== undefined) return { of: `${whereOf(raw)} ${raw.part.stream}`, text: raw.text, last: raw.part.last };
  const cri = CRI.exec(raw.text);
  if (cri === null) return null;
  return { of: `${whereOf(raw)} ${cri[2]}`, text: raw.text.slice(cri[0].length), last: cri[3] === 'F' };
}

/** The container, or the file, that a line is from. */
const whereOf = ({ place, position }: Raw): string =>
  [place?.namespace, place?.pod, place?.container, position?.replace(/:\d+$/, '')].join(' ');

/**
 * What a record says of being a part: `logtag` of Fluent Bit's parser `cri`; a record of Docker's own that is
 * as long as a part and has no line end. Undefined: nothing.
 */
export function partOfRecord(record: Readonly<Record<string, unknown>>): Raw['part'] {
  const stream = typeof record.stream === 'string' ? record.stream : '';
  if (record.logtag === 'P' || record.logtag === 'F') return { stream, last: record.logtag === 'F' };
  if (typeof record.log !== 'string' || stream === '' || typeof record.time !== 'string') return undefined;
  return { stream, last: record.log.endsWith('\n') || Buffer.byteLength(record.log) < DOCKER_PART };
}
