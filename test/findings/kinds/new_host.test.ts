import { expect, test } from 'vitest';
import { factWords } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

const words = (host: string | null) =>
  factWords({ domain: 'example.com', subject: '192.0.2.0/24', evidence: EVIDENCE }, { ...SAMPLES.new_host, host });

test('a host with a name is named with its network, and names the domain by itself', () => {
  const { title, what, senders } = words('www.example.com');
  expect(title).toBe('New host www.example.com passes SPF unsigned');
  expect(what).toContain('from www.example.com (192.0.2.0/24) without a DKIM signature');
  expect(senders).toMatchObject([
    { verdict: 'approve', source: '192.0.2.0/24' },
    { verdict: 'deny', source: '192.0.2.0/24' },
  ]);
});

test('a host without a name is its network, and the domain is named beside it', () => {
  const { title, what } = words(null);
  expect(title).toBe('New host 192.0.2.0/24 passes SPF as example.com unsigned');
  expect(what).toContain('from 192.0.2.0/24 without a DKIM signature');
});

test('its words with a name and without', () =>
  expectWords('new_host', {
    named: { subject: '192.0.2.0/24' },
    unnamed: { subject: '192.0.2.0/24', facts: { host: null }, evidence: { messages: 1, share: 0.004 } },
  }));
