import { scryptSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashPassword, isPassword } from '../../../services/console/people/password.ts';

test('a password is known by its hash, however its letters are composed', async () => {
  const stored = await hashPassword('pa\u00dfw\u00f6rter');
  expect(stored).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
  expect(stored).not.toBe(await hashPassword('pa\u00dfw\u00f6rter'));
  const answers = await Promise.all(
    ['pa\u00dfwo\u0308rter', 'passw\u00f6rter', ''].map((password) => isPassword(password, stored)),
  );
  expect(answers).toEqual([true, false, false]);
  expect(await isPassword('', null)).toBe(false);
  expect(await isPassword('x', 'md5$x')).toBe(false);
});

const SALT = Buffer.from('sixteen bytes ..');
/** What is stored of a password with other parameters, which an older version may have used. */
const stored = (password: string, N: number, { bytes = 32, scheme = 'scrypt' } = {}) =>
  [scheme, N, 1, 1, SALT.toString('base64url'), scryptSync(password, SALT, bytes, { N, r: 1, p: 1 }).toString('base64url')].join(
    '$',
  );

test('a hash is compared with the parameters that are stored with it, and only a whole one of scrypt', async () => {
  expect(await isPassword('a password', stored('a password', 16))).toBe(true);
  expect(await isPassword('another', stored('a password', 16))).toBe(false);
  for (const bytes of [31, 33]) expect(await isPassword('a password', stored('a password', 16, { bytes }))).toBe(false);
  expect(await isPassword('a password', stored('a password', 16, { scheme: 'bcrypt' }))).toBe(false);
  await expect(isPassword('a password', stored('a password', 16).replace('$16$', '$3$'))).rejects.toThrow(/scrypt param/);
});

test('two hashes are computed at once, and others wait for their turn', async () => {
  const ended: string[] = [];
  const check = async (name: string, hash: string) => {
    await isPassword('a password', hash);
    ended.push(name);
  };
  const [long, short] = [await hashPassword('a password'), stored('a password', 2)];
  await Promise.all([check('long', long), check('long', long), check('short', short), check('short', short)]);
  expect(ended[0]).toBe('long');
  expect(ended).toHaveLength(4);
});
