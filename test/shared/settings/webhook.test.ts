import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadConfig } from '../../../services/shared/settings/config.ts';

const cwd = mkdtempSync(path.join(tmpdir(), 'ruawatch-hooks-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
const write = (name: string, text: string) => writeFileSync(path.join(cwd, name), text);
const load = (env: Record<string, string> = {}) => loadConfig(env, cwd).webhooks;
const SECRET = '0123456789abcdef';

test('one comes from the environment, more from the file, and secrets may lie in files', () => {
  write('secret', `whsec_${Buffer.from(SECRET.repeat(2)).toString('base64')}\n`);
  write('url', 'https://hooks.slack.example/services/T0/B0/s3cret\n');
  write(
    'ruawatch.yaml',
    'webhooks:\n  - { name: chat, url_file: url, format: slack }\n  - { url: http://localhost:1/x, secret_file: secret }\n',
  );
  expect(load({ WEBHOOK_URL: 'https://a.example/in', WEBHOOK_SECRET: SECRET })).toEqual([
    { name: 'a.example', url: 'https://a.example/in', format: 'json', key: Buffer.from(SECRET) },
    { name: 'chat', url: 'https://hooks.slack.example/services/T0/B0/s3cret', format: 'slack', key: null },
    { name: 'localhost', url: 'http://localhost:1/x', format: 'json', key: Buffer.from(SECRET.repeat(2)) },
  ]);
  expect(load({ WEBHOOK_URL_FILE: path.join(cwd, 'url'), WEBHOOK_SECRET_FILE: path.join(cwd, 'secret') })[0]).toMatchObject({
    name: 'hooks.slack.example',
    key: Buffer.from(SECRET.repeat(2)),
  });
  rmSync(path.join(cwd, 'ruawatch.yaml'));
});

test.each([
  ['http://other.example/s3cret', {}, /^WEBHOOK_URL must have a URL that begins with https:\/\/ /],
  ['s3cret', {}, /^WEBHOOK_URL must have a URL/],
  ['https://u:s3cret@a.example/', {}, /^WEBHOOK_URL has a user or password in its URL/],
  ['https://:s3cret@a.example/', {}, /^WEBHOOK_URL has a user or password in its URL/],
  ['https://s3cret@a.example/', {}, /^WEBHOOK_URL has a user or password in its URL/],
  ['https://a.example/', { WEBHOOK_SECRET: `s3cret${'x'.repeat(123)}` }, /^WEBHOOK_URL has a secret of 129 bytes: use 16 to 128/],
  ['https://a.example/', { WEBHOOK_SECRET: 's3cret' }, /^WEBHOOK_URL has a secret of 6 bytes: use 16 to 128/],
  ['https://a.example/', { WEBHOOK_SECRET: 'whsec_s3cret!' }, /^WEBHOOK_URL has a secret that begins with whsec_ but/],
  ['https://a.example/', { WEBHOOK_FORMAT: 'xml' }, /^WEBHOOK_FORMAT: invalid option/],
])('%s is refused, and not shown', (url, env, sentence) => {
  let said = '';
  try {
    load({ WEBHOOK_URL: url, ...env });
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toMatch(sentence);
  expect(said).not.toContain('s3cret');
});

test('a secret has 16 to 128 bytes', () => {
  for (const length of [16, 128])
    expect(load({ WEBHOOK_URL: 'https://a.example/', WEBHOOK_SECRET: 'x'.repeat(length) })[0]!.key).toHaveLength(length);
});

test('a secret without an address and a name used twice are mistakes', () => {
  expect(() => load({ WEBHOOK_SECRET: SECRET })).toThrow(/WEBHOOK_URL is not: set it too/);
  write('ruawatch.yaml', 'webhooks: [{ url: "https://a.example/1" }, { url: "https://a.example/2" }]\n');
  expect(() => load()).toThrow('webhooks[1]: two webhooks are named "a.example": give each its own name.');
  rmSync(path.join(cwd, 'ruawatch.yaml'));
});
