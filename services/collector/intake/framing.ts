/** Digits of a length (RFC 6587 section 3.4.1): no message has a hundred million octets. */
const MOST_DIGITS = 8;
const LF = 10;
const NUL = 0;
const SPACE = 32;

/**
 * Cuts the octets of a syslog connection into messages (RFC 6587): by octet counting where a message begins
 * with a length, otherwise at LF or NUL. A connection may use both. Of a message that is too long, the begin
 * is kept. Holds one message at most.
 */
export class SyslogCutter {
  private readonly maxBytes: number;
  private held: Buffer[] = [];
  private size = 0;
  /**
   * `begin`: nothing of a message has come; `length`: digits of its length; `counted`: so many octets are to
   * come; `line`: until LF.
   */
  private state: { at: 'begin' } | { at: 'length'; digits: string } | { at: 'counted'; left: number } | { at: 'line' } = {
    at: 'begin',
  };

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The messages that end in these octets. */
  push(chunk: Buffer): string[] {
    const messages: string[] = [];
    let from = 0;
    while (from < chunk.length) from = this.step(chunk, from, messages);
    return messages;
  }

  /**
   * The last message of a connection that ended without LF. One that is shorter than its length is lost, as
   * the protocol has it.
   */
  end(): string[] {
    const messages: string[] = [];
    if (this.state.at === 'line') this.release(messages);
    return messages;
  }

  private step(chunk: Buffer, from: number, messages: string[]): number {
    const { state } = this;
    const octet = chunk[from]!;
    if (state.at === 'begin') {
      if (octet === LF || octet === NUL || octet === SPACE || octet === 13) return from + 1;
      // What is no digit ends the length at once, and is the line.
      this.state = octet >= 49 ? { at: 'length', digits: '' } : { at: 'line' };
      return from;
    }
    if (state.at === 'length') {
      if (octet >= 48 && octet <= 57 && state.digits.length < MOST_DIGITS) {
        state.digits += String.fromCharCode(octet);
        return from + 1;
      }
      if (octet === SPACE) {
        this.state = { at: 'counted', left: Number(state.digits) };
        return from + 1;
      }
      // No length after all: a line that begins with digits.
      this.hold(Buffer.from(state.digits));
      this.state = { at: 'line' };
      return from;
    }
    if (state.at === 'counted') {
      const end = Math.min(chunk.length, from + state.left);
      this.hold(chunk.subarray(from, end));
      state.left -= end - from;
      if (state.left === 0) this.release(messages);
      return end;
    }
    return this.line(chunk, from, messages);
  }

  private line(chunk: Buffer, from: number, messages: string[]): number {
    const lf = chunk.indexOf(LF, from);
    const nul = chunk.indexOf(NUL, from);
    const end = lf === -1 ? nul : nul === -1 ? lf : Math.min(lf, nul);
    this.hold(chunk.subarray(from, end === -1 ? chunk.length : end));
    if (end === -1) return chunk.length;
    this.release(messages);
    return end + 1;
  }

  private hold(part: Buffer): void {
    const kept = part.subarray(0, Math.max(0, this.maxBytes - this.size));
    if (kept.length === 0) return;
    this.held.push(Buffer.from(kept));
    this.size += kept.length;
  }

  private release(messages: string[]): void {
    const text = Buffer.concat(this.held)
      .toString('utf8')
      .replace(/[\r\n]+$/, '');
    this.held = [];
    this.size = 0;
    this.state = { at: 'begin' };
    if (text !== '') messages.push(text);
  }
}
