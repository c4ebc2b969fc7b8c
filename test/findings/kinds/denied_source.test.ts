import { test } from 'vitest';
import { expectWords } from './words.ts';

test('what a denied source passes by is what is to be withdrawn', () =>
  expectWords('denied_source', {
    'by both, an unknown service': {},
    'by SPF, a known service': { facts: { by: 'spf', service: 'SendGrid' }, evidence: { messages: 1 } },
    'by DKIM, a known service': { facts: { by: 'dkim', service: 'SendGrid' } },
    'by DKIM, an unknown service': { facts: { by: 'dkim' } },
  }));
