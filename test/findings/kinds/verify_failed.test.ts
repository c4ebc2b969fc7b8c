import { test } from 'vitest';
import { expectWords } from './words.ts';

test('its words', () =>
  expectWords('verify_failed', {
    'by both': { subject: 'eu-1/production/shop' },
    'by our own verifier': { subject: 'eu-1/production/shop', facts: { refused: 0, receivers: [], words: null } },
    'by receivers that are not named': { subject: 'eu-1/production/shop', facts: { failed: 0, verified: 0, receivers: [] } },
    'more receivers than are named, one of which says much': {
      subject: 'eu-1/production/shop',
      facts: { receivers: ['gmx.de', 'web.de', 'gmail.com', 'outlook.com'], words: 'It is not right. '.repeat(12) },
    },
    'one of each': { subject: 'eu-1/production/shop', facts: { failed: 1, verified: 1, refused: 1, receivers: ['gmx.de'] } },
  }));
