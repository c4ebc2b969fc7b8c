import { expect, test } from 'vitest';
import { isFirstLook, timelineOf } from '../../../services/console/pages/timeline.ts';
import type { TimelineEntry } from '../../../services/store/console/domain.ts';
import { markup } from '../shown.ts';

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

test('who did it is told apart from why', () => {
  const sender = entry({ what: 'sender', event: 'denied', subject: 'p.example', actor: 'demo', summary: 'nobody knows it' });
  expect(shown([sender])).toContain('<span class="quiet">by demo</span><br>nobody knows it');
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

test('each thing that happens is told with what it leads to', async () => {
  const at = (minutes: number) => new Date(Date.UTC(2026, 10, 20, 8, minutes));
  const kinds: [TimelineEntry['what'], ...string[]][] = [
    ['finding', 'opened', 'changed', 'reopened', 'resolved', 'acknowledged', 'of a later version'],
    ['dns', 'published', 'gone'],
    ['sending', 'begins', 'of a later version'],
    ['zone', 'withdrawn', 'of a later version'],
    ['bounce', 'many', 'of a later version'],
    ['reports', 'failing', 'of a later version'],
    ['request', 'open', 'of a later version'],
    ['decision', 'approve', 'of a later version'],
    ['sender', 'approved', 'of a later version'],
    ['change', 'applied', 'of a later version'],
  ];
  const entries = kinds.flatMap(([what, ...events], k) =>
    events.map((event, i) =>
      entry({
        at: at(10 * k + i),
        what,
        event,
        finding_key: 7,
        request_key: 9,
        summary: `<1234> on 2026-11-02`,
        actor: i === 0 ? 'ada' : null,
      }),
    ),
  );
  const bare = kinds.map(([what], k) => entry({ at: at(200 + k), what, event: 'x', summary: null }));
  await expect(markup(timelineOf([...entries, ...bare], { watchedSince: null, logs: true })!)).toMatchFileSnapshot(
    'golden/timeline.txt',
  );
});

test('the first look takes less than ten minutes, and is told at the place of its oldest record', () => {
  const after = (ms: number) => entry({ at: new Date(SINCE.getTime() + ms), subject: `TXT ${ms}.example` });
  expect([599_999, 600_000].map((ms) => isFirstLook(after(ms), SINCE))).toEqual([true, false]);
  expect(isFirstLook({ ...after(0), what: 'change' }, SINCE)).toBe(false);
  const page = shown([after(700_000), after(5), after(4)]);
  expect(page.indexOf('2 records found')).toBeGreaterThan(page.indexOf('700000.example'));
  expect(page).toContain('<time datetime="2026-11-01T08:00:00.004Z">2026-11-01 08:00</time>');
  expect(timelineOf([], { watchedSince: SINCE, logs: true })).toBeNull();
});

test('only what the program says of what somebody did at that moment, to that finding, is left out', () => {
  const at = new Date('2026-11-09T08:00:00Z');
  const of = (event: string, more: Partial<TimelineEntry> = {}) => entry({ at, what: 'finding', event, finding_key: 7, ...more });
  const told = (...entries: TimelineEntry[]) => shown(entries).match(/<li>/g)?.length ?? 0;
  expect(told(of('unclosed'), of('reopened'))).toBe(1);
  expect(told(of('closed'), of('resolved', { finding_key: 8 }))).toBe(2);
  expect(told(of('closed'), of('resolved', { at: new Date(at.getTime() + 1) }))).toBe(2);
  expect(told(of('closed'), of('opened'))).toBe(2);
  expect(told(of('acknowledged'), of('resolved'))).toBe(2);
  expect(told(of('closed'), of('resolved', { what: 'request' }))).toBe(2);
});

test('a value of a record has eighty characters, and ten entries do not fold', () => {
  const value = (length: number) => entry({ at: new Date('2026-11-09T08:00:00Z'), summary: 'x'.repeat(length) });
  expect(shown([value(80)])).toContain(`${'x'.repeat(80)}<`);
  expect(shown([value(81)])).toContain(` ${'x'.repeat(79)}…<`);
  const many = Array.from({ length: 11 }, (_, i) =>
    entry({ at: new Date(Date.UTC(2026, 10, 20 + i)), subject: `n${i}.example` }),
  );
  expect(shown(many)).toContain(
    '<summary>Show 1 more</summary><ol class="history"><li><time datetime="2026-11-30T00:00:00.000Z">',
  );
  expect(shown(many.slice(1))).not.toContain('<details');
});
