import type { Raw } from '../lines/raw.ts';

/** Cuts lines that are too long: what matters of a line is at its begin. */
export function cutLines(raws: readonly Raw[], maxBytes: number): Raw[] {
  return raws.map((raw) => (raw.text.length > maxBytes ? { ...raw, text: raw.text.slice(0, maxBytes) } : raw));
}

/** Cuts a stream of octets into lines (LF), and long lines to their begin. Holds one line at most. */
export class LineCutter {
  private readonly maxBytes: number;
  private held: Buffer[] = [];
  private size = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The lines that end in these octets, without line ends; empty ones are left out. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      // Most lines lie within one chunk: they are read where they are.
      if (this.size === 0) add(lines, chunk.toString('utf8', from, Math.min(at, from + this.maxBytes)));
      else {
        this.hold(chunk.subarray(from, at));
        this.release(lines);
      }
      from = at + 1;
    }
    this.hold(chunk.subarray(from));
    return lines;
  }

  /** What came after the last line end. */
  end(): string[] {
    const lines: string[] = [];
    this.release(lines);
    return lines;
  }

  private hold(part: Buffer): void {
    const room = this.maxBytes - this.size;
    if (part.length === 0 || room <= 0) return;
    const kept = part.subarray(0, room);
    this.held.push(Buffer.from(kept));
    this.size += kept.length;
  }

  private release(lines: string[]): void {
    const text = (this.held.length === 1 ? this.held[0]! : Buffer.concat(this.held)).toString('utf8');
    this.held = [];
    this.size = 0;
    add(lines, text);
  }
}

function add(lines: string[], text: string): void {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  if (/\S/.test(line)) lines.push(line);
}
