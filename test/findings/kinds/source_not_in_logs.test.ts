import { test } from 'vitest';
import { expectWords } from './words.ts';

test('its words', () =>
  expectWords('source_not_in_logs', {
    'mail that passes': { subject: '192.0.2.10' },
    'none that passes, several days': {
      subject: '192.0.2.10',
      facts: { passed: 0, logged: 0, days: ['2026-10-03', '2026-10-04', '2026-10-05'], log_sources: ['eu-1', 'eu-2'] },
    },
    'more days and sources of logs than are named': {
      subject: '192.0.2.10',
      facts: {
        days: ['2026-10-03', '2026-10-04', '2026-10-05', '2026-10-06'],
        log_sources: ['eu-1', 'eu-2', 'eu-3', 'eu-4'],
      },
    },
  }));
