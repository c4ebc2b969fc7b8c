import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SettingsError } from '../../../services/shared/errors.ts';
import { type Config, loadConfig } from '../../../services/shared/settings/config.ts';

let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(path.join(tmpdir(), 'ruawatch-config-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const write = (name: string, content: string) => writeFileSync(path.join(cwd, name), content);
const load = (env: Record<string, string> = {}): Config => loadConfig(env, cwd);

/** The message of the SettingsError that loading must end with. */
function refusal(env: Record<string, string> = {}): string {
  try {
    load(env);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).message;
  }
  throw new Error('the settings were taken');
}

describe('settings', () => {
  it('need nothing: the defaults run on embedded parts', () => {
    expect(load()).toMatchObject({
      databaseUrl: null,
      queueDatabaseUrl: null,
      redisUrl: null,
      domains: [],
      mailboxes: [],
      smtpUrl: null,
      alertTo: [],
      dataDir: path.join(cwd, '.ruawatch'),
      dataDirChosen: false,
      postgresPort: null,
      logLevel: 'info',
      httpListen: { host: '127.0.0.1', port: 9807 },
      parser: { concurrency: 2, batch_messages: 100 },
      failureReports: { keep_personal_data: false, retention_days: 30 },
    });
  });

  it('take the port of the embedded Postgres from the environment or the file, and refuse what is none', () => {
    expect(load({ RUAWATCH_POSTGRES_PORT: '25432' }).postgresPort).toBe(25_432);
    for (const port of ['80', '70000', 'x', '5432.5'])
      expect(refusal({ RUAWATCH_POSTGRES_PORT: port })).toBe('RUAWATCH_POSTGRES_PORT must be a port, 1024 to 65535.');
    write('ruawatch.yaml', 'RUAWATCH_POSTGRES_PORT: 25433\n');
    expect(load().postgresPort).toBe(25_433);
  });

  it('come from the environment', () => {
    const config = load({
      DATABASE_URL: 'postgres://ruawatch:pw@db/ruawatch',
      QUEUE_DATABASE_URL: 'postgres://ruawatch:pw@db/queue',
      REDIS_URL: 'rediss://:pw@cache:6380/1',
      IMAP_URL: 'imaps://rua:pw@mail.example/INBOX',
      SMTP_URL: 'smtps://alerts:pw@mail.example',
      ALERT_FROM: 'ruawatch@example.org',
      ALERT_TO: 'a@example.org, b@example.org',
      RUAWATCH_DATA_DIR: 'data',
      LOG_LEVEL: 'warn',
      HTTP_LISTEN: '[::1]:0',
    });
    expect(config).toMatchObject({
      databaseUrl: 'postgres://ruawatch:pw@db/ruawatch',
      queueDatabaseUrl: 'postgres://ruawatch:pw@db/queue',
      redisUrl: 'rediss://:pw@cache:6380/1',
      smtpUrl: 'smtps://alerts:pw@mail.example',
      alertFrom: 'ruawatch@example.org',
      alertTo: ['a@example.org', 'b@example.org'],
      dataDir: path.join(cwd, 'data'),
      dataDirChosen: true,
      logLevel: 'warn',
      httpListen: { host: '::1', port: 0 },
    });
    expect(config.mailboxes.map((m) => m.host)).toEqual(['mail.example']);
  });

  it('come from ruawatch.yaml in the working folder, and the environment wins', () => {
    write('ruawatch.yaml', 'LOG_LEVEL: debug\nHTTP_LISTEN: "off"\nparser: { concurrency: 8 }\nlimits: { records: 10 }\n');
    expect(load({ LOG_LEVEL: 'error' })).toMatchObject({
      logLevel: 'error',
      httpListen: null,
      parser: { concurrency: 8, batch_messages: 100 },
      limits: { records: 10 },
    });
  });

  it('come from the file that RUAWATCH_CONFIG names; an empty name is none', () => {
    write('other.yaml', 'LOG_LEVEL: trace\n');
    expect(load({ RUAWATCH_CONFIG: 'other.yaml' }).logLevel).toBe('trace');
    expect(load({ RUAWATCH_CONFIG: '' }).logLevel).toBe('info');
    expect(refusal({ RUAWATCH_CONFIG: 'missing.yaml' })).toBe('RUAWATCH_CONFIG names missing.yaml, which does not exist.');
  });

  it('take an empty environment variable for one that is not set', () => {
    expect(load({ DATABASE_URL: '', IMAP_URL: '', LOG_LEVEL: '' })).toMatchObject({ databaseUrl: null, logLevel: 'info' });
  });

  it('let each domain have its own recipients', () => {
    write('ruawatch.yaml', 'alerts:\n  per_hour: 3\n  domains:\n    example.org: [dns@example.org]\n');
    const config = load({ SMTP_URL: 'smtp://relay?tls=none', ALERT_FROM: 'ruawatch@example.org' });
    expect(config.alerts).toMatchObject({ per_hour: 3, per_domain_hour: 5, domains: { 'example.org': ['dns@example.org'] } });
    expect(config.alertTo).toEqual([]);
  });

  it('name one list of name servers for all that asks; where it stood at first it still counts', () => {
    expect(load({}).dnsServers).toEqual([]);
    write('ruawatch.yaml', 'enrich: { dns_servers: ["127.0.0.1:5353"] }\n');
    expect(load({}).dnsServers).toEqual(['127.0.0.1:5353']);
    write('ruawatch.yaml', 'dns_servers: ["[::1]:53", 192.0.2.53]\nenrich: { dns_servers: ["127.0.0.1:5353"] }\n');
    expect(load({}).dnsServers).toEqual(['[::1]:53', '192.0.2.53']);
    write('ruawatch.yaml', 'dns_servers: [ns.example]\n');
    expect(refusal({})).toContain('dns_servers');
  });

  it('refuse recipients that are not addresses', () => {
    write('ruawatch.yaml', 'alerts: { domains: { example.org: [nobody], example.net: [] } }\n');
    expect(refusal().split('\n').slice(1)).toEqual([
      '  - alerts.domains.example.org.0 must be a mail address.',
      expect.stringMatching(/^ {2}- alerts\.domains\.example\.net: too small/),
    ]);
    expect(refusal({ ALERT_TO: 'a@example.org,b' })).toContain('ALERT_TO has "b", which is not a mail address.');
  });
});

describe('secrets in files', () => {
  it.each(['DATABASE_URL', 'REDIS_URL', 'IMAP_URL', 'SMTP_URL'])('%s_FILE names one, in the environment or the file', (key) => {
    const url = {
      DATABASE_URL: 'postgresql://u:s3cret@db/x',
      REDIS_URL: 'redis://:s3cret@r/0',
      IMAP_URL: 'imaps://u:s3cret@m/INBOX',
      SMTP_URL: 'smtps://u:s3cret@m',
    }[key]!;
    const alerts = { ALERT_FROM: 'a@example.org', ALERT_TO: 'b@example.org' };
    const plain = load({ [key]: url, ...alerts });
    write('secret', `${url}\n`);
    expect(load({ [`${key}_FILE`]: path.join(cwd, 'secret'), ...alerts })).toEqual(plain);
    write('ruawatch.yaml', `${key}_FILE: secret\n`);
    expect(load(alerts)).toEqual(plain);
  });

  it('refuse both forms at once, a missing file and an empty one', () => {
    write('secret', 'postgres://u:p@db/x');
    write('empty', '\n');
    expect(refusal({ DATABASE_URL: 'postgres://u:p@db/x', DATABASE_URL_FILE: 'secret' })).toBe(
      'DATABASE_URL and DATABASE_URL_FILE are both set: keep one.',
    );
    expect(refusal({ DATABASE_URL_FILE: 'nowhere' })).toMatch(/^DATABASE_URL_FILE cannot be read \(there is no .*ENOENT/);
    expect(refusal({ SMTP_URL_FILE: 'empty' })).toBe(
      'SMTP_URL_FILE is empty: correct the path, or write the value into the file.',
    );
    write('ruawatch.yaml', 'REDIS_URL: redis://r\nREDIS_URL_FILE: secret\n');
    expect(refusal()).toContain('REDIS_URL and REDIS_URL_FILE are both set: keep one.');
  });
});

describe('mistakes', () => {
  it('are listed together, each in one line', () => {
    write(
      'ruawatch.yaml',
      'colour: blue\nparser: { threads: 4, concurrency: 0 }\nmailboxes:\n  - url: imap://rua@mail.example\n  - url: http://rua@mail.example\n',
    );
    const lines = refusal({
      DATABASE_URL: 'mysql://u:p@db/x',
      HTTP_LISTEN: '127.0.0.1:99999',
      LOG_LEVEL: 'loud',
      SMTP_URL: 'smtps://mail.example',
      ALERT_TO: 'nobody',
      RUAWATCH_DATADIR: '/x',
    }).split('\n');
    expect(lines).toEqual([
      '11 settings are wrong:',
      '  - RUAWATCH_DATADIR is not a setting of ruawatch: remove it or correct its name.',
      '  - DATABASE_URL must be a Postgres URL, such as postgres://user:password@host (it is not shown here).',
      expect.stringMatching(/^ {2}- LOG_LEVEL: invalid option: expected one of .*"info"/),
      '  - HTTP_LISTEN must be host:port, or off.',
      expect.stringMatching(/^ {2}- parser\.concurrency: too small/),
      '  - Unknown setting "parser.threads": remove it or correct its name.',
      '  - Unknown setting "colour": remove it or correct its name.',
      '  - mailboxes[0] has neither a password nor oauth: set one.',
      expect.stringMatching(/^ {2}- mailboxes\[1\] must be an IMAP URL/),
      '  - ALERT_TO has "nobody", which is not a mail address.',
      '  - SMTP_URL is set but ALERT_FROM is not: set the address that alerts are sent from.',
    ]);
  });

  it('that stand alone are one sentence', () => {
    expect(refusal({ REDIS_URL: 'memcached://x' })).toBe(
      'REDIS_URL must be a Redis URL, such as redis://user:password@host (it is not shown here).',
    );
    expect(refusal({ SMTP_URL: 'smtps://m', ALERT_FROM: 'a@example.org' })).toBe(
      'SMTP_URL is set but alerts have no recipient: set ALERT_TO, or alerts.domains in ruawatch.yaml.',
    );
  });

  it('of one setting are not told twice', () => {
    expect(refusal({ SMTP_URL: 'smtps://m', ALERT_FROM: 'me', ALERT_TO: 'a@example.org' })).toBe(
      'ALERT_FROM must be a mail address.',
    );
  });

  it('in the YAML say where, and never what stands there', () => {
    for (const yaml of [
      'LOG_LEVEL: info\nSMTP_URL: *hunter2',
      'LOG_LEVEL: info\nSMTP_URL: @hunter2',
      'LOG_LEVEL: info\nSMTP_URL: !hunter2 x',
      'LOG_LEVEL: info\nSMTP_URL: a: hunter2',
      'LOG_LEVEL: info\n---\nhunter2: 1',
    ]) {
      write('ruawatch.yaml', yaml);
      const message = refusal();
      expect(message).not.toContain('hunter2');
      expect(message).toMatch(/^ruawatch\.yaml (is not YAML at line [23], column \d+|has a value that begins with \*)/);
    }
    write('ruawatch.yaml', '- LOG_LEVEL\n');
    expect(refusal()).toBe('ruawatch.yaml must hold keys and values.');
  });

  it('never show a secret', () => {
    const secret = 'hunter2';
    for (const env of [
      { DATABASE_URL: `postgre://u:${secret}@db/x` },
      { DATABASE_URL: `postgres://u:${secret}%zz@db/x` },
      { DATABASE_URL: `postgres://u:1?${secret}@db/x` },
      { DATABASE_URL: `postgres://u:${secret}@db:port/x` },
      { REDIS_URL: `redis://u:${secret}@ho st` },
      { SMTP_URL: `smtp://u:#${secret}@m` },
      { SMTP_URL: `smtp//u:${secret}@m` },
      { IMAP_URL: `imap//u:${secret}@m` },
      { IMAP_URL: `imaps://u:${secret}@m:port` },
      { IMAP_URL: `imaps://u:?${secret}@m/INBOX` },
      { IMAP_URL: `imaps://u:1?a=${secret}@m/INBOX` },
      { IMAP_URL: `imaps://u:1#${secret}@m/INBOX` },
      { IMAP_URL: `imaps://u:${secret}%@m/INBOX` },
      { IMAP_URL: `imaps://u:${secret}@m/INBOX?tls=none` },
      { IMAP_URL: `imaps://u:${secret}@m/INBOX?after=burn` },
    ]) {
      const message = refusal(env);
      expect(message).toContain(Object.keys(env)[0]);
      expect(message).not.toContain(secret);
    }
  });
});

it('domains are those of the file and of RUAWATCH_DOMAINS; a mailbox has its user and its aliases as addresses', () => {
  const config = loadConfig(
    {
      RUAWATCH_DOMAINS: ' example.net,, Example.org ',
      IMAP_URL: 'imaps://Dmarc%40Example.com:x@mail.example/INBOX?addresses=a%40example.org,DMARC%40example.com',
    },
    '/nowhere',
  );
  expect(config.domains).toEqual(['example.net', 'Example.org']);
  expect(config.mailboxes[0]!.addresses).toEqual(['dmarc@example.com', 'a@example.org']);
  const login = loadConfig({ IMAP_URL: 'imaps://login:x@mail.example' }, '/nowhere');
  expect(login.mailboxes[0]!.addresses).toEqual([]);
  expect(() => loadConfig({ IMAP_URL: 'imaps://login:x@mail.example?addresses=nobody' }, '/nowhere')).toThrow(/mail address/);
});

describe('watcher', () => {
  const of = (text: string) => {
    write('ruawatch.yaml', text);
    return load();
  };
  it('asks hourly unless told otherwise, and takes selectors by domain', () => {
    expect(load().watcher).toEqual({
      dns: 'on',
      every_minutes: 60,
      queries_per_second: 50,
      selectors: {},
      lookalikes: { questions_a_day: 20_000, names: 1_000 },
    });
    expect(of('watcher: { lookalikes: { questions_a_day: 0 } }\n').watcher.lookalikes).toEqual({
      questions_a_day: 0,
      names: 1_000,
    });
    expect(of('watcher: { every_minutes: 5, dns: off, selectors: { example.com: [s1, k.2] } }\n').watcher).toMatchObject({
      dns: 'off',
      every_minutes: 5,
      selectors: { 'example.com': ['s1', 'k.2'] },
    });
  });
  it.each([
    'lookalikes: { names: 0 }',
    'lookalikes: { questions_a_day: -1 }',
    'every_minutes: 0',
    'queries_per_second: 0',
    'selectors: { example.com: ["no selector"] }',
  ])('refuses %s', (text) => {
    expect(() => of(`watcher: { ${text} }\n`)).toThrow(/^watcher\./);
  });
});

describe('settings that do not fit each other', () => {
  const CERT = 'console.tls_cert_file and console.tls_key_file belong together: set both, or neither.';
  const IDS = 'trust.check is authserv but trust.authserv_ids is empty: name your mail server, or set trust.check to verify.';
  const HOOK = 'WEBHOOK_FORMAT or WEBHOOK_SECRET is set but WEBHOOK_URL is not: set it too, or remove them.';
  const PODS = 'dkim: kubernetes.pods is read by the service cluster: set cluster.in_cluster or cluster.kubeconfig.';
  const totals = (days: number, window: number) =>
    `retention.rollups_days is ${days}, but findings look back ${window} days (analyzer.window_days): keep daily totals at least as long.`;
  const key = `dkim:
  - { domain: example.com, layout: kubernetes, kubernetes: { namespace: mail, secret: dkim, config_map: signer, signer: rspamd, pods: { app: rspamd } } }
`;
  const twice = (what: string, where: string, name: string) =>
    `${where}: two ${what} are named "${name}": give each its own name.`;

  it.each<[string, Record<string, string>, string | null]>([
    ['console: { tls_cert_file: a.pem }', {}, CERT],
    ['console: { tls_key_file: a.pem }', {}, CERT],
    ['console: { tls_cert_file: a.pem, tls_key_file: b.pem }', {}, null],
    ['console: { tls_cert_file: a.pem, sessions: 1 }', {}, 'Unknown setting "console.sessions": remove it or correct its name.'],
    ['trust: { check: authserv }', {}, IDS],
    ['trust: { check: authserv, authserv_ids: [mx.example.org] }', {}, null],
    ['trust: { check: verify }', {}, null],
    ['trust: { check: authserv, mode: x }', {}, 'Unknown setting "trust.mode": remove it or correct its name.'],
    ['retention: { rollups_days: 41 }\nanalyzer: { window_days: 42 }', {}, totals(41, 42)],
    ['retention: { rollups_days: 42 }\nanalyzer: { window_days: 42 }', {}, null],
    ['retention: { rollups_days: 30, x: 1 }', {}, 'Unknown setting "retention.x": remove it or correct its name.'],
    ['retention: { rollups_days: 30 }\nanalyzer: { x: 1 }', {}, 'Unknown setting "analyzer.x": remove it or correct its name.'],
    ['', { WEBHOOK_FORMAT: 'slack' }, HOOK],
    ['', { WEBHOOK_SECRET: 'x'.repeat(40) }, HOOK],
    [key, {}, PODS],
    [`${key}cluster: { in_cluster: true }\nguard: { file: mail-guard.yaml }`, {}, null],
    [
      'mailboxes: [{ name: a, url: "imaps://u:p@m" }, { name: b, url: "imaps://u:p@m" }, { name: a, url: "imaps://v:p@m" }]',
      {},
      twice('mailboxes', 'mailboxes[2]', 'a'),
    ],
    [
      'webhooks: [{ name: a, url: "https://h.example/x" }, { name: a, url: "https://h.example/y" }]',
      {},
      twice('webhooks', 'webhooks[1]', 'a'),
    ],
    ['alerts: { domains: { example.org: [a@example.org] } }', { SMTP_URL: 'smtps://m', ALERT_FROM: 'a@example.org' }, null],
    ['', { SMTP_URL: 'smtps://m', ALERT_FROM: 'a@example.org', ALERT_TO: 'b@example.org' }, null],
  ])('%s with %j: %s', (yaml, env, mistake) => {
    write('mail-guard.yaml', '');
    write('ruawatch.yaml', yaml);
    if (mistake === null) load(env);
    else expect(refusal(env)).toBe(mistake);
  });
});

it('files, listeners and URLs are as the rest of the program takes them', () => {
  write(
    'ruawatch.yaml',
    `console: { tls_cert_file: tls/a.pem, tls_key_file: /k/b.pem, url: "https://dmarc.example.org/" }
CONSOLE_LISTEN: "[::1]:9808"
senders_file: senders.json
asn_file: /var/asn.mmdb
WEBHOOK_URL: https://h.example/x
WEBHOOK_FORMAT: slack
`,
  );
  const config = load();
  expect(config.console.tls).toEqual({ cert: path.join(cwd, 'tls/a.pem'), key: '/k/b.pem' });
  expect(config.console.listen).toEqual({ host: '::1', port: 9808 });
  expect(config.consoleUrl).toBe('https://dmarc.example.org');
  expect([config.sendersFile, config.asnFile, config.guardFile]).toEqual([path.join(cwd, 'senders.json'), '/var/asn.mmdb', null]);
  expect(config.webhooks).toMatchObject([{ url: 'https://h.example/x', format: 'slack' }]);
  write('ruawatch.yaml', 'WEBHOOK_URL: https://h.example/x\nWEBHOOK_SECRET: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n');
  const [hook] = load().webhooks;
  expect(hook!.format).not.toBe('slack');
  write('ruawatch.yaml', '');
  expect([load().console.tls, load().consoleUrl, load().webhooks]).toEqual([null, null, []]);
});
