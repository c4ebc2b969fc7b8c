import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Db } from '../services/shared/runtime/db.ts';

/** Transactions in flight where a stage writes: as many as the parser has by default. */
export const CONNECTIONS = 2;

/** What a stage works on. */
export interface StageInput {
  /** A folder of report mails, or one bare report file. */
  path: string;
  /** An empty database with the schema; null for stages that need none. */
  databaseUrl: string | null;
  /** Process id of its server, when its CPU is to be read. */
  postmaster: number | null;
  /** Records that the stage makes on the server: the archive's, or those that the rollups represent. */
  records?: number;
  /** Domains of the rollups: fewer in a test than in a measurement. */
  domains?: number;
  /** Runs, where the stage repeats by itself what it prepared once. */
  runs?: number;
  /** Mails that the stage generates by itself, and from which seed. */
  mails?: number;
  seed?: number;
  /** `auto`: Redis when it is installed. */
  queue?: 'auto' | 'redis' | 'postgres';
  /**
   * How the services verify reports: by the Authentication-Results of the mail, or not at all. Only `flood`
   * asks DNS.
   */
  trust?: 'authserv' | 'off';
}

export function files(at: string): string[] {
  return at.endsWith('.gz')
    ? [at]
    : readdirSync(at)
        .sort()
        .map((name) => path.join(at, name));
}

/** Opens the pool's connections, so that none is opened in the timed part. */
export async function warm(db: Db, connections: number): Promise<void> {
  await db.query('checkpoint');
  const clients = await Promise.all(Array.from({ length: connections }, () => db.connect()));
  for (const client of clients) client.release();
}
