import { expect, test } from 'vitest';
import { checkSpf } from '../../../services/dns/check/spf.ts';
import { dnsOf } from '../zone.ts';
import { spf } from './fixtures.ts';

const OTHERS = { 'half.example': spf('v=spf1 ip4:128.0.0.0/1 -all'), 'some.example': spf('v=spf1 ip4:198.51.100.0/24 -all') };
const found = async (record: string) => {
  const { findings } = await checkSpf('example.com', dnsOf({ ...OTHERS, 'example.com': spf(record) }));
  return findings
    .filter(({ code }) => code === 'spf_pass_all')
    .map(({ message, place, publish }) => `${message} ${place?.text}: ${publish?.value}`);
};

test.each([
  ['v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all', 'v=spf1 ip4:128.0.0.0/1 -all'],
  ['v=spf1 ip4:0.0.0.0/2 ip4:64.0.0.0/2 ip4:128.0.0.0/2 +ip4:192.0.0.0/3 -all', undefined],
  ['v=spf1 ip4:0.0.0.0/1 include:half.example -all', 'v=spf1 include:half.example -all'],
  ['v=spf1 +ip6:2000::/4 ip6:3000::/4 -all', 'v=spf1 ip6:3000::/4 -all'],
  ['v=spf1 ip6:2000::1/4 ip6:3000::2:1/4 -all', 'v=spf1 ip6:3000::2:1/4 -all'],
])('%s lets anyone send', async (record, publish) => {
  const [message, ...more] = await found(record);
  expect(more).toEqual([]);
  expect(message).toContain('together let anyone send as example.com.');
  if (publish !== undefined) {
    expect(message).toContain(publish);
    // It is the term that goes.
    const [, term] = /com\. (\S+): /.exec(message!)!;
    expect(record).toContain(term!);
    expect(publish).not.toContain(` ${term} `);
  }
});

test.each([
  'v=spf1 ip4:0.0.0.0/1 ip4:0.0.0.0/1 -all',
  'v=spf1 ip4:0.0.0.0/1 -ip4:128.0.0.0/1 -all',
  'v=spf1 ip4:0.0.0.0/1 ~include:half.example -all',
  'v=spf1 ip4:0.0.0.0/1 include:some.example ip6:2001:db8::/32 -all',
])('%s does not', async (record) => {
  expect(await found(record)).toEqual([]);
});

test('a single term that does so is found once', async () => {
  expect(await found('v=spf1 ip4:0.0.0.0/0 ip4:128.0.0.0/1 -all')).toHaveLength(1);
});
