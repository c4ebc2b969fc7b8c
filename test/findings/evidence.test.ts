import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ending } from '../../services/findings/end-reasons.ts';
import { EVIDENCE_VERSION, readEvidence } from '../../services/findings/evidence.ts';
import { overWords, storedForm, wordsOf } from '../../services/findings/sentences/finding.ts';
import { FINDINGS } from '../alerter/events.ts';

/** As version 0.1.0 stored it. */
const OLD = {
  what: 'DKIM of mail.example.com aligned with example.com until 2026-09-30 and does not since 2026-10-01.',
  who: [{ source: 'mail.example.com', messages: 9120, delivered: 20 }],
  senders: 1,
  messages: 9120,
  of: 9131,
  share: 0.9988,
  per_day: 1824,
  since: '2026-10-01',
  last_day: '2026-10-05',
  reporters: ['google.com'],
  delivered: 20,
  quarantined: 0,
  rejected: 9100,
  mechanism: 'dkim',
  broken: [
    {
      source: 'mail.example.com',
      mechanism: 'dkim',
      since: '2026-10-01',
      last_good_day: '2026-09-30',
      last_day: '2026-10-05',
      messages: 9120,
      of: 9131,
      per_day: 1824,
      delivered: 20,
      quarantined: 0,
      rejected: 9100,
      reporters: ['google.com'],
      confidence: 0.97,
      before: '98 % of 2,000 messages passed in the 20 mail days before',
    },
  ],
  mended: [{ source: 'news.example.com', day: '2026-10-03', why: 'Its mail passes DMARC again since 2026-10-02.' }],
  advice: ['Compare the DKIM selector.'],
  query: 'select 1;',
  resolved_day: '2026-10-09',
  resolved_why: 'Closed by Ada: key published',
};
const SUMMARY =
  'Mail of example.com through mail.example.com stopped passing DMARC on 2026-10-01 (DKIM): 9,120 messages failed since';
const FINDING = { domain: 'example.com', subject: 'dkim', summary: SUMMARY };

describe('evidence without a version', () => {
  test('keeps every figure, and its words are the stored sentences', () => {
    const evidence = readEvidence(OLD);
    expect(evidence).toMatchObject({ messages: 9120, of: 9131, mechanism: 'dkim', reporters: ['google.com'], facts: null });
    expect(evidence.broken).toMatchObject([{ source: 'mail.example.com', since: '2026-10-01', before: OLD.broken[0]!.before }]);
    expect(wordsOf({ ...FINDING, evidence })).toEqual({
      title: SUMMARY,
      topic: SUMMARY,
      summary: SUMMARY,
      what: OLD.what,
      advice: OLD.advice,
    });
    expect(overWords(evidence)).toBe('Closed by Ada: key published');
  });

  test('is written as it was read: an upgrade loses nothing, and claims no version', () => {
    const { mended, ...rest } = OLD;
    const { summary, evidence } = storedForm({ ...FINDING, evidence: readEvidence({ ...rest, mended, unknown_before: 7 }) });
    expect(summary).toBe(SUMMARY);
    expect(evidence).toMatchObject({ ...rest, unknown_before: 7, mended });
    expect(evidence).not.toHaveProperty('v');
    expect(evidence).not.toHaveProperty('facts');
  });

  test('takes facts when the rule finds it again, with what an older version said of the time before', () => {
    const found = { ...readEvidence(OLD), facts: { rule: 'authentication_regression' as const, strict: [] } };
    const { evidence } = storedForm({ ...FINDING, evidence: found });
    expect(evidence).toMatchObject({ v: EVIDENCE_VERSION, facts: { rule: 'authentication_regression' } });
    expect(evidence.what).toContain('98 % of 2,000 messages passed in the 20 mail days before');
  });
});

