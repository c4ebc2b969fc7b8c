import { expect, test } from 'vitest';
import { hashPassword, isPassword } from '../../../services/console/people/password.ts';

test('a password is known by its hash, however its letters are composed', async () => {
  const stored = await hashPassword('pa\u00dfw\u00f6rter');
  expect(stored).toMatch(/^scrypt\$32768\$8\$3\$/);
  expect(stored).not.toBe(await hashPassword('pa\u00dfw\u00f6rter'));
  const answers = await Promise.all(
    ['pa\u00dfwo\u0308rter', 'passw\u00f6rter', ''].map((password) => isPassword(password, stored)),
  );
  expect(answers).toEqual([true, false, false]);
  expect(await isPassword('', null)).toBe(false);
  expect(await isPassword('x', 'md5$x')).toBe(false);
});
