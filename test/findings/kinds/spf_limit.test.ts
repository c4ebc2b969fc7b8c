import { test } from 'vitest';
import { SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

const problem = SAMPLES.spf_limit.problems[0]!;

test('its words', () =>
  expectWords('spf_limit', {
    'too many lookups': { subject: 'example.com' },
    'with what the reports show': { subject: 'example.com', facts: { seen: { messages: 3_400, since: '2026-11-21' } } },
    'as many lookups as are allowed': { subject: 'example.com', facts: { lookups: 10 } },
    'one more': { subject: 'example.com', facts: { lookups: 11 } },
    'as many faults as are described': { subject: 'example.com', facts: { problems: [problem, problem] } },
    'one fault more': { subject: 'example.com', facts: { problems: [problem, problem, problem] } },
    'several faults': { subject: 'example.com', facts: { problems: [problem, problem, problem, problem] } },
    'lookups that find nothing': {
      subject: 'example.com',
      facts: { lookups: 4, over: null, problems: [{ ...problem, code: 'spf_voids' }] },
    },
  }));
test('those of a dangling include', () =>
  expectWords('include_dangling', {
    gone: { subject: 'example.com' },
    'free for anyone': { subject: 'example.com', facts: { problems: [{ ...problem, code: 'spf_include_free' }] } },
  }));
test('those of a short key', () =>
  expectWords('dkim_key_weak', {
    'below 2,048 bits': { subject: 's1._domainkey.example.com' },
    'a name that has no selector': { subject: 'example.com', facts: { name: 'example.com' } },
    'below 1,024 bits': { subject: 's1._domainkey.example.com', facts: { problems: [{ ...problem, code: 'dkim_key_short' }] } },
  }));
test('those of a record with an error', () =>
  expectWords('record_invalid', {
    DMARC: { subject: '_dmarc.example.com' },
    'a zone that is bogus': {
      subject: 'example.com',
      facts: {
        name: 'example.com',
        problems: [{ code: 'dnssec_bogus', message: 'DNSSEC of example.com is broken.', text: null, publish: null }],
      },
    },
    'a key': {
      subject: 's1._domainkey.example.com',
      facts: { name: 's1._domainkey.example.com', problems: [{ ...problem, code: 'dkim_syntax' }] },
    },
  }));
test('those of MTA-STS', () => {
  const [leftOut] = SAMPLES.mta_sts_broken.problems;
  const of = (code: string) => ({ subject: '_mta-sts.example.com', facts: { problems: [{ ...leftOut!, code }] } });
  return expectWords('mta_sts_broken', {
    'a mail host that the policy leaves out': of('mta_sts_mx'),
    'a policy that is not there': of('mta_sts_policy_missing'),
    'a policy that changed without its id': of('mta_sts_id_kept'),
    'another error': of('mta_sts_id'),
  });
});
