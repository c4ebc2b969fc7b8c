import { expect, test } from 'vitest';
import { isSts, parseSts, parseStsPolicy, stsCovers } from '../../services/dns/mta-sts.ts';

test('a record is known by how it begins, in exactly these letters', () => {
  expect(['v=STSv1; id=1', 'v=STSv1 ;id=1', 'v=STSv1'].map(isSts)).toEqual([true, true, true]);
  expect(['V=STSv1; id=1', 'v=stsv1; id=1', ' v=STSv1', 'v=STSv10; id=1'].map(isSts)).toEqual([false, false, false, false]);
  expect(parseSts('v=spf1 -all')).toBeNull();
});

test('an id is 1 to 32 letters and digits', () => {
  expect(parseSts('v=STSv1; id=20260101T000000;')).toMatchObject({ id: '20260101T000000' });
  for (const id of ['', 'a-b', 'x'.repeat(33)]) expect(parseSts(`v=STSv1; id=${id}`)).toMatchObject({ id: null });
  expect(parseSts('v=STSv1')).toMatchObject({ id: null });
});

test('a policy file, with its unknown lines ignored and the first of several counting', () => {
  const text =
    'version: STSv1\r\nmode: enforce\nmode: none\nmx: Mail.Example.com\nmx: *.example.net\nmax_age: 604800 \nx-y: z\n\n';
  expect(parseStsPolicy(text)).toEqual({
    mode: 'enforce',
    maxAge: 604_800,
    mx: ['mail.example.com', '*.example.net'],
    problems: [],
  });
});

test.each([
  ['mode: testing\nmx: a.example\nmax_age: 1', ['mta_sts_policy_syntax']],
  ['version: STSv1\nmx: a.example\nmax_age: 1', ['mta_sts_policy_mode']],
  ['version: STSv1\nmode: ENFORCE\nmx: a.example\nmax_age: 1', ['mta_sts_policy_mode']],
  ['version: STSv1\nmode: enforce\nmx: a.example', ['mta_sts_policy_age']],
  ['version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557601', ['mta_sts_policy_age']],
  ['version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557600', []],
  ['version: STSv1\nmode: enforce\nmax_age: 1', ['mta_sts_policy_no_mx']],
  ['version: STSv1\nmode: enforce\nmx: *.*.example\nmx: a.example\nmax_age: 1', ['mta_sts_policy_syntax']],
  ['version: STSv1\nmode: none\nmax_age: 1', []],
  [
    '<html>',
    ['mta_sts_policy_syntax', 'mta_sts_policy_syntax', 'mta_sts_policy_mode', 'mta_sts_policy_age', 'mta_sts_policy_no_mx'],
  ],
])('%j has the problems %j', (text, codes) => {
  expect(parseStsPolicy(text).problems.map(({ code }) => code)).toEqual(codes);
});

test('a pattern names hosts of exactly one label more', () => {
  const policy = { ...parseStsPolicy(''), mx: ['mail.example.com', '*.example.net'] };
  const covers = (host: string) => stsCovers(policy, host);
  expect(['MAIL.example.com', 'mail.example.com.', 'a.example.net'].map(covers)).toEqual([true, true, true]);
  expect(['other.example.com', 'example.net', 'a.b.example.net', 'aexample.net'].map(covers)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

test.each([
  ['v=STSv1; id=1; 1=2; a.b-c_d=z;', []],
  ['v=STSv1; id=1; x=a b', ['x=a b']],
  ['v=STSv1; id=1; x=\u00e9', ['x=\u00e9']],
  ['v=STSv1; x=; id=1; x=a=b', ['x=', 'x=a=b']],
  ['v=STSv1; -x=1; id=1', ['-x=1']],
  [`v=STSv1; ${'n'.repeat(33)}=1; id=1`, [`${'n'.repeat(33)}=1`]],
  ['v=STSv1;; id=1;', ['']],
  ['v=STSv1; id=1; id=a b', ['id=a b']],
])('a field that breaks the grammar, for which senders discard the whole record: %s', (text, broken) => {
  expect(parseSts(text)).toMatchObject({ id: '1', broken: broken.map((part) => ({ text: part })) });
});
