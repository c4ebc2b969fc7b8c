import { test } from 'vitest';
import { readEvidence } from '../../services/findings/evidence.ts';
import { renderWeekly, type Weekly } from '../../services/mails/weekly.ts';
import type { DomainDns } from '../../services/store/alerts/digest-dns.ts';
import type { DomainWeek, WeekFinding } from '../../services/store/alerts/digests.ts';
import { bodyOf, CASES, expectGolden } from './cases.ts';

const domain = (over: Partial<DomainWeek> = {}): DomainWeek => ({
  domain: 'example.com',
  days: [
    { day: '2026-09-26', messages: 50, passed: 49 },
    { day: '2026-09-27', messages: 100, passed: 99 },
    { day: '2026-10-03', messages: 10, passed: 0 },
  ],
  fresh: [],
  fresh_count: 0,
  strangers: { sources: 0, messages: 0 },
  stray: { sources: 0, messages: 0 },
  silent_since: null,
  to_do: 0,
  gravest: null,
  unheard: { reporters: 0, messages: 0 },
  policy: null,
  ready: null,
  ...over,
});
const none = { findings: [], count: 0, to_do: 0 };
const week = (over: Partial<Weekly>): Weekly => ({
  days: { before: '2026-09-20', from: '2026-09-27', to: '2026-10-03' },
  since: new Date('2026-09-28T07:00:00Z'),
  next: new Date('2026-10-12T07:00:00Z'),
  domains: [domain()],
  opened: none,
  resolved: none,
  open: none,
  ...over,
});
const finding = (name: string, over: Partial<WeekFinding> = {}): WeekFinding => ({
  ...CASES[name]!.event,
  acknowledged_by: null,
  snoozed_until: null,
  ...over,
});
/** Somebody resolved it by hand. */
const closed = (name: string, event: WeekFinding['event'], by = 'Ada'): WeekFinding => {
  const one = finding(name, { event });
  return { ...one, evidence: { ...one.evidence, ended: { reason: 'closed', by, why: 'It is fine.' } } };
};
const some = (findings: WeekFinding[], to_do = findings.length, count = findings.length) => ({ findings, count, to_do });
const silent = (n: number) => domain({ domain: `s${n}.example`, days: [], silent_since: '2026-09-29' });
/** The first one has mail. */
const named = (n: number, over: Partial<DomainWeek> = {}) =>
  domain({ domain: `d${n}.example`, ...(n > 0 && { days: [] }), ...over });
const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i));
const fresh = (n: number) => times(n, (i) => ({ source: `new${i}.example`, class: 'unknown', messages: i + 1 }));

const dns = (over: Partial<DomainDns>): DomainDns => ({
  domain: 'example.com',
  posture: { stage: 'none', advice: 'Publish p=quarantine.', blocked: 0 },
  changes: [],
  changes_count: 0,
  lookalikes: { standing: 0, since: 0 },
  ...over,
});

