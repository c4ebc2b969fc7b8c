import { expect, test } from 'vitest';
import { parsePolicy, publishedTag, strength } from '../../services/shared/policy.ts';

test('absent tags have their defaults, each from the one above it', () => {
  expect(parsePolicy('p=reject')).toEqual({ p: 'reject', sp: 'reject', np: 'reject', pct: '100', t: 'n', adkim: 'r', aspf: 'r' });
  expect(parsePolicy('p=reject; sp=none')).toMatchObject({ sp: 'none', np: 'none' });
  expect(parsePolicy('p=reject; np=quarantine')).toMatchObject({ sp: 'reject', np: 'quarantine' });
  expect(parsePolicy('')).toMatchObject({ p: null, sp: null, np: null });
});

test('spelling does not matter, and t= was called testing', () => {
  expect(parsePolicy(' P = Reject ;ADKIM=S;;=x')).toMatchObject({ p: 'reject', adkim: 's' });
  expect(parsePolicy('p=none; px').p).toBe('none');
  expect(parsePolicy('p=none; testing=y').t).toBe('y');
  expect(parsePolicy('p=none; t=n; testing=y').t).toBe('n');
});

test('of no policy no tag is known', () => {
  expect(publishedTag(null, 'p')).toBeNull();
  expect(publishedTag('p=quarantine', 'sp')).toBe('quarantine');
});

test('values are ordered from lax to strict, and what the standard does not have proves nothing', () => {
  for (const tag of ['p', 'sp', 'np'] as const)
    expect(['none', 'quarantine', 'reject'].map((p) => strength(tag, p))).toEqual([0, 1, 2]);
  for (const tag of ['adkim', 'aspf'] as const) expect(['r', 's'].map((mode) => strength(tag, mode))).toEqual([0, 1]);
  expect(['y', 'n'].map((t) => strength('t', t))).toEqual([0, 1]);
  expect(['0', '50', '100', '101', '-1', '1.5', 'x'].map((pct) => strength('pct', pct))).toEqual([
    0,
    50,
    100,
    null,
    null,
    null,
    null,
  ]);
  expect([strength('p', 'monitor'), strength('p', null), strength('p', 'constructor')]).toEqual([null, null, null]);
  expect(strength('pct', null)).toBeNull();
});

test('a reporter that writes nil for a tag that is not there says the same as one that leaves it out', () => {
  expect(parsePolicy('p=reject; sp=nil; np=nil; adkim=r')).toEqual(parsePolicy('p=reject; adkim=r'));
  expect(parsePolicy('p=reject; sp=none; np=NIL')).toMatchObject({ sp: 'none', np: 'none' });
});
