import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runGuardProbe } from '../../../services/cli/commands/guard-probe.ts';
import type { GuardProbeOptions } from '../../../services/cli/probe/given.ts';
import { PROBE_LIMITS } from '../../../services/cli/probe/mail.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { testDatabase } from '../../helpers/database.ts';
import { type Dovecot, dovecotPresent, startDovecot } from '../../helpers/dovecot.ts';
import { opendkimPresent, rspamdPresent, type SigningMilter, startOpendkim, startRspamd } from '../../helpers/milters.ts';
import { type Postfix, postfixPresent, startPostfix } from '../../helpers/postfix.ts';
import { freePort } from '../../helpers/services.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-probe-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => {
  writeFileSync(path.join(folder, name), text);
  return path.join(folder, name);
};
const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const [key, wrong] = [pair(), pair()];
const pemOf = (one: typeof key) => one.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
const guard = write(
  'mail-guard.yaml',
  `version: 1
environments:
  staging:
    domains:
      kestrel.test: {dkim: {selectors: {s1: any}}}
    workloads:
      - {name: shop, sends_as: [kestrel.test], egress: 192.0.2.0/28}
      - {name: news, sends_as: [kestrel.test], egress: 192.0.2.0/28}
`,
);
const RECORDS = {
  'kestrel.test': { TXT: 'v=spf1 ip4:192.0.2.0/24 -all' },
  '_dmarc.kestrel.test': { TXT: 'v=DMARC1; p=reject' },
  's1._domainkey.kestrel.test': {
    TXT: `v=DKIM1; p=${key.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`,
  },
};
const records = write('records.yaml', JSON.stringify(RECORDS));
const mail = (local = 'shop') =>
  `From: ${local}@kestrel.test\nTo: a@sink.test\nSubject: x\nDate: ${new Date().toUTCString()}\nMessage-ID: <${Math.random()}@kestrel.test>\nMIME-Version: 1.0\nContent-Type: text/plain\n\nhello\n`;

interface Probe {
  port: number;
  result: Promise<{ code: number; text: string; said: string[] }>;
  stop(): void;
}
/** Starts a probe, and comes back once it listens. */
async function probe(
  options: GuardProbeOptions = {},
  file: string | undefined = guard,
  env: Record<string, string> = {},
): Promise<Probe> {
  const lines: string[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const given = { listen: '127.0.0.1:0', records, offline: true, seconds: '40', ...options };
  let listening: (port: number) => void;
  const port = new Promise<number>((resolve) => (listening = resolve));
  const result = runGuardProbe(loadConfig(env, folder), file, given, {
    out: (line) => lines.push(line),
    err: (line) => {
      said.push(line);
      const [, at] = /^Listening at .*:(\d+) for/.exec(line) ?? [];
      if (at !== undefined) listening(Number(at));
      if (line.startsWith('Watching')) listening(0);
    },
    signal: stop.signal,
  }).then((code) => ({ code, text: lines.join('\n'), said }));
  return { port: await Promise.race([port, result.then(() => 0)]), result, stop: () => stop.abort() };
}
const send = (
  port: number,
  { from = 'shop@kestrel.test', raw = mail(), user }: { from?: string; raw?: string | Buffer; user?: string } = {},
) => {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port,
    ignoreTLS: true,
    ...(user === undefined ? {} : { auth: { user, pass: 'anything' } }),
  });
  return transport.sendMail({ envelope: { from, to: 'a@sink.test' }, raw });
};

describe('what is waited for', () => {
  test('a number of mails', async () => {
    const { port, result } = await probe({ expect: '2' });
    await send(port);
    await send(port, { raw: mail('news') });
    const { code, text } = await result;
    expect(text).toMatch(
      /shop \(staging\) +from +shop@kestrel\.test +unsigned +192\.0\.2\.0\/28, declared +pass +pass +delivered +1/,
    );
    expect(text).toContain('probe_unsigned');
    expect(text).toContain('2 mails: 2 errors, 0 warnings, 0 unknown results.');
    expect(code).toBe(2);
  });

  test('all workloads of the file, by the users that they log in as', async () => {
    const { port, result } = await probe({ json: true });
    await send(port, { user: 'news' });
    await send(port, { user: 'shop@staging' });
    const { mails } = JSON.parse((await result).text) as { mails: { sender: object }[] };
    expect(mails.map(({ sender }) => sender)).toEqual([
      { environment: 'staging', workload: 'news', by: 'user' },
      { environment: 'staging', workload: 'shop', by: 'user' },
    ]);
  });

  test('a workload that does not write is missing when the time is over', async () => {
    const { port, result } = await probe({ expect: 'shop,news', seconds: '2' });
    await send(port, { user: 'shop' });
    const { code, text } = await result;
    expect(text).toContain('news sent no mail while the probe waited for it.');
    expect(text).not.toContain('shop sent no mail');
    expect(code).toBe(2);
  });

  test('without expectations, what comes in the time', async () => {
    const { result } = await probe({ seconds: '1' }, undefined as never);
    expect(await result).toMatchObject({ text: expect.stringContaining('news sent no mail'), code: 2 });
    const lines: string[] = [];
    const code = await runGuardProbe(
      loadConfig({}, folder),
      undefined,
      { listen: '127.0.0.1:0', seconds: '1' },
      { out: (line) => lines.push(line) },
    );
    expect([code, lines.join()]).toEqual([0, '0 mails: 0 errors, 0 warnings, 0 unknown results.']);
  });
});

