import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Db, openPool } from '../../services/shared/runtime/db.ts';
import { serverOwner } from '../../services/shared/runtime/embedded-binaries.ts';
import { checkSchema, migrate } from '../../services/store/schema/migrate.ts';
import { grantRoles } from '../../services/store/schema/roles.ts';
import { freePort } from '../helpers/services.ts';
import { readDocument } from './markdown.ts';

/** A Postgres with its client programs of the same version (Debian: postgresql); the embedded one has no pg_dump. */
const BASE = '/usr/lib/postgresql';
const version = existsSync(BASE)
  ? readdirSync(BASE)
      .filter((name) => existsSync(`${BASE}/${name}/bin/pg_dump`))
      .sort()
      .at(-1)
  : null;
const present = version != null && existsSync(`${BASE}/${version}/bin/initdb`);
const program = (name: string) => `${BASE}/${version}/bin/${name}`;

/** The commands of a section, as a shell gets them. */
const commands = (title: string) => {
  const [, after] = readDocument('backup.md').split(`\n## ${title}\n`);
  return /^```sh\n(.*?)^```$/ms.exec(after!)![1]!;
};

interface Server {
  folder: string;
  url(database: string): string;
}

describe.skipIf(!present)(`docs/backup.md${present ? '' : ' (SKIPPED: postgresql is not installed)'}`, () => {
  const servers: Server[] = [];
  let base = '';
  const owner = serverOwner();
  const as = owner === null ? {} : { uid: owner.uid, gid: owner.gid };

  async function server(name: string): Promise<Server> {
    const folder = path.join(base, name);
    mkdirSync(folder, { mode: 0o700 });
    if (owner) chownSync(folder, owner.uid, owner.gid);
    execFileSync(program('initdb'), ['-D', folder, '-U', 'admin', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
      ...as,
      cwd: folder,
      stdio: 'ignore',
    });
    const port = await freePort();
    const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`;
    const start = ['-D', folder, '-l', path.join(folder, 'log'), '-w', '-o', settings, 'start'];
    execFileSync(program('pg_ctl'), start, { ...as, cwd: folder, stdio: 'ignore' });
    const made = { folder, url: (database: string) => `postgres://admin@127.0.0.1:${port}/${database}` };
    servers.push(made);
    return made;
  }
  beforeAll(() => {
    base = mkdtempSync(path.join(tmpdir(), 'ruawatch-backup-'));
    execFileSync('chmod', ['755', base]);
  });
  afterAll(() => {
    for (const { folder } of servers)
      execFileSync(program('pg_ctl'), ['-D', folder, '-m', 'immediate', 'stop'], { ...as, cwd: folder, stdio: 'ignore' });
    rmSync(base, { recursive: true, force: true });
  });

  /** What must be the same afterwards: schema version, contents, owners, rights of every role on every table and view. */
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
    const old = await server('old');
    const fresh = await server('fresh');
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
      PATH: `${BASE}/${version}/bin:${process.env.PATH}`,
      DATABASE_URL: old.url('ruawatch'),
      ADMIN_URL: old.url('postgres'),
      NEW_ADMIN_URL: fresh.url('postgres'),
      NEW_URL: fresh.url('ruawatch'),
    };
    const shell = (lines: string) => execFileSync('sh', ['-euc', lines], { cwd: base, env, stdio: ['ignore', 'pipe', 'pipe'] });
    shell(commands('Make a backup'));
    shell(commands('Restore it into a new server').replace(/^npx ruawatch doctor\n/m, ''));

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
