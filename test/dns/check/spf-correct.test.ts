import { expect, test } from 'vitest';
import { checkDomain, correctedRecords } from '../../../services/dns/check/check.ts';
import { leavesNobody, repaired, respelled } from '../../../services/dns/check/spf-correct.ts';
import { dnsOf } from '../zone.ts';
import { GOOD, spf } from './fixtures.ts';

test.each([
  // Strings of a TXT record that were cut between two terms are joined without a space.
  ['ip4:192.0.2.1ip4:192.0.2.7', 'ip4:192.0.2.1 ip4:192.0.2.7'],
  ['include:a.example-all', 'include:a.example -all'],
  ['ip4:192.0.2.1,', 'ip4:192.0.2.1'],
  ['ipv4:192.0.2.0/24', 'ip4:192.0.2.0/24'],
  ['~ip:192.0.2.1', '~ip4:192.0.2.1'],
  ['ip4:2001:db8::/32', 'ip6:2001:db8::/32'],
  ['a:192.0.2.1', 'ip4:192.0.2.1'],
  ['include:b\xc3\xbccher.example', 'include:xn--bcher-kva.example'],
  ['ip4:192.0.2', null],
  ['nonsense', null],
  ['ip4:192.0.2.1ip4:192.0.2', null],
])('%s is meant to be %s', (term, meant) => {
  expect(repaired(term)).toBe(meant);
});

test.each([
  ['v=spf1\tip4:192.0.2.1\t-all', 'v=spf1 ip4:192.0.2.1 -all'],
  ['v=spf1ip4:192.0.2.1 -all', 'v=spf1 ip4:192.0.2.1 -all'],
  ['"v=spf1 a -all"', 'v=spf1 a -all'],
  ['v=spf1; a -all', 'v=spf1 a -all'],
  ['v=spf10 a -all', 'v=spf1 a -all'],
  ['spf2.0 a -all', 'v=spf1 a -all'],
])('%j is written as %j', (text, correct) => {
  expect(respelled(text)).toBe(correct);
});

test('a correction that leaves nobody who may send is for people to decide', async () => {
  expect(leavesNobody('v=spf1 ip4:192.0.2 -all', 'v=spf1 -all')).toBe(true);
  expect(leavesNobody('v=spf1 ip4:192.0.2 mx -all', 'v=spf1 mx -all')).toBe(false);
  expect(leavesNobody('v=spf1 -all -all', 'v=spf1 -all')).toBe(false);
  const corrected = async (text: string) => {
    const dns = dnsOf({ ...GOOD, 'example.com': { ...(GOOD['example.com'] as object), ...spf(text) } });
    const found = await correctedRecords(await checkDomain('example.com', dns, { selectors: ['sel'] }), dns, {
      selectors: ['sel'],
    });
    return found.find(({ name }) => name === 'example.com')?.value;
  };
  expect(await corrected('v=spf1 ip4:192.0.2 -all')).toBeUndefined();
  expect(await corrected('v=spf1 ipv4:192.0.2.0/24 -all')).toBe('v=spf1 ip4:192.0.2.0/24 -all');
});
