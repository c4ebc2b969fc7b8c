import { describe, expect, test } from 'vitest';
import { decidedAs, domainsOf } from '../../services/requests/decided-as.ts';
import type { DnsChange, Kind, Plan } from '../../services/requests/plan.ts';

const change = (name: string, stands_for?: string[]): DnsChange => ({
  target: 'dns',
  name,
  type: 'TXT',
  ttl: { before: null, after: null },
  before: [],
  after: [],
  ...(stands_for && { stands_for }),
});
const sender = { target: 'senders', domain: 'example.com', source: 'x._dmarc.example.com' } as unknown as Plan['changes'][number];

describe('the kind as which a plan is decided', () => {
  test.each<[Kind, Plan['changes'], Kind]>([
    ['dns.change', [change('example.com')], 'dns.change'],
    ['dns.change', [], 'dns.change'],
    ['dns.change', [change('_dmarc.example.com')], 'policy.step'],
    ['dns.change', [change('a._dmarc.example.com')], 'policy.step'],
    ['dns.change', [change('x_dmarc.example.com')], 'dns.change'],
    ['dns.change', [change('*.example.com')], 'policy.step'],
    ['dns.change', [change('s1._domainkey.example.com')], 'dkim.rotate'],
    ['dns.change', [change('s1._domainkey.example.com'), change('_dmarc.example.com')], 'policy.step'],
    ['dns.change', [change('example.com'), change('s1._domainkey.example.com')], 'dkim.rotate'],
    ['dns.change', [change('keys.example.net', ['_dmarc.example.com'])], 'policy.step'],
    ['dns.change', [change('keys.example.net', ['s1._domainkey.example.com'])], 'dkim.rotate'],
    // What is no record has no such name; and what is asked for as something else is decided as that.
    ['dns.change', [sender], 'dns.change'],
    ['sender.approve', [change('_dmarc.example.com')], 'sender.approve'],
    ['dkim.rotate', [change('*.example.com')], 'dkim.rotate'],
    ['policy.step', [change('s1._domainkey.example.com')], 'policy.step'],
  ])('%s of %j is %s', (kind, changes, expected) => {
    expect(decidedAs({ kind, changes })).toBe(expected);
  });
});

describe('the domains that a plan is about', () => {
  const of = (...changes: Plan['changes']) => domainsOf({ domain: 'example.com', changes });
  test.each<[Plan['changes'], string[]]>([
    [[], ['example.com']],
    [[sender], ['example.com']],
    [[change('example.com')], ['example.com']],
    [[change('_dmarc.example.com')], ['example.com', '_dmarc.example.com']],
    [[change('_dmarc.shop.example.com')], ['example.com', '_dmarc.shop.example.com', 'shop.example.com']],
    [[change('*.shop.example.com')], ['example.com', 'shop.example.com']],
    [
      [change('a.shop.example.com'), change('b.shop.example.com')],
      ['example.com', 'a.shop.example.com', 'shop.example.com', 'b.shop.example.com'],
    ],
    // Others are the business of whoever has them, also where their names end alike.
    [[change('other.example')], ['example.com']],
    [[change('not-example.com')], ['example.com']],
    [[change('keys.example.net', ['shop.example.com'])], ['example.com', 'shop.example.com']],
  ])('%j: %j', (changes, expected) => {
    expect(of(...changes)).toEqual(expected);
  });
});
