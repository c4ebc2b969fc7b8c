import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(path.join(ROOT, name), 'utf8');
const readme = read('README.md');
const tests = readdirSync(path.join(ROOT, 'test'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.test.ts'),
);

test('README names everything that a suite is skipped without', () => {
  const [paragraph] = /^Suites that need[\s\S]*?\n\n/m.exec(readme)!;
  // "(SKIPPED: needs dovecot-imapd and redis-server)", "(SKIPPED: bind9 or unbound is not installed)"
  const named = tests.flatMap((name) => [...read(`test/${name}`).matchAll(/SKIPPED: ([^()'`$]+)/g)].map((m) => m[1]!));
  expect(named.length).toBeGreaterThan(15);
  const words = named.flatMap((text) =>
    text
      .replace(/^needs |(?:is|are) not (?:installed|there)|names no Python/g, '')
      .split(/ (?:and|or) |, /)
      .map((word) => word.trim().replace(/^(\.\.\/shared)\/.*$/, '$1')),
  );
  for (const word of new Set(words)) expect(paragraph, word).toContain(`\`${word}\``);
  expect(words).toContain('redis-server');
});

test('README lists every document of docs/, and the documents that it and they link to exist', () => {
  const documents = readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  const linked = (text: string) => [...text.matchAll(/\]\(([\w./-]+?)(?:#[\w-]*)?\)/g)].map((m) => m[1]!);
  for (const name of linked(readme)) expect(existsSync(path.join(ROOT, name)), name).toBe(true);
  for (const document of documents)
    for (const name of linked(read(`docs/${document}`)))
      expect(existsSync(path.join(ROOT, 'docs', name)), `docs/${document}: ${name}`).toBe(true);
  for (const name of ['docs/backup.md', 'docs/upgrade.md', 'deploy/ruawatch.service']) expect(linked(readme)).toContain(name);
});

// npm 10 and 11 run no script of the repository, not even `preinstall`, before the packages are there.
test('npm test says at its start how long it takes, and README says it before the command', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const [, said] = /^echo 'The tests (take [^']+)\.' && /.exec(scripts.pretest!)!;
  expect(readme).toContain(said);
  expect(readme.indexOf(said!)).toBeLessThan(readme.indexOf('npm cit\n'));
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
});
