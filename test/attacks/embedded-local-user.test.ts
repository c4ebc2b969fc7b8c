import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool } from '../../services/shared/runtime/db.ts';
import { passwordFile, readSecrets, writeSecrets } from '../../services/shared/runtime/embedded-secrets.ts';
import { adminUrl, type EmbeddedPostgres, openEmbedded } from '../../services/store/schema/embedded.ts';
import { fillOlder, startOlder } from '../helpers/older.ts';
import { ruawatch, ruawatchOnce } from '../helpers/process.ts';

/**
 * Whoever has an account on the machine. What 3ba4c26 gave him: superuser by name alone, and programs run as
 * the server's user.
 */
const NAMES = [
  'ruawatch',
  'ruawatch_admin',
  'ruawatch_reader',
  'postgres',
  'root',
  'nobody',
  'ruawatch_analyst',
  'ruawatch_parser',
];

const folders: string[] = [];
function dataFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-closed-'));
  chmodSync(folder, 0o755); // the server's own user must be able to enter
  folders.push(folder);
  return path.join(folder, 'data');
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** What each statement comes to: its rows, or Postgres' code for the refusal. */
async function ask(url: string, ...statements: string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => client.emit('test:lost'));
  const answers: unknown[] = [];
  try {
    await client.connect();
    for (const statement of statements) {
      try {
        answers.push((await client.query(statement)).rows);
      } catch (error) {
        answers.push((error as { code?: string }).code);
      }
    }
  } catch (error) {
    return [(error as { code?: string }).code ?? (error as Error).message];
  } finally {
    await client.end();
  }
  return answers;
}

const portOf = (server: EmbeddedPostgres) => Number(new URL(server.readerUrl).port);

/**
 * @param guesses every guess at every database; else no password and the name as one, at one: the rules of
 *   the server are the same
 */
async function expectClosed(server: EmbeddedPostgres, guesses: 'all' | 'some' = 'some'): Promise<void> {
  for (const name of NAMES) {
    for (const password of guesses === 'all' ? [null, '', name, 'ruawatch', 'postgres'] : [null, name]) {
      for (const database of guesses === 'all' ? ['ruawatch', 'postgres', 'template1'] : ['ruawatch']) {
        const client = new pg.Client({
          host: '127.0.0.1',
          port: portOf(server),
          user: name,
          database,
          password: () => password ?? '',
        });
        client.on('error', () => client.emit('test:lost'));
        await expect(client.connect(), `${name} with "${password}" in ${database}`).rejects.toThrow(/password|SASL/);
        await client.end();
      }
    }
  }
  const hba = readFileSync(path.join(server.dataDir, 'postgres/pg_hba.conf'), 'utf8');
  expect(hba).not.toMatch(/trust|peer|ident|md5|reject/);
  expect(statSync(passwordFile(server.dataDir)).mode & 0o777).toBe(0o600);
  expect(statSync(path.join(server.dataDir, 'postgres')).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(server.dataDir, 'postgres.log')).mode & 0o777).toBe(0o600);
}

