import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../services/shared/settings/config.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
let folder = '';
beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(tmpdir(), 'ruawatch-secrets-')), 'secrets');
});
afterEach(() => rmSync(path.dirname(folder), { recursive: true, force: true }));

const settings = () => path.join(path.dirname(folder), 'ruawatch.yaml');
const make = () =>
  spawnSync('sh', [path.join(ROOT, 'deploy/secrets.sh')], {
    encoding: 'utf8',
    env: { ...process.env, SECRETS_DIR: folder, RUAWATCH_YAML: settings() },
  });
const secret = (name: string) => readFileSync(path.join(folder, name), 'utf8');

describe('deploy/secrets.sh', () => {
  it('makes a random password that both Postgres and ruawatch get, and says what is left to do', () => {
    const { status, stdout } = make();
    expect(status).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(2);
    expect(secret('postgres_password')).toMatch(/^[0-9a-f]{48}$/);
    const config = loadConfig({ DATABASE_URL_FILE: path.join(folder, 'database_url') }, folder);
    expect(config.databaseUrl).toBe(`postgres://ruawatch:${secret('postgres_password')}@postgres:5432/ruawatch`);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(loadConfig({ RUAWATCH_CONFIG: settings() }, folder).mailboxes).toEqual([]);
  });

  it('changes nothing that is there', () => {
    make();
    writeFileSync(path.join(folder, 'imap_url'), 'imaps://u:p@h');
    writeFileSync(path.join(folder, 'smtp_url'), 'smtps://u:p@h');
    writeFileSync(settings(), 'domains: [example.com]');
    const before = ['postgres_password', 'database_url', 'imap_url'].map(secret);
    const again = make();
    expect(again).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(['postgres_password', 'database_url', 'imap_url'].map(secret)).toEqual(before);
    expect(readFileSync(settings(), 'utf8')).toBe('domains: [example.com]');
  });

  it('leaves empty files where a person must write something, which the program refuses in a sentence', () => {
    make();
    for (const [variable, name] of [
      ['IMAP_URL', 'imap_url'],
      ['SMTP_URL', 'smtp_url'],
    ])
      expect(() => loadConfig({ [`${variable}_FILE`]: path.join(folder, name!) }, folder)).toThrow(
        new RegExp(`${variable}_FILE .*is empty`),
      );
  });

  it('refuses to make a second password for a database that has one', () => {
    make();
    rmSync(path.join(folder, 'postgres_password'));
    const { status, stderr } = make();
    expect(status).toBe(1);
    expect(stderr).toContain('postgres_password does not');
  });
});

describe('the example settings', () => {
  it('.env.example sets what docker-compose.yml asks for, and no secret', () => {
    const compose = readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8');
    const example = readFileSync(path.join(ROOT, '.env.example'), 'utf8');
    const asked = new Set([...compose.matchAll(/\$\{([A-Z_]+)/g)].map((m) => m[1]));
    const named = new Set([...example.matchAll(/^#?([A-Z_]+)=/gm)].map((m) => m[1]));
    expect(named).toEqual(asked);
    expect(example).not.toMatch(/PASSWORD|_URL=/);
  });

  it('ruawatch.example.yaml is taken as it stands, with every block in use', () => {
    const example = readFileSync(path.join(ROOT, 'ruawatch.example.yaml'), 'utf8');
    const contents = {
      database_url: 'postgres://u:p@h/d',
      smtp_url: 'smtps://u:p@h',
      'rua.password': 'x',
      'client.secret': 'x',
      'refresh.token': 'x',
      'webhook.secret': `whsec_${Buffer.alloc(24, 'k').toString('base64')}`,
      'oidc.secret': 'a client secret',
      'slack.url': 'https://hooks.slack.example/services/T0/B0/x',
    };
    mkdirSync(folder);
    for (const [name, content] of Object.entries(contents)) writeFileSync(path.join(folder, name), content);
    // What a commented line says is a setting too: all of them together must be right.
    const every = example.replace(/^#(?=[A-Za-z]| {2})/gm, '');
    writeFileSync(path.join(folder, 'ruawatch.yaml'), every.replaceAll('/run/secrets/', `${folder}/`));
    const config = loadConfig({}, folder);
    expect(config.mailboxes.map((m) => (m.oauth ? (m.oauth.refreshToken ? 'refresh' : 'client') : 'password'))).toEqual([
      'password',
      'refresh',
      'client',
    ]);
    expect(Object.keys(config.alerts.domains)).not.toEqual([]);
    expect(Object.keys(config.limits)).not.toEqual([]);
  });
});
