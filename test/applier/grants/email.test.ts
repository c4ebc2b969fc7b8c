import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import SMTPConnection from 'nodemailer/lib/smtp-connection/index.js';
import pg from 'pg';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { emailWorker } from '../../../services/applier/grants/email.ts';
import { GrantKeeper, type KeepMeans } from '../../../services/applier/grants/keep.ts';
import { dovecotHash } from '../../../services/requests/grants/email.ts';
import { planGrant } from '../../../services/requests/plans/grant.ts';
import { scramVerifier } from '../../../services/shared/runtime/embedded-secrets.ts';
import type { MailServer } from '../../../services/shared/settings/access.ts';
import { type Grant, grantMark, grantOf, loadGrant } from '../../../services/store/grants/grants.ts';
import { beginEnd } from '../../../services/store/grants/life.ts';
import { mailSetup } from '../../../services/store/grants/mail-accounts.ts';
import { syncGroups } from '../../../services/store/requests/groups.ts';
import { openRequest } from '../../../services/store/requests/open.ts';
import { admin, type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { type DovecotSasl, imapSession, saslPresent, startDovecotSasl } from '../../helpers/dovecot-sasl.ts';
import { AUTOMATIC, ownMark } from '../../helpers/lending.ts';
import { type Postfix, postfixPresent, startPostfix } from '../../helpers/postfix.ts';
import { until } from '../../helpers/services.ts';
import { GROUPS } from '../../requests/sample.ts';

const present =
  saslPresent && postfixPresent && ['pgsql', 'lmdb'].every((type) => existsSync(`/usr/lib/postfix/postfix-${type}.so`));
const FROM = 'shop@example.com';

const NOWHERE = { server: 'submission', scope: null, applied_at: null, ends_at: null };

interface MailHost {
  server: MailServer;
  dovecot: DovecotSasl;
  postfix: Postfix;
  /** The logins that the mail servers have. */
  logins(): Promise<string[]>;
  /** Puts an account there, past the service. */
  plant(login: string): Promise<void>;
  stop(): Promise<void>;
}

const common = {
  name: 'submission',
  for: [],
  services: [],
  longestSeconds: 86_400,
  risk: 'low' as const,
  addresses: ['@example.com'],
};

/** Postfix as docs/access.md has it, without TLS. */
const postfixWith = (dovecot: DovecotSasl, maps: string) =>
  startPostfix({
    settings: {
      mynetworks: '192.0.2.1/32',
      smtpd_error_sleep_time: '0',
      smtpd_sasl_auth_enable: 'yes',
      smtpd_sasl_type: 'dovecot',
      smtpd_sasl_path: dovecot.socket,
      smtpd_sender_login_maps: maps,
      smtpd_sender_restrictions: 'reject_sender_login_mismatch',
      smtpd_end_of_data_restrictions: 'reject_sender_login_mismatch',
      smtpd_recipient_restrictions: 'permit_sasl_authenticated, reject',
    },
  });

async function withFile(): Promise<MailHost> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-lent-mail-'));
  chmodSync(folder, 0o755);
  const [file, senders] = [path.join(folder, 'lent'), path.join(folder, 'senders')];
  writeFileSync(file, `# by hand\nother:${dovecotHash('other')}::::::\n`);
  writeFileSync(senders, 'other@example.com other\n');
  chmodSync(file, 0o640);
  chownSync(file, 0, 1);
  const postmap = ['/usr/sbin/postmap', `lmdb:${senders}`];
  const dovecot = await startDovecotSasl(() => `passdb {\n  driver = passwd-file\n  args = ${file}\n}`);
  // Dovecot reads it as a user of its own.
  chmodSync(file, 0o644);
  const { execFileSync } = await import('node:child_process');
  execFileSync(postmap[0]!, postmap.slice(1));
  const postfix = await postfixWith(dovecot, `lmdb:${senders}`);
  return {
    server: { ...common, accounts: { by: 'file', file, senders, postmap }, doveadm: dovecot.doveadm },
    dovecot,
    postfix,
    logins: async () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(':')[0]!),
    plant: async (login) => writeFileSync(file, `${readFileSync(file, 'utf8')}${login}:${dovecotHash('x')}::::::\n`),
    async stop() {
      await postfix.stop();
      await dovecot.stop();
      expect(readFileSync(file, 'utf8')).toMatch(/^# by hand\nother:.*\n$/);
      expect(statSync(file)).toMatchObject({ gid: 1, uid: 0 });
      expect(statSync(file).mode & 0o777).toBe(0o644);
      expect(readFileSync(senders, 'utf8')).toBe('other@example.com other\n');
      rmSync(folder, { recursive: true });
    },
  };
}

