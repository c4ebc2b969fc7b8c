import { expect, test } from 'vitest';
import { newSealingKey, openSealed, seal } from '../../../services/requests/grants/sealed.ts';

test('what an earlier version sealed opens: a key of its own, twelve octets, the text, the tag', () => {
  const secret = 'bkU4ba6wuG2hrExgkAHR6XP5AxTwtwkXUmSGXELca6c.FNmJ9ey5TDUu7gd8xAXi-RUxrBdd37XT7mhKtnYgICc';
  const sealed = 'DyPXqycwV1b7qgWyAiCD_pJJlzmW2O_C0FMGrI1oo3A.MDEyMzQ1Njc4OWFi42kPps4-HV1NuzCivAgYiAtq8Ed6KuM';
  expect(openSealed(secret, sealed)).toBe('token-1');
  expect(openSealed(` ${secret}\n`, sealed)).toBe('token-1');
  expect(seal(`x25519:${secret.split('.')[1]}`, 'token-1')).toHaveLength(sealed.length);
});

test('only its key opens what was sealed, and only as it was', () => {
  const key = newSealingKey();
  const sealed = seal(key.credential, 'é\n');
  expect(openSealed(key.secret, sealed)).toBe('é\n');
  expect(seal(key.credential, 'é\n')).not.toBe(sealed);
  const other = newSealingKey();
  const mixed = `${key.secret.split('.')[0]}.${other.secret.split('.')[1]}`;
  for (const [secret, text] of [
    [other.secret, sealed],
    [mixed, sealed],
    ['', sealed],
    ['x', sealed],
    [key.secret, ''],
    [key.secret, sealed.split('.')[0]!],
    [key.secret, `${sealed.slice(0, -4)}AAAA`],
  ] as const)
    expect(() => openSealed(secret, text)).toThrow(
      new Error('The key does not open it: it was made for another request, or is incomplete.'),
    );
});
