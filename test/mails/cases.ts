import path from 'node:path';
import { expect } from 'vitest';
import type { FindingEvent } from '../../services/store/alerts/outbox.ts';
import type { Step } from '../../services/store/findings/findings.ts';
import { evidenceOf, FINDINGS } from '../alerter/events.ts';

export interface Case {
  event: FindingEvent;
  step: Step;
  console?: string;
}

const EVENT = FINDINGS.unauthorized_source!;
/** A finding without facts, whose sentences and figures are just these. */
const plain = (stored: Record<string, unknown>, over: Partial<FindingEvent> = {}, step: Step = 'opened'): Case => ({
  event: { ...EVENT, summary: 'odd mail', ...evidenceOf(stored), ...over, event: step },
  step,
});
const known = (kind: string, step: Step, over: Record<string, unknown> = {}, console?: string): Case => {
  const finding = FINDINGS[kind]!;
  return {
    event: { ...finding, ...evidenceOf({ ...(finding.stored as object), ...over }), event: step },
    step,
    ...(console !== undefined && { console }),
  };
};
const who = (...messages: number[]) => messages.map((n, i) => ({ source: `192.0.${i}.0/24`, messages: n }));
const figures = { messages: 5, of: 10, share: 0.5 };
const service = { name: 'SendGrid', align: 'set up authentication', source: 'https://docs.example/dkim' };
const facts = {
  rule: 'alignment_failure',
  bare: false,
  approved_by: null,
  signer: null,
  small: true,
  p: 'none',
  strict_spf: false,
  service,
};

