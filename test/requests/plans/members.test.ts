import { expect, test } from 'vitest';
import {
  aliasOf,
  membersOf,
  recordsIn,
  sameMembers,
  stringsIn,
  targetIn,
  txtMember,
  txtOf,
} from '../../../services/requests/plans/members.ts';

const wire = (hex: string) => ({ text: '', wire: hex });

test('a TXT record is its strings, each behind its length', () => {
  expect(txtMember(['ab', '', 'c'])).toEqual({ text: 'abc', wire: '02616200 0163'.replace(' ', '') });
  expect(stringsIn(txtMember(['ab', '', 'c']))).toEqual(['ab', '', 'c']);
  expect(stringsIn(txtMember(['\u00ff\u0000']))).toEqual(['\u00ff\u0000']);
  expect(stringsIn(wire(''))).toEqual([]);
});

test.each([
  [255, [255]],
  [256, [255, 1]],
  [511, [255, 255, 1]],
])('a text of %i octets is cut into strings of %j', (length, lengths) => {
  expect(stringsIn(txtOf('x'.repeat(length))).map((text) => text.length)).toEqual(lengths);
});

test.each(['01', '0261', '016102', '0161ff'])('strings that are cut off (%s) are refused', (hex) => {
  expect(() => stringsIn(wire(hex))).toThrow(new RangeError('A string of this TXT record is cut off.'));
});

test('an alias is a name in labels', () => {
  expect(aliasOf('a.example.com')).toEqual({ text: 'a.example.com', wire: '0161076578616d706c6503636f6d00' });
  for (const name of ['a.example.com', 'com', `${'l'.repeat(63)}.example.com`, 's1._domainkey.vendor.example'])
    expect(targetIn(aliasOf(name))).toBe(name);
});

test.each([
  '',
  '01',
  '0161',
  '016101',
  '01610162',
  'c00c',
  '40',
  `40${'61'.repeat(64)}00`,
  '0361620',
  '016103626300',
  '0161020062',
])('a name that is cut off or compressed (%s) is refused', (hex) => {
  expect(() => targetIn(wire(hex))).toThrow(new RangeError('The name of this CNAME record is cut off.'));
});

test('planned records are those of their type', () => {
  expect(recordsIn({ type: 'TXT', after: [txtMember(['a', 'b']), txtOf('c')] })).toEqual({ TXT: [['a', 'b'], ['c']] });
  expect(recordsIn({ type: 'CNAME', after: [aliasOf('a.example.com')] })).toEqual({ CNAME: ['a.example.com'] });
  expect(recordsIn({ type: 'CNAME', after: [] })).toEqual({ CNAME: [] });
});

test('the same members in another order, or twice, are the same; the wire form decides', () => {
  const [a, b] = [txtOf('a'), txtOf('b')];
  expect(sameMembers([a, b], [b, a, a])).toBe(true);
  expect(sameMembers([a], [a, b])).toBe(false);
  expect(sameMembers([], [])).toBe(true);
  expect(sameMembers([txtMember(['a', 'b'])], [txtOf('ab')])).toBe(false);
  expect(sameMembers([{ ...a, text: 'other' }], [a])).toBe(true);
});

test.each<[Parameters<typeof membersOf>[0]['type'], string[], string[]]>([
  ['TXT', ['0261620163', '00'], ['abc', '']],
  ['CNAME', ['0161076578616d706c6500'], ['a.example']],
  ['A', ['c0000201'], ['192.0.2.1']],
  ['MX', ['000a026d78076578616d706c6500'], ['10 mx.example']],
  ['TLSA', ['030101abcd'], ['3 1 1 abcd']],
])('records of type %s have a text for people beside their wire form', (type, wires, texts) => {
  const members = wires.map((hex) => Buffer.from(hex, 'hex'));
  expect(membersOf({ type, members })).toEqual(wires.map((wire, i) => ({ text: texts[i], wire })));
});

test('a text has octets alone', () => {
  expect(txtOf('\u00ff\u0000')).toEqual({ text: '\u00ff\u0000', wire: '02ff00' });
  expect(() => txtOf('\u0100')).toThrow(new RangeError('A TXT record holds octets: write it in ASCII.'));
});
