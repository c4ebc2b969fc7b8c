import { describe, expect, test } from 'vitest';
import { arpaName, hostName, isGenericName } from '../../services/enricher/reverse-name.ts';

describe('reverse names', () => {
  test('are looked up under in-addr.arpa and ip6.arpa', () => {
    expect(arpaName('203.0.113.7')).toBe('7.113.0.203.in-addr.arpa');
    // RFC 3596 section 2.5.
    expect(arpaName('4321:0:1:2:3:4:567:89ab')).toBe('b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa');
    expect(arpaName('2001:db8::')).toBe('0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa');
    expect(arpaName('::1')).toBe(`1.${'0.'.repeat(31)}ip6.arpa`);
    expect(arpaName('localhost')).toBe(null);
  });

  test.each([
    ['Mail.Example.COM.', 'mail.example.com'],
    ['a_b.example.com', 'a_b.example.com'],
    ['localhost', null],
    ['a b.example.com', null],
    ['<script>.example.com', null],
    ['192.0.2.1', null],
    [`${'a'.repeat(64)}.example.com`, null],
    [`${'a.'.repeat(125)}com`, `${'a.'.repeat(125)}com`],
    [`${'a.'.repeat(125)}comm`, null],
    [`${'a'.repeat(63)}.example.com`, `${'a'.repeat(63)}.example.com`],
    ['', null],
  ])('%s is the host name %s', (text, name) => {
    expect(hostName(text)).toBe(name);
  });

  test.each([
    ['host-203-0-113-7.isp.example', '203.0.113.7', true],
    ['203-0-113-7.isp.example', 'no address', false],
    ['cb00710.isp.example', '203.0.113.16', false],
    ['1-10-2-0.isp.example', '0.2.10.1', true],
    ['01020304.isp.example', '1.2.3.4', true],
    ['001002003004.isp.example', '1.2.3.4', true],
    ['x1-2-3x.isp.example', '1.2.3.4', true],
    ['x2-3-4x.isp.example', '1.2.3.4', true],
    ['x3-2-1x.isp.example', '1.2.3.4', true],
    ['x11-2-3.isp.example', '1.2.3.4', false],
    ['7.113.0.203.isp.example', '203.0.113.7', true],
    ['7-113-0.isp.example', '203.0.113.7', true],
    ['cb007107.isp.example', '203.0.113.7', true],
    ['203000113007.isp.example', '203.0.113.7', true],
    ['pool12.isp.example', '203.0.113.7', true],
    ['a.dsl-3.isp.example', '203.0.113.7', true],
    ['x.dynamic.isp.example', '203.0.113.7', true],
    ['20010db8000100000000000000000007.isp.example', '2001:db8:1::7', true],
    ['2001-0db8-0001-0000-x.isp.example', '2001:db8:1::7', true],
    ['x-0000-0000-0000-0007.isp.example', '2001:db8:1::7', true],
    // Half of it is needed: a digit less may be there by chance.
    ['2001-0db8-0001-000.isp.example', '2001:db8:1::7', false],
    ['000-0000-0000-0007.isp.example', '2001:db8:1::7', false],
    ['a-2001-db8-1--7.isp.example', '2001:db8:1::7', false],
    ['113-0-203.isp.example', '203.0.113.7', true],
    ['0-203.isp.example', '203.0.113.7', false],
    ['cb0071.isp.example', '203.0.113.7', false],
    ['mail-203-0-113-7.service.example', '203.0.113.7', false],
    ['o7.ptr113.service.example', '203.0.113.7', false],
    ['a113-7.smtp-out.eu-west-1.service.example', '203.0.113.7', false],
    ['www.example.org', '203.0.113.7', false],
    ['server113.example.org', '203.0.113.7', false],
    ['dynamics.example.org', '203.0.113.7', false],
    ['crm.example.org', '2001:db8:1::7', false],
  ])('%s of %s is generic: %s', (name, address, generic) => {
    expect(isGenericName(name, address)).toBe(generic);
  });
});