describe('a fresh data folder', () => {
  let server: EmbeddedPostgres;
  beforeAll(async () => {
    const dataDir = dataFolder();
    const made = await ruawatchOnce(['migrate'], { RUAWATCH_DATA_DIR: dataDir });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    server = await openEmbedded(dataDir);
  });
  afterAll(() => server?.close());

  test('no name and no guess gets in, over TCP or by the socket', async () => {
    await expectClosed(server, 'all');
    if (process.getuid?.() !== 0) return;
    const socket = path.join(server.dataDir, 'postgres', `.s.PGSQL.${portOf(server)}`);
    const script = `require('net').connect(${JSON.stringify(socket)}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))`;
    // Node may lie where nobody else can run it (npx keeps its own below the home folder).
    const node = path.join(path.dirname(dataFolder()), 'node');
    copyFileSync(process.execPath, node);
    const tried = spawnSync(node, ['-e', script], { uid: 65534, gid: 65534, cwd: '/', encoding: 'utf8' });
    expect(tried.stdout.trim()).toBe('EACCES');
    const read = spawnSync('cat', [passwordFile(server.dataDir)], { uid: 65534, gid: 65534, cwd: '/', encoding: 'utf8' });
    expect(read).toMatchObject({ status: 1, stdout: '' });
  });

  test('passwords stand in no command line, no environment and no log', () => {
    const { ready, ...passwords } = readSecrets(server.dataDir)!;
    expect(ready).toBe(true);
    const seen = [
      readFileSync(path.join(server.dataDir, 'postgres.log'), 'utf8'),
      readFileSync(path.join(server.dataDir, 'postgres/postmaster.opts'), 'utf8'),
      execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }),
    ];
    const [pid] = readFileSync(path.join(server.dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n');
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
    expect(environment).not.toMatch(/_URL|PASSWORD|SECRET/);
    for (const password of Object.values(passwords))
      for (const text of [...seen, environment]) expect(text).not.toContain(password);
    expect(new Set(Object.values(passwords)).size).toBe(3);
  });

  const PROGRAMS = [
    "copy (select 1) to program 'id'",
    "create temp table t (x text); copy t from program 'id'",
    "copy (select 1) to '/tmp/ruawatch-attack'",
    "select pg_read_file('/etc/passwd')",
    "select pg_ls_dir('/')",
    "select lo_import('/etc/passwd')",
    "alter system set archive_command = 'id'",
    'create role mallory superuser login',
    'alter role ruawatch superuser',
    'alter role ruawatch_reader superuser',
    'grant pg_execute_server_program to ruawatch',
    'grant pg_read_server_files to ruawatch_reader',
    'set role ruawatch_admin',
    'set session authorization ruawatch_admin',
    'create extension file_fdw',
    'create language plpython3u',
    "create function f() returns int language c as '/lib/x86_64-linux-gnu/libc.so.6', 'getpid'",
    "load '/tmp/x.so'",
    'update pg_authid set rolsuper = true where rolname = current_user',
    'select rolpassword from pg_authid',
  ];

  test("neither the services' login nor the reader's reaches programs, files or powers", async () => {
    for (const url of [server.url, server.readerUrl]) {
      for (const statement of PROGRAMS) {
        const [answer] = await ask(url, statement);
        expect(['42501', '25006', '0A000', '42704', '58P01'], `${statement}: ${JSON.stringify(answer)}`).toContain(answer);
      }
      expect(
        await ask(
          url,
          'select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls as more from pg_roles where rolname = current_user',
        ),
      ).toEqual([[{ more: false }]]);
    }
  });

  test('the reader reads each view and nothing else, and writes nothing', async () => {
    const db = openPool(server.url, { max: 1 });
    const { rows } = await db.query<{ schema: string; name: string }>(
      "select schemaname as schema, tablename as name from pg_tables where schemaname like 'ruawatch%' union all select schemaname, viewname from pg_views where schemaname = 'dmarc'",
    );
    await db.end();
    expect(rows.filter((r) => r.schema === 'dmarc').length).toBeGreaterThan(5);
    expect(rows.filter((r) => r.schema === 'ruawatch').length).toBeGreaterThan(15);
    for (const { schema, name } of rows) {
      const [answer] = await ask(server.readerUrl, `select * from ${schema}.${name} limit 1`);
      if (schema === 'dmarc') expect(answer, name).toEqual(expect.any(Array));
      else expect(answer, name).toBe('42501');
    }
    const writes = [
      'create schema mine',
      'create table public.mine (x int)',
      'create temporary table mine (x int)',
      'create function public.mine() returns int language sql as $$ select 1 $$',
      'create function pg_temp.mine() returns int language sql as $$ select 1 $$',
      "insert into dmarc.findings (domain) values ('x')",
      'delete from dmarc.messages',
      'select * from dmarc.messages for update',
      'begin; lock table dmarc.messages in share mode',
      'select pg_advisory_lock(1918986615)',
      'select pg_advisory_xact_lock_shared(1)',
      'select lo_create(0)',
      "select lo_from_bytea(0, 'x')",
      "set temp_file_limit = '-1'",
      'select pg_terminate_backend(pid) from pg_stat_activity where usename = $$ruawatch$$',
    ];
    for (const statement of writes) {
      const answers = await ask(server.readerUrl, 'set default_transaction_read_only = off', statement);
      expect(answers[1], statement).toBe('42501');
    }
    const other = new URL(server.readerUrl);
    for (const database of ['postgres', 'template1']) {
      other.pathname = `/${database}`;
      expect(await ask(other.href, 'select 1')).toEqual(['42501']);
    }
  });

  test('readers who take all their connections leave the services theirs', async () => {
    const open: pg.Client[] = [];
    let refused = '';
    for (let i = 0; i < 40 && refused === ''; i++) {
      const client = new pg.Client({ connectionString: server.readerUrl });
      client.on('error', () => client.emit('test:lost'));
      try {
        await client.connect();
        open.push(client);
      } catch (error) {
        refused = (error as { code: string }).code;
        await client.end();
      }
    }
    expect(refused).toBe('53300');
    expect(await ask(server.url, 'select 1 as one')).toEqual([[{ one: 1 }]]);
    for (const client of open) await client.end();
  });
});

