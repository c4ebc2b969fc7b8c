import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const at = (name: string) => new URL(`../../${name}`, import.meta.url);
const listed = (name: string) =>
  [...readFileSync(at(name), 'utf8').matchAll(/test\/attacks\/([\w-]+\.test\.ts)/g)].map((m) => m[1]!);

test('docs/attacks.md lists each attack in test/attacks/ once, with what holds it off and what it came to before, and no other', () => {
  const files = readdirSync(at('test/attacks')).filter((name) => name.endsWith('.test.ts'));
  expect(listed('docs/attacks.md').sort()).toEqual(files.sort());
  const rows = readFileSync(at('docs/attacks.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `test/attacks/'));
  for (const row of rows) {
    const [, , attack, held, before] = row.split('|').map((cell) => cell.trim());
    expect(attack!.length, row).toBeGreaterThan(20);
    expect(held!.length, row).toBeGreaterThan(20);
    expect(before!.length, row).toBeGreaterThan(20);
  }
});

test('no document names an attack that is not there', () => {
  const files = readdirSync(at('test/attacks'));
  const documents = ['SECURITY.md', 'README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];
  for (const document of [...documents, ...readdirSync(at('docs')).map((name) => `docs/${name}`)]) {
    if (!document.endsWith('.md')) continue;
    for (const name of listed(document)) expect(files, document).toContain(name);
  }
});
