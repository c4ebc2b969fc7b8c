import { describe, expect, test } from 'vitest';
import { matchName, nameInLine } from '../../../services/dns/lookalikes/brand.ts';
import { lookalikesOf } from '../../../services/dns/lookalikes/lookalikes.ts';
import { normalDomain, organizationalDomain } from '../../../services/report/orgdomain.ts';

const permutations = new Map(lookalikesOf({ label: 'kestrel', suffix: 'com' }).map((one) => [one.name, one]));
const match = (name: string, words = ['kestrel', 'ibm']) =>
  matchName(normalDomain(name), { words, permutations, own: ['kestrel.com'], registrable: organizationalDomain });

test.each([
  ['mybank.example', null],
  ['my-bank.example', 'bank'],
  ['mybanks.example', 'banks'],
  ['ba-nks.example', 'banks'],
])('a word of four letters is a whole part of a label, a longer one any: %s', (name, word) => {
  expect(match(name, ['bank', 'banks'])?.word ?? null).toBe(word);
});

describe('a name of a feed', () => {
  test.each([
    ['kestrel.evil.example', 'brand'],
    ['kestrel-login.example', 'brand'],
    ['secure.mykestrel.co.uk', 'brand'],
    ['kes-trel.example', 'brand'],
    ['KESTREL.evil.example', 'brand'],
    ['kestre1.evil.example', 'brand'],
    ['kestrеl.evil.example', 'brand'],
    ['kėstrel.evil.example', 'brand'],
    ['ibm.evil.example', 'brand'],
    ['login-ibm.evil.example', 'brand'],
    ['kestre1.com', 'homoglyph'],
    ['mail.kestre1.com', 'homoglyph'],
  ])('%s is %s', (name, kind) => {
    expect(match(name)?.kind).toBe(kind);
  });

  test.each(['kestrel.com', 'mail.kestrel.com', 'kestr.example', 'climbmore.example', 'evil.example', 'com'])(
    '%s is none',
    (name) => {
      expect(match(name)).toBeNull();
    },
  );
});

test.each([
  ['*.login.example.com', 'login.example.com'],
  ['Example.COM.', 'example.com'],
  ['https://a.example/x?y', 'a.example'],
  ['a.example:443', 'a.example'],
  ['a.example,2026-11-20,registrar', 'a.example'],
  ['a.example\t1', 'a.example'],
  ['# a.example', null],
  ['#a.example', null],
  ['', null],
  ['localhost', null],
  ['<b>.example', null],
  [`${'a'.repeat(260)}.example`, null],
])('the name in "%s"', (line, name) => {
  expect(nameInLine(line)).toBe(name);
});
