import { expect, test } from 'vitest';
import { memberOfValue, valueOfMember } from '../../../../services/applier/targets/route53/values.ts';

test('a string of a TXT value has up to 255 octets, however they are written', () => {
  const octets = `\\000${'a'.repeat(254)}`;
  const read = memberOfValue('TXT', `"${octets}"`);
  expect(read).not.toBeNull();
  expect(valueOfMember('TXT', read!)).toBe(`"${octets}"`);
  expect(memberOfValue('TXT', `"a${octets}"`)).toBeNull();
  expect(memberOfValue('TXT', `"${octets}" "a"`)).not.toBeNull();
});

test.each(['', 'a', '"a', '"a" b', '"a""'])('%j is no TXT value', (value) => {
  expect(memberOfValue('TXT', value)).toBeNull();
});
