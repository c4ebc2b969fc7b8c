import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../../services');
const IMPORT = /^(?:import|export) (?!type )(?:[^'";]*? from )?['"]([^'"]+)['"]/gms;
const LIBRARY = /\blibrary\('([^']+)'\)/g;

/** What is loaded with a file of services, before it does anything: files, and packages. */
function loadedWith(start: string): { files: string[]; packages: string[] } {
  const files = new Set([path.join(ROOT, start)]);
  const packages = new Set<string>();
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    for (const [, name] of [...text.matchAll(IMPORT), ...text.matchAll(LIBRARY)]) {
      if (name!.startsWith('.')) files.add(path.join(path.dirname(file), name!));
      else if (!name!.startsWith('node:')) packages.add(name!);
    }
  }
  return { files: [...files].map((file) => path.relative(ROOT, file)).sort(), packages: [...packages].sort() };
}

test('a thread that reads loads the reader, and nothing of databases, queues and logs', () => {
  const { files, packages } = loadedWith('parser/reading/thread.ts');
  expect(packages).toEqual(['saxes', 'tldts', 'yauzl']);
  expect(files.filter((file) => !/^(?:report|parser\/reading)\//.test(file))).toEqual([
    'shared/runtime/garbage.ts',
    'store/reports/record-lines.ts',
    'store/sql-text.ts',
  ]);
});

test('an import loads neither the reader in its main thread, nor queues and YAML that it may not need', () => {
  const { files, packages } = loadedWith('cli/commands/import.ts');
  expect(packages).toContain('pg');
  expect(packages.filter((name) => ['bullmq', 'ioredis', 'saxes', 'yauzl', 'fast-xml-parser', 'yaml'].includes(name))).toEqual(
    [],
  );
  expect(files).toContain('parser/index.ts');
  const reader = [
    'report/read-mail.ts',
    'report/xml/reader.ts',
    'report/aggregate/report-builder.ts',
    'report/failure/failure.ts',
  ];
  expect(files.filter((file) => reader.includes(file))).toEqual([]);
});
