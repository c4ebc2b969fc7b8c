import fc from 'fast-check';
import { expect, test } from 'vitest';
import { whoseWords } from '../../../services/findings/sentences/source.ts';

const NET = { source: '203.0.113.0/24', messages: 1 };

test.each([
  [{}, ''],
  [{ asn: 24_940, owner: 'Hetzner', country: 'DE' }, 'AS24940 Hetzner, DE'],
  [{ asn: 24_940, country: 'DE' }, 'AS24940, DE'],
  [{ asn: 24_940, owner: 'Hetzner' }, 'AS24940 Hetzner'],
  [{ country: 'DE' }, 'DE'],
  [{ service: 'SendGrid' }, 'SendGrid'],
  [{ host: 'mta3.crm.example' }, 'mta3.crm.example'],
  [
    { host: 'o1.sendgrid.net', service: 'SendGrid', asn: 11_377, owner: 'SendGrid', country: 'US' },
    'o1.sendgrid.net (SendGrid), AS11377 SendGrid, US',
  ],
])('%j is described as "%s"', (known, words) => {
  expect(whoseWords({ ...NET, ...known })).toBe(words);
});

test('a long name is cut at its begin, so that whose it is and the country stay', () => {
  const words = whoseWords({
    ...NET,
    host: `${'x'.repeat(60)}.crm.example`,
    asn: 64_500,
    owner: 'A very long owner of a network, Inc.',
    country: 'NL',
  });
  expect(words).toMatch(/^…x*\.crm\.example, AS64500 A very long owner of a networ?…, NL$/);
});

test('whatever the names, the words fit the room and end with the country', () => {
  const text = fc.option(fc.string({ maxLength: 300 }), { nil: undefined });
  fc.assert(
    fc.property(text, text, text, fc.integer({ min: 1, max: 4_294_967_295 }), (host, service, owner, asn) => {
      const words = whoseWords({ ...NET, host, service, owner, asn, country: 'NL' });
      expect([...words].length).toBeLessThanOrEqual(64);
      expect(words).toMatch(/NL$/);
    }),
  );
});

test('a name that does not fit costs the name of the owner first, and then its own begin', () => {
  const words = (length: number, room?: number) =>
    whoseWords({ ...NET, host: 'h'.repeat(length), asn: 24_940, owner: 'Hetzner', country: 'DE' }, room);
  const network = 'AS24940 Hetzner, DE';
  const left = 64 - 2 - network.length;
  expect(words(left)).toBe(`${'h'.repeat(left)}, ${network}`);
  expect(words(left + 1)).toBe(`${'h'.repeat(left + 1)}, AS24940, DE`);
  expect(words(left + 9)).toBe(`…${'h'.repeat(left - 1)}, ${network}`);
  expect(words(99, 50)).toBe(`…${'h'.repeat(50 - 3 - network.length)}, ${network}`);
  expect([...words(99)]).toHaveLength(64);
});
