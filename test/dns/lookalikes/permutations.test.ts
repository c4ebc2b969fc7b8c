import { expect, test } from 'vitest';
import { variantsOf } from '../../../services/dns/lookalikes/permutations.ts';

const all = (label: string) => [...variantsOf(label)];
const of = (label: string, kind: string) => [
  ...new Set(
    all(label)
      .filter((one) => one.kind === kind)
      .map((one) => one.label),
  ),
];

test.each([
  ['omission', ['ank', 'bnk', 'bak', 'ban']],
  ['repetition', ['bbank', 'baank', 'bannk', 'bankk']],
  ['transposition', ['abnk', 'bnak', 'bakn']],
  ['hyphenation', ['b-ank', 'ba-nk', 'ban-k']],
  ['vowel-swap', ['benk', 'bink', 'bonk', 'bunk']],
  ['plural', ['basnk', 'bansk']],
])('%s of "bank"', (kind, labels) => {
  expect(of('bank', kind)).toEqual(labels);
});

test('keys beside, of three keyboards; one bit; a letter more', () => {
  expect(of('bank', 'replacement')).toEqual(expect.arrayContaining(['vank', 'nank', 'bsnk']));
  expect(of('bank', 'bitsquatting')).toEqual(expect.arrayContaining(['cank', 'jank']));
  expect(of('bank', 'addition')).toEqual(expect.arrayContaining(['banks', 'bank1', 'abank']));
  // Between hyphens too.
  expect(of('my-bank', 'addition')).toContain('mys-bank');
});

test('letters that look alike, at one place or two, and names that are wholly Cyrillic', () => {
  expect(of('modern', 'homoglyph')).toEqual(expect.arrayContaining(['modem', 'rnodern', 'm0dern', 'rnodem']));
  expect(of('ace', 'cyrillic')).toEqual(['асе']);
  // No Cyrillic letter looks like these.
  expect(of('zebra', 'cyrillic')).toEqual([]);
  expect(of('123', 'cyrillic')).toEqual([]);
});

test('behind s, x and z a plural has an e', () => {
  expect(of('boxer', 'plural')).toEqual(['bosxer', 'boxeser', 'boxesr']);
});

test('what is hardly seen costs least', () => {
  const cost = (label: string, variant: string) =>
    Math.min(
      ...all(label)
        .filter((one) => one.label === variant)
        .map((one) => one.cost),
    );
  expect(cost('modern', 'rnodern')).toBeLessThan(cost('modern', 'mödern'));
  expect(cost('ace', 'асе')).toBe(1);
  expect(cost('bank', 'cank')).toBeGreaterThan(cost('bank', 'bannk'));
});

test('a long name gives a bounded number', () => {
  let count = 0;
  for (const _ of variantsOf('abcdefghijklmnopqrstuvwxyz'.repeat(2))) count++;
  expect(count).toBeLessThan(280_000);
});

test('a label of forty letters has all names with two letters changed, those of its end, too', () => {
  const label = 'verylongcompanyname-international-groups';
  const found = new Set([...variantsOf(label)].filter((one) => one.kind === 'homoglyph').map((one) => one.label));
  expect([label.length, found.has(`${label.slice(0, -3)}ựpṩ`), found.has(`uɇry${label.slice(4)}`)]).toEqual([40, true, true]);
});

test.each(['l', 'e-s', 'rno1', 'mss', 'd0'])('all that is made of "%s", with what it costs', async (label) => {
  const lines = [...variantsOf(label)].map(({ label: variant, kind, cost }) => `${kind} ${cost} ${variant}`);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(`golden/variants-${label}.txt`);
});
