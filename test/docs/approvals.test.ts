import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const at = (name: string) => new URL(`../../${name}`, import.meta.url);
const text = readFileSync(at('docs/approvals.md'), 'utf8');
const rows = [...text.matchAll(/^\| (.+?) \|.*\| `(test\/[\w/.-]+\.test\.ts)`: (.+) \|$/gm)].map(
  ([, what, file, title]) => [what!, file!, title!] as const,
);

test('each row of the comparison names a test', () => {
  const table = text.slice(text.indexOf('## Beside others'));
  expect(rows.length).toBe(table.split('\n').filter((line) => line.startsWith('|')).length - 2);
  expect(rows.length).toBeGreaterThan(15);
});

test.each(rows)('%s: the test is there', (_, file, title) => {
  const named = readFileSync(at(file), 'utf8').match(/(?:test|describe)(?:\.each)?(?:<[^(]*>)?\(\s*'((?:[^'\\]|\\.)*)'/g) ?? [];
  expect(named.map((one) => one.slice(one.indexOf("'") + 1, -1))).toContain(title);
});

test('each test that SECURITY.md names for approvals is there', () => {
  const security = readFileSync(at('SECURITY.md'), 'utf8');
  const part = security.slice(security.indexOf('## Approvals: what a thief'), security.indexOf('## What we do not promise yet'));
  const files = [...part.matchAll(/`(test\/[\w/.-]+\.test\.ts)`/g)].map(([, file]) => file!);
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) expect(() => readFileSync(at(file)), file).not.toThrow();
});
