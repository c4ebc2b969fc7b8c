import { finished } from 'node:stream/promises';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import type { Tx } from '../../shared/runtime/db.ts';

const COLUMNS =
  'report_key, n, begin_at, source_ip, count, disposition, dkim_result, spf_result, reasons, header_from, envelope_from, envelope_to, auth, ' +
  'dkim_aligned, spf_aligned, forwarded, source, foreign_dkim, foreign_spf';
/** The statement whose lines record-lines.ts writes. */
export const COPY_RECORDS = `copy ruawatch.records (${COLUMNS}) from stdin`;
/** Characters gathered before they are written to the socket: a few hundred rows. */
const FLUSH_LENGTH = 65_536;
/**
 * More than a socket buffers (Node's high-water mark, 16 or 64 KiB): a write of this size drains before it
 * resolves.
 */
const SOCKET_BYTES = 131_072;

/** Marks where `undoCopies` goes back to. */
export async function beginCopies(tx: Tx): Promise<void> {
  await tx.query('savepoint before_copies');
}

/**
 * Undoes what was copied since `beginCopies`, also after a COPY that was aborted; the transaction goes on.
 */
export async function undoCopies(tx: Tx): Promise<void> {
  await tx.query('rollback to savepoint before_copies');
}

/**
 * A running COPY into ruawatch.records. Nothing else may use the transaction's client until `end` has
 * resolved.
 */
export class RecordCopy {
  private readonly stream: CopyStreamQuery;
  private pending: string[] = [];
  private pendingLength = 0;
  /** Bytes that are sent once the next ones do not continue them in the same buffer. */
  private held: Uint8Array | null = null;
  private failure: Error | null = null;
  private wake: () => void = () => undefined;

  constructor(tx: Tx) {
    this.stream = tx.query(copyFrom(COPY_RECORDS));
    // A lost connection is reported here and nowhere else: the stream is neither drained nor closed.
    this.stream.on('error', (error) => {
      this.failure ??= error;
      this.wake();
    });
    this.stream.on('drain', () => this.wake());
    this.stream.on('close', () => this.wake());
  }

  /**
   * Writes lines of records; resolves when the socket takes more (back-pressure). SOCKET_BYTES or
   * more at once are not buffered: when the promise resolves, the socket has sent them, and the caller may
   * overwrite them.
   */
  async write(lines: string | Uint8Array): Promise<void> {
    if (typeof lines === 'string') {
      this.pending.push(lines);
      this.pendingLength += lines.length;
      if (this.pendingLength >= FLUSH_LENGTH) await this.flush();
    } else if (lines.length >= SOCKET_BYTES) {
      await this.flush();
      await this.send(lines);
    } else if (this.held?.buffer === lines.buffer && this.held.byteOffset + this.held.length === lines.byteOffset) {
      this.held = new Uint8Array(lines.buffer, this.held.byteOffset, this.held.length + lines.length);
    } else {
      await this.flush();
      this.held = lines;
    }
  }

  /** Ends the COPY. @throws the server's error */
  async end(): Promise<void> {
    await this.flush();
    const done = finished(this.stream);
    this.stream.end();
    await done;
  }

  /**
   * Aborts the COPY, which fails the transaction; the caller rolls back. Resolves when the server has
   * noticed: a rollback sent before would wait behind the COPY forever. Never rejects: `error` is what the
   * caller throws.
   */
  async abort(error: Error): Promise<void> {
    if (this.failure) return;
    this.stream.destroy(error);
    await finished(this.stream).catch(() => undefined);
  }

  private async flush(): Promise<void> {
    if (this.failure) throw this.failure;
    const { held } = this;
    this.held = null;
    if (held !== null) await this.send(held);
    if (this.pending.length === 0) return;
    const text = this.pending.join('');
    this.pending = [];
    this.pendingLength = 0;
    await this.send(text);
  }

  private async send(text: string | Uint8Array): Promise<void> {
    if (!this.stream.write(text) && !this.stream.destroyed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.failure) throw this.failure;
  }
}
