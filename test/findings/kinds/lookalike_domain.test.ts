import { test } from 'vitest';
import { expectWords } from './words.ts';

const subject = 'examp1e.com';
const before = { mail_hosts: ['mx.old.test'], dmarc: 'v=DMARC1; p=none' };

test('its words', () =>
  expectWords('lookalike_domain', {
    registered: { subject },
    'as people see it, with a DMARC record': {
      subject: 'xn--exmple-4nf.com',
      facts: { shown: 'exаmple.com', likeness: 'cyrillic', dmarc: 'v=DMARC1; p=none' },
    },
    'the first mail host': { subject, facts: { event: 'mail' } },
    'other mail hosts': {
      subject,
      facts: { event: 'mail', before, mail_hosts: ['a.test', 'b.test', 'c.test', 'd.test'], servers: [] },
    },
    'a DMARC record': { subject, facts: { event: 'dmarc', dmarc: 'v=DMARC1; p=reject', likeness: 'various' } },
    'a DMARC record that is gone': { subject, facts: { event: 'dmarc', before, likeness: 'tld' } },
    'long names': {
      subject: `${'a'.repeat(60)}.${'b'.repeat(60)}.com`,
      facts: { mail_hosts: [`${'c'.repeat(100)}.test`], dmarc: 'v=DMARC1; '.repeat(50) },
    },
  }));
