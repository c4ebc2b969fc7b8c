import { escaped } from '../../shared/escape.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** Within a stage, a line is written no more often. */
const LINE_MS = 10_000;

/**
 * One line that is rewritten in place on a terminal; elsewhere nothing is printed unless that is asked for.
 */
export class Progress {
  private readonly stream: NodeJS.WriteStream;
  private readonly what: string;
  private readonly lines: boolean;
  private frame = 0;
  private last = 0;
  private shown = false;
  private stage = '';

  /**
   * @param options.lines elsewhere than on a terminal, such as in a file, a line is written for each stage,
   *   and every ten seconds within it
   */
  constructor(stream: NodeJS.WriteStream, what: string, { lines = false }: { lines?: boolean } = {}) {
    this.lines = lines;
    this.stream = stream;
    this.what = what;
  }

  /** Shows a state, at most ten times a second; with a share (0 to 1), also a bar. */
  show(state: string, share?: number): void {
    if (!this.stream.isTTY) {
      if (this.lines) this.line(state);
      return;
    }
    if (Date.now() - this.last < 100) return;
    this.last = Date.now();
    this.shown = true;
    const width = 24;
    const full = share === undefined ? 0 : Math.round(Math.min(1, share) * width);
    const drawn = share === undefined ? FRAMES[this.frame++ % FRAMES.length]! : `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
    const line = escaped(`${this.what} ${drawn} ${state}`);
    this.stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (this.stream.columns ?? 80) - 1))}`);
  }

  /** A stage is named by its words, whatever numbers stand among them. */
  private line(state: string): void {
    const stage = state.replace(/[\d.,]+/g, '');
    if (stage === this.stage && Date.now() - this.last < LINE_MS) return;
    this.stage = stage;
    this.last = Date.now();
    this.stream.write(`${escaped(`${this.what}: ${state}`)}\n`);
  }

  /** Clears the line. */
  end(): void {
    if (this.shown) this.stream.write('\r\x1b[2K');
    this.shown = false;
  }
}
