import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startDemoMailbox } from '../../demo/mailbox.ts';
import { startMailSink } from '../../demo/sink.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { ruawatch, ruawatchOnce } from '../helpers/process.ts';
import { freePort, until } from '../helpers/services.ts';

let database: TestDatabase;
let mailbox: Awaited<ReturnType<typeof startDemoMailbox>>;
let sink: Awaited<ReturnType<typeof startMailSink>>;
let folder: string;
let closedPort: number;
let silent: Server;

beforeAll(async () => {
  database = await testDatabase();
  mailbox = await startDemoMailbox([]);
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-settings-'));
  sink = await startMailSink(folder);
  closedPort = await freePort();
  silent = createServer((socket) => socket.resume().end('220 a.example SMTP without anything\r\n'));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await mailbox.stop();
  await sink.stop();
  await new Promise((resolve) => silent.close(resolve));
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** Settings that work; each case spoils one. */
const good = () => ({
  DATABASE_URL: database.url,
  IMAP_URL: `${mailbox.url}/INBOX?tls=none&addresses=dmarc%40own.example`,
  SMTP_URL: `${sink.url}?tls=none`,
  ALERT_FROM: 'ruawatch@example.com',
  ALERT_TO: 'you@example.com',
});

const withUrl = (url: string, change: (url: URL) => void) => {
  const changed = new URL(url);
  change(changed);
  return changed.href;
};

interface Case {
  what: string;
  env: () => Record<string, string>;
  yaml?: string;
  says: RegExp;
  /** What must not be in the output. */
  never?: RegExp;
  args?: string[];
  /**
   * It may be a matter of time: `start` says it once, and waits. Those of one name are tried in one start.
   */
  waits?: string;
}

const cases: Case[] = [
  {
    what: 'a database URL that is none',
    env: () => ({ DATABASE_URL: 'localhost:5432/x' }),
    says: /DATABASE_URL must be a Postgres URL/,
  },
  {
    what: 'a database that is not there',
    waits: 'a database',
    env: () => ({ DATABASE_URL: withUrl(database.url, (u) => (u.pathname = '/nothere')) }),
    says: /does not exist.*nothere/,
  },
  {
    what: 'a database server that does not answer',
    waits: 'a server of databases',
    env: () => ({ DATABASE_URL: `postgres://a:secret-word@127.0.0.1:${closedPort}/x` }),
    says: /The database in DATABASE_URL cannot be reached \(nothing listens at [^()]+ \(ECONNREFUSED\)\)/,
    never: /secret-word/,
  },
  {
    what: 'a wrong database password',
    waits: 'the right password of the database',
    env: () => ({
      DATABASE_URL: withUrl(database.url, (u) => {
        u.username = 'with_password';
        u.password = 'secret-word';
      }),
    }),
    says: /refused the password/,
    never: /secret-word/,
  },
  {
    what: 'a Redis that does not answer',
    waits: 'Redis and SMTP',
    env: () => ({ REDIS_URL: `redis://127.0.0.1:${closedPort}` }),
    says: /Redis does not answer at the address in REDIS_URL/,
  },
  { what: 'no mailbox', env: () => ({ IMAP_URL: '' }), says: /No mailbox is set: set IMAP_URL/ },
  {
    what: 'a mailbox URL that is none',
    env: () => ({ IMAP_URL: 'https://user:secret-word@example.com' }),
    says: /IMAP_URL must be an IMAP URL/,
    never: /secret-word/,
  },
  {
    what: 'a wrong mailbox password',
    waits: 'mailboxes and SMTP',
    env: () => ({ IMAP_URL: `${withUrl(mailbox.url, (u) => (u.password = 'secret-word'))}/INBOX?tls=none` }),
    says: /password/,
    never: /secret-word/,
  },
  {
    what: 'no such folder',
    waits: 'mailboxes and SMTP',
    env: () => ({ IMAP_URL: `${mailbox.url}/Nowhere?tls=none` }),
    says: /there is no folder \\?"Nowhere/,
  },
  {
    what: 'a mailbox that does not answer',
    waits: 'mailboxes and SMTP',
    env: () => ({ IMAP_URL: `imap://u:secret-word@127.0.0.1:${closedPort}/INBOX?tls=none` }),
    says: /Mailbox \\?"[^"\\]*\\?": 127\.0\.0\.1:\d+ cannot be reached/,
    never: /secret-word/,
  },
  {
    what: 'a server without STARTTLS',
    waits: 'mailboxes and SMTP',
    env: () => ({ IMAP_URL: `${mailbox.url}/INBOX` }),
    says: /STARTTLS/,
  },
  {
    what: 'an SMTP server that does not answer',
    waits: 'mailboxes and SMTP',
    env: () => ({ SMTP_URL: `smtp://127.0.0.1:${closedPort}?tls=none` }),
    says: /SMTP/,
  },
  {
    what: 'an SMTP server that is none',
    waits: 'Redis and SMTP',
    env: () => ({ SMTP_URL: `smtp://127.0.0.1:${(silent.address() as { port: number }).port}?tls=none` }),
    says: /SMTP/,
  },
  { what: 'nobody to alert', env: () => ({ ALERT_TO: '' }), says: /alerts have no recipient: set ALERT_TO/ },
  {
    what: 'an unknown key in the file',
    env: () => ({}),
    yaml: 'mailboxs: []\nalerts:\n  per_hourr: 3\n',
    says: /2 settings are wrong:[\s\S]*Unknown setting "alerts\.per_hourr"[\s\S]*Unknown setting "mailboxs"/,
  },
  {
    what: 'an unknown limit',
    env: () => ({}),
    yaml: 'limits:\n  mail_size: 5\n',
    says: /Unknown setting "limits\.mail_size": the limits are .*mailBytes/,
  },
  { what: 'a file that is no YAML', env: () => ({}), yaml: 'a: [b\n', says: /ruawatch\.yaml is not YAML at line 2/ },
  { what: 'an unknown RUAWATCH_ variable', env: () => ({ RUAWATCH_DATADIR: '/tmp' }), says: /RUAWATCH_DATADIR is not a setting/ },
  {
    what: 'a service that does not exist',
    env: () => ({}),
    args: ['start', 'pollr'],
    says: /no service "pollr": the services are poller, parser/,
  },
  {
    what: 'several mistakes at once',
    env: () => ({ DATABASE_URL: 'x', LOG_LEVEL: 'loud', ALERT_FROM: 'me' }),
    says: /3 settings are wrong:[\s\S]*DATABASE_URL[\s\S]*ALERT_FROM[\s\S]*LOG_LEVEL|LOG_LEVEL[\s\S]*ALERT_FROM/,
  },
];

describe('each wrong setting is one clear sentence and exit code 1', () => {
  beforeAll(async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query("create role with_password login password 'right'");
    await client.end();
  });

  /**
   * Wrong settings in one start: of the database one, as nothing else is tried without it, of all others
   * together.
   */
  const together = [...new Set(cases.flatMap(({ waits }) => (waits ? [waits] : [])))].map((name) => ({
    name,
    some: cases.filter(({ waits }) => waits === name),
  }));

  test.each(together)('start waits for $name, and says each thing once', async ({ some }) => {
    const isSmtp = some.some(({ what }) => what.includes('SMTP'));
    // An SMTP server is needed for the first mail only.
    if (isSmtp) {
      const owner =
        await database.db.query(`insert into ruawatch.outbox (message_id, kind, recipients, subject, raw, created_at, next_at)
        values (gen_random_uuid()::text, 'weekly', '{you@example.com}', 'x', 'x', now(), now()) returning outbox_key`);
      expect(owner.rowCount).toBe(1);
    }
    const port = await freePort();
    const home = mkdtempSync(path.join(folder, 'home-'));
    const changed = some.map(({ env }) => env());
    const mailboxes = changed.flatMap(({ IMAP_URL }) => (IMAP_URL === undefined ? [] : [IMAP_URL]));
    const { IMAP_URL, ...others } = { ...good(), ...Object.assign({}, ...changed) };
    const list = (mailboxes.length > 0 ? mailboxes : [IMAP_URL]).map((url, n) => `  - name: box${n}\n    url: '${url}'\n`);
    writeFileSync(path.join(home, 'ruawatch.yaml'), `mailboxes:\n${list.join('')}`);
    const run = ruawatch(['start'], { ...others, HTTP_LISTEN: `127.0.0.1:${port}` }, home);
    onTestFinished(() => void run.child.kill('SIGKILL'));
    const lines = ({ says }: Case) =>
      run
        .stderr()
        .split('\n')
        .filter((line) => /"level":"(warn|error)"/.test(line) && says.test(line));
    const ready = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
      return response === null ? '' : `${response.status} ${await response.text()}`;
    };
    await until(() => some.every((one) => lines(one).length > 0));
    await until(async () => {
      const said = await ready();
      return said.startsWith('503') && some.every(({ says }) => says.test(said));
    });
    // Long enough for several tries.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    for (const one of some) {
      expect(lines(one), one.what).toHaveLength(1);
      if (one.never) expect(run.stderr()).not.toMatch(one.never);
    }
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    await database.db.query('delete from ruawatch.outbox');
  });

  test.each(cases.filter((one) => !one.waits))('start: $what', async ({ env, yaml, says, never, args }) => {
    const home = mkdtempSync(path.join(folder, 'home-'));
    if (yaml !== undefined) writeFileSync(path.join(home, 'ruawatch.yaml'), yaml);
    const settings = Object.fromEntries(Object.entries({ ...good(), ...env() }).filter(([, value]) => value !== ''));
    const { code, stdout, stderr } = await ruawatchOnce(args ?? ['start'], settings, home);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/\n\s+at |Error:|undefined|\[object/);
    if (never) expect(stderr).not.toMatch(never);
  });

  test('a database newer than the program', async () => {
    const newer = await testDatabase();
    await newer.db.query("insert into ruawatch.migrations (version, name) values (99, 'later')");
    for (const args of [['start'], ['migrate'], ['messages', 'list']]) {
      const { code, stderr } = await ruawatchOnce(args, { ...good(), DATABASE_URL: newer.url });
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^The database schema is at version 99, newer than this program's \d+: run the newer ruawatch that created it\.\n$/,
      );
    }
    await newer.drop();
  });

  test('a database without the schema: commands that only read say what to run, and migrate mends it', async () => {
    const empty = await testDatabase({ empty: true });
    const list = () => ruawatchOnce(['messages', 'list'], { DATABASE_URL: empty.url });
    expect(await list()).toMatchObject({ code: 1, stderr: expect.stringContaining('run "ruawatch migrate"') });
    expect(await ruawatchOnce(['migrate'], { DATABASE_URL: empty.url })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('applied 0001_begin'),
    });
    expect(await list()).toMatchObject({ code: 0, stdout: expect.stringContaining('No messages match.') });
    await empty.drop();
  });

  test('a path that does not exist', async () => {
    for (const command of ['import', 'parse']) {
      const { code, stderr } = await ruawatchOnce([command, '/no/such/file'], { DATABASE_URL: database.url });
      expect(code).toBe(1);
      expect(stderr).toMatch(/\/no\/such\/file/);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
  });
});

