import { test } from 'vitest';
import { expectWords } from './words.ts';

test('what a denied source passes by is what is to be withdrawn', () =>
  expectWords('denied_source', {
    'by both, an unknown service': {},
    'by SPF, a known service': { facts: { by: 'spf', service: 'SendGrid' }, evidence: { messages: 1 } },
    'by DKIM, a known service': { facts: { by: 'dkim', service: 'SendGrid' } },
    'by DKIM, an unknown service': { facts: { by: 'dkim' } },
    'by DKIM, with a key of its own': {
      facts: { by: 'dkim', keys: [{ name: 'th1._domainkey.example.com', messages: 842, others: [] }] },
    },
    'by DKIM, with a key that others sign with': {
      facts: { by: 'dkim', keys: [{ name: 'mta1._domainkey.example.com', messages: 40, others: ['192.0.2.0/24', 'a.test'] }] },
    },
    'by SPF, with the term that admits it': { facts: { by: 'spf', terms: ['include:spf.mailer.example'] } },
    'by both, with key and terms': {
      facts: {
        keys: [{ name: 'th1._domainkey.example.com', messages: 1, others: [] }],
        terms: ['include:spf.mailer.example', 'ip4:192.0.2.0/24'],
      },
    },
    'by nothing, and no policy stops it': {
      facts: { by: 'none', policy: 'none', service: 'SendGrid' },
      evidence: { messages: 4_527, delivered: 2_021 },
    },
    'by nothing, and nobody knows the policy': { facts: { by: 'none', policy: null }, evidence: { messages: 9, delivered: 9 } },
  }));
