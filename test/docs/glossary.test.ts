import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const section = readFileSync(path.join(ROOT, 'ARCHITECTURE.md'), 'utf8').split('## Glossary')[1]!.split('\n## ')[0]!;
const terms = [...section.matchAll(/^\| (.+?) \| .+ \|$/gm)].map(([, term]) => term!).filter((term) => term !== 'term');

test('the glossary has at most forty terms, each once', () => {
  expect(terms.length).toBeGreaterThan(20);
  expect(terms.length).toBeLessThanOrEqual(40);
  expect(new Set(terms).size).toBe(terms.length);
});

/** Metaphors, and words that once had several meanings here. */
const REFUSED = ['judge', 'acts', 'pieces', 'turns', 'young', 'sparing', 'bury', 'beyond', 'safely'];

test('no file and no exported name of services/ is called by a word that the glossary replaced', () => {
  const files = execFileSync('git', ['ls-files', 'services'], { cwd: ROOT, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file.endsWith('.ts'));
  expect(files.length).toBeGreaterThan(200);
  const found = files.flatMap((file) => {
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    const exported = [...text.matchAll(/^export (?:async )?(?:function\*?|const|class|interface|type) (\w+)/gm)].map(
      ([, name]) => name!,
    );
    const words = [path.basename(file, '.ts'), ...exported].flatMap((name) =>
      name.split(/[-_.]|(?<=[a-z])(?=[A-Z])/).map((word) => word.toLowerCase()),
    );
    return words.filter((word) => REFUSED.includes(word)).map((word) => `${file}: ${word}`);
  });
  expect(found).toEqual([]);
});
