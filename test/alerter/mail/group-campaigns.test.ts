import { expect, test } from 'vitest';
import { campaignsAmong } from '../../../services/alerter/mail/group-campaigns.ts';
import type { Item } from '../../../services/alerter/mail/plan.ts';
import type { FindingEvent } from '../../../services/store/alerts/outbox.ts';
import { evidenceOf, FINDINGS } from '../events.ts';

interface Given {
  networks?: string[];
  last_day?: string;
  step?: Item['step'];
  kind?: string;
  domain?: string;
}

/** One finding for each: of the first domain, of the second, and so on. */
function due(...some: Given[]) {
  const items: Item[] = [];
  const events = new Map<number, FindingEvent>();
  for (const [
    i,
    { networks = ['203.0.113.0/24'], last_day = '2026-10-05', step = 'opened', kind, domain = `d${i + 1}.example` },
  ] of some.entries()) {
    const told = FINDINGS[kind ?? 'unauthorized_source']!;
    const who = networks.map((source) => ({ source, messages: 50, delivered: 50 }));
    const evidence = evidenceOf({ ...(told.stored as object), who, senders: who.length, last_day });
    events.set(i + 1, { ...told, ...evidence, finding_key: i + 1, domain, event: step });
    items.push({ finding_key: i + 1, newest: 100 + i, domain, step } as Item);
  }
  return campaignsAmong(items, events).map((group) => group.map((one) => one.finding_key));
}

test('what the same networks did to several domains is put together', () => {
  expect(due({}, {}, { networks: ['192.0.2.0/24'] }, {})).toEqual([[1, 2, 4], [3]]);
  expect(due({ networks: ['a', 'b', 'c'] }, { networks: ['c', 'd'] }, { networks: ['c', 'x', 'y'] })).toEqual([[1, 2], [3]]);
  // Of forty networks each lists its ten largest, which are not the same ten.
  const ten = (...first: string[]) => ({ networks: [...first, ...Array.from({ length: 8 }, (_, i) => `${first[0]}-${i}`)] });
  expect(due(ten('a', 'b'), ten('b', 'a'), ten('c', 'b'))).toEqual([[1, 2], [3]]);
  // One that has a network in common with each of two, and those that it has two in common with bring each
  // other.
  expect(due(ten('a', 'b'), ten('b', 'a'), ten('c', 'b', 'a-0'))).toEqual([[1, 2, 3]]);
  expect(due(ten('a', 'b'), ten('c', 'd'), ten('d', 'c'), ten('b', 'a', 'c', 'd'))).toEqual([[1, 2, 3, 4]]);
  // Of one domain each finding is told by itself.
  expect(due(ten('a', 'b'), ten('c', 'd'), { ...ten('a', 'b', 'c', 'd'), domain: 'd1.example' })).toEqual([[1], [2, 3]]);
});

test.each<[string, Given]>([
  ['told in another state', { step: 'changed' }],
  ['days later', { last_day: '2026-10-08' }],
  ['of a sender that is not set up', { kind: 'alignment_failure' }],
  ['that names no network', { networks: [] }],
])('what is %s stays alone', (_, other) => expect(due({}, other)).toEqual([[1], [2]]));

test('a finding that brings others along brings their networks and days too, and all stand in the order of the items', () => {
  // The third has nothing in common with the first, and enough with the second, which is of their mail.
  expect(due({ networks: ['a', 'b'] }, { networks: ['b', 'c', 'd'] }, { networks: ['c', 'd', 'e'] })).toEqual([[1, 2, 3]]);
  // The fourth joins what two others began, and they stand before it.
  const [a, c] = [{ networks: ['a', 'b', 'x', 'y'] }, { networks: ['c', 'd', 'u', 'v'] }];
  const both = { networks: ['c', 'd', 'a', 'b'] };
  expect(due(a, c, { networks: ['z'] }, { networks: ['c', 'd', 'w'] }, both, { networks: ['x', 'u'] })).toEqual([
    [1, 2, 4, 5, 6],
    [3],
  ]);
  // The third joined the first before the fourth brought the second.
  expect(due(a, c, a, both)).toEqual([[1, 2, 3, 4]]);
});

test('what is two days apart is of one time, from its first to its last', () => {
  const on = (last_day: string) => ({ last_day });
  expect(due(on('2026-10-05'), on('2026-10-07'))).toEqual([[1, 2]]);
  expect(due(on('2026-10-07'), on('2026-10-05'))).toEqual([[1, 2]]);
  expect(due(on('2026-10-05'), on('2026-10-06'), on('2026-10-08'))).toEqual([[1, 2], [3]]);
  expect(due(on('2026-10-06'), on('2026-10-05'), on('2026-10-08'))).toEqual([[1, 2], [3]]);
  expect(due(on('2026-10-05'), on('2026-10-07'), on('2026-10-04'))).toEqual([[1, 2], [3]]);
});

test('half of the networks of the smaller one are enough, or two of many', () => {
  const of = (...networks: string[]) => ({ networks });
  expect(due(of('a', 'b'), of('a', 'x', 'y'))).toEqual([[1, 2]]);
  expect(due(of('a', 'b', 'c'), of('a', 'x', 'y'))).toEqual([[1], [2]]);
  expect(due(of('a', 'b', 'c', 'd', 'e'), of('a', 'b', 'x', 'y', 'z'))).toEqual([[1, 2]]);
  expect(due(of('a'), of('b'))).toEqual([[1], [2]]);
});

test.each([
  ['that is reminded of', { step: 'reminded' as const }],
  ['of the same domain', { domain: 'd1.example' }],
])('two %s are two mails', (_, more) => expect(due(more, more)).toEqual([[1], [2]]));
