import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  clusterVersion,
  firstPort,
  initialise,
  isInitialised,
  isOpen,
  launch,
  listening,
  prepareLog,
  rememberedPort,
  rememberPort,
  runAlone,
  stop,
} from '../../../services/shared/runtime/embedded-server.ts';

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'ruawatch-server-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** A server that is a script. */
function serverOf(script: string) {
  const postgres = path.join(dataDir, 'postgres.sh');
  writeFileSync(postgres, `#!/bin/sh\n${script}\n`);
  chmodSync(postgres, 0o755);
  return { dataDir, owner: null, binaries: { initdb: postgres, pg_ctl: postgres, postgres } } as never;
}

test.each([
  ['its last line where it fails', 'echo first >&2; echo "the disk is full" >&2; exit 1', /: the disk is full$/],
  ['its exit where it says nothing', 'exit 1', /: .*postgres\.sh/],
  ['its error although it ends well', 'cat > /dev/null; echo "2026 ERROR:  no role" >&2; echo more >&2', /: ERROR: +no role\b/],
])('a statement run alone quotes %s', async (_, script, message) => {
  const error = await runAlone(serverOf(script), ['select 1']).then(String, (failure: Error) => failure);
  expect(error).toMatchObject({ code: 'embedded_start', message: expect.stringMatching(message) });
});

test('what was run alone without an error is done', async () => {
  await runAlone(serverOf('cat > /dev/null; echo "LOG:  fine" >&2'), ['select 1']);
});

test('the port of the last start is kept, and one that is none is no port', () => {
  const cluster = { dataDir } as never;
  expect(rememberedPort(cluster)).toBeNull();
  writeFileSync(path.join(dataDir, 'postgres.port.new'), 'of a start that was killed');
  rememberPort(cluster, 54_321);
  expect(rememberedPort(cluster)).toBe(54_321);
  for (const [text, port] of [
    ['0', null],
    ['1', 1],
    ['65535', 65_535],
    ['65536', null],
    ['12.5', null],
    ['x', null],
  ] as const) {
    writeFileSync(path.join(dataDir, 'postgres.port'), `${text}\n`);
    expect(rememberedPort(cluster), text).toBe(port);
  }
});

test('a data folder has the version of its cluster, or none', () => {
  expect(clusterVersion({ dataDir })).toBeNull();
  mkdirSync(path.join(dataDir, 'postgres'));
  writeFileSync(path.join(dataDir, 'postgres', 'PG_VERSION'), '18\n');
  expect(clusterVersion({ dataDir })).toBe('18');
});

const at = (...names: string[]) => path.join(dataDir, ...names);
const text = (...names: string[]) => readFileSync(at(...names), 'utf8');
/** Writes down how it was called, where, and with what in its environment. */
const RECORD =
  'here=$(dirname "$0"); for one in "$@"; do echo "$one"; done >> "$here/called"; pwd > "$here/cwd"; env | sort > "$here/env"';
const called = () => text('called').trim().split('\n');

test('a cluster is made in a draft, which takes the place of what was there when it is complete', async () => {
  for (const old of ['postgres', 'postgres.new-1-a']) {
    mkdirSync(at(old));
    writeFileSync(at(old, 'old'), '');
  }
  const cluster = serverOf(`${RECORD}; echo 18 > "$2/PG_VERSION"`);
  expect(isInitialised(cluster)).toBe(false);
  await initialise(cluster, 'boss');
  expect(readdirSync(at('postgres'))).toEqual(['PG_VERSION']);
  expect(isInitialised(cluster)).toBe(true);
  expect(readdirSync(dataDir).filter((name) => name.startsWith('postgres.new'))).toEqual([]);
  expect(statSync(at('postgres')).mode & 0o777).toBe(0o700);
  const [option, draft, ...rest] = called();
  expect([option, ...rest]).toEqual(['-D', '-U', 'boss', '-A', 'reject', '-E', 'UTF8', '--no-sync', '--no-instructions']);
  expect(path.relative(dataDir, draft!)).toMatch(new RegExp(`^postgres\\.new-${process.pid}-[0-9a-f]{8}$`));
  expect(text('cwd')).toBe('/\n');
  const names = text('env')
    .trim()
    .split('\n')
    .map((line) => line.replace(/=.*/, ''))
    .filter((name) => !/^(?:PWD|OLDPWD|SHLVL|_)$/.test(name));
  const given = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH'].filter((name) => process.env[name] !== undefined);
  expect(names.sort()).toEqual([...given, 'LC_ALL', 'TZ'].sort());
  expect(text('env')).toMatch(/^LC_ALL=C$[\s\S]*^TZ=UTC$/m);
});

