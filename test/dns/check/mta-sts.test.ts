import { expect, test } from 'vitest';
import { checkSts } from '../../../services/dns/check/mta-sts.ts';
import type { MxCheck } from '../../../services/dns/check/mx.ts';
import { dnsOf } from '../zone.ts';
import { type WebPages, webOf } from './fixtures.ts';

const URL = 'https://mta-sts.example.com/.well-known/mta-sts.txt';
const POLICY = 'version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 604800\n';
const page = (text: string, more: object = {}): WebPages => ({ [URL]: { type: 'text/plain', text, ...more } });
const MX: MxCheck = { state: 'hosts', hosts: ['mx.example.com'], findings: [] };
const check = async (pages: WebPages, { record = 'v=STSv1; id=1', mx = MX } = {}) => {
  const dns = dnsOf(record === '' ? {} : { '_mta-sts.example.com': { TXT: [[record]] } });
  return (await checkSts('example.com', mx, dns, { web: webOf(pages) })).findings.map(({ code }) => code);
};

test('a record, a policy, and hosts that it names', async () => {
  expect(await check(page(POLICY))).toEqual([]);
});

test('none is missed only where a domain has mail hosts', async () => {
  expect(await check({}, { record: '' })).toEqual(['mta_sts_missing']);
  expect(await check({}, { record: '', mx: { state: 'null', hosts: [], findings: [] } })).toEqual([]);
});

test.each<[string, WebPages, string[]]>([
  ['no page', {}, ['mta_sts_policy_missing']],
  ['a redirect', page(POLICY, { status: 302 }), ['mta_sts_policy_missing']],
  ['a certificate that is not valid', { [URL]: 'The certificate is for another name.' }, ['mta_sts_policy_missing']],
  ['a server in trouble', page(POLICY, { status: 503 }), ['mta_sts_unknown']],
  ['a server that does not answer', { [URL]: null }, ['mta_sts_unknown']],
  ['another media type', page(POLICY, { type: 'text/html' }), ['mta_sts_policy_type']],
  ['testing', page(POLICY.replace('enforce', 'testing')), ['mta_sts_testing']],
  ['none', page(POLICY.replace('enforce', 'none')), ['mta_sts_none']],
  ['an hour', page(POLICY.replace('604800', '3600')), ['mta_sts_age_short']],
  ['a host that it does not name', page(POLICY.replace('*.example.com', 'other.example')), ['mta_sts_mx']],
  [
    'the same in testing',
    page(POLICY.replace('*.example.com', 'other.example').replace('enforce', 'testing')),
    ['mta_sts_testing', 'mta_sts_mx_testing'],
  ],
])('%s', async (_, pages, codes) => {
  expect(await check(pages)).toEqual(codes);
});

test('a record without an id is found, and its policy is read all the same', async () => {
  expect(await check(page(POLICY.replace('enforce', 'testing')), { record: 'v=STSv1;' })).toEqual([
    'mta_sts_id',
    'mta_sts_testing',
  ]);
});

test('each part of a record that is no field is told of', async () => {
  const dns = dnsOf({ '_mta-sts.example.com': { TXT: [['v=STSv1;; id=1; x y;']] } });
  const { findings } = await checkSts('example.com', MX, dns, { web: webOf(page(POLICY)) });
  expect(findings.map(({ code, message, place }) => [code, message.split(' in _mta')[0], place?.text])).toEqual([
    ['mta_sts_syntax', 'Nothing between two semicolons', ''],
    ['mta_sts_syntax', '"x y"', 'x y'],
  ]);
});
