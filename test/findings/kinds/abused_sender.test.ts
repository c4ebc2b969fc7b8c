import { test } from 'vitest';
import { expectWords } from './words.ts';

test('somebody else at a service of yours, and unsigned mail beside signed mail', () =>
  expectWords('abused_sender', {
    'foreign, a known service, p=none': { subject: 'sendgrid.net' },
    'foreign, an unknown service without a signer, no policy known': {
      facts: { service: null, signer: null, p: null },
      evidence: { messages: 1, delivered: 0 },
    },
    'foreign, a known service without a signer, p=quarantine': { facts: { signer: null, p: 'quarantine' } },
    'foreign, the service is called like its source, p=reject': {
      facts: { service: 'mailer.example', signer: 'other.example', p: 'reject' },
      evidence: { messages: 2, delivered: 2 },
    },
    'foreign, a policy that is none': { facts: { p: 'nothing' }, evidence: { delivered: 1 } },
    'unsigned, a known service': { facts: { how: 'unsigned' }, subject: '192.0.2.0/24' },
    'unsigned, an unknown service': { facts: { how: 'unsigned', service: null }, evidence: { messages: 1 } },
    'returned, an unknown service': {
      facts: { how: 'returned', service: null, last_before: '2026-04-02' },
      subject: '192.0.2.0/24',
    },
    'returned, a known hoster, one message, the day before not known': {
      facts: { how: 'returned', service: 'Hoster' },
      subject: '192.0.2.0/24',
      evidence: { messages: 1 },
    },
    'unsigned, the service is called like its source': { facts: { how: 'unsigned', service: 'mailer.example' } },
  }));
