import { test } from 'vitest';
import { expectWords } from './words.ts';

const service = (id: string, kind: string) => ({ id, kind });

test('how much more than usual, why it may be no surprise, and where to look', () =>
  expectWords('volume_surge', {
    'over ten times, no service': {},
    'ten times': { facts: { times: 10, days: 2 } },
    'just below ten times, from two networks, with a name': {
      facts: { times: 9.6, expected: 1200.4, name: 'a.example' },
      evidence: { senders: 2 },
      subject: '192.0.2.0/24',
    },
    'three times, a service for campaigns': { facts: { times: 3.2, service: service('sendgrid', 'esp') } },
    'Microsoft 365': { facts: { name: 'Microsoft 365', service: service('microsoft-365', 'mailbox_provider') } },
    'Google Workspace': { facts: { name: 'Google Workspace', service: service('google-workspace', 'mailbox_provider') } },
    'another mailbox provider': { facts: { name: 'Fastmail', service: service('fastmail', 'mailbox_provider') } },
    'it sent as much before': {
      facts: { season: { why: 'recurring', day: '2026-09-03', messages: 1 }, service: service('fastmail', 'mailbox_provider') },
    },
    'the time of the month': { facts: { season: { why: 'calendar' }, service: null } },
    'own servers': { facts: { own: true, service: null, name: 'example.com' }, evidence: { senders: 2 } },
    'own servers of a service': { facts: { own: true, service: service('sendgrid', 'esp') } },
    'a small sender': { facts: { season: { why: 'small' } } },
    'a campaign': { facts: { season: { why: 'campaign' }, service: service('sendgrid', 'esp') } },
  }));
