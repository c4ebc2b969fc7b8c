import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Aligner, dmarcPass } from '../../../services/report/aggregate/alignment.ts';
import { verdictOf } from '../../../services/report/aggregate/source.ts';
import type { DkimAuth, SpfAuth } from '../../../services/report/model.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';

const policy = { domain: 'example.com', adkim: 'r', aspf: 'r', discovery_method: null };
const dkim = (domain: string | null, result = 'pass'): DkimAuth => ({ domain, selector: 's', result, human_result: null });
const spf = (domain: string | null, result = 'pass', scope: string | null = 'mfrom'): SpfAuth => ({
  domain,
  scope,
  result,
  human_result: null,
});
const record = (d: DkimAuth[], s: SpfAuth[], header_from: string | null = 'example.com') => ({
  header_from,
  auth: { dkim: d, spf: s },
  source_ip: null,
  reasons: [],
});
const evaluate = (aligner: Aligner, seen: ReturnType<typeof record>) => {
  const { dkim_aligned, spf_aligned } = verdictOf(seen, aligner);
  return { dkim_aligned, spf_aligned };
};

describe('organizational domain', () => {
  test.each([
    ['example.com', 'example.com'],
    ['Mail.Example.COM.', 'example.com'],
    ['a.b.example.co.uk', 'example.co.uk'],
    ['co.uk', 'co.uk'],
    ['a.github.io', 'a.github.io'],
    ['x.a.github.io', 'a.github.io'],
    ['localhost', 'localhost'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['user@sub.example.org', 'example.org'],
    ['_dmarc.example.com', 'example.com'],
    ['', ''],
  ])('%s is of %s', (name, expected) => {
    expect(organizationalDomain(name)).toBe(expected);
  });

  test('is its own organizational domain, for any name', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
        const domain = organizationalDomain(labels.join('.'));
        expect(organizationalDomain(domain)).toBe(domain);
        expect(labels.join('.').endsWith(domain)).toBe(true);
      }),
    );
  });
});

describe('alignment', () => {
  // Every combination of: what the identifier says, its relation to the author, and the mode (RFC 7489
  // sections 3.1.1 and 3.1.2).
  const relations = { same: 'example.com', below: 'mail.example.com', above: 'example.com', other: 'example.net' };
  for (const mode of ['r', 's', null, 'x']) {
    for (const [relation, domain] of Object.entries(relations)) {
      for (const result of ['pass', 'fail', 'none', 'neutral', 'temperror', null]) {
        const author = relation === 'above' ? 'mail.example.com' : 'example.com';
        const aligned = relation === 'same' || ((relation === 'below' || relation === 'above') && mode !== 's');
        const expected = aligned && result === 'pass';
        test(`${relation} ${result} under ${mode} is ${expected ? 'aligned' : 'not aligned'}`, () => {
          const aligner = new Aligner({ ...policy, adkim: mode, aspf: mode });
          const d = { ...dkim(domain), result };
          const s = { ...spf(domain), result };
          expect(evaluate(aligner, record([d], [], author))).toEqual({ dkim_aligned: expected, spf_aligned: false });
          expect(evaluate(aligner, record([], [s], author))).toEqual({ dkim_aligned: false, spf_aligned: expected });
        });
      }
    }
  }

  test.each([
    [false, false, false],
    [true, false, true],
    [false, true, true],
    [true, true, true],
  ])('dkim %s and spf %s: DMARC %s', (dkim_aligned, spf_aligned, expected) => {
    expect(dmarcPass({ dkim_aligned, spf_aligned })).toBe(expected);
  });

  test('one aligned pass among several signatures is enough', () => {
    const aligner = new Aligner(policy);
    expect(
      evaluate(aligner, record([dkim('example.net'), dkim('example.com', 'fail'), dkim('example.com')], [])).dkim_aligned,
    ).toBe(true);
  });

  test('a HELO identity speaks only when there is no MAIL FROM identity', () => {
    const aligner = new Aligner(policy);
    expect(evaluate(aligner, record([], [spf('example.com', 'pass', 'helo')])).spf_aligned).toBe(true);
    expect(evaluate(aligner, record([], [spf('example.com', 'pass', 'helo'), spf('example.net', 'fail')])).spf_aligned).toBe(
      false,
    );
    expect(evaluate(aligner, record([], [spf('example.com', 'pass', null)])).spf_aligned).toBe(true);
  });

  test('without header_from the policy domain stands in, without both nothing aligns', () => {
    expect(evaluate(new Aligner(policy), record([dkim('example.com')], [], null)).dkim_aligned).toBe(true);
    expect(evaluate(new Aligner({ ...policy, domain: null }), record([dkim('example.com')], [], null)).dkim_aligned).toBe(false);
    expect(evaluate(new Aligner(policy), record([dkim(null)], [])).dkim_aligned).toBe(false);
  });

  test('a tree walk that ended at a domain makes what is below it one organization', () => {
    // amazonaws.com has public suffixes below it, so by the list these two are strangers.
    const names = record([dkim('b.s3.amazonaws.com')], [], 'a.s3.amazonaws.com');
    const walked = { ...policy, domain: 'amazonaws.com' };
    expect(evaluate(new Aligner({ ...walked, discovery_method: 'psl' }), names).dkim_aligned).toBe(false);
    expect(evaluate(new Aligner({ ...walked, discovery_method: 'treewalk' }), names).dkim_aligned).toBe(true);
    // A public suffix speaks for many organizations.
    const suffix = { ...policy, domain: 'co.uk', discovery_method: 'treewalk' };
    expect(evaluate(new Aligner(suffix), record([dkim('other.co.uk')], [], 'mine.co.uk')).dkim_aligned).toBe(false);
  });

  test('letter case and a trailing dot make no difference', () => {
    const strict = new Aligner({ ...policy, adkim: 's' });
    expect(evaluate(strict, record([dkim('EXAMPLE.com.')], [])).dkim_aligned).toBe(true);
  });

  test('strict alignment implies relaxed alignment', () => {
    const name = fc.constantFrom(
      'example.com',
      'a.example.com',
      'b.a.example.com',
      'example.net',
      'co.uk',
      'x.co.uk',
      'Example.COM',
    );
    fc.assert(
      fc.property(name, name, (domain, author) => {
        const strict = new Aligner({ ...policy, adkim: 's' }).dkim(domain, author);
        const relaxed = new Aligner(policy).dkim(domain, author);
        expect(strict && !relaxed).toBe(false);
        expect(new Aligner(policy).dkim(author, domain)).toBe(relaxed);
      }),
    );
  });
});

test.each(['psl', 'treewalk'] as const)('without an author every name is of another organization: %s', (discovery_method) => {
  const aligner = new Aligner({ domain: 'example.com', adkim: 'r', aspf: 'r', discovery_method });
  expect(aligner.foreign('mail.example.com', null)).toBe('example.com');
});
