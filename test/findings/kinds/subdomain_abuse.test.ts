import { test } from 'vitest';
import { expectWords } from './words.ts';

const names = (n: number) =>
  ['a', 'b', 'c'].slice(0, n).map((name) => ({ name: `${name}.example.com`, messages: 5, used: false }));
const policy = (sp: string, np: string, p: string | null = 'reject', testing = false) => ({ p, sp, np, testing });

test('under which names it comes, what the policy asks for, and what it may ask for instead', () =>
  expectWords('subdomain_abuse', {
    'one network, one name, no policy known': {},
    'two networks, two names, sp=none': {
      facts: { published: policy('none', 'none'), looked_at: 2 },
      evidence: { senders: 2, names: names(2), names_in_all: 2 },
    },
    'three names, sp=quarantine in test mode': {
      facts: { published: policy('quarantine', 'quarantine', 'reject', true), looked_at: 3 },
      evidence: { names: names(3), names_in_all: 3, messages: 1, delivered: 0 },
    },
    'more names than were looked at, one of them in use': {
      facts: { published: policy('none', 'quarantine'), looked_at: 200, used: ['shop.example.com'], used_in_all: 1 },
      evidence: { names: names(3), names_in_all: 1200, senders: 40 },
    },
    'more names than were looked at, none of them in use': {
      facts: { published: policy('quarantine', 'none', 'none', true), looked_at: 200 },
      evidence: { names: names(3), names_in_all: 1200 },
    },
    'all names are in use: np does not matter': {
      facts: { published: policy('none', 'reject'), looked_at: 1, used: ['a.example.com'], used_in_all: 1 },
      evidence: { names: names(1), names_in_all: 1 },
    },
    'five names in use, three of them named': {
      facts: {
        published: policy('none', 'none', 'none'),
        looked_at: 9,
        used: ['shop', 'mail', 'www'].map((name) => `${name}.example.com`),
        used_in_all: 5,
      },
      evidence: { names: names(3), names_in_all: 9 },
    },
    'all names are in use, without np': {
      facts: { published: policy('quarantine', 'quarantine', null), looked_at: 1, used: ['a.example.com'], used_in_all: 1 },
      evidence: { names: names(1), names_in_all: 1 },
    },
    'np=reject beside sp=none': { facts: { published: policy('none', 'reject', 'none') } },
    'sp=reject without np=reject': { facts: { published: policy('reject', 'none') } },
    'sp=reject without np=reject, the only name is in use': {
      facts: { published: policy('reject', 'none'), used: ['billing.example.com'], used_in_all: 1 },
    },
    'refused and kept out': {
      facts: { published: policy('reject', 'reject', 'none') },
      evidence: { delivered: 0 },
    },
    'refused and delivered, p applies': { facts: { published: policy('reject', 'reject') }, evidence: { delivered: 1 } },
    'one message, refused and delivered': {
      facts: { published: policy('reject', 'reject') },
      evidence: { messages: 1, delivered: 1 },
    },
    'a value that is no policy': { facts: { published: policy('refuse', 'toString', null) } },
    'names are not stored': { evidence: { names: undefined, names_in_all: undefined } },
  }));
