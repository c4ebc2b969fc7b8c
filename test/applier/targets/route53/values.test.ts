import { describe, expect, test } from 'vitest';
import { memberOfValue, nameOfRoute53, route53Name, valueOfMember } from '../../../../services/applier/targets/route53/values.ts';
import { aliasOf, stringsIn, txtMember } from '../../../../services/requests/plans/members.ts';

/** The strings that are read, and the value that is written for them. */
const readings = (value: string) => {
  const read = memberOfValue('TXT', value);
  return read === null ? null : { strings: stringsIn(read), written: valueOfMember('TXT', read) };
};
const utf8 = (text: string) => Buffer.from(text).toString('latin1');

describe('a TXT value', () => {
  test.each<[string, string[], string?]>([
    ['"a"', ['a']],
    ['""', ['']],
    ['"a b" "c"', ['a b', 'c']],
    [' \t"a"\t "b" ', ['a', 'b'], '"a" "b"'],
    ['"a""b"', ['a', 'b'], '"a" "b"'],
    [String.raw`"a\"b\\c"`, ['a"b\\c']],
    // Three octal digits are an octet, whatever follows; of larger numbers the last eight bits count.
    [String.raw`"\000\0011\351\377"`, ['\0\x011\xe9\xff']],
    [String.raw`"\501"`, ['A'], '"A"'],
    [String.raw`"\12 \08 \x"`, ['12 08 x'], '"12 08 x"'],
    ['"~ \u007f"', ['~ \x7f'], String.raw`"~ \177"`],
    ['"é|\uffff|\u{10000}|"', [utf8('é|\uffff|\u{10000}|')], String.raw`"\303\251|\357\277\277|\360\220\200\200|"`],
  ])('%s', (value, strings, written = value) => {
    expect(readings(value)).toEqual({ strings, written });
  });

  test('has strings of up to 255 octets, however they are written', () => {
    const octets = `\\000${'a'.repeat(254)}`;
    expect(readings(`"${octets}"`)).toEqual({ strings: [`\0${'a'.repeat(254)}`], written: `"${octets}"` });
    expect(readings(`"a${octets}"`)).toBeNull();
    expect(readings(`"${octets}" "a"`)).not.toBeNull();
    expect(readings(`"${'é'.repeat(127)}a"`)).not.toBeNull();
    expect(readings(`"${'é'.repeat(128)}"`)).toBeNull();
  });

  test.each(['', ' ', 'a', '"a', '"a" b', '"a""', '"a\\', '"a\\"', 'a"b"'])('is not %j', (value) => {
    expect(memberOfValue('TXT', value)).toBeNull();
  });
});

test.each<[string, string, string?]>([
  ['example.com', 'example.com.'],
  ['*.example.com', String.raw`\052.example.com.`],
  ['_dmarc.example-1.com', '_dmarc.example-1.com.'],
  [String.raw`a\.b.example.com`, String.raw`a\056b.example.com.`],
  [String.raw`\233.example.com`, String.raw`\351.example.com.`],
  ["!#%&'+,-/:<=>?[]^_`{|}~.example.com", "!#%&'+,-/:<=>?[]^_`{|}~.example.com."],
])('the name %s is %s there', (name, theirs) => {
  expect([route53Name(name), nameOfRoute53(theirs)]).toEqual([theirs, name]);
});

test('names are compared in lower case, and none is a name that no zone can hold', () => {
  expect([nameOfRoute53('EXAMPLE.Com'), nameOfRoute53(`${'a'.repeat(64)}.com.`), nameOfRoute53('a..com.')]).toEqual([
    'example.com',
    null,
    null,
  ]);
  expect(route53Name('a..com')).toBe('.');
});

test('a CNAME value is a name', () => {
  expect(memberOfValue('CNAME', 'Host.Example.com.')).toEqual(aliasOf('host.example.com'));
  expect(memberOfValue('CNAME', 'a..com.')).toBeNull();
  expect(valueOfMember('CNAME', aliasOf('*.example.com'))).toBe(String.raw`\052.example.com.`);
  expect(valueOfMember('TXT', txtMember(['x']))).toBe('"x"');
});
