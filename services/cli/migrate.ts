import type { Config } from '../shared/config.ts';
import { openPool } from '../shared/db.ts';
import { openEmbedded } from '../shared/embedded.ts';
import { migrate, readMigrations } from '../store/migrate.ts';
import { databaseError, dataDirOf } from './open.ts';

/** `migrate`: brings the schema up to this program's version and says what it did. */
export async function runMigrate(config: Config, out: (line: string) => void): Promise<number> {
  const embedded = config.databaseUrl === null ? await openEmbedded(dataDirOf(config, out)) : null;
  const db = openPool(embedded?.url ?? config.databaseUrl!, { max: 1 });
  try {
    const applied = await migrate(db);
    for (const name of applied) out(`applied ${name}`);
    out(`The schema is at version ${readMigrations().length}.`);
    return 0;
  } catch (error) {
    throw databaseError(error);
  } finally {
    await db.end();
    await embedded?.close();
  }
}
