import { openPool } from '../../shared/runtime/db.ts';
import type { Config } from '../../shared/settings/config.ts';
import { readMigrations } from '../../store/schema/migrate.ts';
import { prepareQueue, type QueuePlace } from '../../store/schema/queue-schema.ts';
import { ANALYST_ROLE, ROLES } from '../../store/schema/role-rights.ts';
import { grantQueueRoles, grantRoles, rolesInUse } from '../../store/schema/roles.ts';
import { bringUp, databaseError, openEmbeddedOf, queuePlace } from '../open.ts';

/**
 * `migrate`: updates the schema, and that of a queue on Postgres, to this program's version and prints what
 * it did. With `roles` it also creates the services' roles; once they exist, every later run updates their
 * rights.
 */
export async function runMigrate(config: Config, options: { roles?: boolean }, out: (line: string) => void): Promise<number> {
  const embedded = config.databaseUrl === null ? await openEmbeddedOf(config, out) : null;
  const url = embedded?.url ?? config.databaseUrl!;
  const db = openPool(url, { max: 1 });
  try {
    const applied = await bringUp(db);
    for (const name of applied) out(`applied ${name}`);
    out(`The schema is at version ${readMigrations().length}.`);
    const roles = options.roles || embedded !== null || (await rolesInUse(db));
    if (roles) sayRoles(await grantRoles(db), out);
    if (config.redisUrl === null) await migrateQueue(queuePlace(config, url), roles, out);
    return 0;
  } catch (error) {
    throw databaseError(error);
  } finally {
    await db.end();
    await embedded?.close();
  }
}

async function migrateQueue(place: QueuePlace, roles: boolean, out: (line: string) => void): Promise<void> {
  try {
    out(`The queue's schema is at version ${await prepareQueue(place)}.`);
    if (!roles) return;
    const db = openPool(place.url, { max: 1 });
    try {
      await grantQueueRoles(db, place.schema);
    } finally {
      await db.end();
    }
  } catch (error) {
    throw databaseError(error, place.setting);
  }
}

function sayRoles(made: readonly string[], out: (line: string) => void): void {
  for (const role of made) out(`created role ${role}`);
  out(`The roles ${ROLES.join(', ')} have the rights they need.`);
  if (made.length > 0)
    out(
      `They cannot log in: grant each to a user that can, for example: create user analyst password '...' in role ${ANALYST_ROLE};`,
    );
}
