import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { messageOf } from '../../../services/shared/errors.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { ENCODE_HINT } from '../../../services/shared/settings/server-url.ts';
import { settingsSchema } from '../../../services/shared/settings/settings-schema.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-schema-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (yaml: string) => {
  writeFileSync(path.join(folder, 'ruawatch.yaml'), yaml);
  return loadConfig({}, folder);
};
const mistake = (yaml: string) => {
  try {
    load(yaml);
  } catch (error) {
    return messageOf(error);
  }
  throw new Error('the settings were accepted');
};

describe('retention', () => {
  const MAILS = { ignored_days: 30, raw_total_gb: 20 };

  test('raw mails are kept for a time and within a total, all else for ever, unless a setting says otherwise', () => {
    expect(loadConfig({}, folder).retention).toEqual({
      ...MAILS,
      raw_days: 400,
      records_days: null,
      rollups_days: null,
      audit_days: null,
    });
    expect(load('retention:\n  raw_days: 90\n  records_days: null').retention).toEqual({
      ...MAILS,
      raw_days: 90,
      records_days: null,
      rollups_days: null,
      audit_days: null,
    });
  });

  test('daily totals are kept as long as findings look back', () => {
    expect(mistake('retention:\n  audit_days: 30')).toMatch(/must be at least 365/);
    expect(load('retention:\n  rollups_days: 42').retention).toMatchObject({ rollups_days: 42 });
    expect(mistake('retention:\n  rollups_days: 41')).toMatch(/retention\.rollups_days is 41, but findings look back 42 days/);
    expect(mistake('retention:\n  rollups_days: 90\nanalyzer:\n  window_days: 100')).toMatch(/analyzer\.window_days/);
  });

  test('anything but a number of days is refused', () => {
    expect(mistake('retention:\n  raw_days: 0')).toMatch(/retention\.raw_days/);
    expect(mistake('retention:\n  raw_days: 1 year')).toMatch(/retention\.raw_days/);
    expect(mistake('retention:\n  mails_days: 1')).toMatch(/Unknown setting "retention\.mails_days"/);
  });
});

test('guard.file is a path from the working folder', () => {
  expect(load('guard:\n  file: mail-guard.yaml').guardFile).toMatch(/^\/.*\/mail-guard\.yaml$/);
  expect(load('').guardFile).toBeNull();
  expect(mistake('guard:\n  file: ""')).toMatch(/^guard\.file/);
  expect(mistake('guard:\n  path: a')).toMatch(/guard\.path/);
});

describe('console', () => {
  test.each([
    ['https://ruawatch.example.org', 'https://ruawatch.example.org'],
    ['https://example.org:8443/ruawatch/', 'https://example.org:8443/ruawatch'],
    ['http://127.0.0.1:9808', 'http://127.0.0.1:9808'],
    ['http://[::1]:9808/', 'http://[::1]:9808'],
  ])('%s is where alerts link to', (url, read) => {
    expect(load(`console:\n  url: "${url}"`).consoleUrl).toBe(read);
  });

  test('without it alerts have no link', () => {
    expect(load('').consoleUrl).toBeNull();
  });

  test.each([
    'ruawatch.example.org',
    'ftp://ruawatch.example.org',
    'javascript:alert(1)',
    'https://admin:secret@ruawatch.example.org',
    'https://ruawatch.example.org/?a=b',
    'https://ruawatch.example.org/#x',
    "https://ruawatch.example.org/'><b>",
    'https://ruawatch example.org',
    'https://',
    'https://ruawatch.example.org:99999',
  ])('%s is refused', (url) => {
    expect(mistake(`console:\n  url: "${url}"`)).toMatch(/^console\.url must be the address of the console/);
    expect(mistake(`console:\n  url: "${url}"`)).not.toContain('secret');
  });
});

describe('trust', () => {
  test('reports are verified by default, and no server is trusted that is not named', () => {
    expect(load('').trust).toEqual({ check: 'verify', authserv_ids: [] });
    expect(load('trust:\n  authserv_ids: [mx.example.org, mx.google.com]').trust).toEqual({
      check: 'verify',
      authserv_ids: ['mx.example.org', 'mx.google.com'],
    });
    expect(load('trust:\n  check: off').trust).toEqual({ check: 'off', authserv_ids: [] });
  });

  test('settings that cannot work are refused', () => {
    expect(mistake('trust:\n  check: authserv')).toMatch(/trust\.authserv_ids is empty: name your mail server/);
    expect(mistake('trust:\n  check: maybe')).toMatch(/trust\.check/);
    expect(mistake('trust:\n  authserv_ids: ["mx.example.org; dmarc=pass"]')).toMatch(/trust\.authserv_ids\.0 must be the name/);
    expect(mistake('trust:\n  authserv_id: mx.example.org')).toMatch(/Unknown setting "trust\.authserv_id"/);
  });
});

const NO_POSTGRES = 'must be a Postgres URL, such as postgres://user:password@host (it is not shown here)';
test.each<[string, string, string | null]>([
  ['REDIS_URL', 'redis://u:p@h/1', null],
  ['REDIS_URL', 'rediss://h', null],
  ['REDIS_URL', 'http://h', 'must be a Redis URL, such as redis://user:password@host (it is not shown here)'],
  ['REDIS_URL', 'redis://u:p@q@h', ENCODE_HINT],
  ['REDIS_URL', 'redis://u:p%ff@h', ENCODE_HINT],
  ['SMTP_URL', 'smtps://h', null],
  ['SMTP_URL', 'h', 'must be an SMTP URL, such as smtp://user:password@host (it is not shown here)'],
  ['DATABASE_URL', 'postgres://h/d', null],
  ['DATABASE_URL', 'mysql://h/d', NO_POSTGRES],
  ['QUEUE_DATABASE_URL', 'mysql://h/d', NO_POSTGRES],
  ['HTTP_LISTEN', 'off', null],
  ['HTTP_LISTEN', '127.0.0.1:0', null],
  ['CONSOLE_LISTEN', '[::1]:65535', null],
  ['HTTP_LISTEN', '127.0.0.1:65536', 'must be host:port, or off'],
  ['HTTP_LISTEN', '9807', 'must be host:port, or off'],
  ['CONSOLE_LISTEN', 'on', 'must be host:port, or off'],
])('%s may be %s: %s', (key, value, mistake) => {
  const issues = settingsSchema.safeParse({ [key]: value }).error?.issues ?? [];
  expect(issues.map(({ path: at, message }) => [at.join('.'), message])).toEqual(mistake === null ? [] : [[key, mistake]]);
});

test('name servers are addresses, with a port or without', () => {
  const wrong = (dns_servers: string[]) => settingsSchema.safeParse({ dns_servers }).error?.issues.map(({ message }) => message);
  expect(wrong(['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:53'])).toBeUndefined();
  expect(wrong(['ns.example'])).toEqual(['must be an address, or address:port']);
});
