import { test } from 'vitest';
import { SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

const [difference] = SAMPLES.dns_drift.differences;
const of = (name: string, part: 'dkim' | 'dmarc' | 'other', message: string, publish: string | null = null) => ({
  subject: name,
  facts: { name, part, differences: [{ ...difference!, message, publish }] },
});

test('its words', () =>
  expectWords('dns_drift', {
    'SPF with a source that nobody declared': { subject: 'example.com' },
    'with what the reports show': { subject: 'example.com', facts: { seen: { messages: 3_400, since: '2026-11-21' } } },
    'several differences, in two environments': {
      subject: 'example.com',
      facts: {
        differences: [difference!, difference!, difference!, difference!],
        approved: { by: 'guard', environments: ['production', 'staging'] },
      },
    },
    'as many differences as are described': { facts: { differences: [difference!, difference!] } },
    'one more': { facts: { differences: [difference!, difference!, difference!] } },
    'a declared domain that is not below the own one': { facts: { domain: 'notexample.com' } },
    'a key': of('s1._domainkey.example.com', 'dkim', 'The key at s1._domainkey.example.com is not the one that is declared.'),
    'a policy': of(
      '_dmarc.example.com',
      'dmarc',
      'The policy of example.com is none, and at least reject is declared.',
      'v=DMARC1; p=reject',
    ),
    'another record, below the domain': {
      ...of('_verify.staging.example.com', 'other', '_verify.staging.example.com has nothing as TXT, and "abc" is declared.'),
      facts: {
        ...of('_verify.staging.example.com', 'other', '_verify.staging.example.com has nothing as TXT, and "abc" is declared.')
          .facts,
        domain: 'staging.example.com',
      },
    },
  }));
