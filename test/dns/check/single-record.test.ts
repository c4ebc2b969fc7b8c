import { expect, test } from 'vitest';
import { askSingle, type SingleRecord } from '../../../services/dns/check/single-record.ts';
import { dnsOf, type Zone } from '../zone.ts';

const NAME = '_smtp._tls.example.com';
const KIND: SingleRecord = {
  name: NAME,
  what: 'TLSRPT',
  isRecord: (text) => text.startsWith('v=TLSRPTv1;'),
  unknown: 'tlsrpt_unknown',
  several: 'tlsrpt_several',
  consequence: 'senders use none of them',
  keep: (texts) => texts.find((text) => text.includes('https')),
  misspelt: { code: 'tlsrpt_misspelt', like: /tlsrpt/i, begin: 'v=TLSRPTv1;', correct: (text) => `corrected ${text}` },
};
const ask = (texts: string[] | null | 'unknown', kind = KIND) => {
  const zone: Zone = texts === null ? {} : { [NAME]: texts === 'unknown' ? 'unknown' : { TXT: texts.map((text) => [text]) } };
  return askSingle('example.com', kind, dnsOf(zone), {});
};

test('one record is its text; others at the name do not matter', async () => {
  expect(await ask(['v=TLSRPTv1; a', 'site-verification=1'])).toEqual({ text: 'v=TLSRPTv1; a' });
});

test('of several, one is proposed', async () => {
  const finding = {
    code: 'tlsrpt_several',
    record: { text: 'v=TLSRPTv1; a\nv=TLSRPTv1; https' },
    publish: { name: NAME, value: 'v=TLSRPTv1; https' },
  };
  expect(await ask(['v=TLSRPTv1; a', 'v=TLSRPTv1; https'])).toMatchObject({ finding });
  expect(await ask(['v=TLSRPTv1; a', 'v=TLSRPTv1; b'])).toMatchObject({ finding: { publish: { value: 'v=TLSRPTv1; a' } } });
});

test('one that is meant to be one is corrected, where the kind can tell', async () => {
  expect(await ask(['V=tlsrptv1; a'])).toMatchObject({
    finding: { code: 'tlsrpt_misspelt', publish: { value: 'corrected V=tlsrptv1; a' } },
  });
  const { misspelt: _, ...kind } = KIND;
  expect(await ask(['V=tlsrptv1; a'], kind)).toBeNull();
});

test('none is none, and nobody who could say is not none', async () => {
  expect(await ask(null)).toBeNull();
  expect(await ask(['other'])).toBeNull();
  expect(await ask('unknown')).toMatchObject({ finding: { code: 'tlsrpt_unknown' } });
});