describe('the port', () => {
  test('stays the same; one that is taken is passed over for this time, and said in one line', async () => {
    const dataDir = dataFolder();
    const said: string[] = [];
    const open = async (port?: number) => {
      const server = await openEmbedded(dataDir, { port: port ?? null, say: (line) => said.push(line) });
      await server.close();
      return portOf(server);
    };
    const first = await open();
    expect(await open()).toBe(first);
    const thief = createServer().listen(first, '127.0.0.1');
    await new Promise((resolve) => thief.once('listening', resolve));
    const other = await open();
    expect(other).toBeGreaterThan(first);
    expect(said).toEqual([`Port ${first} is in use: the embedded Postgres listens on port ${other} this time.`]);
    await new Promise((resolve) => thief.close(resolve));
    expect(await open()).toBe(first);
    expect(await open(first + 7)).toBe(first + 7);
    expect(await open()).toBe(first + 7);
  });
});

/** All that the older version's superuser owned, and what is in it. */
async function expectHandedOver(server: EmbeddedPostgres): Promise<void> {
  expect(await ask(server.url, 'select mailbox from ruawatch.mailboxes', 'select current_user as me')).toEqual([
    [{ mailbox: 'kept' }],
    [{ me: 'ruawatch' }],
  ]);
  const owned = await ask(
    adminUrl(server, 'ruawatch'),
    `select 'schema ' || nspname as what from pg_namespace where nspowner = 10 and nspname in ('ruawatch', 'dmarc', 'ruawatch_queue')
     union all select relkind::text || ' ' || relname from pg_class where relowner = 10 and relnamespace::regnamespace::text in ('ruawatch', 'dmarc', 'ruawatch_queue')
     union all select 'function ' || proname from pg_proc where proowner = 10 and pronamespace::regnamespace::text in ('ruawatch', 'dmarc', 'ruawatch_queue')
     union all select 'type ' || typname from pg_type where typowner = 10 and typnamespace::regnamespace::text in ('ruawatch', 'dmarc', 'ruawatch_queue')`,
    "select pg_get_userbyid(datdba) as owner from pg_database where datname = 'ruawatch'",
    'select rolname from pg_roles where rolsuper',
  );
  expect(owned).toEqual([[], [{ owner: 'ruawatch' }], [{ rolname: 'ruawatch_admin' }]]);
}

