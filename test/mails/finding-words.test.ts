import { expect, test } from 'vitest';
import { awaited, contentOf } from '../../services/mails/finding-words.ts';
import { renderFinding } from '../../services/mails/render-finding.ts';
import type { FindingEvent } from '../../services/store/alerts/outbox.ts';
import { evidenceOf, FINDINGS } from '../alerter/events.ts';
import { expectCases } from './cases.ts';

const event = (evidence: object = {}, over: Partial<FindingEvent> = {}): FindingEvent => ({
  ...FINDINGS.unauthorized_source!,
  ...evidenceOf({ ...(FINDINGS.unauthorized_source!.stored as object), ...evidence }),
  ...over,
});
const content = (evidence: object = {}, over: Partial<FindingEvent> = {}) => contentOf(event(evidence, over), 'opened');

test('the largest sources are listed, and the others counted with their messages', () => {
  const { who, others } = content();
  expect(who).toHaveLength(4);
  expect(others).toMatch(/^and 4 more, [\d,]+ messages$/);
  expect(content({ who: [{ source: 'a', messages: 1, delivered: 0 }], senders: 1 }).others).toBeNull();
});

test('where the days that are looked at begin with it, "since" says so', () => {
  const seen = { since: '2026-10-03', last_day: '2026-10-05' };
  expect(content(seen).since).toBe('2026-10-03, last seen 2026-10-05');
  expect(content({ ...seen, sent_since: '2026-01-31' }).since).toBe(
    '2026-10-03 or before (it has sent since 2026-01-31), last seen 2026-10-05',
  );
});

test('where only figures have changed, the mail says what changed and does not repeat the page', () => {
  const { alignment_failure: told } = FINDINGS;
  const of = (news: object) => {
    const changed = { ...told!, ...evidenceOf({ ...(told!.stored as object), news }), event: 'changed' as const };
    return { ...contentOf(changed, 'changed'), text: renderFinding(changed, 'changed').text };
  };
  const grown = of({ what: 'grown', from: 83, to: 2087 });
  expect(grown).toMatchObject({ lead: expect.stringContaining('2,087 messages by now, 83 then'), what: '', query: '' });
  expect(grown.text.split('\n').length).toBeLessThan(20);
  expect(grown.text).not.toMatch(/psql|select|senders approve/);
  expect(grown.text).toContain('ruawatch findings show');
  // Another cause asks for another remedy.
  const both = of({ what: 'both_mechanisms' });
  expect(both.what).not.toBe('');
  expect(both.advice.length).toBeGreaterThan(1);
});

test('what is known of a source stands beside it, and fewer are listed', () => {
  const who = ['203.0.113.0/24', '198.51.100.0/24', '192.0.2.0/24', 'crm.example'].map((source) => ({ source, messages: 9 }));
  const known = { host: 'mail.crm.example', service: 'CRM', asn: 24_940, owner: 'Hetzner', country: 'DE' };
  const shown = content({ who: [{ ...who[0], ...known }, ...who.slice(1)], senders: 6, messages: 40 });
  expect(shown.who.map(({ whose }) => whose)).toEqual(['mail.crm.example (CRM), AS24940 Hetzner, DE', '', '']);
  expect(shown.others).toBe('and 3 more, 13 messages');
  // Names are whatever somebody published.
  expect(content({ who: [{ ...who[0], host: 'a\u202eb\n://c', country: 'DE' }] }).who[0]!.whose).toBe('ab [:]//c, DE');
});

test('how many: of all, in percent, and what became of them', () => {
  expect(content({ messages: 5, of: 10, share: 0.5, delivered: 5, quarantined: 0, rejected: 0 }).many).toBe(
    '5 of 10 messages of the domain (50%): 5 delivered',
  );
  const of = { messages: 5, of: 10, delivered: 0, quarantined: 0, rejected: 0 };
  expect(content({ ...of, senders: 1, facts: null }, { kind: 'alignment_failure' }).many).toBe('5 of 10 messages from it (50%)');
  expect(content({ ...of, of: 5, senders: 2, facts: null }, { kind: 'alignment_failure' }).many).toBe('all 5 messages from them');
  expect(content({ messages: 0, of: 0 }).many).toBeNull();
  expect(content({ messages: 0, of: 786 }, { kind: 'reporter_silent' }).many).toBe('0 of about 786 expected messages');
  // A key that is not in DNS has failed no mail yet.
  expect(content({ messages: 0, of: 786 }, { kind: 'dkim_key_missing' }).many).toBeNull();
});

test('a policy that would have affected nothing expects no messages', () => {
  const ready = content({ messages: 0, of: 786, last_day: '2026-10-04' }, { kind: 'policy_ready' });
  expect(ready.many).toBe('none of 786 messages would have been affected');
  expect(ready.since).toContain('last seen 2026-10-04');
});

