import { test } from 'vitest';
import { expectWords } from './words.ts';

const aspect = { aspect: 'spf.sources', missing: ['ip4:192.0.2.0/24'], extra: [] as string[] };

test('its words', () =>
  expectWords('environment_drift', {
    'one aspect': { subject: 'staging.example.com' },
    'several aspects': {
      subject: 'staging.example.com',
      facts: { aspects: [aspect, { aspect: 'dkim.selectors', missing: [], extra: ['s2'] }, aspect, aspect, aspect] },
    },
    'as many aspects as are described': { subject: 'staging.example.com', facts: { aspects: [aspect, aspect, aspect] } },
    'one more': { subject: 'staging.example.com', facts: { aspects: [aspect, aspect, aspect, aspect] } },
    'as many values as are named': {
      subject: 'staging.example.com',
      facts: { aspects: [{ ...aspect, missing: ['ip4:192.0.2.1', 'ip4:192.0.2.2', 'ip4:192.0.2.3'] }] },
    },
    'many values': {
      subject: 'staging.example.com',
      facts: { aspects: [{ ...aspect, missing: Array.from({ length: 9 }, (_, n) => `ip4:192.0.2.${n}`) }] },
    },
  }));
