import { expect, test } from 'vitest';
import { parseBimi } from '../../../services/dns/bimi/record.ts';

test('logo and certificate are https URLs', () => {
  expect(parseBimi('v=BIMI1; l=https://example.com/logo.svg; A=https://example.com/vmc.pem')).toMatchObject({
    location: 'https://example.com/logo.svg',
    authority: 'https://example.com/vmc.pem',
    declined: false,
    problems: [],
  });
});

test('empty places decline', () => {
  expect(parseBimi('v=BIMI1; l=; a=;')).toMatchObject({ location: null, authority: null, declined: true, problems: [] });
  expect(parseBimi('v=BIMI1; l=')).toMatchObject({ declined: true });
  expect(parseBimi('v=BIMI1; l=; a=https://example.com/vmc.pem')).toMatchObject({ declined: false });
});

test.each([
  ['v=BIMI1; a=', ['bimi_syntax']],
  ['v=BIMI1; l=http://example.com/logo.svg', ['bimi_location']],
  ['v=BIMI1; l=https://user@example.com/logo.svg', ['bimi_location']],
  ['v=BIMI1; l=https://a.example/x,https://b.example/y', ['bimi_location']],
  ['v=BIMI1; l=https://a.example/x; nonsense', ['bimi_syntax']],
])('%s', (text, problems) => {
  expect(parseBimi(text)!.problems.map(({ code }) => code)).toEqual(problems);
});

test.each(['v=bimi1; l=', 'v=BIMI2; l=', 'l=https://a.example/x'])('"%s" is no BIMI record', (text) => {
  expect(parseBimi(text)).toBeNull();
});