async function withSql(): Promise<MailHost> {
  const base = process.env.TEST_POSTGRES_URL!;
  const tag = randomBytes(4).toString('hex');
  const [database, service, reader] = [`mail_${tag}`, `mailer_${tag}`, `reader_${tag}`];
  const password = randomBytes(12).toString('hex');
  await admin(base, `create database ${database}`);
  const url = new URL(base);
  url.pathname = `/${database}`;
  const boss = new pg.Client({ connectionString: url.href });
  boss.on('error', () => undefined);
  await boss.connect();
  for (const role of [service, reader]) await boss.query(`create role ${role} login password '${scramVerifier(password)}'`);
  await boss.query(mailSetup(service, reader));
  const login = new URL(url);
  login.username = service;
  login.password = password;
  const [host, port] = [url.hostname.replace('localhost', '127.0.0.1'), url.port];
  const dovecot = await startDovecotSasl((folder) => {
    writeFileSync(
      path.join(folder, 'sql.conf'),
      `driver = pgsql\nconnect = host=${host} port=${port} dbname=${database} user=${reader} password=${password}\npassword_query = SELECT login AS user, password FROM ruawatch_mail.current_accounts WHERE login = '%u'\n`,
    );
    return `passdb {\n  driver = sql\n  args = ${folder}/sql.conf\n}`;
  });
  const table = path.join(dovecot.folder, 'senders.cf');
  writeFileSync(
    table,
    `hosts = inet:${host}:${port}\nuser = ${reader}\npassword = ${password}\ndbname = ${database}\nquery = SELECT login FROM ruawatch_mail.current_accounts WHERE sender = '%s'\n`,
  );
  const postfix = await postfixWith(dovecot, `pgsql:${table}`);
  return {
    server: { ...common, accounts: { by: 'sql', url: () => login.href }, doveadm: dovecot.doveadm },
    dovecot,
    postfix,
    logins: async () =>
      (await boss.query<{ login: string }>('select login from ruawatch_mail.accounts')).rows.map((row) => row.login),
    plant: async (name) =>
      void (await boss.query(`insert into ruawatch_mail.accounts values ($1, 'x', 'a@example.com', now() + interval '1 hour')`, [
        name,
      ])),
    async stop() {
      await postfix.stop();
      await dovecot.stop();
      await boss.end();
      await admin(base, `drop database ${database} with (force)`);
      await admin(base, `drop role ${service}; drop role ${reader}`);
    },
  };
}

/** A session of SMTP that is logged in. @throws when the login is refused */
async function smtp(port: number, user: string, pass: string) {
  const connection = new SMTPConnection({ host: '127.0.0.1', port, ignoreTLS: true });
  connection.on('error', () => undefined);
  await new Promise<void>((resolve) => connection.connect(() => resolve()));
  await new Promise<void>((resolve, reject) =>
    connection.login({ credentials: { user, pass } }, (error) => (error ? reject(error) : resolve())),
  );
  return {
    send: async (from: string) => {
      // Postfix refuses a sender with the recipient: the transaction before has to be given up.
      await new Promise<void>((resolve) => connection.reset(() => resolve()));
      return new Promise<string>((resolve, reject) =>
        connection.send({ from, to: ['b@sink.test'] }, 'Subject: x\r\n\r\nhello\r\n', (error, info) =>
          error ? reject(error) : resolve(info.response),
        ),
      );
    },
    close: () => connection.close(),
  };
}

/**
 * A session that is logged in and has begun the text of a mail. @returns ends the text: the answer to the
 * mail
 */
async function halfSent(port: number, user: string, pass: string): Promise<() => Promise<string>> {
  const socket = connect(port, '127.0.0.1');
  const answer = () =>
    new Promise<string>((resolve, reject) => {
      let text = '';
      const more = (data: Buffer) => {
        text += data.toString();
        if (!/^\d{3} .*\r\n$/m.test(text)) return;
        socket.off('data', more);
        resolve(text.trim());
      };
      socket.on('data', more);
      socket.once('error', reject);
    });
  const say = (line: string) => {
    const said = answer();
    socket.write(`${line}\r\n`);
    return said;
  };
  await answer();
  await say('EHLO localhost');
  // Dovecot looks once a second whether a passwd-file has changed.
  await until(async () => (await say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${pass}`).toString('base64')}`)).startsWith('235'));
  for (const line of [`MAIL FROM:<${FROM}>`, 'RCPT TO:<b@sink.test>', 'DATA']) expect(await say(line), line).toMatch(/^[23]/);
  socket.write('Subject: begun before the end\r\n\r\n');
  return async () => {
    const said = await say('hello\r\n.');
    socket.destroy();
    return said;
  };
}

