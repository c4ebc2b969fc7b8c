import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { messageOf } from '../../services/shared/errors.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-trust-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const trustOf = (yaml: string) => {
  writeFileSync(path.join(folder, 'ruawatch.yaml'), yaml);
  return loadConfig({}, folder).trust;
};
const mistake = (yaml: string) => {
  try {
    trustOf(yaml);
  } catch (error) {
    return messageOf(error);
  }
  throw new Error('the settings were taken');
};

test('reports are verified unless it is said otherwise, and no server is believed that is not named', () => {
  expect(trustOf('')).toEqual({ check: 'verify', authserv_ids: [] });
  expect(trustOf('trust:\n  authserv_ids: [mx.example.org, mx.google.com]')).toEqual({
    check: 'verify',
    authserv_ids: ['mx.example.org', 'mx.google.com'],
  });
  expect(trustOf('trust:\n  check: off')).toEqual({ check: 'off', authserv_ids: [] });
});

test('what cannot work is said', () => {
  expect(mistake('trust:\n  check: authserv')).toMatch(/trust\.authserv_ids is empty: name your mail server/);
  expect(mistake('trust:\n  check: maybe')).toMatch(/trust\.check/);
  expect(mistake('trust:\n  authserv_ids: ["mx.example.org; dmarc=pass"]')).toMatch(/trust\.authserv_ids\.0 must be the name/);
  expect(mistake('trust:\n  authserv_id: mx.example.org')).toMatch(/Unknown setting "trust\.authserv_id"/);
});