test('a cluster that cannot be made leaves nothing behind', async () => {
  const failure = await initialise(serverOf('echo "initdb: error: no room" >&2; exit 1'), 'boss').catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({
    code: 'embedded_start',
    message: `The embedded Postgres could not be set up in ${dataDir}: initdb: error: no room`,
  });
  expect(readdirSync(dataDir)).toEqual(['postgres.sh']);
});

test('a server is started on the next port that is free, with its own rules and log', async () => {
  mkdirSync(at('postgres'));
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    await launch(serverOf(RECORD), port);
  } finally {
    taken.close();
  }
  const [, folder, , log, , settings, ...rest] = called();
  expect([folder, log, rest]).toEqual([at('postgres'), at('postgres.log'), ['-w', '-t', '60', 'start']]);
  const used = Number(/^-p (\d+) /.exec(settings!)![1]);
  expect(used).toBeGreaterThan(port);
  expect(settings).toBe(
    `-p ${used} -c listen_addresses=127.0.0.1 -c unix_socket_directories=. -c unix_socket_permissions=0700 -c password_encryption=scram-sha-256 -c hba_file='${at('postgres', 'pg_hba.conf')}' -c max_connections=200 -c shared_buffers=128MB -c timezone=UTC -c log_timezone=UTC -c max_wal_size=2GB`,
  );
  expect(text('postgres', 'pg_hba.conf')).toBe(
    '# Written by ruawatch at every start of the server: changes are lost.\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n',
  );
  expect([at('postgres', 'pg_hba.conf'), at('postgres.log')].map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600]);
});

test('a server that does not start on a free port is an error with its cause, and no further port is tried', async () => {
  mkdirSync(at('postgres'));
  writeFileSync(at('postgres', 'pg_hba.conf.ruawatch'), 'of a start that was killed');
  const server = serverOf(`${RECORD}; echo "2026 FATAL: no memory" >&2; exit 1`);
  const failure = await launch(server, firstPort()).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'embedded_start',
    message: `The embedded Postgres did not start; its log is ${at('postgres.log')}: 2026 FATAL: no memory`,
  });
  expect(called().filter((word) => word === 'start')).toHaveLength(1);
});

test('without a free port there is no server', async () => {
  mkdirSync(at('postgres'));
  const none = await launch(serverOf('exit 0'), 65_536).catch((error: unknown) => error);
  expect(none).toMatchObject({
    code: 'embedded_start',
    message: 'No port from 65536 up is free for the embedded Postgres: set RUAWATCH_POSTGRES_PORT to a free one.',
  });
});

test('the first cluster of a folder, and the highest port, are as good as others', async () => {
  const cluster = serverOf(`${RECORD}; [ "$1 $4" = "-D boss" ] && cd "$2" && echo 18 > PG_VERSION; exit 0`);
  expect(clusterVersion(cluster)).toBeNull();
  await initialise(cluster, 'boss');
  expect(clusterVersion(cluster)).toBe('18');
  await launch(cluster, 65_535);
  expect(text('called')).toMatch(/^-p 65535 /m);
});

test('everything is the owner’s, who runs the programs', async () => {
  const own = { uid: process.getuid!(), gid: process.getgid!() };
  const owner = own.uid === 0 ? { uid: 65_534, gid: 65_534 } : own;
  chmodSync(dataDir, 0o777);
  const cluster = { ...(serverOf(`${RECORD}; id -u > "$here/user"`) as object), owner } as never;
  await initialise(cluster, 'boss');
  for (const file of ['called', 'cwd', 'env', 'user']) rmSync(at(file));
  await launch(cluster, firstPort());
  const ownerOf = (...names: string[]) => {
    const { uid, gid } = statSync(at(...names));
    return { uid, gid };
  };
  expect([ownerOf('postgres'), ownerOf('postgres', 'pg_hba.conf'), ownerOf('postgres.log')]).toEqual([owner, owner, owner]);
  expect(text('user')).toBe(`${owner.uid}\n`);
});

test('a server is stopped fast, and waited for', async () => {
  await stop(serverOf(RECORD));
  expect(called()).toEqual(['-D', at('postgres'), '-m', 'fast', '-w', 'stop']);
});

