import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RULES, ruleOf, rulesOf, TESTED_KINDS } from '../../../services/analyzer/rules/index.ts';
import { SEVERITIES } from '../../../services/shared/severity.ts';

test('every rule states its severities, mildest first, and yields only to rules before it', () => {
  for (const [i, { kind, severity, yieldsTo = [] }] of RULES.entries()) {
    expect(severity.length, kind).toBeGreaterThan(0);
    expect(
      SEVERITIES.filter((one) => severity.includes(one)),
      kind,
    ).toEqual([...severity]);
    const before = RULES.slice(0, i).map((rule) => rule.kind);
    expect(before, kind).toEqual(expect.arrayContaining([...yieldsTo]));
  }
});

test('a kind about a source and about the domain is found by the subject of the finding', () => {
  const finding = (subject: string) => ({ kind: 'unauthorized_source', subject });
  expect(ruleOf(finding('example.com'), 'example.com')?.scope).toBe('domain');
  expect(ruleOf(finding('mailer.example'), 'example.com')?.scope).toBe('source');
  expect(ruleOf({ kind: 'of_an_older_version', subject: 'x' }, 'example.com')).toBeUndefined();
});

test('rules are listed by scope, each once, and eight kinds share the budget', () => {
  const scopes = new Set(RULES.map(({ scope }) => scope));
  expect([...scopes].flatMap((scope) => rulesOf(scope)).length).toBe(RULES.length);
  expect(TESTED_KINDS).toBe(8);
});

test('no rule is left out of the list', () => {
  const at = new URL('../../../services/analyzer/rules/', import.meta.url);
  const files = readdirSync(at).filter(
    (name) =>
      ![
        'index.ts',
        'rule.ts',
        'silence.ts',
        'broken_senders.ts',
        'checked.ts',
        'broken_part.ts',
        'change_point.ts',
        'refused_at.ts',
        'weakened_sender.ts',
        'lost.ts',
        'window.ts',
      ].includes(name),
  );
  expect(files.length).toBe(RULES.length);
});
