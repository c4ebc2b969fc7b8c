import { test } from 'vitest';
import { expectWords } from './words.ts';

test('its words', () =>
  expectWords('bimi_ready', {
    'at p=reject': { subject: 'example.com' },
    'at p=quarantine': { subject: 'example.com', facts: { policy: 'quarantine' } },
  }));
