import { expect, test } from 'vitest';
import { isFirstLook, timelineOf } from '../../../services/console/pages/timeline.ts';
import type { TimelineEntry } from '../../../services/store/console/domain.ts';

const SINCE = new Date('2026-11-01T08:00:00Z');
const entry = (given: Partial<TimelineEntry>): TimelineEntry => ({
  at: SINCE,
  what: 'dns',
  event: 'published',
  subject: 'TXT a.example',
  actor: null,
  summary: 'v=spf1 -all',
  finding_key: null,
  request_key: null,
  ...given,
});
const shown = (entries: TimelineEntry[], logs = false) => String(timelineOf(entries, { watchedSince: SINCE, logs }));

test('what the first look at DNS found is one entry, as it was published before', () => {
  const first = [entry({ subject: 'TXT a.example' }), entry({ subject: 'TXT b.example', at: new Date('2026-11-01T08:03:00Z') })];
  const later = entry({ subject: 'TXT c.example', at: new Date('2026-11-09T08:00:00Z') });
  const page = shown([later, ...first]);
  expect(page).toContain('2 records found');
  expect(page.match(/<li>/g)).toHaveLength(2);
  expect(page).toContain('First seen in DNS</strong> <span class="name">TXT c.example');
  expect(page).not.toContain('a.example');
  expect(isFirstLook(later, SINCE)).toBe(false);
  expect(isFirstLook(entry({ event: 'gone' }), SINCE)).toBe(false);
  expect(isFirstLook(first[0]!, null)).toBe(false);
});

test('a key is cut, a day with failing mail stands for itself, and counts have separators', () => {
  const at = new Date('2026-11-09T00:00:00Z');
  const page = shown([
    entry({ at, summary: `v=DKIM1; p=${'A'.repeat(300)}` }),
    entry({ at, what: 'reports', event: 'failing', subject: '2026-11-08', summary: '1896 of 21549 messages' }),
  ]);
  expect(page).not.toContain('A'.repeat(100));
  expect(page).toContain('>2026-11-08</time>');
  expect(page).toContain('1,896 of 21,549 messages');
});

test('the form that asks about one message is there where logs are', () => {
  expect(shown([entry({})])).not.toContain('name="id"');
  expect(shown([entry({})], true)).toContain('name="id"');
});

test('what somebody does to a finding is told once; figures of its beginning are said to be of then', () => {
  const of = (event: string, more: Partial<TimelineEntry> = {}) =>
    entry({ what: 'finding', event, finding_key: 7, summary: '152 messages', ...more });
  const later = new Date('2026-11-09T08:00:00Z');
  const page = shown([of('closed', { at: later, actor: 'ada' }), of('resolved', { at: later }), of('opened')]);
  expect(page.match(/<li>/g)).toHaveLength(2);
  expect(page).toContain('resolved by hand</strong>');
  expect(page.match(/\(as counted then\)/g)).toHaveLength(1);
  // One that was over by itself is told as such.
  expect(shown([of('resolved', { at: later }), of('opened')]).match(/<li>/g)).toHaveLength(2);
});

test('more entries than a screen has unfold', () => {
  const many = Array.from({ length: 14 }, (_, i) =>
    entry({ subject: `TXT n${i}.example`, at: new Date(Date.UTC(2026, 10, 20 + i)) }),
  );
  expect(shown(many)).toContain('<summary>Show 4 more</summary>');
  expect(shown(many.slice(0, 10))).not.toContain('<details');
});
