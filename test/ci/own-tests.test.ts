import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { AS_PROCESSES, TESTED_THROUGH } from './tested-through.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SERVICES = readdirSync(path.join(ROOT, 'services'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const source = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
const ownTest = (file: string) => `test/${file.replace(/\.ts$/, '.test.ts')}`;
const listed = [...Object.values(TESTED_THROUGH), ...Object.values(AS_PROCESSES)].flat();

/** Whether a file has a branch outside its comments. Types, lists and index files have none. */
function decides(file: string): boolean {
  const code = source(`services/${file}`)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');
  return /\bif \(|\?\?|&&|\|\||\bcase |\bwhile \(|\bcatch\b| \? /.test(code);
}

/** The files under services/ that a test imports, directly or through others. */
function reached(test: string): Set<string> {
  const found = new Set<string>();
  const queue = [`test/${test}`];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    for (const [, name] of source(file).matchAll(/(?:from |import\()'(\.[^']+\.ts)'/g)) {
      const next = path.join(path.dirname(file), name!);
      if (existsSync(path.join(ROOT, next))) queue.push(next);
    }
  }
  return found;
}

test('every file that decides something has a test of its own, or is named with the test that covers it', () => {
  const without = SERVICES.filter((file) => !existsSync(path.join(ROOT, ownTest(file))) && decides(file));
  expect(without.filter((file) => !listed.includes(file))).toEqual([]);
});

test('no file is named that is gone, and none twice', () => {
  expect(listed.filter((file) => !SERVICES.includes(file))).toEqual([]);
  expect(new Set(listed).size).toBe(listed.length);
});

test.each(Object.entries(TESTED_THROUGH))('%s reaches the files that it is named for', (name, files) => {
  const all = reached(name);
  expect(files.filter((file) => !all.has(`services/${file}`))).toEqual([]);
});

test.each(Object.keys(AS_PROCESSES))('%s exists', (name) => {
  expect(existsSync(path.join(ROOT, 'test', name))).toBe(true);
});