const WEEKS: Record<string, Weekly> = {
  'stage, next step and what changed in DNS': week({
    domains: [
      domain({
        dns: dns({
          changes: [
            { purpose: 'spf', name: 'example.com', day: '2026-10-02' },
            { purpose: 'dkim', name: 's1._domainkey.example.com', day: '2026-10-01' },
          ],
          changes_count: 3,
          lookalikes: { standing: 12, since: 1 },
        }),
      }),
      named(1, { dns: dns({ domain: 'd1.example', posture: { stage: 'reject', advice: 'Keep it.', blocked: 2 } }) }),
      named(2, { dns: dns({ domain: 'd2.example', posture: null }) }),
      named(3, {
        dns: dns({ domain: 'd3.example' }),
        ready: { domain: 'd3.example', subject: 'd3.example', summary: 'd3.example is ready', evidence: readEvidence({}) },
      }),
    ],
  }),
  'nothing at all': week({}),
  'nothing came': week({ domains: [] }),
  'no mail in the week before': week({ domains: [domain({ days: [{ day: '2026-10-01', messages: 1, passed: 1 }] })] }),
  'mail in the week before alone': week({ domains: [domain({ days: [{ day: '2026-09-20', messages: 1, passed: 1 }] })] }),
  'one finding put off': week({ open: some([finding('first mail', { acknowledged_by: 'Ada' })], 0) }),
  'two findings put off, one new and one open': week({
    opened: some([finding('first mail')], 0),
    open: some([finding('come back')], 0),
  }),
  'one to act on': week({ opened: some([finding('first mail')]) }),
  'one still open': week({ open: some([finding('come back', { snoozed_until: new Date('2026-10-09T00:00:00Z') })]) }),
  'some new, some open, some over': week({
    opened: some([finding('first mail'), finding('come back')]),
    open: some([finding('changed, with the console'), finding('everything is too long', { acknowledged_by: 'a'.repeat(60) })], 1),
    resolved: some([finding('over, with a reason and the console'), finding('over, nobody said why')]),
  }),
  'one new and one open': week({ opened: some([finding('first mail')]), open: some([finding('come back')]) }),
  'one new and one over': week({
    opened: some([finding('first mail')]),
    resolved: some([finding('over, and the reason fills its line')]),
  }),
  'resolved by hand, one of them still going on': week({
    goes_on: some([closed('first mail', 'opened')], 0),
    resolved: some([closed('come back', 'resolved')]),
  }),
  'resolved by hand and still going on alone': week({
    goes_on: some([closed('come back', 'reopened', 'a'.repeat(60)), closed('changed, with the console', 'changed')], 0, 3),
    console: 'https://console.example',
  }),
  'of a time that is over, with a word before it': week({
    opened: some([finding('first mail')]),
    until: new Date('2026-10-05T07:00:00Z'),
    tag: '[ruawatch] TEST: ',
  }),
  'a request that waits': week({
    requests: { waiting: 1, oldest: null, decided: 0, median_hours: null, overrides: [], head: '17:ab' },
  }),
  'requests that are all decided': week({
    requests: { waiting: 0, oldest: null, decided: 2, median_hours: 3, overrides: [], head: '17:ab' },
  }),
  'long words': week({
    opened: some([
      finding('a word that fills a line'),
      finding('a word that is wider than a line'),
      finding('a reporter whose name fills a line of a list'),
    ]),
    resolved: some([finding('over, and the reason is too long')]),
  }),
  'one message to draw': week({
    opened: some([finding('first mail')]),
    domains: [domain({ days: [{ day: '2026-10-01', messages: 1, passed: 1 }] })],
  }),
  'one over alone': week({ resolved: some([finding('over, with a reason and the console')], 0) }),
  'more findings than are listed': week({ opened: some([finding('nothing is known')], 2, 2), open: some([], 0, 1200) }),
  'one new source': week({ domains: [domain({ fresh: fresh(1), fresh_count: 1 })] }),
  'new sources, some of them not listed': week({ domains: [domain({ fresh: fresh(3), fresh_count: 4 })] }),
  'one stranger': week({ domains: [domain({ strangers: { sources: 1, messages: 1 } })] }),
  'a stranger beside a new source': week({
    domains: [domain({ fresh: fresh(1), fresh_count: 1, strangers: { sources: 1, messages: 2 } })],
  }),
  'one stray source': week({ domains: [domain({ stray: { sources: 1, messages: 1 } })] }),
  'stray sources of two domains': week({
    domains: [named(0, { stray: { sources: 1, messages: 3 } }), named(2, { stray: { sources: 2, messages: 4 } })],
  }),
  'one foreign domain': week({ foreign: 1 }),
  'no foreign domain, a note': week({ foreign: 0, notes: ['A sentence about reading.'] }),
  'foreign domains': week({ foreign: 1200 }),
  'one domain is silent': week({ domains: [silent(1), named(0)] }),
  'all domains are silent': week({ domains: [silent(1), silent(2)] }),
  'one for information, not new': week({ info: { ...none, open: 1 } }),
  'some for information, one of them new': week({
    opened: some([finding('first mail')]),
    info: { ...some([finding('come back')], 0), open: 1200 },
    console: 'https://console.example',
  }),
  'some for information, none of them open': week({ info: { ...none, open: 0 } }),
  'sixteen domains, the last of which needs nothing': week({
    opened: some([finding('first mail')]),
    domains: times(16, (n) => named(n)),
  }),
  'eighteen domains, two of which are to be looked at': week({
    opened: some([finding('first mail')]),
    domains: [...times(16, (n) => named(n)), named(17, { to_do: 1, gravest: 'low' }), silent(18)],
  }),
  'seventeen domains, one of which is to be looked at': week({
    opened: some([finding('first mail')]),
    domains: [...times(16, (n) => named(n)), silent(17)],
  }),
  'eleven domains are silent': week({ domains: times(11, silent) }),
  'ten domains are silent': week({ domains: times(10, silent) }),
  'fifteen domains': week({ opened: some([finding('first mail')]), domains: times(15, (n) => named(n)) }),
  'sixteen domains, the last of which is to be looked at': week({
    opened: some([finding('first mail')]),
    domains: [...times(15, (n) => named(n)), named(16, { to_do: 1, gravest: 'high' })],
  }),
  'eighteen domains, three of which need nothing': week({
    opened: some([finding('first mail')]),
    domains: times(18, (n) => named(n)),
  }),
  'eighteen domains, one of which needs nothing': week({
    opened: some([finding('first mail')]),
    domains: [...times(16, (n) => named(n)), named(17, { to_do: 2, gravest: 'low' }), silent(18)],
  }),
  'seventeen domains, one silent and one to be looked at': week({
    domains: [...times(15, (n) => named(n)), named(16, { to_do: 2, gravest: 'low' }), silent(17)],
  }),
  'policies, readiness and reporters that do not decide': week({
    opened: some([finding('first mail')]),
    domains: [
      named(0, { policy: 'p=none; sp=none', unheard: { reporters: 1, messages: 1 } }),
      named(2, { policy: 'p=reject; sp=none', unheard: { reporters: 2, messages: 30 }, to_do: 1, gravest: 'high' }),
      named(3, {
        policy: 'p=reject',
        ready: { domain: 'd3.example', subject: 'd3.example', summary: 'd3.example is ready', evidence: readEvidence({}) },
        to_do: 2,
        gravest: 'critical',
      }),
      domain({
        domain: 'l'.repeat(99),
        silent_since: '2026-09-29T00:00:00Z',
        policy: `p=${'p'.repeat(50)}; sp=${'q'.repeat(50)}`,
        gravest: 'g'.repeat(50),
        to_do: 1,
        fresh: [{ source: 's'.repeat(99), class: 'c'.repeat(50), messages: 1 }],
        fresh_count: 1,
        ready: { domain: 'x.example', subject: 'x.example', summary: 'y'.repeat(300), evidence: readEvidence({}) },
        days: [],
      }),
    ],
  }),
};

test('each week as text and HTML', () =>
  expectGolden(
    'weekly.txt',
    Object.fromEntries(
      Object.entries(WEEKS).map(([name, one]) => {
        const { subject, text, html } = renderWeekly(one);
        return [name, `Subject: ${subject}\n\n${text}\n${bodyOf(html)}`];
      }),
    ),
  ));
