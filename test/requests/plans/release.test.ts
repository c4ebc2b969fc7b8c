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

test('the change names the mail by its digest, on one line whatever the domain says', () => {
  const [line, ...more] = changeLines(plan({ header_from_domain: 'x\n+ delivered' }));
  expect(more).toEqual([]);
  expect(line).toContain(`SHA-256 ${heldOf().sha256}`);
  expect(line).not.toContain('\n');
});