describe('a data folder of the older version', () => {
  test('is closed at the next start, with all its rows and the queue, whoever starts first', async () => {
    const dataDir = dataFolder();
    const older = await startOlder(dataDir);
    await fillOlder(older.url);
    await ask(
      older.url,
      "create role mallory superuser login password 'x'",
      "create role alice login password 'alice-word' in role ruawatch_analyst",
    );
    // What 3ba4c26 let anybody do.
    expect(await ask(older.url, "copy (select 1) to program 'cat >/dev/null'")).toEqual([[]]);
    await older.stop();

    const said: string[] = [];
    const servers = await Promise.all([1, 2, 3].map(() => openEmbedded(dataDir, { say: (line) => said.push(line) })));
    expect(new Set(servers.map((s) => s.url)).size).toBe(1);
    expect(said.join('\n')).toMatch(/mallory/);
    for (const server of servers.slice(1)) await server.close();
    const [server] = servers as [EmbeddedPostgres];
    await expectClosed(server);
    await expectHandedOver(server);
    // A person's own login stays as it was.
    const alice = new URL(server.readerUrl);
    alice.username = 'alice';
    alice.password = 'alice-word';
    expect(await ask(alice.href, 'select count(*)::int as n from dmarc.findings')).toEqual([[{ n: 0 }]]);
    await server.close();

    const migrated = await ruawatchOnce(['migrate'], { RUAWATCH_DATA_DIR: dataDir });
    expect(migrated).toMatchObject({ code: 0, stderr: '' });
  });

  test('is closed when its server still runs, left behind by a ruawatch that was killed', async () => {
    const dataDir = dataFolder();
    const older = await startOlder(dataDir);
    await fillOlder(older.url);
    const server = await openEmbedded(dataDir, { say: () => undefined });
    await expectClosed(server);
    await expectHandedOver(server);
    await server.close();
  });

  test('is closed in the end, with all its rows, however often what closes it is killed', async () => {
    const dataDir = dataFolder();
    const older = await startOlder(dataDir);
    await fillOlder(older.url);
    await older.stop();
    for (const after of [300, 600, 900, 1300]) {
      const run = ruawatch(['migrate'], { RUAWATCH_DATA_DIR: dataDir });
      await new Promise((resolve) => setTimeout(resolve, after));
      run.child.kill('SIGKILL');
      await run.ended;
    }
    const server = await openEmbedded(dataDir, { say: () => undefined });
    await expectClosed(server);
    await expectHandedOver(server);
    await server.close();
  });

  test('is closed when it was half closed: no ownership is left behind, nor a function that runs as superuser', async () => {
    const dataDir = dataFolder();
    const older = await startOlder(dataDir);
    await fillOlder(older.url);
    await ask(
      older.url,
      'create function public.back_door() returns text language sql security definer as $$ select current_user $$',
    );
    await older.stop();
    const said: string[] = [];
    await (await openEmbedded(dataDir, { say: (line) => said.push(line) })).close();
    expect(said).toEqual([
      `The embedded Postgres let every local user in. It requires passwords now, which are in ${passwordFile(dataDir)}.`,
    ]);
    // As after a crash between the passwords and the rest.
    writeSecrets(dataDir, { ...readSecrets(dataDir)!, ready: false });
    const server = await openEmbedded(dataDir);
    await expectHandedOver(server);
    expect(await ask(server.readerUrl, 'select public.back_door() as me')).toEqual([[{ me: 'ruawatch' }]]);
    await server.close();
  });

  test('is not closed under an older ruawatch that uses it, which is said', async () => {
    const dataDir = dataFolder();
    const older = await startOlder(dataDir);
    await fillOlder(older.url);
    const user = new pg.Client({ connectionString: older.url });
    await user.connect();
    await user.query('select pg_advisory_lock_shared($1)', [0x72756175]);
    await expect(openEmbedded(dataDir)).rejects.toMatchObject({
      code: 'embedded_older',
      message: expect.stringMatching(/Stop it, then start/),
    });
    await user.end();
    const server = await openEmbedded(dataDir, { say: () => undefined });
    await expectClosed(server);
    await server.close();
  });
});

describe('the password file', () => {
  test('that is lost is made anew, and said; no data is lost', async () => {
    const dataDir = dataFolder();
    const first = await openEmbedded(dataDir);
    await ask(first.url, 'create schema kept');
    await first.close();
    const before = readSecrets(dataDir)!;
    rmSync(passwordFile(dataDir));
    const said: string[] = [];
    const server = await openEmbedded(dataDir, { say: (line) => said.push(line) });
    expect(said).toEqual([`The embedded Postgres has new passwords, in ${passwordFile(dataDir)}.`]);
    expect(await ask(server.url, 'drop schema kept')).toEqual([[]]);
    expect(readSecrets(dataDir)!.ruawatch_reader).not.toBe(before.ruawatch_reader);
    expect(await ask(first.readerUrl, 'select 1')).toEqual(['28P01']);
    // While the server runs nobody can be let in anew: the way out is said.
    rmSync(passwordFile(dataDir));
    await expect(openEmbedded(dataDir)).rejects.toMatchObject({
      code: 'embedded_password',
      message: expect.stringMatching(
        /Stop every ruawatch that uses it.*start again: ruawatch then sets new passwords, and no data is lost\.$/,
      ),
    });
    await server.close();
    await (await openEmbedded(dataDir, { say: () => undefined })).close();
    expect(readdirSync(dataDir).filter((f) => f.endsWith('.new'))).toEqual([]);
  });
});

describe('the data folder', () => {
  test('that everybody may write to is refused, with what to run', async () => {
    const dataDir = dataFolder();
    mkdirSync(dataDir);
    chmodSync(dataDir, 0o777);
    await expect(openEmbedded(dataDir)).rejects.toMatchObject({
      code: 'embedded_folder',
      message: expect.stringContaining('chmod o-w'),
    });
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test('with a path too long for a socket is served over TCP, and is as closed', async () => {
    const dataDir = path.join(dataFolder(), 'x'.repeat(120));
    const server = await openEmbedded(dataDir);
    expect(server.url).not.toMatch(/host=/);
    expect(await ask(server.url, 'select current_user as me')).toEqual([[{ me: 'ruawatch' }]]);
    await expectClosed(server);
    await server.close();
  });
});
