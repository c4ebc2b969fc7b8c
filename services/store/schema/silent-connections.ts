import { Writable } from 'node:stream';
import pg from 'pg';
import { codeOf, TransientError } from '../../shared/errors.ts';
import type { Db } from '../../shared/runtime/db.ts';
import { connectionSettings } from '../../shared/settings/postgres-url.ts';

/** Times of the watch, in milliseconds. */
export interface Patience {
  /** How often the connections are looked at. */
  everyMs: number;
  /**
   * A statement that is unanswered for this long makes us ask the server, on another connection, whether it
   * works on it.
   */
  askAfterMs: number;
  /** How long that question may take. */
  askMs: number;
  /** When that question is not answered either, an unanswered statement ends after this long. */
  silentMs: number;
  /** The longest that any statement may take, a migration or a COPY included. */
  longestMs: number;
}

const PATIENCE: Patience = { everyMs: 5_000, askAfterMs: 20_000, askMs: 10_000, silentMs: 60_000, longestMs: 3_600_000 };
/** During a stop: what is unanswered will not be answered. */
const HURRY: Patience = { everyMs: 1_000, askAfterMs: 5_000, askMs: 3_000, silentMs: 10_000, longestMs: 60_000 };

export interface Watch {
  /** Shortens all times, for a stop. */
  hurry(): void;
  /** Closes every connection now; what they were doing fails as transient. */
  cut(): void;
  stop(): void;
}

/** The part of a pg client that its types leave out. */
interface Wire {
  processID: number;
  connection: { stream: import('node:net').Socket; prependListener(event: 'readyForQuery', on: () => void): void };
  _getActiveQuery?(): unknown;
}

/** One connection of the pool. */
export interface Watched {
  client: Wire;
  /** Bytes written when the server last had nothing to do for us. */
  answered: number;
  /** Bytes written and read at the last look, and since when they have not changed. */
  written: number;
  read: number;
  since: number;
}

/**
 * Bounds every wait for Postgres. TCP notices a dead server only when it stops acknowledging, and a firewall,
 * a proxy or a frozen host may acknowledge forever. So a statement that stays unanswered is asked about on a
 * connection of its own: when the server does not know it, or cannot be reached, the connection is closed,
 * and its work fails as transient. A statement that the server is busy with (a migration, a large COPY, a
 * wait for a lock) may take up to an hour.
 */
export function watchConnections(db: Db, url: string, patience: Partial<Patience> = {}): Watch {
  let times: Patience = { ...PATIENCE, ...patience };
  const watched = new Map<pg.PoolClient, Watched>();
  let asking = false;

  db.on('connect', (client) => {
    const wire = client as unknown as Wire;
    const { stream } = wire.connection;
    const one: Watched = { client: wire, answered: stream.bytesWritten, written: 0, read: 0, since: performance.now() };
    // Before pg's own listener, which may send the next statement at once.
    wire.connection.prependListener('readyForQuery', () => {
      one.answered = stream.bytesWritten;
    });
    watched.set(client, one);
  });
  db.on('remove', (client) => watched.delete(client));

  const look = async () => {
    const now = performance.now();
    const silent = [...watched.values()].filter((one) => isSilent(one, now, times.askAfterMs));
    if (silent.length === 0 || asking) return;
    asking = true;
    try {
      const known = await statesOf(url, silent, times.askMs);
      for (const one of silent) if (!moved(one) && isLost(one, known, performance.now(), times)) close(one);
    } finally {
      asking = false;
    }
  };
  let timer = setInterval(look, times.everyMs).unref();
  return {
    hurry() {
      clearInterval(timer);
      times = HURRY;
      timer = setInterval(look, times.everyMs).unref();
    },
    cut() {
      for (const one of watched.values()) close(one);
    },
    stop: () => clearInterval(timer),
  };
}

function moved({ client, written, read }: Watched): boolean {
  const { stream } = client.connection;
  return stream.bytesWritten !== written || stream.bytesRead !== read;
}

/** Whether a statement was sent and nothing has come or gone since. Notes what has come and gone. */
export function isSilent(one: Watched, now: number, forMs: number): boolean {
  const { stream } = one.client.connection;
  if (moved(one) || one.written <= one.answered || waitsForUs(one.client)) {
    one.since = now;
    one.written = stream.bytesWritten;
    one.read = stream.bytesRead;
    return false;
  }
  return now - one.since >= forMs;
}

/** A COPY whose next lines are still being made. */
function waitsForUs(client: Wire): boolean {
  const query = client._getActiveQuery?.();
  return query instanceof Writable && !query.writableEnded && query.writableLength === 0;
}

/** What the server says of our sessions: each one's state, or that it cannot be known. */
export type Known = Map<number, { state: string | null; wait_event: string | null }> | 'answers' | 'pooled' | 'silent';

async function statesOf(url: string, silent: readonly Watched[], askMs: number): Promise<Known> {
  const client = new pg.Client({
    application_name: 'ruawatch watch',
    ...connectionSettings(url),
    connectionTimeoutMillis: askMs,
    query_timeout: askMs,
  });
  // The running query reports it too; without a listener Node would exit.
  client.on('error', () => client.emit('ruawatch:lost'));
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number; state: string | null; wait_event: string | null; me: number }>(
      'select pid, state, wait_event, pg_backend_pid() as me from pg_stat_activity where pid = any($1) or pid = pg_backend_pid()',
      [silent.map((one) => one.client.processID)],
    );
    // A pooler announces numbers of its own, which the server does not know.
    if (rows[0]?.me !== (client as unknown as Wire).processID) return 'pooled';
    return new Map(rows.map((row) => [row.pid, row]));
  } catch (error) {
    // Postgres answers, with a refusal (too many connections): it is alive.
    return /^[0-9A-Z]{5}$/.test(codeOf(error) ?? '') ? 'answers' : 'silent';
  } finally {
    // Never waited for: a server that does not answer does not say goodbye either.
    void client.end().catch(() => undefined);
    setTimeout(() => (client as unknown as Wire).connection.stream.destroy(), 1_000).unref();
  }
}

/** Whether a silent connection is to be closed, by what the server says of it. */
export function isLost(one: Watched, known: Known, now: number, { silentMs, longestMs }: Patience): boolean {
  const forMs = now - one.since;
  if (forMs >= longestMs) return true;
  if (known === 'silent') return forMs >= silentMs;
  // Without the server's word: long enough for any statement but the longest.
  if (known === 'answers' || known === 'pooled') return forMs >= 10 * silentMs;
  const session = known.get(one.client.processID);
  if (session === undefined) return true;
  // It waits for bytes of ours that it will not get, or has sent an answer that we did not get.
  return session.state !== 'active' || session.wait_event === 'ClientRead' || session.wait_event === 'ClientWrite';
}

function close(one: Watched): void {
  const seconds = Math.round((performance.now() - one.since) / 1000);
  one.client.connection.stream.destroy(
    new TransientError(
      'database_silent',
      `Postgres has not answered for ${seconds} seconds; the connection is closed, and the work tried again.`,
    ),
  );
}
