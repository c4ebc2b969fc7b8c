import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { gatewaySchema, readKeyFile } from '../../../services/shared/settings/gateway.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-gateway-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('an address needs a key file', () => {
  expect(gatewaySchema.parse(undefined)).toEqual({ listen: 'off' });
  expect(gatewaySchema.safeParse({ listen: '127.0.0.1:5355' }).success).toBe(false);
  expect(gatewaySchema.safeParse({ listen: '127.0.0.1:5355', key_file: 'key' }).success).toBe(true);
  for (const [listen, taken] of [
    ['5355', false],
    ['x:65535', true],
    ['x:65536', false],
  ] as const)
    expect([listen, gatewaySchema.safeParse({ listen, key_file: 'key' }).success]).toEqual([listen, taken]);
});

test('a key file that is short, missing or not set is named', () => {
  const file = path.join(folder, 'key');
  expect(() => readKeyFile(null)).toThrow('is not set');
  expect(() => readKeyFile(file)).toThrow('gateway.key_file cannot be read');
  writeFileSync(file, 'short\n');
  expect(() => readKeyFile(file)).toThrow('5 characters');
  writeFileSync(file, `${'k'.repeat(31)}\n`);
  expect(() => readKeyFile(file)).toThrow('gateway.key_file has 31 characters, and 32 are needed.');
  writeFileSync(file, `${'k'.repeat(32)}\n`);
  expect(String(readKeyFile(file))).toBe('k'.repeat(32));
});
