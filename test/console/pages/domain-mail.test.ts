import { expect, test } from 'vitest';
import { html, path } from '../../../services/console/html.ts';
import { charts, funnel, funnelTable, sumsOf } from '../../../services/console/pages/domain-mail.ts';
import type { ClassDay, TimelineEntry } from '../../../services/store/console/domain.ts';
import { markup } from '../shown.ts';

const NOTHING = { messages: 0, passed: 0, forwarded: 0, below: 0, delivered: 0, quarantined: 0, rejected: 0 };
const line = (day: string, of: string, given: Partial<ClassDay>): ClassDay => ({ ...NOTHING, day, class: of, ...given });
const DAYS = [
  line('2026-11-01', 'authorized', { messages: 900, passed: 880, forwarded: 7, delivered: 890, quarantined: 6, rejected: 4 }),
  line('2026-11-02', 'authorized', { messages: 100, passed: 100, delivered: 100 }),
  line('2026-11-01', 'misaligned', { messages: 50, passed: 10, below: 12, delivered: 47, quarantined: 1, rejected: 2 }),
  line('2026-11-02', 'forwarded', { messages: 30, passed: 5, forwarded: 3, delivered: 30 }),
  line('2026-11-02', 'unauthorized', {
    messages: 80,
    passed: 2,
    forwarded: 1,
    below: 40,
    delivered: 33,
    quarantined: 27,
    rejected: 20,
  }),
  line('2026-11-03', 'unauthorized', { messages: 8, delivered: 3, rejected: 5 }),
  // Of a version to come, which no chart knows.
  line('2026-11-03', 'unheard-of', { messages: 1, passed: 1, delivered: 1 }),
];
const RANGE = { domain: 'example.com', from: '2026-11-01', to: '2026-11-03' };

const entry = (day: number, what: TimelineEntry['what'], event: string, more: Partial<TimelineEntry> = {}): TimelineEntry => ({
  at: new Date(Date.UTC(2026, 10, day, 8)),
  what,
  event,
  subject: `subject ${day}`,
  actor: null,
  summary: `summary ${day}`,
  finding_key: 1,
  request_key: 2,
  ...more,
});
/** The days with a mark, each with what is said of it. */
const marksOf = (timeline: readonly TimelineEntry[], range = { ...RANGE, to: '2026-11-30' }) =>
  [...String(charts([], range, timeline)).matchAll(/<li><span class="date">([\d-]+)<\/span>(.*?)<\/li>/g)].map(
    ([, day, said]) =>
      `${day} ${said!
        .replace(/<\/?time>/g, '')
        .split('<br>')
        .join(' | ')}`,
  );

test('messages of days are added up', () => {
  expect(sumsOf(DAYS)).toEqual({ messages: 1169, passed: 998 });
  expect(sumsOf([])).toEqual({ messages: 0, passed: 0 });
});

test('the mail of a range by class and by what receivers did', async () => {
  const timeline = [entry(2, 'dns', 'published'), entry(5, 'dns', 'gone')];
  await expect(markup(charts(DAYS, RANGE, timeline))).toMatchFileSnapshot('golden/charts/of-a-domain.txt');
});

test('a mark says what changed; of what changes nothing for mail there is none', () => {
  expect(
    marksOf([
      entry(10, 'finding', 'opened'),
      entry(9, 'finding', 'resolved', { summary: null }),
      entry(8, 'finding', 'reopened'),
      entry(7, 'finding', 'changed'),
      entry(7, 'request', 'open'),
      entry(6, 'request', 'open', { summary: null }),
      entry(6, 'request', 'denied'),
      entry(5, 'sending', 'begins'),
      entry(5, 'sending', 'begins', { summary: null }),
      entry(5, 'sending', 'ends'),
      entry(4, 'change', 'applied'),
      entry(4, 'change', 'of a later version'),
      entry(3, 'dns', 'published'),
      entry(3, 'dns', 'gone'),
      entry(2, 'sender', 'approved'),
      entry(2, 'decision', 'approve'),
    ]),
  ).toMatchInlineSnapshot(`
    [
      "2026-11-03  | First seen in DNS: subject 3 | Gone: subject 3",
      "2026-11-04  | Changed: subject 4 | Of a later version: subject 4",
      "2026-11-05  | Begins to send: subject 5 summary 5 | Begins to send: subject 5 ",
      "2026-11-06  | Change requested: ",
      "2026-11-07  | Change requested: summary 7",
      "2026-11-08  | Reopened: summary 8",
      "2026-11-09  | Resolved: ",
      "2026-11-10  | Opened: summary 10",
    ]
  `);
});

test('a day has three marks, each once, and a chart those of the newest twelve days', () => {
  const many = ['a', 'b', 'b', 'c', 'd'].map((subject) => entry(20, 'dns', 'published', { subject }));
  expect(marksOf(many)).toMatchInlineSnapshot(`
    [
      "2026-11-20  | First seen in DNS: a | First seen in DNS: b | First seen in DNS: c",
    ]
  `);
  const days = Array.from({ length: 14 }, (_, i) => entry(20 - i, 'dns', 'gone'));
  expect(marksOf(days).map((one) => one.slice(0, 10))).toEqual(
    Array.from({ length: 12 }, (_, i) => `2026-11-${String(i + 9).padStart(2, '0')}`),
  );
  // Days outside the range have none, and do not count.
  expect(marksOf([entry(20, 'dns', 'gone'), entry(2, 'dns', 'gone')], { ...RANGE, to: '2026-11-19' })).toHaveLength(1);
});

const policy = (p: string | null, sp: string | null = p, np: string | null = sp) => ({ p, sp, np });

test.each<[string, readonly ClassDay[], Parameters<typeof funnel>[1]]>([
  ['reject', DAYS, { policy: policy('reject'), open: 0 }],
  ['reject with none below', DAYS, { policy: policy('reject', 'none'), open: 1 }],
  ['quarantine with none below for some', DAYS, { policy: policy('quarantine', 'quarantine', 'none'), open: 0.4 }],
  ['no policy', DAYS, { policy: policy(null), open: 0 }],
  ['none and all passing', DAYS.slice(1, 2), { policy: policy('none'), open: 0 }],
  ['no mail', [], { policy: policy('none'), open: 0 }],
])('what a policy would stop: %s', async (name, days, given) => {
  const table = funnelTable(days, given.open);
  const shown = funnel(days, given, table.html(path`/page`));
  await expect(`${markup(shown)}${JSON.stringify(table.data(), null, 1)}\n`).toMatchFileSnapshot(
    `golden/funnels/${name.replaceAll(' ', '-')}.txt`,
  );
  // Without a line there is no table.
  expect(String(funnel(days, given, html`TABLE`)).includes('TABLE')).toBe(table.rows > 0);
});