describe('doctor', () => {
  test('good settings: no line fails, exit 0', async () => {
    const { code, stdout } = await ruawatchOnce(['doctor'], good());
    expect(
      stdout
        .trim()
        .split('\n')
        .filter((line) => !line.startsWith('ok ') && !line.startsWith('--    domain')),
      // The tests' own server has no other user.
    ).toEqual([expect.stringMatching(/^-- {4}rights in the database: DATABASE_URL logs in as \w+, a superuser: /)]);
    expect(code).toBe(0);
  });

  test('bad ones: each has its own FAIL line, the others are still checked, exit 1', async () => {
    const { code, stdout } = await ruawatchOnce(['doctor'], {
      ...good(),
      SMTP_URL: `smtp://127.0.0.1:${closedPort}?tls=none`,
      IMAP_URL: `${mailbox.url}/Nowhere?tls=none`,
    });
    expect(stdout.match(/^FAIL.*$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^ok {4}database: Postgres/m);
    expect(code).toBe(1);
  });

  test('settings that cannot be read are a line too', async () => {
    const { code, stdout } = await ruawatchOnce(['doctor'], { DATABASE_URL: 'nonsense' });
    expect(stdout).toMatch(/^FAIL {2}settings: .*DATABASE_URL/m);
    expect(code).toBe(1);
  });
});

describe('start', () => {
  test('serves /livez, /readyz and /metrics; SIGTERM drains and exits 0', async () => {
    const port = await freePort();
    const run = ruawatch(['start'], { ...good(), HTTP_LISTEN: `127.0.0.1:${port}` });
    const get = async (at: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${at}`).catch(() => null);
      return response === null ? null : { status: response.status, body: await response.text() };
    };
    await until(async () => (await get('/readyz'))?.status === 200);
    expect(await get('/livez')).toEqual({ status: 200, body: 'ok\n' });
    expect((await get('/metrics'))?.body).toMatch(/ruawatch_imap_connected\{mailbox="[^"]+"\} 1/);
    expect((await get('/other'))?.status).toBe(404);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(run.stderr()).toMatch(/"msg":"stopped"/);
  });

  test('a second signal ends at once', async () => {
    const run = ruawatch(['start'], good());
    await until(() => run.stderr().includes('ruawatch is running'));
    run.child.kill('SIGTERM');
    run.child.kill('SIGINT');
    const { code } = await run.ended;
    expect([0, 1]).toContain(code);
  });

  test('a health port in use is one sentence', async () => {
    const { port } = silent.address() as { port: number };
    const { code, stderr } = await ruawatchOnce(['start'], { ...good(), HTTP_LISTEN: `127.0.0.1:${port}` });
    expect(code).toBe(1);
    expect(stderr).toMatch(/HTTP_LISTEN 127\.0\.0\.1:\d+ cannot be used/);
  });
});