test.each<[GuardProbeOptions, string]>([
  [{ expect: 'nobody' }, '--expect "nobody" must be'],
  [{ expect: '' }, '--expect "" must be'],
  [{ seconds: '0' }, '--seconds "0" must be'],
  [{ seconds: 'x' }, '--seconds "x" must be'],
  [{ listen: 'here' }, '--listen "here" must be'],
  [{ listen: '127.0.0.1:99999' }, '--listen'],
  [{ peer: 'x' }, '--peer "x" must be'],
  [{ report: 'x.txt' }, '--report "x.txt" must be'],
  [{ environment: ['prod'] }, '--environment "prod" is not in the file: it has staging'],
  [{ mailbox: 'inbox' }, '--mailbox "inbox" must be a mailbox of the settings (none)'],
  [{ json: true, junit: true }, 'exclude each other'],
])('%j is refused before anything starts', async (options, said) => {
  await expect(runGuardProbe(loadConfig({}, folder), guard, options, { out: () => undefined })).rejects.toThrow(said);
});

test('a port that is taken is said', async () => {
  const { port, result, stop } = await probe();
  await expect(
    runGuardProbe(
      loadConfig({}, folder),
      guard,
      { listen: `127.0.0.1:${port}`, records, offline: true },
      { out: () => undefined },
    ),
  ).rejects.toThrow(`Nothing can be listened for at 127.0.0.1, port ${port}`);
  stop();
  await result;
});

test('a report that cannot be written loses no result', async () => {
  const { port, result } = await probe({ expect: '1', report: path.join(folder, 'gone', 'x.xml') });
  await send(port);
  await expect(result).rejects.toThrow('gone/x.xml cannot be written');
});

describe('hostile clients', () => {
  test('a mail that is too large is refused and said, the next one is judged', async () => {
    const { port, result } = await probe({ expect: '1' });
    await expect(send(port, { raw: Buffer.alloc(PROBE_LIMITS.size + 100_000, 'x\r\n') })).rejects.toThrow(/552|too large|size/i);
    await send(port);
    const { text } = await result;
    expect(text).toContain('1 mail: ');
  });

  test('connections that say nothing, break off or talk nonsense stop nobody, and end with the probe', async () => {
    const { port, result } = await probe({ expect: '1', junit: true });
    const sockets = Array.from({ length: 8 }, () => connect(port, '127.0.0.1'));
    for (const [n, socket] of sockets.entries()) {
      socket.on('error', () => undefined);
      if (n % 4 === 1) socket.end('EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\nFrom: ');
      if (n % 4 === 2) socket.write(`${'\u0000\u00ff\r\n'.repeat(50)}${'x'.repeat(100_000)}`);
      if (n % 4 === 3) socket.write('EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\nFrom: a@');
    }
    await send(port, {
      raw: 'From: \u001b[31m<a@kestrel.test>\r\nDKIM-Signature: v=1; a=rsa-sha256; d=x; s=\u0007"><y/>; h=from; bh=AA; b=AA\r\n\r\n',
    });
    const { text } = await result;
    expect(XMLValidator.validate(text)).toBe(true);
    expect(text).not.toMatch(/[\u0000-\u0008\u001b]/);
    for (const socket of sockets) socket.destroy();
  });
});

test('a report is written for each domain, with the environment in it', async () => {
  const report = path.join(folder, 'seen.xml');
  const { port, result } = await probe({ expect: '2', report });
  await send(port);
  await send(port, { from: 'x@other.test', raw: mail().replace('kestrel.test\n', 'other.test\n') });
  const { said } = await result;
  expect(said.filter((line) => line.startsWith('Wrote')).length).toBe(2);
  expect(
    readdirSync(folder)
      .filter((name) => name.startsWith('seen'))
      .sort(),
  ).toEqual(['seen-other.test.xml', 'seen.xml']);
  expect(readFileSync(report, 'utf8')).toContain(
    '<ruawatch_environment xmlns="urn:ruawatch:guard:1">staging</ruawatch_environment>',
  );
});

test('--import keeps it apart from all reports', async () => {
  const t = await testDatabase();
  try {
    const { port, result } = await probe({ expect: '1', import: true }, guard, { DATABASE_URL: t.url });
    await send(port);
    const { said } = await result;
    expect(said.join()).toContain('Kept 1 mail of staging, apart from all reports');
    const { rows } = await t.db.query('select environment, workload, header_from, dmarc, codes from dmarc.probe_mails');
    expect(rows).toEqual([
      { environment: 'staging', workload: 'shop', header_from: 'kestrel.test', dmarc: 'pass', codes: ['probe_unsigned'] },
    ]);
    expect((await t.db.query('select from dmarc.reports')).rowCount).toBe(0);
    expect((await t.db.query("select from ruawatch.domains where domain = 'kestrel.test'")).rowCount).toBe(0);
  } finally {
    await t.drop();
  }
});

