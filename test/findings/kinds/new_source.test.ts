import { test } from 'vitest';
import { expectWords } from './words.ts';

const KEY = { name: 's1._domainkey.example.com', age: 'old' as const, carries: 0.1, others: [] as string[] };
const unnamed = { service: null, signer: null };

test('what the source is called, by what it passes, and whose key signs', () =>
  expectWords('new_source', {
    'by SPF, a known service with one network': { subject: 'sendgrid.net' },
    'by SPF, a known service with two networks': { subject: 'sendgrid.net', evidence: { senders: 2, messages: 1 } },
    'by DKIM, a network without a name': { facts: { ...unnamed, by: 'dkim' }, subject: '192.0.2.0/24' },
    'by both, a network with a name': { facts: { ...unnamed, by: 'both', name: 'a.example' }, subject: '192.0.2.0/24' },
    'the name is the source': { facts: { ...unnamed, name: 'mailer.example' } },
    'nobody is listed': { facts: { by: 'dkim' }, evidence: { who: [] } },
    'a new key': { facts: { by: 'dkim', key: { ...KEY, age: 'new' } } },
    'an old key that nobody else uses and that carries little': { facts: { by: 'dkim', key: KEY } },
    'an old key of another sender that carries nearly a third': {
      facts: { by: 'dkim', key: { ...KEY, carries: 0.299, others: ['a.example'] } },
    },
    'an old key of two other senders that carries three tenths': {
      facts: { by: 'both', key: { ...KEY, carries: 0.3, others: ['a.example', 'b.example'] } },
    },
    'an old key of another sender, whose mail it may pass on': {
      facts: { ...unnamed, by: 'dkim', passed_on: true, key: { ...KEY, carries: 0.8, others: ['own servers'] } },
      subject: '192.0.2.0/24',
    },
    'three new networks under one key of another sender': {
      facts: { ...unnamed, by: 'dkim', joined: 3, key: { ...KEY, carries: 0.8, others: ['own servers'] } },
      evidence: { senders: 3 },
    },
    'four new networks under one key of another sender': {
      facts: { ...unnamed, by: 'dkim', joined: 4, key: { ...KEY, carries: 0.8, others: ['own servers'] } },
      evidence: {
        senders: 4,
        who: [1, 2, 3, 4].map((n) => ({ source: `198.51.10${n}.0/24`, messages: 9 })),
      },
    },
    'so many that they are rented hosts, under one key': {
      facts: { ...unnamed, by: 'dkim', joined: 20, key: { ...KEY, others: ['own servers'] } },
      evidence: { senders: 20 },
    },
    'twelve networks of several owners, by SPF alone': {
      facts: { ...unnamed, joined: 4 },
      evidence: { senders: 12 },
    },
    'two under one key that carries little': {
      facts: { ...unnamed, by: 'dkim', joined: 2, key: { ...KEY, others: ['a.example'] } },
      evidence: { senders: 2, who: [] },
    },
  }));
