import { test } from 'vitest';
import { expectWords } from './words.ts';

test('the habit, and what the policy did about it', () =>
  expectWords('unauthorized_source', {
    'one network, p=reject, delivered': {},
    'two networks, p=reject, kept out': {
      evidence: {
        senders: 2,
        delivered: 0,
        who: ['198.51.100.0/24', '203.0.113.0/24'].map((source) => ({ source, messages: 5 })),
      },
    },
    'one message, p=reject, delivered': { evidence: { messages: 1, delivered: 1, usual: 1 } },
    'four networks, p=quarantine, kept out': { facts: { p: 'quarantine' }, evidence: { senders: 4, delivered: 0, usual: 0.5 } },
    'p=quarantine, one delivered': { facts: { p: 'quarantine' }, evidence: { delivered: 1, usual: 0.49 } },
    'p=none': { facts: { p: 'none' }, evidence: { usual: 1.5 } },
    'a botnet, p=none': { facts: { p: 'none' }, evidence: { senders: 584, delivered: 1500, quarantined: 100, rejected: 10 } },
    'a botnet, p=reject, quarantined too': {
      facts: { p: 'reject' },
      evidence: { senders: 20, delivered: 0, quarantined: 1000, rejected: 610 },
    },
    'three networks, one of a service of its own, p=none, some of it lost': {
      facts: { p: 'none', services: [{ name: 'Lettercraft', networks: ['198.51.100.0/24'] }] },
      evidence: { senders: 3, messages: 12, delivered: 11 },
    },
    'two networks of services of its own, p=reject, all delivered': {
      facts: {
        p: 'reject',
        services: [
          { name: 'Lettercraft', networks: ['198.51.100.0/24'] },
          { name: 'Relay', networks: ['203.0.113.0/24'] },
        ],
      },
      evidence: { senders: 2, messages: 12, delivered: 12 },
    },
    'no service of its own, two messages, one lost': { facts: { services: [] }, evidence: { messages: 2, delivered: 1 } },
    'no policy known, no habit known': { facts: { p: null }, evidence: { usual: undefined } },
  }));
