import { test } from 'vitest';
import { expectWords } from './words.ts';

test('its words, by what is wrong with the server', () =>
  expectWords('dns_server', {
    lame: { subject: 'ns1.hoster.example' },
    'silent, below the domain': { facts: { failure: 'silent' }, subject: 'ns1.example.com' },
    'without an address': { facts: { failure: 'no address' }, subject: 'ns1.hoster.example' },
    behind: { facts: { failure: 'behind', name: '_dmarc.example.com' }, subject: 'ns1.hoster.example' },
  }));
