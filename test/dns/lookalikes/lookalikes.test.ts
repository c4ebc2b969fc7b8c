import { execFileSync } from 'node:child_process';
import { domainToUnicode } from 'node:url';
import { describe, expect, test } from 'vitest';
import { labelsOf } from '../../../services/dns/client/name.ts';
import { lookalikesOf } from '../../../services/dns/lookalikes/lookalikes.ts';
import { draws } from '../../helpers/full.ts';

const of = (label: string, suffix = 'com') => lookalikesOf({ label, suffix });
const kestrel = of('kestrel');
const kindOf = (name: string, label = 'kestrel', suffix = 'com') =>
  (label === 'kestrel' && suffix === 'com' ? kestrel : of(label, suffix)).find((one) => one.shown === name)?.kind;

describe('look-alike names', () => {
  test('of a domain in A-labels are those of the letters that people see', () => {
    const seen = of('bücher', 'de');
    expect(of('xn--bcher-kva', 'de')).toEqual(seen);
    expect(seen.map(({ name }) => name)).not.toContain('xn--bcher-kva.de');
    const kinds = Object.fromEntries(seen.map(({ shown, kind }) => [shown, kind]));
    expect(kinds).toMatchObject({ 'bucher.de': 'homoglyph', 'buecher.de': 'homoglyph', 'büchr.de': 'omission' });
    expect(of('straße', 'de').map(({ name }) => name)).toContain('strasse.de');
  });

  test('come in every kind', () => {
    expect(kindOf('kestre.com')).toBe('omission');
    expect(kindOf('kesttrel.com')).toBe('repetition');
    expect(kindOf('ketsrel.com')).toBe('transposition');
    expect(kindOf('k-estrel.com')).toBe('hyphenation');
    expect(kindOf('krstrel.com')).toBe('replacement');
    expect(kindOf('kerstrel.com')).toBe('insertion');
    expect(kindOf('cestrel.com')).toBe('bitsquatting');
    expect(kindOf('kistrel.com')).toBe('vowel-swap');
    expect(kindOf('kestrels.com')).toBe('addition');
    expect(kindOf('kestrel-login.com')).toBe('dictionary');
    expect(kindOf('kestrel.co')).toBe('tld');
    expect(kindOf('kes.trel.com')).toBe('subdomain');
    expect(kindOf('kestrelcom.com')).toBe('various');
    expect(kindOf('kestre1.com')).toBe('homoglyph');
    expect(kindOf('раураӏ.com', 'paypal')).toBe('cyrillic');
    expect(kindOf('kestrel.org', 'kestrel', 'co.uk')).toBe('tld');
    expect(kindOf('kesteresl.com', 'kesterel')).toBe('plural');
  });

  test('are names that a zone can hold, each once, and never the domain or a name below it', () => {
    for (const [label, suffix] of [
      ['aeiou'.repeat(draws(10, 4)), 'com'],
      ['kestrel-books', 'com'],
      ['a', 'de'],
      ['x'.repeat(63), 'co.uk'],
      ['1-2', 'org'],
    ] as const) {
      const found = of(label, suffix);
      expect(new Set(found.map(({ name }) => name)).size).toBe(found.length);
      // One assertion for all of them: there are a hundred thousand.
      const wrong = found.filter(
        ({ name }) => labelsOf(name) === null || name.endsWith(`.${label}.${suffix}`) || name === `${label}.${suffix}`,
      );
      expect(wrong).toEqual([]);
    }
  });

  test('come with those first that are hardest to see', () => {
    const first = of('kestrel-mail')
      .slice(0, 60)
      .map(({ shown }) => shown);
    expect(first).toEqual(expect.arrayContaining(['kestre1-mail.com', 'kestrel-mai1.com', 'kestrel-rnail.com']));
    const ranks = of('kestrel').map(({ rank }) => rank);
    expect([...ranks].sort((a, b) => a - b)).toEqual(ranks);
  });

  test('are written as DNS has them, and shown as a person sees them', () => {
    const marked = of('kestrel').filter(({ name }) => name.startsWith('xn--'));
    expect(marked.length).toBeGreaterThan(100);
    for (const { name, shown } of marked.slice(0, 500)) expect(domainToUnicode(name)).toBe(shown.normalize('NFC'));
  });
});

/** A Python with dnstwist 20250130, in the environment that also has checkdmarc. */
const PYTHON = process.env.CHECKDMARC_PYTHON;
const present = PYTHON !== undefined && PYTHON !== '';
describe.skipIf(!present)(`beside dnstwist${present ? '' : ' (SKIPPED: CHECKDMARC_PYTHON names no Python)'}`, () => {
  test.each(['kestrel-books.com', 'paypal.com', 'bank.co.uk', 'ab.de', 'x-8.org', 'letterwren.io', 'my-8-names.net'])(
    'every name that it has for %s is among ours',
    (domain) => {
      const script =
        'import dnstwist,sys; f=dnstwist.Fuzzer(sys.argv[1]); f.generate(); print("\\n".join(p["domain"] for p in f.permutations()))';
      const theirs = execFileSync(PYTHON!, ['-c', script, domain], { encoding: 'utf8', maxBuffer: 2 ** 27 })
        .trim()
        .split('\n');
      const dot = domain.indexOf('.');
      const ours = new Set(of(domain.slice(0, dot), domain.slice(dot + 1)).map(({ name }) => name));
      expect(theirs.length).toBeGreaterThan(50);
      expect(theirs.filter((name) => name !== domain && !ours.has(name))).toEqual([]);
    },
  );
});