/** What alerts may be about, at the limits of each part; the goldens of every template are made of them. */
export const CASES: Record<string, Case> = {
  'first mail': known('unauthorized_source', 'opened'),
  'changed, with the console': known('authentication_regression', 'changed', {}, 'https://console.example'),
  'come back': known('alignment_failure', 'reopened'),
  'put off until now': known('policy_change', 'reminded', { reporters: ['google.com'] }),
  'over, with a reason and the console': known(
    'unauthorized_source',
    'resolved',
    { ended: { reason: 'no_such_mail', days: 7 } },
    'https://console.example',
  ),
  'over, nobody said why': known('policy_change', 'resolved', { since: '', last_day: '' }),
  'over, seen on one day': known('policy_change', 'resolved', { last_day: '2026-10-04' }),
  'graver, of which the cause was told': known('unauthorized_source', 'changed', {
    news: { what: 'severity', from: 'high', to: 'critical', messages: [40, 900] },
  }),
  'more senders fail, whose cause may be another': known('authentication_regression', 'changed', {
    news: { what: 'senders', more: 2, first: '192.0.2.0/24' },
  }),
  'a link of ours': known('alignment_failure', 'opened', { facts }),
  'nothing is known': plain({}),
  'one message, one source, seen on one day': plain({
    who: who(1),
    senders: 1,
    messages: 1,
    of: 1,
    share: 1,
    since: '2026-10-03',
    last_day: '2026-10-03',
    delivered: 1,
    reporters: ['google.com'],
  }),
  'last seen, not known since when': plain({ ...figures, last_day: '2026-10-05', since: '' }),
  'since, not known until when': plain({ ...figures, last_day: '', since: '2026-10-03', quarantined: 1, rejected: 4 }),
  'four sources, four reporters, three sentences of advice': plain({
    ...figures,
    who: who(2, 1, 1, 1),
    senders: 4,
    reporters: ['a', 'b', 'c', 'd'],
    advice: ['Do a.', 'Do b.', 'Do c.'],
  }),
  'five sources, five reporters, four sentences of advice': plain({
    ...figures,
    who: who(1, 1, 1, 1, 1),
    senders: 5,
    reporters: ['a', 'b', 'c', 'd', 'e'],
    advice: ['Do a.', 'Do b.', '', 'Do c.', 'Do d.'],
  }),
  'more sources than are listed, without messages of their own': plain({
    ...figures,
    who: who(2, 1, 1, 1),
    senders: 1200,
    reporters: ['a', 'b', 'c', 'd', 'e', 'f'],
  }),
  'nobody is listed': plain({ ...figures, who: [], senders: 3 }),
  'one source is listed, one is not': plain({ ...figures, who: who(3), senders: 2 }),
  'a name that is missing, one that is unproven, and one that is known': plain({
    ...figures,
    who: [
      { source: '\u0000', messages: 3 },
      { source: 'evil.example', messages: 1, unproven: true },
      { source: '192.0.2.0/24', messages: 1, unproven: false, service: 'CRM', owner: 'Hetzner', asn: 24940, country: 'DE' },
      { source: '198.51.100.0/24', messages: 1 },
    ],
    senders: 4,
  }),
  'the share is not stored': plain({ messages: 5, of: 10, share: 0 }),
  'the share is all': plain({ messages: 10, of: 10, share: 1 }),
  'the share is more than all': plain({ messages: 10, of: 5, share: 2 }),
  'of how many is not known': plain({ messages: 5, of: 0, share: 0.5, delivered: 5 }),
  'what the next policy would have affected': plain({ ...figures, share: 0.25, by_class: { unknown: 5 }, delivered: 5 }),
  'what the next policy would have affected, of an unknown share': plain({ ...figures, share: 0, by_class: {} }),
  'a reporter that is silent': plain({ messages: 0, of: 1, reporters: ['google.com'] }),
  'a policy, which counts no mail': plain({ messages: 0, of: 0, reporters: ['google.com'] }),
  'reporters by the names that people know, and who is awaited': plain({
    ...figures,
    reporters: ['@a.example', 'toString', 'b'],
    reporter_names: { '@a.example': 'A of a.example', b: '\u0000' },
    missing: ['@a.example', 'c', 'd'],
  }),
  'one reporter is awaited': plain({ ...figures, missing: ['google.com'] }),
  'many are awaited': plain({ ...figures, missing: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((x) => x.repeat(20)) }),
  'very sure, at the limit': plain(figures, { confidence: 0.9 }),
  'fairly sure, at the limit': plain(figures, { confidence: 0.7 }),
  'nearly fairly sure': plain(figures, { confidence: 0.699 }),
  'more likely than not, at the limit': plain(figures, { confidence: 0.5 }),
  'a guess': plain(figures, { confidence: 0.499 }),
  'surer than sure': plain(figures, { confidence: 1.5 }),
  'less than nothing': plain(figures, { confidence: -0.5 }),
  'a host of the domain names it': plain(figures, { summary: 'mail.Example.com is odd' }),
  'the domain is part of another name': plain(figures, { summary: 'badexample.com is odd' }),
  'no cause is stored': plain({ what: '', advice: [] }),
  'an unknown severity': plain(figures, { severity: 'odd' }),
  'the longest query': plain({ query: `select ${'x'.repeat(3993)}` }),
  'a query that is too long': plain({ query: `select ${'x'.repeat(3994)}` }),
  'everything is too long': plain(
    {
      what: 'w'.repeat(500),
      advice: [1, 2, 3].map((n) => `${n} ${'advices '.repeat(99)}`),
      who: [1, 2, 3, 4].map((n) => ({
        source: `${n}${'s'.repeat(99)}`,
        messages: n,
        unproven: n > 2,
        service: n === 2 ? 't'.repeat(99) : undefined,
      })),
      senders: 1,
      messages: 5_000_000,
      of: 10_000_000,
      share: 0.5,
      delivered: 1_111_111,
      quarantined: 2_222_222,
      rejected: 3_333_333,
      since: '2026-10-03T00:00:00Z',
      last_day: '2026-10-05T00:00:00Z',
      reporters: ['r'.repeat(99)],
      missing: ['m'.repeat(99), 'n'.repeat(99)],
      mechanism: 'dkim',
    },
    { domain: 'd'.repeat(99), severity: 'v'.repeat(99), kind: 'k'.repeat(99), summary: 'y'.repeat(300) },
  ),
  'a reporter whose name fills a line of a list': plain({ reporters: ['r'.repeat(74)] }),
  'a reporter whose name fills a line of a mail': plain({ reporters: ['r'.repeat(66)], advice: ['y'.repeat(64)] }),
  'a source whose name fills its line': plain({ who: [{ source: 's'.repeat(54), messages: 5 }], senders: 1 }),
  'numbers that fill their lines': plain({
    messages: 9_007_199_254_740_991,
    of: 9_007_199_254_740_991,
    share: 1,
    delivered: 9_007_199_254_740_991,
    quarantined: 999_999_999_999_999,
    rejected: 9_007_199_254_740_991,
  }),
  'what is known of a source fills its line, or goes below it': plain({
    who: [
      { source: '192.0.2.0/24', messages: 9, asn: 24_940, owner: 'o'.repeat(28), country: 'DE' },
      { source: '192.0.3.0/24', messages: 9, asn: 24_940, owner: 'o'.repeat(29), country: 'DE' },
      { source: '192.0.4.0/24', messages: 9, host: 'h'.repeat(80), owner: 'o://n', country: 'DE' },
    ],
    senders: 3,
  }),
  'those awaited are one character more than fit': plain({ ...figures, missing: ['a'.repeat(32), 'b'.repeat(32)] }),
  'a word that fills a line': plain({}, { summary: `odd ${'y'.repeat(76)}` }),
  'a word that is wider than a line': plain({}, { summary: `odd ${'y'.repeat(78)}` }),
  'advice that fills its lines, and more than there is room for': plain({
    ...figures,
    what: 'w'.repeat(300),
    who: who(2, 1, 1, 1),
    senders: 9,
    since: '2026-10-03',
    reporters: ['r'.repeat(80), 's'.repeat(80)],
    advice: [1, 2, 3].map((n) => `${n}${'y'.repeat(398)}`),
  }),
  'over, and the reason fills its line': plain({ resolved_why: 'w'.repeat(72) }, {}, 'resolved'),
  'reporters with long names': plain({ reporters: ['r'.repeat(80), 's'.repeat(80)] }),
  'over, and the reason is too long': plain({ ...figures, resolved_why: 'w'.repeat(300) }, {}, 'resolved'),
  'come back, as a decision was taken back': known('alignment_failure', 'reopened', { decided: { reason: 'listed' } }),
};

/** Compares what a template makes of each case with `golden/<name>`, which a person has read. */
export async function expectGolden(name: string, parts: Readonly<Record<string, string>>): Promise<void> {
  const text = Object.entries(parts)
    .map(([title, part]) => `### ${title}\n${part.trimEnd()}\n`)
    .join('\n');
  await expect(text).toMatchFileSnapshot(path.join(import.meta.dirname, 'golden', name));
}

/** The same for every case of CASES. */
export const expectCases = (name: string, render: (one: Case) => string): Promise<void> =>
  expectGolden(name, Object.fromEntries(Object.entries(CASES).map(([title, one]) => [title, render(one)])));

/** What a page shows, without the frame that is the same in all, and without its styles. */
export const bodyOf = (html: string): string =>
  html
    .slice(html.indexOf('<tr><td style="padding:22px'), html.lastIndexOf('</td></tr>\n</table>\n</td></tr>'))
    .replace(/ style="[^"]*"/g, '');
