import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Mark, readMark } from '../../../services/dns/bimi/mark.ts';
import { markTrust } from '../../../services/shared/mark-authorities.ts';
import { type Authority, authority, der, type MarkWanted, markCertificate } from '../../helpers/certificates.ts';

const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><title>A</title></svg>';
const ROOT = authority('Mark Root');
const ISSUER = authority('Mark Issuer', ROOT);
const NOW = new Date('2026-11-27');
const read = (...chain: (Authority | string)[]) =>
  readMark(chain.map((one) => (typeof one === 'string' ? one : one.pem)).join(''), { roots: [ROOT.pem], now: NOW });
const mark = (wanted: Partial<MarkWanted> = {}, by = ISSUER) => markCertificate(by, { svg: SVG, ...wanted });
const of = (wanted: Partial<MarkWanted>) => read(mark(wanted), ISSUER) as Mark;

test('a mark certificate says for whom, by whom and how long, and holds the logo', () => {
  const found = of({ domains: ['Example.com', 'default._bimi.example.org'], type: 'Prior Use Mark' });
  expect(found).toMatchObject({
    domains: ['example.com', 'default._bimi.example.org'],
    issuer: 'Mark Issuer',
    type: 'Prior Use Mark',
    until: new Date('2027-12-31'),
    chain: null,
    validNow: true,
    forMarks: true,
  });
  expect(Buffer.from(found.logo.svg!).toString()).toBe(SVG);
});

describe('the chain', () => {
  const NO_WAY = { chain: expect.stringContaining('does not lead to an authority') };

  test('may be signed by the root itself, contain the root, and have its upper parts in any order', () => {
    const middle = authority('Middle', ISSUER);
    for (const chain of [[mark({}, ROOT)], [mark(), ISSUER, ROOT], [mark({}, middle), ISSUER, middle]])
      expect(read(...chain)).toMatchObject({ chain: null });
  });

  test('is no longer than a chain may be', () => {
    const chain = (length: number) => read(...Array.from({ length }, (): Authority => ISSUER).with(0, mark() as never));
    expect(chain(10)).toMatchObject({ chain: null });
    expect(chain(11)).toBe('It has 11 certificates, more than a chain may have.');
  });

  test('leads nowhere without the certificate between, or from another root', () => {
    const strange = authority('Mark Root');
    expect(read(mark())).toMatchObject(NO_WAY);
    expect(read(mark({}, strange), strange)).toMatchObject(NO_WAY);
  });

  test('is verified by signature: the name of an authority alone is no proof', () => {
    const forged = authority('Mark Issuer', authority('Mark Root'));
    expect(read(mark({}, forged), ISSUER)).toMatchObject(NO_WAY);
    expect(read(mark({}, forged), forged)).toMatchObject(NO_WAY);
  });

  test('does not pass through a certificate that may not issue', () => {
    const leaf = mark();
    expect(read(mark({}, { ...leaf, subject: 'Example Brand' }), leaf, ISSUER)).toMatchObject(NO_WAY);
    expect(read(ISSUER)).toMatchObject({ chain: expect.stringContaining('that of an authority') });
  });

  test('ends where certificates sign one another in a circle', () => {
    const one = authority('One');
    const two = authority('Two', one);
    expect(read(mark({}, two), two, one, two, one)).toMatchObject(NO_WAY);
  });

  test('is valid as long as all of it is', () => {
    const old = authority('Old Issuer', ROOT, new Date('2026-06-01'));
    expect(read(mark({}, old), old)).toMatchObject({ chain: null, validNow: false, chainUntil: new Date('2026-06-01') });
    expect(of({ from: new Date('2027-01-01') })).toMatchObject({ validNow: false });
  });
});

describe('the logo', () => {
  const problem = (wanted: Partial<MarkWanted>) => of(wanted).logo.problem;

  test('is proven by its digest, packed or not', () => {
    expect(problem({ digestOf: 'another' })).toContain('digest');
    expect(problem({ digestOf: SVG })).toBeNull();
  });

  test('is inside the certificate', () => {
    expect(problem({ svg: null })).toContain('no logo');
    expect(problem({ place: 'https://example.com/logo.svg' })).toContain('not inside');
    expect(problem({ place: 'data:text/html;base64,PGE+' })).toContain('not inside');
    expect(problem({ place: 'data:image/svg+xml;base64,%%%' })).toContain('not inside');
  });

  test('is unpacked up to a limit', () => {
    const bomb = gzipSync(Buffer.alloc(30_000_000)).toString('base64');
    expect(problem({ place: `data:image/svg+xml;base64,${bomb}` })).toContain('unpacked');
    expect(problem({ place: `data:image/svg+xml;base64,${gzipSync(SVG).subarray(0, 20).toString('base64')}` })).toContain(
      'unpacked',
    );
  });

  test('of an extension that is nonsense, or nested without end, cannot be read', () => {
    let nested = der(0x30);
    for (let i = 0; i < 2_000; i++) nested = der(0xa2, nested);
    for (const logotype of [Buffer.from('hello'), der(0x30), der(0x05), nested, der(0x30, der(0xa2, der(0xa1)))])
      expect(problem({ logotype })).toContain('cannot be read');
  });
});

test('a name that looks like two is one name', () => {
  expect(of({ domains: ['evil.example, DNS:example.com'] }).domains).toEqual(['evil.example, dns:example.com']);
  expect(of({ domains: [] }).domains).toEqual([]);
});

test('what is no chain is said in a sentence', () => {
  expect(read('hello')).toContain('no certificate');
  expect(read('')).toContain('no certificate');
  expect(read('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toContain('cannot be read');
  expect(read(mark().pem.repeat(11))).toContain('more than');
});

test('any damage to a certificate ends in an answer', () => {
  const der = Buffer.from(mark().pem.replace(/-----.*-----|\n/g, ''), 'base64');
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.nat(255), (at, octet) => {
      const broken = Buffer.from(der);
      broken[at] = octet;
      const pem = `-----BEGIN CERTIFICATE-----\n${broken.toString('base64')}\n-----END CERTIFICATE-----\n`;
      const found = read(pem, ISSUER);
      return typeof found === 'string' || broken.equals(der) || found.chain !== null;
    }),
  );
});

test('the authorities that are shipped can be read, and none of them has ended', () => {
  const { roots } = markTrust(NOW);
  expect(roots).toHaveLength(4);
  for (const pem of roots) {
    const itself = readMark(pem, { roots, now: NOW }) as Mark;
    expect(itself.until > NOW).toBe(true);
  }
});
