import { expect, test } from 'vitest';
import { outranks, type ReportVersion } from '../../../services/store/reports/report-versions.ts';

const version = (more: Partial<ReportVersion>): ReportVersion => ({
  key: 1,
  identity: 'aa',
  content_hash: 'b1',
  superseded_by: null,
  salvaged: false,
  trust: 'ok',
  reporter: 'a.example',
  received: 5_000,
  messages: 10,
  ...more,
});
/** What would put a version first if nothing before it decided. */
const LATER = { received: 6_000, messages: 20, content_hash: 'b2' };

test.each<[string, Partial<ReportVersion>, Partial<ReportVersion>]>([
  ['a trusted one', { salvaged: true }, { trust: 'pending', reporter: 'google.com', ...LATER }],
  [
    'one that waits, before one that is not proven',
    { trust: 'pending', salvaged: true },
    { trust: 'bad', reporter: 'google.com', ...LATER },
  ],
  ['a trusted one, before one that is not proven', { salvaged: true }, { trust: 'bad', reporter: 'google.com', ...LATER }],
  ["of two trusted, a known reporter's own", { reporter: 'google.com', salvaged: true }, LATER],
  ['of two that wait, the intact', { trust: 'pending' }, { trust: 'pending', reporter: 'google.com', salvaged: true, ...LATER }],
  ['of two by known reporters, the intact', { reporter: 'google.com' }, { reporter: 'yahoo.com', salvaged: true, ...LATER }],
  ['the intact', {}, { salvaged: true, ...LATER }],
  ['the one that came later', { received: 5_001 }, { messages: 20, content_hash: 'b2' }],
  ['of two at once, the larger', { messages: 11 }, { content_hash: 'b2' }],
  ['of two as large, the greater', { content_hash: 'b2' }, {}],
])('first among the versions of a report is %s', (_, first, second) => {
  expect([outranks(version(first), version(second)), outranks(version(second), version(first))]).toEqual([true, false]);
});

test('none is before one like it', () => {
  expect(outranks(version({}), version({}))).toBe(false);
});
