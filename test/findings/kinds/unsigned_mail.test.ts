import { test } from 'vitest';
import { expectWords } from './words.ts';

test('its words', () =>
  expectWords('unsigned_mail', {
    'all of it': { subject: 'eu-1/production/shop' },
    'a part of it': { subject: 'eu-1/production/shop', facts: { extent: 'part', declared: false } },
    'declared, and never seen signed': { subject: 'production/shop', facts: { last_signed_at: null, keys: [] } },
    'neither declared nor ever seen signed': { subject: 'production/shop', facts: { last_signed_at: null, declared: false } },
    'more keys than are named': {
      subject: 'production/shop',
      facts: { keys: ['a', 'b', 'c', 'd'].map((name) => `${name}._domainkey.example.com`) },
    },
    'neither cluster nor environment': {
      subject: '-/shop',
      facts: { sender: { cluster: '', environment: '', workload: 'shop' } },
    },
    'no workload': { subject: 'eu-1/-/-', facts: { sender: { cluster: 'eu-1', environment: '', workload: '' } } },
  }));
