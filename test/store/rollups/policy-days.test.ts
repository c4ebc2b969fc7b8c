import { expect, test } from 'vitest';
import type { PolicyPublished } from '../../../services/report/model.ts';
import { percentOf, policyText } from '../../../services/store/rollups/policy-days.ts';

const NONE: PolicyPublished = {
  domain: null,
  adkim: null,
  aspf: null,
  p: null,
  sp: null,
  np: null,
  pct: null,
  fo: null,
  testing: null,
  discovery_method: null,
};

test.each<[Partial<PolicyPublished>, string]>([
  [{}, ''],
  [{ domain: 'example.com', fo: '1', discovery_method: 'psl' }, ''],
  [
    { p: 'reject', sp: 'quarantine', np: 'none', adkim: 's', aspf: 'r', pct: '5', testing: 'y' },
    'p=reject; sp=quarantine; np=none; adkim=s; aspf=r; pct=5; t=y',
  ],
  [{ p: 'none', sp: '', pct: 'all' }, 'p=none'],
  [{ p: 'x'.repeat(41), sp: 'y'.repeat(40) }, `p=${'x'.repeat(40)}; sp=${'y'.repeat(40)}`],
  [{ p: 'n\0ne' }, 'p=n\ufffdne'],
])('the policy %j is written as %j', (given, text) => expect(policyText({ ...NONE, ...given })).toBe(text));

test.each<[string | null, number | null]>([
  [null, null],
  ['', null],
  ['0', 0],
  ['100', 100],
  ['999', 999],
  ['1000', null],
  ['-1', null],
  ['5%', null],
  ['x5', null],
])('the share %j is %j', (pct, value) => expect(percentOf({ pct })).toBe(value));
