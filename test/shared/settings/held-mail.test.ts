import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { heldMailOf, heldMailSchema, readHoldKey } from '../../../services/shared/settings/held-mail.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-held-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('nothing has to be set, and nothing is delivered by silence', () => {
  const given = heldMailOf(heldMailSchema.parse(undefined), folder);
  expect(given).toMatchObject({
    keep: 'postfix',
    on_expiry: 'reject',
    on_denial: 'delete',
    bounce: 'proven',
    keyFile: null,
    smtpUrl: null,
    host: hostname(),
  });
  expect(heldMailOf(heldMailSchema.parse({ host: 'mx' }), folder).host).toBe('mx');
  expect(heldMailSchema.safeParse({ on_expiry: 'release' }).success).toBe(false);
});

test.each([
  [{ keep: 'store', smtp_url: 'smtp://127.0.0.1:10027' }, 'key_file'],
  [{ keep: 'store', key_file: 'k' }, 'smtp_url'],
  [{ smtp_holds: true }, 'smtp_url'],
  [{ smtp_url: 'http://127.0.0.1' }, 'SMTP URL'],
])('%j is refused, and says what is missing', (given, says) => {
  expect(JSON.stringify(heldMailSchema.safeParse(given).error?.issues)).toContain(says);
});

test('the key file is found from the folder of the settings; one that is short or missing is named', () => {
  const of = (key_file: string) => heldMailOf(heldMailSchema.parse({ key_file }), folder);
  expect(() => readHoldKey(of('key'))).toThrow('milter.hold.key_file cannot be read');
  writeFileSync(path.join(folder, 'key'), 'short\n');
  expect(() => readHoldKey(of('key'))).toThrow('5 characters');
  writeFileSync(path.join(folder, 'key'), `${'k'.repeat(31)}\n`);
  expect(() => readHoldKey(of('key'))).toThrow('milter.hold.key_file has 31 characters, and 32 are needed.');
  writeFileSync(path.join(folder, 'key'), `${'k'.repeat(32)}\n`);
  expect(String(readHoldKey(of('key')))).toBe('k'.repeat(32));
  expect(readHoldKey({ keyFile: null })).toBeNull();
});