describe.skipIf(!postfixPresent)(`Postfix${postfixPresent ? '' : ' (SKIPPED: postfix is not installed)'}`, () => {
  /** Who signs, and with which key. */
  const SIGNERS = {
    'OpenDKIM s1': [opendkimPresent, startOpendkim, 's1', key],
    'OpenDKIM s2': [opendkimPresent, startOpendkim, 's2', key],
    'OpenDKIM wrong': [opendkimPresent, startOpendkim, 's1', wrong],
    'rspamd s1': [rspamdPresent, startRspamd, 's1', key],
    'rspamd wrong': [rspamdPresent, startRspamd, 's1', wrong],
  } as const;
  type Name = keyof typeof SIGNERS;
  const running = new Map<Name, { milter: SigningMilter; port: number }>();
  let postfix: Postfix;
  let relay: number;
  beforeAll(async () => {
    relay = await freePort();
    await Promise.all(
      Object.entries(SIGNERS).map(async ([name, [present, start, selector, pair]]) => {
        if (!present) return;
        const milter = await start([{ domain: 'kestrel.test', selector, pem: pemOf(pair) }]);
        running.set(name as Name, { milter, port: await freePort() });
      }),
    );
    // One instance that takes mail at a port for each of them.
    const services = [...running.values()].map(
      ({ milter, port }) => `127.0.0.1:${port} inet n - n - - smtpd -o smtpd_milters=${milter.milter}`,
    );
    postfix = await startPostfix({ relayhost: `[127.0.0.1]:${relay}`, services });
  }, 60_000);
  afterAll(async () => {
    await postfix?.stop();
    for (const { milter } of running.values()) await milter.stop();
  });
  const through = async (name: Name | null): Promise<{ code: number; text: string }> => {
    const { result } = await probe({ expect: '1', listen: `127.0.0.1:${relay}` });
    const port = name === null ? {} : { port: running.get(name)!.port };
    await postfix.send({ from: 'shop@kestrel.test', to: 'a@sink.test', raw: mail(), ...port });
    const { code, text } = await result;
    await postfix.drained();
    return { code, text: text.replace(/\s+/g, ' ') };
  };

  test('unsigned', async () => {
    const { code, text } = await through(null);
    expect(text).toContain('shop (staging) sent an unsigned mail as kestrel.test.');
    expect(code).toBe(2);
  });

  const SENT: [Name, number, string][] = [
    ['OpenDKIM s1', 0, 's1/kestrel.test pass 192.0.2.0/28, declared pass pass delivered 1'],
    ['OpenDKIM s2', 2, 'no key is at s2._domainkey.kestrel.test'],
    ['OpenDKIM wrong', 2, 'does not verify: another key is published'],
    ['rspamd s1', 0, 's1/kestrel.test pass 192.0.2.0/28, declared pass pass delivered 1'],
    ['rspamd wrong', 2, 'does not verify: another key is published'],
  ];
  for (const [name, expected, said] of SENT)
    test.skipIf(!SIGNERS[name][0])(`signed by ${name}`, async () => {
      const { code, text } = await through(name);
      expect(text).toContain(said);
      expect(code).toBe(expected);
    });
});

describe.skipIf(!dovecotPresent)(`a mailbox${dovecotPresent ? '' : ' (SKIPPED: dovecot-imapd is not installed)'}`, () => {
  let dovecot: Dovecot;
  beforeAll(async () => {
    dovecot = await startDovecot();
  });
  afterAll(() => dovecot.stop());

  test('new mail in it is judged by what its server wrote above it, and stays unread', async () => {
    const [{ name, password }] = dovecot.users as [{ name: string; password: string }];
    await dovecot.deliver(name, Buffer.from(mail('before')));
    const url = `imap://${name}:${encodeURIComponent(password)}@127.0.0.1:${dovecot.imapPort}/INBOX?tls=none`;
    const { result } = await probe({ mailbox: url, expect: '1', json: true, listen: undefined as never });
    const head = 'Return-Path: <shop@kestrel.test>\nReceived: from mail.kestrel.test (x [203.0.113.5])\n\tby mx.sink.test; now\n';
    await dovecot.deliver(name, Buffer.from(`${head}${mail()}`));
    const { mails } = JSON.parse((await result).text) as { mails: { mail_from: string; spf: object }[] };
    expect(mails).toMatchObject([
      {
        from: 'shop@kestrel.test',
        mail_from: 'shop@kestrel.test',
        spf: { address: '203.0.113.5', of: 'connection', result: 'fail' },
      },
    ]);
    expect(dovecot.mails(name, 'INBOX')).toBe(2);
    expect(readdirSync(path.join(dovecot.maildir(name), 'cur')).filter((file) => /:2,.*S/.test(file))).toEqual([]);
  });
});
