import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalAddress, networkOf } from '../../../services/report/address.ts';
import { Aligner } from '../../../services/report/aggregate/alignment.ts';
import { verdictOf } from '../../../services/report/aggregate/source.ts';
import type { OverrideReason } from '../../../services/report/model.ts';

const policy = { domain: 'example.com', adkim: 'r', aspf: 'r', discovery_method: null };
const sig = (domain: string, result = 'pass') => ({ domain, selector: 's', result, human_result: null });
const check = (domain: string, result = 'pass', scope: string | null = 'mfrom') => ({
  domain,
  scope,
  result,
  human_result: null,
});

function of(
  dkim: ReturnType<typeof sig>[],
  spf: ReturnType<typeof check>[],
  {
    source_ip = '203.0.113.7' as string | null,
    reasons = [] as OverrideReason[],
    header_from = 'example.com' as string | null,
  } = {},
) {
  return verdictOf({ source_ip, header_from, reasons, auth: { dkim, spf } }, new Aligner(policy));
}

describe('source', () => {
  test('is the foreign signature first', () => {
    expect(of([sig('mail.service.example')], [check('bounce.sender.example.net')])).toEqual({
      dkim_aligned: false,
      spf_aligned: false,
      source: 'service.example',
      forwarded: false,
      foreign_dkim: 'service.example',
      foreign_spf: 'example.net',
    });
    expect(of([sig('mail.service.example')], [check('example.com')]).source).toBe('service.example');
  });

  test('is the foreign bounce domain when no foreign signature passes', () => {
    expect(of([sig('mail.service.example', 'fail')], [check('bounce.sender.example.net')]).source).toBe('example.net');
    expect(of([sig('example.com')], [check('bounce.sender.example.net')]).source).toBe('example.net');
  });

  test.each([
    ['a customer of a service that signs as itself too', ['customer.example', 'amazonses.com'], 'amazonses.com'],
    ['the same, with a return path of the customer', ['customer.example', 'amazonses.com'], 'customer.example'],
    ['the same, when nothing is known of the return path', ['customer.example', 'amazonses.com'], null],
    ['a service that carries its mail through another', ['customer.example', 'carrier.example'], 'carrier.example'],
    ['what a forwarder signed again', ['customer.example', 'forwarder.example.net'], 'forwarder.example.net'],
    ['two that are alike: the first by the alphabet', ['customer.example', 'zz.example'], null],
  ])('of several signatures is the most telling, in any order: %s', (_, domains, envelope) => {
    const spf = envelope === null ? [] : [check(envelope)];
    for (const order of [domains, [...domains].reverse()]) {
      const record = of(
        order.map((domain) => sig(domain)),
        spf,
      );
      expect(record).toMatchObject({ source: 'customer.example', foreign_dkim: 'customer.example' });
    }
  });

  test('is the service that signs twice when it alone signed', () => {
    expect(of([sig('amazonses.com'), sig('example.com')], [check('amazonses.com')]).source).toBe('amazonses.com');
    expect(of([sig('amazonses.com'), sig('mandrillapp.com')], []).source).toBe('amazonses.com');
  });

  test('is the customer where a service names its customers', () => {
    expect(of([sig('ours-example.20230601.gappssmtp.com')], []).source).toBe('ours-example.gappssmtp.com');
    expect(of([sig('Ours-Example.20210112.gappssmtp.com.')], []).source).toBe('ours-example.gappssmtp.com');
    expect(of([sig('theirs.onmicrosoft.com')], []).source).toBe('theirs.onmicrosoft.com');
    expect(of([], [check('theirs.mail.onmicrosoft.com')]).source).toBe('theirs.onmicrosoft.com');
    expect(of([sig('onmicrosoft.com')], []).source).toBe('onmicrosoft.com');
  });

  test('is the network when nobody foreign authenticates', () => {
    expect(of([sig('example.com')], [check('example.com')]).source).toBe('203.0.113.0/24');
    expect(of([], [], { source_ip: '2001:db8:1:2::3' }).source).toBe('2001:db8:1::/48');
    expect(of([], [], { source_ip: null }).source).toBe('unknown');
  });

  test('stays the same when our own key breaks', () => {
    const before = of([sig('example.com'), sig('service.example')], [check('b.service.example')]).source;
    const after = of([sig('example.com', 'fail'), sig('service.example')], [check('b.service.example')]).source;
    expect(after).toBe(before);
  });

  test('a subdomain of ours is not foreign under strict alignment', () => {
    const strict = { ...policy, adkim: 's', aspf: 's' };
    const record = {
      source_ip: '203.0.113.7',
      header_from: 'example.com',
      reasons: [],
      auth: { dkim: [sig('m.example.com')], spf: [] },
    };
    expect(verdictOf(record, new Aligner(strict))).toMatchObject({ source: '203.0.113.0/24', foreign_dkim: null });
  });

  test.each([
    ['forwarded', null, true],
    ['trusted_forwarder', null, true],
    ['mailing_list', null, true],
    ['local_policy', 'arc=pass as[1].d=google.com', true],
    ['local_policy', 'arc=fail', false],
    ['local_policy', null, false],
    ['sampled_out', null, false],
    ['other', 'arc=pass', false],
    [null, 'forwarded', false],
  ])('reason %s with comment %s: forwarded %s', (type, comment, expected) => {
    expect(of([], [], { reasons: [{ type, comment }] }).forwarded).toBe(expected);
  });

  test('a mail service with its own bounce domain that signs as its customer is not called a forwarder', () => {
    expect(of([sig('example.com')], [check('pm.service.example')]).forwarded).toBe(false);
  });
});

describe('addresses', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['192.0.2.01', null],
    ['192.0.2.256', null],
    ['192.0.2', null],
    ['108r.166.27.220', null],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['::192.0.2.1', '::c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7:8:9', null],
    ['1::2::3', null],
    ['2001:db8::/32', null],
    [':1', null],
    ['', null],
    ['localhost', null],
  ])('%s is %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected);
  });

  test('the canonical form of any IPv6 address is its own canonical form', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const canonical = canonicalAddress(address);
        expect(canonical).not.toBeNull();
        expect(canonicalAddress(canonical as string)).toBe(canonical);
      }),
    );
  });

  test('a network holds its own first address', () => {
    expect(networkOf('203.0.113.255')).toBe('203.0.113.0/24');
    expect(networkOf('2001:db8:0:1::1')).toBe('2001:db8::/48');
    expect(networkOf('::1')).toBe('::/48');
  });
});
