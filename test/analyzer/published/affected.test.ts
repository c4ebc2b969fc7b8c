import { expect, test } from 'vitest';
import { admittingTerms, affectedBy } from '../../../services/analyzer/published/affected.ts';
import type { Loss } from '../../../services/analyzer/published/losses.ts';
import type { SenderData } from '../../../services/analyzer/senders/units.ts';
import type { Published, SpfMail } from '../../../services/store/dns/published.ts';
import { expectLives } from '../invented-changes.ts';

const AT = new Date('2026-11-20T14:02:00Z');
const loss: Loss = {
  loss: 'spf_terms',
  name: 'example.com',
  at: AT,
  before: 'v=spf1 ip4:192.0.2.0/24 include:spf.relay.example -all',
  now: 'v=spf1 ip4:192.0.2.0/24 -all',
  terms: ['include:spf.relay.example'],
};
const include = {
  name: 'spf.relay.example',
  type: 'TXT',
  purpose: 'spf_include' as const,
  value: 'v=spf1 ip4:198.51.100.0/24 -all',
};
const published: Published = { records: [{ ...include, first_seen: AT, gone_at: null }], questions: [], servers: [] };
/** A sender that is called by the domain that signs its mail, and that the catalogue does not know. */
const signer = 'relay.example';
const sender = {
  key: signer,
  name: signer,
  service: null,
  sources: [{ source: signer, messages: 100, passed: 100, spf_aligned: 100, dkim_aligned: 0 }],
} as unknown as SenderData;
const from = (...networks: [string, number][]): SpfMail[] =>
  networks.map(([network, messages]) => ({ source: signer, network, messages }));
const affected = (spfMail: SpfMail[]) => affectedBy(loss, [sender], { published, keyMail: [], spfMail }).map(({ name }) => name);

test('a sender that another domain signs rests on the term that admits most of its mail', () => {
  expect(affected(from(['198.51.100.0/24', 60], ['192.0.2.0/24', 40]))).toEqual([signer]);
});

test.each([
  ['most of its mail comes from what is still admitted', from(['198.51.100.0/24', 40], ['192.0.2.0/24', 60])],
  ['half of it does', from(['198.51.100.0/24', 50], ['192.0.2.0/24', 50])],
  ['it comes from elsewhere', from(['203.0.113.0/24', 100])],
  ['it is not known from where it comes', []],
])('it does not where %s', (_, mail) => {
  expect(affected(mail)).toEqual([]);
});

test('the terms that let something pass are those of the one record that stands, as far as they admit at all', () => {
  const record = (value: string, gone_at: Date | null = null) => ({
    name: 'example.com',
    type: 'TXT',
    purpose: 'spf' as const,
    value,
    first_seen: AT,
    gone_at,
  });
  const text =
    'v=spf1 ip4:192.0.2.0/25 -ip4:192.0.2.128/25 ip4:203.0.113.9 ?include:spf.relay.example include:spf.relay.example +all';
  const terms = (networks: string[], names: string[], ...records: ReturnType<typeof record>[]) =>
    admittingTerms('example.com', { ...published, records: [...published.records, ...records] }, { networks, include: names });
  const standing = record(text);
  expect(terms(['192.0.2.0/24'], [], standing)).toEqual(['ip4:192.0.2.0/25']);
  expect(terms(['198.51.100.0/24'], [], standing)).toEqual(['include:spf.relay.example']);
  expect(terms([], ['spf.relay.example'], standing, record('v=spf1 mx -all', AT))).toEqual(['include:spf.relay.example']);
  expect(terms(['192.0.2.0/24', '203.0.113.0/24'], ['spf.relay.example'], standing)).toEqual([
    'ip4:192.0.2.0/25',
    'ip4:203.0.113.9',
    'include:spf.relay.example',
  ]);
  expect(terms(['192.0.2.0/24'], [], standing, record('v=spf1 -all'))).toEqual([]);
  expect(terms(['192.0.2.0/24'], [], record(text, AT))).toEqual([]);
});

test('whose mail rested on invented records is as it was', () => expectLives('losses'));
