import { test } from 'vitest';
import { expectWords } from './words.ts';

test('its words', () =>
  expectWords('unauthorized_workload', {
    'declared for nothing': { subject: 'eu-1/production/debug' },
    'declared for others, unsigned': { subject: 'eu-1/production/debug', facts: { signed: 0, may: ['news.example.com'] } },
    'declared for more than are named': {
      subject: 'eu-1/production/debug',
      facts: {
        may: ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}.example.com`),
        declared: ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `production/${name}`),
      },
    },
    'a name below the domain that nobody is declared for': {
      subject: 'staging/debug',
      facts: {
        sender: { cluster: '', environment: 'staging', workload: 'debug' },
        sends_as: 'mail.example.com',
        declared: [],
        may: ['staging.example.com'],
        signed: 1,
      },
    },
  }));
