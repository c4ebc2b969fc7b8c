import { expect, test } from 'vitest';
import { checkTlsRpt } from '../../../services/dns/check/tlsrpt.ts';
import { dnsOf } from '../zone.ts';

const NAME = '_smtp._tls.example.com';
const check = async (...texts: string[]) => {
  const { record, findings } = await checkTlsRpt(
    'example.com',
    dnsOf(texts.length === 0 ? {} : { [NAME]: { TXT: texts.map((text) => [text]) } }),
  );
  return { rua: record?.rua.length ?? null, found: findings.map(({ code, publish }) => [code, publish?.value]) };
};

test('a record that says where reports go is fine', async () => {
  expect(await check('v=TLSRPTv1; rua=mailto:a@example.com')).toEqual({ rua: 1, found: [] });
});

test('what to publish keeps the places that are right', async () => {
  expect(await check()).toEqual({ rua: null, found: [['tlsrpt_missing', 'v=TLSRPTv1; rua=mailto:tlsrpt@example.com']] });
  expect((await check('v=TLSRPTv1; rua=mailto:a@example.com,ftp://b')).found).toEqual([
    ['tlsrpt_uri', 'v=TLSRPTv1; rua=mailto:a@example.com'],
  ]);
  expect((await check('v=TLSRPTv1;')).found).toEqual([['tlsrpt_no_rua', 'v=TLSRPTv1; rua=mailto:tlsrpt@example.com']]);
  expect((await check('V=tlsrptv1; rua=mailto:a@example.com')).found).toEqual([
    ['tlsrpt_misspelt', 'v=TLSRPTv1; rua=mailto:a@example.com'],
  ]);
  expect((await check('v=TLSRPTv1;', 'v=TLSRPTv1; rua=mailto:a@example.com')).found).toEqual([
    ['tlsrpt_several', 'v=TLSRPTv1; rua=mailto:a@example.com'],
  ]);
});
