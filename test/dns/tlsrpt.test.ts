import { expect, test } from 'vitest';
import { parseTlsRpt } from '../../services/dns/tlsrpt.ts';

const read = (text: string) => {
  const record = parseTlsRpt(text);
  return record && { rua: record.rua.map((uri) => uri.text), problems: record.problems.map(({ code }) => code) };
};

test('places for reports are mailto: and https:', () => {
  expect(read('v=TLSRPTv1; rua=mailto:tls@example.com , https://reports.example.net/tls')).toEqual({
    rua: ['mailto:tls@example.com', 'https://reports.example.net/tls'],
    problems: [],
  });
});

test('what is no TLSRPT record is none', () => {
  expect([read('v=tlsrptv1; rua=mailto:a@example.com'), read('v=TLSRPTv12')]).toEqual([null, null]);
});

test.each([
  ['v=TLSRPTv1', [], ['tlsrpt_no_rua']],
  ['v=TLSRPTv1; rua=', [], ['tlsrpt_no_rua']],
  ['v=TLSRPTv1; rua=http://a.example/', [], ['tlsrpt_uri']],
  ['v=TLSRPTv1; rua=tls@example.com,mailto:b@example.com', ['mailto:b@example.com'], ['tlsrpt_uri']],
  // A limit on the size is of DMARC.
  ['v=TLSRPTv1; rua=mailto:a@example.com!10m', [], ['tlsrpt_uri']],
  ['v=TLSRPTv1; rua=mailto:a@example.com; nonsense', ['mailto:a@example.com'], ['tlsrpt_syntax']],
  ['v=TLSRPTv1; rua=mailto:a@example.com; 1.x=2', ['mailto:a@example.com'], []],
  ['v=TLSRPTv1; rua=mailto:a@example.com; x=a b', ['mailto:a@example.com'], ['tlsrpt_syntax']],
])('%s', (text, rua, problems) => {
  expect(read(text)).toEqual({ rua, problems });
});

test('a problem has its place in the text', () => {
  const text = 'v=TLSRPTv1; rua=mailto:a@example.com,ftp://b.example';
  const [problem] = parseTlsRpt(text)!.problems;
  expect(text.slice(problem!.at, problem!.at + problem!.text.length)).toBe('ftp://b.example');
});
