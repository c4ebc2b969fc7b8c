import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { factWords, KINDS, readFacts } from '../../../services/findings/kinds/index.ts';
import { EVIDENCE, SAMPLES } from './samples.ts';

describe('the words of each kind', () => {
  test.each(Object.entries(SAMPLES))('%s', (_, facts) => {
    const words = factWords({ domain: 'example.com', subject: 'mailer.example', evidence: EVIDENCE }, facts);
    const { title, topic, summary, what, advice } = words;
    const { pages = [], ...said } = words;
    expect(pages).toHaveLength(advice.length);
    for (const page of pages) expect(page === null || typeof page === 'string').toBe(true);
    expect(JSON.stringify(said)).not.toMatch(/undefined|null|NaN|\bInfinity\b|\[object/);
    // The figures are beside it wherever it is shown.
    expect(title).not.toMatch(/\d messages?\b/);
    for (const sentence of [title, topic, summary]) expect(sentence.endsWith('.')).toBe(false);
    expect(summary.length).toBeLessThan(200);
    expect(what).toMatch(/[.:]$/);
    expect(advice.length).toBeGreaterThan(0);
    for (const sentence of advice) expect(sentence).toMatch(/[.)]$/);
    // What is stored is read again.
    expect(readFacts(JSON.parse(JSON.stringify(facts)))).toEqual(facts);
  });
});

test('every rule of the analyzer has its facts and words here, under the name of its file', () => {
  const rules = readdirSync(new URL('../../../services/analyzer/rules/', import.meta.url)).map((name) => name.replace('.ts', ''));
  const helpers = [
    'index',
    'rule',
    'silence',
    'broken_senders',
    'checked',
    'lost',
    'weakened_sender',
    'window',
    'broken_part',
    'change_point',
    'refused_at',
  ];
  expect(rules.filter((name) => !helpers.includes(name)).sort()).toEqual(Object.keys(KINDS).sort());
});

test('what is not facts of a kind is none, whatever it is', () => {
  for (const odd of [
    null,
    undefined,
    7,
    'abused_sender',
    [],
    {},
    { rule: 7 },
    { rule: null },
    { rule: 'toString' },
    { rule: 'none' },
  ])
    expect(readFacts(odd)).toBeNull();
  expect(readFacts({ rule: 'sender_moved', how: 'never' })).toBeNull();
  expect(readFacts({ rule: 'reports_stopped', reason: 'no record.' })).toEqual({
    rule: 'reports_stopped',
    reason: 'no record.',
    lost: true,
    silence: null,
    confirmed: null,
  });
});
