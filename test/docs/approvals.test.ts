import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Plan } from '../../services/requests/plan.ts';
import { approvalsSchema, choose } from '../../services/requests/rules.ts';
import { planOf } from '../requests/sample.ts';

const at = (name: string) => new URL(`../../${name}`, import.meta.url);
const text = readFileSync(at('docs/approvals.md'), 'utf8');
const rows = [...text.matchAll(/^\| (.+?) \|.*\| `(test\/[\w/.-]+\.test\.ts)`: (.+) \|$/gm)].map(
  ([, what, file, title]) => [what!, file!, title!] as const,
);

test('each row of the comparison names a test', () => {
  const table = text.slice(text.indexOf('## Beside others'));
  // Two tables, each with two lines above its rows.
  expect(rows.length).toBe(table.split('\n').filter((line) => line.startsWith('|')).length - 4);
  expect(rows.length).toBeGreaterThan(40);
});

test.each(rows)('%s: the test is there', (_, file, title) => {
  const named = readFileSync(at(file), 'utf8').match(/(?:test|describe)(?:\.each)?(?:<[^(]*>)?\(\s*'((?:[^'\\]|\\.)*)'/g) ?? [];
  expect(named.map((one) => one.slice(one.indexOf("'") + 1, -1))).toContain(title);
});

test('each set of rules can be loaded, and decides as its text says', () => {
  const sets = [...text.matchAll(/^```yaml\n(approvals:\n[\s\S]*?)^```$/gm)].map(([, yaml]) =>
    approvalsSchema.parse(parse(yaml!).approvals),
  );
  expect(sets).toHaveLength(4);
  const [, one, ten, thousand] = sets;
  const rule = (given: (typeof sets)[number], part: Partial<Plan>, requester: 'person' | 'playbook' | 'service' = 'playbook') =>
    choose(given.rules, { plan: planOf(part), requester }, () => ({ all: 0, domain: 0 }))?.name;
  const step = { kind: 'policy.step', risk: 'medium' } as const;
  expect(rule(one!, step)).toBe('all');
  expect([rule(ten!, {}), rule(ten!, step), rule(ten!, { risk: 'medium' })]).toEqual(['known-senders', 'policy', 'rest']);
  const key = { kind: 'dkim.rotate', risk: 'medium' } as const;
  expect([rule(thousand!, key, 'service'), rule(thousand!, key, 'person'), rule(thousand!, step)]).toEqual([
    'keys',
    'rest',
    'policy',
  ]);
  expect([rule(thousand!, { ...step, domain: 'shop.example.com' }), rule(thousand!, { domain: 'shop.example.com' })]).toEqual([
    'shop',
    'shop-routine',
  ]);
  expect([rule(thousand!, {}), rule(thousand!, { risk: 'high' })]).toEqual(['low', 'rest']);
});

test('each test that SECURITY.md names for approvals is there', () => {
  const security = readFileSync(at('SECURITY.md'), 'utf8');
  const part = security.slice(security.indexOf('## Approvals: what a thief'), security.indexOf('## What we do not promise yet'));
  const files = [...part.matchAll(/`(test\/[\w/.-]+\.test\.ts)`/g)].map(([, file]) => file!);
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) expect(() => readFileSync(at(file)), file).not.toThrow();
});
