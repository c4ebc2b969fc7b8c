import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  newSecrets,
  passwordFile,
  readSecrets,
  scramVerifier,
  writeSecrets,
} from '../../../services/shared/runtime/embedded-secrets.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-secrets-'));
  file = passwordFile(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('passwords are random, written for their owner alone, and read as they were, also from a restored backup', () => {
  expect(readSecrets(folder)).toBeNull();
  const secrets = newSecrets();
  const { ready, ...passwords } = secrets;
  expect([ready, Object.keys(passwords)]).toEqual([false, ['ruawatch_admin', 'ruawatch', 'ruawatch_reader']]);
  expect(new Set(Object.values(passwords)).size).toBe(3);
  for (const password of Object.values(passwords)) expect(password).toMatch(/^[\w-]{32}$/);
  // What an earlier run left when it was killed.
  writeFileSync(`${file}.new`, 'half');
  writeSecrets(folder, { ...secrets, ready: true });
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify({ ...secrets, ready: true }, null, 2)}\n`);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  chmodSync(file, 0o644);
  expect(readSecrets(folder)).toEqual({ ...secrets, ready: true });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each([
  '{',
  '{}',
  JSON.stringify({ ...newSecrets(), ruawatch: 'x'.repeat(31) }),
  JSON.stringify({ ...newSecrets(), more: 1 }),
])('a file with %s is told as not valid, with what to do', (content) => {
  writeFileSync(file, content);
  expect(() => readSecrets(folder)).toThrow(
    expect.objectContaining({
      code: 'embedded_password',
      message: `The passwords of the embedded Postgres in ${file} cannot be read (its content is not valid): run ruawatch as the user that first ran it, or remove the file while no ruawatch is running: new passwords are then created, and no data is lost.`,
    }),
  );
});

test('one that the system does not let us read is told with its reason', () => {
  mkdirSync(file);
  expect(() => readSecrets(folder)).toThrow(
    expect.objectContaining({
      code: 'embedded_password',
      message: expect.stringContaining('cannot be read (it is a folder and no file (EISDIR)): run'),
    }),
  );
});

// The example of RFC 7677 section 3: its server accepts what the client proves with this password.
test('what Postgres stores for a password is that of RFC 5803', () => {
  expect(scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
  const [one, other] = [0, 1].map(() => scramVerifier('pencil').split(/[:$]/)[2]!);
  expect([one !== other, Buffer.from(one!, 'base64').length]).toEqual([true, 16]);
});
