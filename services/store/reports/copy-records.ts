import { finished } from 'node:stream/promises';
import { type CopyStreamQuery, from as copyFrom } from 'pg-copy-streams';
import type { AggregateRecord, OverrideReason } from '../../report/model.ts';
import type { Tx } from '../../shared/runtime/db.ts';
import { isoSeconds, KEY_LENGTH, plain } from '../sql-text.ts';

const COLUMNS =
  'report_key, n, begin_at, source_ip, count, disposition, dkim_result, spf_result, reasons, header_from, envelope_from, envelope_to, auth, ' +
  'dkim_aligned, spf_aligned, forwarded, source, foreign_dkim, foreign_spf';
/** The statement whose lines `copyLines` makes. */
export const COPY_RECORDS = `copy ruawatch.records (${COLUMNS}) from stdin`;
/** Characters gathered before they are written to the socket: a few hundred rows. */
const FLUSH_LENGTH = 64 * 1024;
/**
 * More than a socket buffers (Node's high-water mark, 16 or 64 KiB): a write of this size drains before it
 * resolves.
 */
const SOCKET_BYTES = 128 * 1024;

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
   * Writes lines that `copyLines` made; resolves when the socket takes more (back-pressure). SOCKET_BYTES or
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

/** The text of the columns that records have in common, by the object that they share. */
export type LineCache = WeakMap<AggregateRecord['auth'], Shared>;

interface Shared {
  record: AggregateRecord;
  /** The columns between count and source, and those after it. */
  middle: string;
  end: string;
}

/**
 * Records of one report as lines of COPY. A single text: the records, some ten objects each, need not live
 * until the transaction writes them.
 * @param of.n the number of the first record within the report
 * @param of.begin the report's, in seconds since the epoch
 * @param cache the mail's, when it is a large one: the reader shares objects that many records have in common
 */
export function copyLines(
  { key, n, begin }: { key: number; n: number; begin: number },
  records: readonly AggregateRecord[],
  cache: LineCache | null = null,
): string {
  const beginAt = isoSeconds(begin);
  const parts: string[] = [];
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as AggregateRecord;
    const { middle, end } = cache === null ? sharedOf(record) : cached(record, cache);
    parts.push(
      `${key}\t${n + i}\t${beginAt}\t${record.source_ip ?? '\\N'}\t${record.count}\t`,
      middle,
      copyText(record.source.slice(0, KEY_LENGTH)),
      end,
    );
  }
  return parts.join('');
}

function cached(record: AggregateRecord, cache: LineCache): Shared {
  const known = cache.get(record.auth);
  if (known !== undefined && shares(known.record, record)) return known;
  const shared = sharedOf(record);
  cache.set(record.auth, shared);
  return shared;
}

/**
 * Whether two records with the same `auth` object have the same values in all other columns that `Shared`
 * holds.
 */
function shares(a: AggregateRecord, b: AggregateRecord): boolean {
  return (
    a.reasons === b.reasons &&
    a.disposition === b.disposition &&
    a.dkim === b.dkim &&
    a.spf === b.spf &&
    a.header_from === b.header_from &&
    a.envelope_from === b.envelope_from &&
    a.envelope_to === b.envelope_to &&
    a.dkim_aligned === b.dkim_aligned &&
    a.spf_aligned === b.spf_aligned &&
    a.forwarded === b.forwarded &&
    a.foreign_dkim === b.foreign_dkim &&
    a.foreign_spf === b.foreign_spf
  );
}

function sharedOf(r: AggregateRecord): Shared {
  const reasons = r.reasons.length === 0 ? '\\N' : reasonsOf(r.reasons);
  const middle = `${copyText(r.disposition)}\t${copyText(r.dkim)}\t${copyText(r.spf)}\t${reasons}\t${copyText(r.header_from)}\t${copyText(r.envelope_from)}\t${copyText(r.envelope_to)}\t${authOf(r.auth)}\t${r.dkim_aligned ? 't' : 'f'}\t${r.spf_aligned ? 't' : 'f'}\t${r.forwarded ? 't' : 'f'}\t`;
  // Without its address, a substring that would keep the whole document alive.
  return {
    record: { ...r, source_ip: null, source: '' },
    middle,
    end: `\t${copyText(r.foreign_dkim)}\t${copyText(r.foreign_spf)}\n`,
  };
}

// What COPY escapes, NUL (which Postgres refuses), and surrogates (a lone one is not UTF-8; `plain` keeps
// pairs).
const SPECIAL = /[\\\t\n\r\0\ud800-\udfff]/;

/** One value in the text format of COPY. NUL and lone surrogates become U+FFFD. */
function copyText(value: string | null): string {
  if (value === null) return '\\N';
  if (!SPECIAL.test(value)) return value;
  return plain(value).replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

function reasonsOf(reasons: readonly OverrideReason[]): string {
  return `[${reasons.map((r) => `{"type":${json(r.type)},"comment":${json(r.comment)}}`).join(',')}]`;
}

function authOf({ dkim, spf }: AggregateRecord['auth']): string {
  const signatures = dkim.map(
    (d) =>
      `{"domain":${json(d.domain)},"selector":${json(d.selector)},"result":${json(d.result)},"human_result":${json(d.human_result)}}`,
  );
  const checks = spf.map(
    (s) =>
      `{"domain":${json(s.domain)},"scope":${json(s.scope)},"result":${json(s.result)},"human_result":${json(s.human_result)}}`,
  );
  return `{"dkim":[${signatures.join(',')}],"spf":[${checks.join(',')}]}`;
}

const JSON_SPECIAL = /["\\\0-\x1f\ud800-\udfff]/;

/**
 * One JSON string within a value of COPY. By hand, because JSON.stringify and a check of its result take
 * several times as long.
 */
function json(value: string | null): string {
  if (value === null) return 'null';
  if (!JSON_SPECIAL.test(value)) return `"${value}"`;
  return JSON.stringify(plain(value)).replaceAll('\\', '\\\\');
}