test('what a forged report claims is in no figure', () => {
  const forged = content(
    {
      who: [{ source: 'evil.example', messages: 55_516 }],
      senders: 9,
      messages: 55_516,
      of: 65_259,
      share: 0.85,
      reports: 3,
      facts: { rule: 'forged_report', mismatched: 0 },
    },
    { kind: 'forged_report' },
  );
  expect(forged.many).toBe('3 reports, none of which is counted');
  expect(forged.who).toMatchObject([{ source: 'evil.example', amount: '' }]);
  expect(forged.others).toBe('and 8 more');
  // Nor was it reported by the one whose name was used.
  expect(forged.sure).toBe('very sure (93%)');
  expect(JSON.stringify({ ...forged, query: '' })).not.toMatch(/55,516|65,259|85%/);
});

test('the percentage is that of the two numbers beside it', () => {
  expect(content({ messages: 98, of: 100, share: 0.5, delivered: 0, quarantined: 0, rejected: 0 }).many).toBe(
    '98 of 100 messages of the domain (98%)',
  );
});

test.each(['reporter_silent', 'reports_stopped'])('of %s nothing was seen after the silence began', (kind) => {
  expect(content({ messages: 0, of: 786 }, { kind }).since).toBe('2026-10-03');
  expect(content({ messages: 0, of: 0 }, { kind }).since).toBe('2026-10-03');
  expect(content({ messages: 0, of: 786, missing: ['google.com'] }, { kind }).missing).toEqual([]);
  expect(content({ missing: ['google.com'] }).missing).toHaveLength(1);
});

test.each([
  [0.95, 'very sure'],
  [0.9, 'very sure'],
  [0.89, 'fairly sure'],
  [0.5, 'more likely than not'],
  [0.2, 'a guess'],
])('confidence %f is "%s"', (confidence, word) => {
  expect(content({}, { confidence }).sure).toMatch(new RegExp(`^${word} \\(`));
});

test('who is awaited fits the room, with one name at least and the rest counted', () => {
  const of = (missing: string[], room: number) => awaited({ ...content(), missing }, room);
  expect(of([], 100)).toBeNull();
  expect(of(['Yahoo', 'gmx.net'], 100)).toBe('no report for 2026-10-05 from Yahoo and gmx.net');
  expect(of(['Yahoo', 'gmx.net', 'mail.ru'], 10)).toBe('no report for 2026-10-05 from Yahoo and 2 more');
  expect(of(['x'.repeat(500)], 10)).toBe(`no report for 2026-10-05 from ${'x'.repeat(39)}…`);
});

test('a query that is absent or too long is one for the finding itself', () => {
  expect(content({ query: '' }).query).toBe('select * from dmarc.findings where finding_key = 17;');
  expect(content({ query: `select '${'x'.repeat(5_000)}'` }).query).toContain('finding_key = 17');
  expect(content({ query: 'select 1;\r\n\u202e--' }).query).toBe('select 1;\n--');
});

test('of what is over it is said why, and nothing is advised', () => {
  const over = contentOf(event({ ended: { reason: 'no_such_mail', days: 7 } }, { event: 'resolved' }), 'resolved');
  expect(over.over).toBe(
    '203.0.113.0/24 and 7 more: no such mail on the last 7 report days. Reports do not show whether the cause is gone: it may come again.',
  );
  expect(over.advice).toEqual([]);
});

test('each case, part by part', () =>
  expectCases('content.txt', ({ event, step, console }) => JSON.stringify(contentOf(event, step, console ?? null), null, 1)));

test('who is awaited has as many names as the room holds', () => {
  const missing = ['aa', 'bb', 'cc'];
  const all = 'no report for 2026-10-05 from aa, bb and cc';
  expect(awaited({ ...content(), missing }, all.length)).toBe(all);
  expect(awaited({ ...content(), missing }, all.length - 1)).toBe('no report for 2026-10-05 from aa and 2 more');
  expect(awaited({ ...content(), missing: ['aa', 'bb'] }, 10)).toBe('no report for 2026-10-05 from aa and 1 more');
  expect(awaited({ ...content(), missing: ['aa'] }, 10)).toBe('no report for 2026-10-05 from aa');
});

test('links are whole, however long they make the advice', () => {
  const link = `https://docs.example/${'x'.repeat(200)}`;
  const facts = {
    rule: 'alignment_failure',
    bare: false,
    approved_by: null,
    signer: null,
    small: true,
    p: null,
    strict_spf: true,
  };
  const service = { name: 'SendGrid', align: `${'set up '.repeat(50)}.`, source: link };
  const { advice, links } = content({ facts: { ...facts, service } });
  expect(links).toEqual([link]);
  expect(advice[1]).toContain(link);
  expect(content({ facts: { ...facts, service: { ...service, source: 'http://docs.example/' } } }).links).toEqual([]);
});