describe('evidence of this version', () => {
  const now = { ...readEvidence({}), senders: 2, messages: 40, of: 50, since: '2026-10-01', delivered: 10 };
  const stored = storedForm({ ...FINDING, evidence: { ...now, facts: { rule: 'unauthorized_source', p: 'none' } } });

  test('is read as it was written, and makes the same words', () => {
    const evidence = readEvidence(JSON.parse(JSON.stringify(stored.evidence)));
    expect(evidence.facts).toEqual({ rule: 'unauthorized_source', p: 'none' });
    expect(storedForm({ ...FINDING, evidence })).toEqual(stored);
    expect(wordsOf({ ...FINDING, summary: 'another', evidence }).title).toBe(
      '2 networks send as example.com without authentication',
    );
  });

  test.each([
    ['of a newer version', { ...stored.evidence, v: EVIDENCE_VERSION + 1 }],
    ['of a rule that is not known', { ...stored.evidence, facts: { rule: 'constructor' } }],
    ['of another shape', { ...stored.evidence, facts: { rule: 'unauthorized_source', p: 7 } }],
  ])('facts %s give way to the stored sentences', (_, changed) => {
    const evidence = readEvidence(changed);
    expect(evidence.facts).toBeNull();
    expect(wordsOf({ ...FINDING, evidence })).toMatchObject({ title: SUMMARY, what: stored.evidence.what });
  });
});

test('whatever a row holds, reading it throws nothing and gives numbers where numbers belong', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...Object.keys(OLD), 'facts', 'v', 'ended'), fc.jsonValue()), (row) => {
      const evidence = readEvidence(row);
      for (const name of ['messages', 'of', 'senders', 'share', 'delivered'] as const)
        expect(evidence[name]).toBeGreaterThanOrEqual(0);
      expect(Array.isArray(evidence.who) && Array.isArray(evidence.reporters)).toBe(true);
      expect(typeof wordsOf({ ...FINDING, evidence }).what).toBe('string');
      storedForm({ ...FINDING, evidence });
    }),
    { numRuns: 300 },
  );
  for (const odd of [null, undefined, 7, 'x', []]) expect(readEvidence(odd).who).toEqual([]);
});

test('rows of this version have a 1 in them: a change of it strands the facts of all that are stored', () => {
  expect(EVIDENCE_VERSION).toBe(1);
  const facts = { rule: 'unconfirmed_report' };
  expect(readEvidence({ v: 1, facts }).facts).toEqual(facts);
  expect(readEvidence({ v: 2, facts }).facts).toBeNull();
});

test('what is malformed has an empty value, and the stored sentences stand apart', () => {
  const evidence = readEvidence({
    messages: 'many',
    of: -1,
    names: [{ name: 'a.example', messages: 3, used: 'yes' }],
    what: 'It was so.',
    advice: ['Do it.', 7],
    resolved_why: 'It is over.',
  });
  expect(evidence).toMatchObject({ messages: 0, of: 0, names: [{ name: 'a.example', messages: 3, used: false }] });
  expect(evidence).not.toHaveProperty('what');
  expect(evidence).not.toHaveProperty('advice');
  expect(evidence).not.toHaveProperty('resolved_why');
  expect(evidence.sentences).toEqual({ what: 'It was so.', advice: ['Do it.'], resolved_why: 'It is over.' });
  expect(overWords(evidence)).toBe('It is over.');
  expect(overWords(readEvidence({ ended: { reason: 'confirmed' }, resolved_why: 'Another.' }))).toBe(
    'Reporters whose word counts now report such mail.',
  );
  expect(overWords(readEvidence({}))).toBe('');
});

describe('advice that the end of a finding has answered', () => {
  // One that asks for a decision about its sender, too.
  const { domain, subject, summary, evidence } = Object.values(FINDINGS).find((one) => wordsOf(one).senders !== undefined)!;
  const saidOf = (ended: Ending | undefined) => {
    const finding = { domain, subject, summary, evidence: { ...evidence, ended } };
    const { advice, pages, senders } = wordsOf(finding);
    return { advice, pages, senders, stored: storedForm(finding).evidence.advice };
  };
  test('is neither shown nor stored, and asks for no decision', () => {
    for (const ended of [{ reason: 'denied_kept_out', p: 'reject' }, { reason: 'listed' }] as const)
      expect(saidOf(ended)).toEqual({ advice: [], pages: undefined, senders: undefined, stored: [] });
  });
  test('is there while it is open, and where it was merely not seen again or a person closed it', () => {
    const open = saidOf(undefined);
    expect(open.advice.length).toBeGreaterThan(0);
    expect(open.senders!.length).toBeGreaterThan(0);
    expect(open.stored as string[]).toHaveLength(open.advice.length + open.senders!.length);
    expect(saidOf({ reason: 'no_mail', days: 14 })).toEqual(open);
    expect(saidOf({ reason: 'closed', by: 'Ada', why: 'ticket 7' })).toEqual(open);
  });
});
