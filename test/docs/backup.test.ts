import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Db, openPool } from '../../services/shared/runtime/db.ts';
import { checkSchema, migrate } from '../../services/store/schema/migrate.ts';
import { grantRoles } from '../../services/store/schema/roles.ts';
import { backupCommands, debianPostgres, Servers } from '../helpers/debian-postgres.ts';

describe.skipIf(!debianPostgres)(`docs/backup.md${debianPostgres ? '' : ' (SKIPPED: postgresql is not installed)'}`, () => {
  let servers: Servers;
  beforeAll(() => {
    servers = new Servers();
  });
  afterAll(() => servers.stop());

  /**
   * What must be the same afterwards: schema version, contents, owners, rights of every role on every table
   * and view.
   */
  const contents = async (db: Db) => {
    const read = async (sql: string) => (await db.query(sql)).rows;
    return {
      migrations: await read('select version, name, applied_at from ruawatch.migrations order by 1'),
      mailboxes: await read('select * from ruawatch.mailboxes order by 1'),
      domains: await read('select * from ruawatch.domains order by 1'),
      rights: await read(
        `select n.nspname, c.relname, c.relkind, c.relowner::regrole::text as owner,
                array(select format('%s %s', grantee::regrole, privilege_type)
                        from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) order by 1) as acl
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname in ('ruawatch', 'dmarc') and c.relkind in ('r', 'p', 'v') order by 1, 2`,
      ),
      columns: await read(
        `select a.attrelid::regclass::text as relation, a.attname, grantee::regrole::text as grantee, privilege_type
           from pg_attribute a, aclexplode(a.attacl) order by 1, 2, 3, 4`,
      ),
      comments: await read(
        "select count(*) from pg_description where objoid in (select oid from pg_class where relnamespace = 'dmarc'::regnamespace)",
      ),
    };
  };

  test('its commands carry a database, with its roles and their rights, into a new cluster', async () => {
    const old = await servers.start('old');
    const fresh = await servers.start('fresh');
    const admin = openPool(old.url('postgres'), { max: 1 });
    await admin.query('create user ruawatch createrole; create user alice');
    await admin.query('create database ruawatch owner ruawatch');
    await admin.end();
    const asOwner = openPool(old.url('ruawatch').replace('admin@', 'ruawatch@'), { max: 4 });
    await migrate(asOwner);
    await grantRoles(asOwner);
    await asOwner.query('grant ruawatch_analyst to alice');
    await asOwner.query("insert into ruawatch.mailboxes (mailbox, folder) values ('reports', 'INBOX')");
    const before = await contents(asOwner);
    expect(before.rights.length).toBeGreaterThan(50);
    await asOwner.end();

    const env = {
      DATABASE_URL: old.url('ruawatch'),
      ADMIN_URL: old.url('postgres'),
      NEW_ADMIN_URL: fresh.url('postgres'),
      NEW_URL: fresh.url('ruawatch'),
    };
    servers.shell(backupCommands('Make a backup'), env);
    servers.shell(backupCommands('Restore it into a new server').replace(/^npx ruawatch doctor\n/m, ''), env);

    const db = openPool(fresh.url('ruawatch').replace('admin@', 'ruawatch@'), { max: 2 });
    expect(await contents(db)).toEqual(before);
    await checkSchema(db);
    expect(await migrate(db)).toEqual([]);
    await db.end();
    const alice = openPool(fresh.url('ruawatch').replace('admin@', 'alice@'), { max: 1 });
    expect((await alice.query('select count(*) as n from dmarc.findings')).rows).toEqual([{ n: 0 }]);
    await alice.end();
  });
});