/** A finding without facts, of a kind, with just this evidence. */
const bare = (stored: object, kind = 'unauthorized_source', over: Partial<FindingEvent> = {}): FindingEvent => ({
  ...FINDINGS.unauthorized_source!,
  summary: 'odd mail',
  ...evidenceOf(stored as Record<string, unknown>),
  kind,
  ...over,
});

test('sentences of an older version are cut at their limits', () => {
  const what = (length: number) => contentOf(bare({ what: 'w'.repeat(length) }), 'opened').what;
  expect([what(800), what(801)]).toEqual(['w'.repeat(800), `${'w'.repeat(799)}…`]);
  const over = (length: number) => contentOf(bare({ resolved_why: 'w'.repeat(length) }), 'resolved').over!;
  expect([...over(400)]).toHaveLength(300);
});

test.each([
  [{ messages: 0 }, null, [], ''],
  [{ messages: 0, reports: 0 }, null, [], ''],
  [{ messages: 0, reports: 1 }, '1 report, which is not counted', ['It was 1 report, received on 2026-10-03.'], '1 report'],
  [
    { messages: 0, reports: 2 },
    '2 reports, none of which is counted',
    ['It was 2 reports, received on 2026-10-03.'],
    '2 reports',
  ],
])('of forged reports the reports are counted, and no mail: %j', (stored, many, was, amount) => {
  const days = { since: '2026-10-03', last_day: '2026-10-03' };
  const who = [{ source: 'a.example', messages: 7, ...('reports' in stored && { reports: stored.reports }) }];
  const told = contentOf(bare({ ...days, ...stored, who, senders: 1 }, 'forged_report'), 'opened');
  expect({ many: told.many, was: told.was, amount: told.who[0]!.amount }).toEqual({ many, was, amount });
});

test.each([
  ['unauthorized_source', { messages: 0, of: 0 }, null],
  ['unauthorized_source', { messages: 0, of: 1 }, null],
  ['unauthorized_source', { messages: 1, of: 0 }, '1 message'],
  ['unauthorized_source', { messages: 1, of: 1 }, '1 message of the domain'],
  ['unauthorized_source', { messages: 2, of: 2 }, 'all 2 messages of the domain'],
  ['reporter_silent', { messages: 0, of: 0 }, null],
  ['reporter_silent', { messages: 0, of: 1 }, '0 of about 1 expected message'],
  ['policy_ready', { messages: 0, of: 0 }, null],
  ['policy_ready', { messages: 0, of: 1 }, 'none of 1 message would have been affected'],
])('how many, of %s: %j', (kind, stored, many) => {
  expect(contentOf(bare(stored, kind), 'opened').many).toBe(many);
});

test('what is over says whose mail it was, and how many more, where the topic does not', () => {
  const over = (senders: number, source = 'a.example') =>
    contentOf(bare({ who: [{ source, messages: 1 }], senders, resolved_why: 'No such mail came.' }), 'resolved').over;
  expect([over(0), over(1), over(2), over(3)]).toEqual([
    'a.example: no such mail came.',
    'a.example: no such mail came.',
    'a.example and 1 more: no such mail came.',
    'a.example and 2 more: no such mail came.',
  ]);
  expect(over(1, 'odd mail')).toBe('No such mail came.');
});

test('what is about every domain names none', () => {
  expect(contentOf(bare({}, undefined, { domain: '*' }), 'opened').headline).toBe('odd mail');
  expect(contentOf(bare({}, undefined, { domain: 'b.example' }), 'opened').headline).toBe('b.example: odd mail');
});

test.each([
  [{ messages: 0, since: '2026-10-03', last_day: '' }, ['It began on 2026-10-03.']],
  [{ messages: 0, since: '2026-10-03', last_day: '2026-10-03' }, ['It lasted one day, 2026-10-03.']],
  [{ messages: 0, since: '2026-10-03', last_day: '2026-10-05' }, ['It lasted from 2026-10-03 to 2026-10-05.']],
  [
    { messages: 9, since: '2026-10-03', last_day: '', delivered: 4, quarantined: 1, rejected: 4 },
    ['It was 9 messages since 2026-10-03, 4 of them delivered.', 'It was 9 messages since 2026-10-03.'],
  ],
])('what it was: %j', (stored, sentences) => {
  expect(contentOf(bare(stored), 'resolved').was.slice(-sentences.length)).toEqual(sentences);
});
