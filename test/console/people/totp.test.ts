import { expect, test } from 'vitest';
import { base32, codeAt, otpauth, stepAt, stepOf } from '../../../services/console/people/totp.ts';

const SECRET = Buffer.from('12345678901234567890');

// RFC 6238 appendix B, the last six of eight digits.
test.each([
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
  [20000000000, '353130'],
])('the code at %i seconds', (seconds, code) => {
  expect(codeAt(SECRET, stepAt(new Date(seconds * 1000)))).toBe(code);
});

test('a code of the step before and after is accepted, and none that is not newer than the last', () => {
  const now = new Date(1_234_567_890_000);
  const here = stepAt(now);
  for (const step of [here - 1, here, here + 1]) expect(stepOf(codeAt(SECRET, step), SECRET, null, now)).toBe(step);
  for (const step of [here - 2, here + 2]) expect(stepOf(codeAt(SECRET, step), SECRET, null, now)).toBeNull();
  expect(stepOf(codeAt(SECRET, here), SECRET, here, now)).toBeNull();
  expect(stepOf('005 924', SECRET, null, now)).toBe(here);
  expect(stepOf('\t0 0 5 9 2 4 ', SECRET, here - 1, now)).toBe(here);
  for (const wrong of ['', '5924', 'abcdef', '0059240', '05924', '005925']) expect(stepOf(wrong, SECRET, null, now)).toBeNull();
});

test('a key as people type it', () => {
  expect(base32(SECRET)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
  expect(otpauth(SECRET, 'a b&c', 'ruawatch')).toBe(
    'otpauth://totp/ruawatch:a%20b%26c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ruawatch',
  );
});

test('what is no code is compared with none, not even where there is no secret to make one of', () => {
  for (const typed of ['', '12345', '1234567', 'abcdef']) expect(stepOf(typed, null as never, null, new Date(0))).toBeNull();
});