// Debian: postfix, postfix-pgsql, postfix-lmdb, dovecot-imapd, dovecot-pgsql
const HOSTS = [
  ['a passwd-file', withFile],
  ['SQL', withSql],
] as const;
describe.skipIf(!present).each(HOSTS)(
  `mail accounts are lent by %s${present ? '' : ' (SKIPPED: needs postfix, postfix-pgsql, postfix-lmdb, dovecot-imapd and dovecot-pgsql)'}`,
  (by, start) => {
    let t: TestDatabase;
    let host: MailHost;
    let keeper: GrantKeeper;
    let means: KeepMeans;
    beforeAll(async () => {
      host = await start();
    });
    afterAll(() => host.stop());
    beforeEach(async () => {
      t = await testDatabase();
      await ownMark(t.db);
      await syncGroups(t.db, { groups: GROUPS, deputies: [] });
      keeper = new GrantKeeper();
      means = {
        db: t.db,
        log: pino({ level: 'silent' }),
        access: { unwatchedMs: 900_000, databases: [], dns: [], mail: [host.server], providers: [], console: null },
        dnsTargets: [],
        dns: { ask: async () => ({ state: 'unknown', reason: 'cancelled', message: '' }) },
        at: () => null,
        signal: new AbortController().signal,
      };
    });
    afterEach(async () => {
      for (const name of await ours()) await emailWorker.end({ ...NOWHERE, name }, { ...means, mark: '' });
      await t.drop();
    });
    const turn = () => keeper.turn(means);
    const again = (grant: Grant) => loadGrant(t.db, grant.grant_key);
    const lent = async (from = FROM, seconds = 3600) => {
      const password = randomBytes(18).toString('base64url');
      const credential = dovecotHash(password);
      const plan = planGrant({
        kind: 'access.email',
        domain: 'example.com',
        holder: 'ada@example.com',
        holder_kind: 'person',
        groups: [],
        server: 'submission',
        scope: { from },
        seconds,
        uses: null,
        credential,
        risk: 'low',
      });
      const given = { plan, requester: 'ada@example.com', requester_kind: 'person' as const, why: 'a campaign', credential };
      const key = await openRequest(t.db, AUTOMATIC, given);
      await turn();
      return { password, grant: await again(await grantOf(t.db, key!)) };
    };
    const end = async (grant: Grant) => {
      await beginEnd(t.db, grant, { reason: 'Ended by ada: done', by: 'ada@example.com' }, null);
      await turn();
    };
    const ours = async () => (await host.logins()).filter((name) => name.startsWith('ruawatch_lent_'));

    test('sends from its address, from no other, and nothing after its end: logins are refused, sessions are cut', async () => {
      const { grant, password } = await lent();
      expect(grant).toMatchObject({ state: 'active', answer: `The account ${grant.name} may send as ${FROM}.` });
      await expect(smtp(host.postfix.port, grant.name, 'wrong')).rejects.toThrow(/535/);
      const session = await smtp(host.postfix.port, grant.name, password);
      expect(await session.send(FROM)).toMatch(/^250 .*queued/);
      await expect(session.send('boss@example.com')).rejects.toThrow(/not owned by user/);
      await expect(session.send('other@example.com')).rejects.toThrow(/not owned by user/);
      const imap = await imapSession(host.dovecot.imapPort, grant.name, password);
      // Nobody sends without a login.
      await expect(host.postfix.send({ from: FROM, to: 'b@sink.test', raw: 'x' })).resolves.toMatch(/^55[03]/);
      await end(grant);
      expect(await again(grant)).toMatchObject({
        state: 'ended',
        answer: `The account ${grant.name} is gone; its sessions are ended.`,
      });
      await imap.ended;
      // Also of a login whose password Dovecot had cached.
      await expect(smtp(host.postfix.port, grant.name, password)).rejects.toThrow(/535/);
      await expect(imapSession(host.dovecot.imapPort, grant.name, password)).rejects.toThrow(/NO/);
      // Postfix looks into SQL and LMDB at each mail of an open session; other tables in files it reads as a
      // session begins.
      await expect(session.send(FROM)).rejects.toThrow(/not owned by user/);
      session.close();
      expect(await ours()).toEqual([]);
      host.postfix.run('postsuper', '-d', 'ALL');
    });

    test('a mail whose text has begun before the end is refused at the end of its text', async () => {
      const { grant, password } = await lent();
      const finish = await halfSent(host.postfix.port, grant.name, password);
      await end(grant);
      expect(await finish()).toMatch(/^553 .*not owned by user/);
      expect(host.postfix.queue()).toEqual([]);
    });

    test('its end can be carried out again, and what is gone has ended', async () => {
      const { grant } = await lent();
      await end(grant);
      const grantMeans = { ...means, mark: await grantMark(t.db) };
      expect(await emailWorker.end(grant, grantMeans)).toEqual({ state: 'ended', answer: `There is no account ${grant.name}.` });
    });

    test('two are two, a claim that a process left behind is carried out once', async () => {
      const one = await lent();
      const two = await lent('news@example.com');
      await t.db.query("update ruawatch.grants set state = 'applying' where grant_key = $1", [two.grant.grant_key]);
      await t.db.query("update ruawatch.requests set state = 'applying' where request_key = $1", [two.grant.request_key]);
      await turn();
      expect(await ours()).toHaveLength(2);
      await end(one.grant);
      const session = await smtp(host.postfix.port, two.grant.name, two.password);
      expect(await session.send('news@example.com')).toMatch(/^250/);
      session.close();
      await end(two.grant);
      expect(await ours()).toEqual([]);
      host.postfix.run('postsuper', '-d', 'ALL');
    });

    test('what the store does not know is ended at the start; what the target has lost ends', async () => {
      const { grant } = await lent();
      const stray = `${await grantMark(t.db)}99_abcdef`;
      await host.plant(stray);
      await host.plant('ruawatch_lent_ffffffff_1_abcdef');
      keeper = new GrantKeeper();
      await turn();
      expect((await ours()).sort()).toEqual([grant.name, 'ruawatch_lent_ffffffff_1_abcdef'].sort());
      await emailWorker.end(grant, { ...means, mark: '' });
      keeper = new GrantKeeper();
      await turn();
      await turn();
      expect(await again(grant)).toMatchObject({ state: 'ended', end_reason: 'Its target does not have it any more.' });
    });

    test('an address that the server does not lend is refused', async () => {
      const { grant } = await lent('boss@example.net');
      await turn();
      expect(await again(grant)).toMatchObject({ state: 'ended', applied_at: null });
      expect(await ours()).toEqual([]);
    });

    test('an end that doveadm does not carry out is tried again', async () => {
      const { grant, password } = await lent();
      const access = means.access;
      means = { ...means, access: { ...access, mail: [{ ...host.server, doveadm: ['/bin/false'] }] } };
      await end(grant);
      expect(await again(grant)).toMatchObject({
        state: 'ending',
        answer: expect.stringContaining('doveadm auth cache flush ended with code 1'),
      });
      await expect(smtp(host.postfix.port, grant.name, password)).rejects.toThrow(/535/);
      means = { ...means, access };
      await t.db.query('update ruawatch.grants set retry_at = null');
      await turn();
      expect((await again(grant)).state).toBe('ended');
    });

    if (by === 'a passwd-file')
      test('a table that Postfix reads once for each session is said to end no session that is open', async () => {
        const { grant } = await lent();
        const { accounts } = host.server;
        if (accounts.by !== 'file') throw new Error('not a file');
        const postmap = ['/usr/sbin/postmap', `hash:${accounts.senders}`];
        means = { ...means, access: { ...means.access, mail: [{ ...host.server, accounts: { ...accounts, postmap } }] } };
        await end(grant);
        expect(await again(grant)).toMatchObject({
          state: 'ended',
          answer: expect.stringContaining('goes on until it is closed'),
        });
      });

    if (by === 'SQL')
      test('ends by its time though no process of ours runs', async () => {
        const { grant, password } = await lent(FROM, 8);
        const session = await smtp(host.postfix.port, grant.name, password);
        await new Promise((resolve) => setTimeout(resolve, grant.ends_at!.getTime() - Date.now() + 200));
        await expect(session.send(FROM)).rejects.toThrow(/not owned by user/);
        session.close();
        await turn();
        expect((await again(grant)).state).toBe('ended');
      });
  },
);