describe('where a server listens', () => {
  const pid = (state: string, { id = '7', port = '24000', socket = '.' } = {}) =>
    [id, 'folder', '1', port, socket, '127.0.0.1', '0 0', state, ''].join('\n');
  const noted = (content: string) => {
    mkdirSync(at('postgres'), { recursive: true });
    writeFileSync(at('postgres', 'postmaster.pid'), content);
  };

  test('is nowhere without its file, or when its process has ended', async () => {
    expect(await listening(serverOf('exit 0'))).toBeNull();
    noted(pid('ready'));
    expect(await listening(serverOf(`${RECORD}; exit 3`))).toBeNull();
    expect(called()).toEqual(['-D', at('postgres'), 'status']);
  });

  test('is what its file says, once it is ready', async () => {
    noted(pid('ready   '));
    expect(await listening(serverOf('exit 0'))).toEqual({ pid: 7, port: 24_000, socket: true });
    rmSync(at('postgres', 'postmaster.pid'));
    mkdirSync(at('postgres', 'postmaster.pid'));
    await expect(listening(serverOf('exit 0'))).rejects.toMatchObject({ code: 'EISDIR' });
    rmSync(at('postgres', 'postmaster.pid'), { recursive: true });
    noted(pid('ready', { socket: '' }));
    expect(await listening(serverOf('exit 0'))).toEqual({ pid: 7, port: 24_000, socket: false });
  });

  test.each([
    ['starting', pid('starting')],
    ['of a single user, which has a negative number', pid('ready', { id: '-7' })],
  ])('is waited for while it is %s', async (_, before) => {
    noted(before);
    writeFileSync(at('later'), pid('ready', { port: '24001' }));
    const server = serverOf(
      'here=$(dirname "$0"); [ -e "$here/once" ] && cp "$here/later" "$here/postgres/postmaster.pid"; touch "$here/once"',
    );
    expect(await listening(server)).toEqual({ pid: 7, port: 24_001, socket: true });
  });

  test('is not found out when pg_ctl fails in another way', async () => {
    noted(pid('ready'));
    const failure = await listening(serverOf('echo "pg_ctl: error: not yours" >&2; exit 4')).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'embedded_start',
      message: 'Cannot find out whether the embedded Postgres is running: pg_ctl: error: not yours',
    });
  });

  test('is no socket where its path would be too long', async () => {
    const script = serverOf('exit 0') as unknown as { binaries: object };
    const socketAt = async (length: number) => {
      const deep = at('x'.repeat(length - Buffer.byteLength(at('postgres', '.s.PGSQL.24000')) - 1));
      mkdirSync(path.join(deep, 'postgres'), { recursive: true });
      writeFileSync(path.join(deep, 'postgres', 'postmaster.pid'), pid('ready'));
      return (await listening({ ...script, dataDir: deep } as never))!.socket;
    };
    expect([await socketAt(103), await socketAt(104)]).toEqual([true, false]);
  });
});

test('a cluster is open that trusts somebody', () => {
  const cluster = { dataDir } as never;
  mkdirSync(at('postgres'));
  expect(isOpen(cluster)).toBe(false);
  for (const [rules, open] of [
    ['local all all scram-sha-256\n# host all all trust\n', false],
    ['local all all scram-sha-256\nhost all all 127.0.0.1/32 trust\n', true],
  ] as const) {
    writeFileSync(at('postgres', 'pg_hba.conf'), rules);
    expect(isOpen(cluster), rules).toBe(open);
  }
});

test('the log is of its user alone, is added to, and is no link', () => {
  const cluster = { dataDir, owner: null };
  writeFileSync(at('postgres.log'), 'before\n', { mode: 0o644 });
  prepareLog(cluster);
  expect([text('postgres.log'), statSync(at('postgres.log')).mode & 0o777]).toEqual(['before\n', 0o600]);
  rmSync(at('postgres.log'));
  symlinkSync(at('elsewhere'), at('postgres.log'));
  expect(() => prepareLog(cluster)).toThrow(
    `${at('postgres.log')} is a link and not the log of the embedded Postgres: remove it.`,
  );
  expect(existsSync(at('elsewhere'))).toBe(false);
  expect(() => prepareLog({ dataDir: at('absent'), owner: null })).toThrow(/ENOENT/);
});

test('the first port is one that systems use for nothing else', () => {
  const ports = Array.from({ length: 2_000 }, firstPort);
  expect(ports.every((port) => Number.isInteger(port) && port >= 20_000 && port < 32_767)).toBe(true);
  expect(Math.max(...ports) - Math.min(...ports)).toBeGreaterThan(10_000);
});
