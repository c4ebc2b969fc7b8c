import { escaped } from '../../shared/escape.ts';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** One line that is rewritten in place on a terminal; elsewhere nothing is printed. */
export class Progress {
  private readonly stream: NodeJS.WriteStream;
  private readonly what: string;
  private frame = 0;
  private last = 0;
  private shown = false;

  constructor(stream: NodeJS.WriteStream, what: string) {
    this.stream = stream;
    this.what = what;
  }

  /** Shows a state, at most ten times a second; with a share (0 to 1), also a bar. */
  show(state: string, share?: number): void {
    if (!this.stream.isTTY || Date.now() - this.last < 100) return;
    this.last = Date.now();
    this.shown = true;
    const width = 24;
    const full = share === undefined ? 0 : Math.round(Math.min(1, share) * width);
    const drawn = share === undefined ? FRAMES[this.frame++ % FRAMES.length]! : `${'█'.repeat(full)}${'░'.repeat(width - full)}`;
    const line = escaped(`${this.what} ${drawn} ${state}`);
    this.stream.write(`\r\x1b[2K${line.slice(0, Math.max(20, (this.stream.columns ?? 80) - 1))}`);
  }

  /** Clears the line. */
  end(): void {
    if (this.shown) this.stream.write('\r\x1b[2K');
    this.shown = false;
  }
}
