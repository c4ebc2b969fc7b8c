import { expect, test } from 'vitest';
import { normalFacts } from '../../../services/requests/held/normal.ts';
import { planRelease } from '../../../services/requests/plans/release.ts';
import { changeLines } from '../../../services/requests/plans/text.ts';
import { heldOf } from '../held/sample.ts';

const NOTHING = { seen: null, similar: { held: 0, released: 0, stopped: 0 } };
const plan = (part: Parameters<typeof heldOf>[0] = {}, evidence: Parameters<typeof planRelease>[1] = NOTHING) =>
  planRelease(normalFacts(heldOf(part)), evidence);
const withDmarc = (result: string) => ({ ...heldOf().results, dmarc: { result, policy: 'none', domain: 'example.com' } });

test('a forged mail is of high risk, and says what was verified', () => {
  const one = plan();
  expect(one).toMatchObject({ kind: 'messages.release', domain: 'example.com', risk: 'high' });
  expect(one.warnings[0]).toContain('forgery');
  expect(one.why[0]).toBe('SPF pass, DKIM pass of evil.example, ARC none, DMARC fail (policy none).');
  expect(one.summary).toBe(
    'Deliver a mail to 1 recipient that says it is from example.com, held by the rule "own_domain": its author is at a domain of yours, and nothing proves that.',
  );
  expect(plan({ reason: 'of_a_newer_version' }).summary).toContain('held by the rule "own_domain": of_a_newer_version.');
});

test('what it keeps for good has no address, name or subject of anybody', () => {
  const text = JSON.stringify(plan());
  for (const personal of ['ben@', 'ada@', 'Ada', 'Pay this', 'bounce@']) expect(text).not.toContain(personal);
});

test.each(['authorized', 'misaligned', 'forwarded'])('a source that reports know as %s is of low risk', (source_class) => {
  expect(plan({ source_class }).risk).toBe('low');
});

test('a pass of DMARC does not make the risk low: a rule must not deliver what people have to look at', () => {
  expect(plan({ source_class: null, results: withDmarc('none') }).risk).toBe('medium');
  expect(plan({ source_class: null, results: withDmarc('pass') }).risk).toBe('medium');
});

test.each(['person', 'own_address_shown', 'lookalike', 'new_domain'])(
  'who imitates somebody (%s) is of high risk, whatever is proven of him and known of his source',
  (reason) => {
    expect(plan({ reason, source_class: 'authorized', results: withDmarc('pass') }).risk).toBe('high');
  },
);

test('figures of reports and of similar mails stand in it', () => {
  const { why } = plan(
    {},
    { seen: { days: 7, messages: 1200, passed: 0, class: 'unauthorized' }, similar: { held: 4, released: 1, stopped: 2 } },
  );
  expect(why[1]).toContain('1,200 messages of it in 7 days, of which 0 passed DMARC');
  expect(why[2]).toBe('4 mails of this domain were held in the last 30 days: 1 delivered, 2 stopped.');
});

test('what was verified is said in full, of five signatures at most', () => {
  const signature = (at: number) => ({
    result: at === 0 ? 'pass' : 'fail',
    domain: at === 1 ? null : `d${at}.example`,
    selector: null,
    aligned: at === 0,
  });
  const results = {
    ...heldOf().results,
    dkim: Array.from({ length: 6 }, (_, at) => signature(at)),
    dmarc: { result: 'none', policy: null, domain: null },
  };
  const one = plan({ results, source: null, header_from_domain: null, recipients: ['a@example.com', 'b@example.com'] });
  expect([one.summary, ...one.why]).toEqual([
    'Deliver a mail to 2 recipients that names no author, held by the rule "own_domain": its author is at a domain of yours, and nothing proves that.',
    'SPF pass, DKIM pass of d0.example (aligned), fail, fail of d2.example, fail of d3.example, fail of d4.example, ARC none, DMARC none.',
    'No report names its source.',
    'No mail of this domain was held in the last 30 days.',
  ]);
  expect(plan({ results: { ...results, dkim: [] } }).why[0]).toBe('SPF pass, DKIM none, ARC none, DMARC none.');
});

test.each<[string, Parameters<typeof heldOf>[0], string, string[], string]>([
  ['one who imitates', { reason: 'person' }, 'high', ['forgery'], 'It imitates you or one of your people'],
  ['a known source', { reason: 'x', source_class: 'authorized' }, 'low', [], 'known from the reports as authorized.'],
  ['no pass', { reason: 'x', source_class: null }, 'high', ['forgery'], 'It fails DMARC, and its source is not a known one.'],
  ['a pass', { reason: 'x', source_class: null, results: withDmarc('pass') }, 'medium', [], 'and not that it is welcome.'],
  ['nothing', { reason: 'x', source_class: null, results: withDmarc('none') }, 'medium', [], 'Nothing shows who sent it.'],
])('the risk has its reason: %s', (_, part, risk, warnings, because) => {
  const one = plan(part);
  expect([one.risk, one.warnings.length]).toEqual([risk, warnings.length]);
  expect(one.risk_because).toEqual([expect.stringContaining(because)]);
});

test('what reports say of the source is said as far as it is known', () => {
  const said = (part: Parameters<typeof heldOf>[0], seen: Parameters<typeof planRelease>[1]['seen'] = null) =>
    plan(part, { ...NOTHING, seen, similar: { held: 1, released: 0, stopped: 1 } }).why.slice(1);
  const similar = '1 mail of this domain was held in the last 30 days: 0 delivered, 1 stopped.';
  expect(said({ source_class: null })).toEqual([
    'No report mentions its source evil.example as a sender of example.com.',
    similar,
  ]);
  expect(said({})).toEqual(['Reports call its source evil.example unauthorized.', similar]);
  expect(said({ domain: 'a b' })).toHaveLength(2);
  expect(plan({ domain: 'a b' }).domain).toBe('*');
});

test('the change names the mail by its digest, on one line whatever the domain says', () => {
  const [line, ...more] = changeLines(plan({ header_from_domain: 'x\n+ delivered' }));
  expect(more).toEqual([]);
  expect(line).toContain(`SHA-256 ${heldOf().sha256}`);
  expect(line).not.toContain('\n');
});
