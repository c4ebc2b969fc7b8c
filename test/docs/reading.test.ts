import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../services/report/limits.ts';
import { readDocument, sections } from './markdown.ts';

const root = path.resolve(import.meta.dirname, '../..');
const parts = sections(readDocument('reading.md'));
/** The rows of the table under a heading, cells as they are meant. */
const table = (title: string): string[][] =>
  parts
    .find((part) => part.title === title)!
    .text.split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) =>
      line
        .slice(2, -2)
        .split(/(?<!\\) \| /)
        .map((cell) => cell.replaceAll('\\|', '|').replaceAll('&lt;', '<')),
    );
const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
const peculiarities = table('Peculiarities');
const further = table('Further peculiarities');
const containers = table('Containers, and what holds no report');
const limits = table('Limits');

const samples = path.resolve(root, '../shared/samples/QUIRKS.tsv');
const present = existsSync(samples);
if (!present) console.log(`The list of quirks is absent (${samples}): its test is skipped.`);

describe('docs/reading.md', () => {
  test('gives every peculiarity a fixture of the repository, with what parse prints of it, or a test that builds it', () => {
    expect(peculiarities).toHaveLength(117);
    for (const [name, here, theirs, cell] of [...peculiarities, ...further, ...containers]) {
      expect(here!.length, name).toBeGreaterThan(3);
      expect(theirs, name).not.toBe('');
      const files = quoted(cell!);
      expect(files, name).not.toHaveLength(0);
      for (const file of files) {
        const isTest = file.startsWith('test/');
        expect(existsSync(path.join(root, isTest ? '' : 'test/fixtures', file)), file).toBe(true);
        if (!isTest) expect(existsSync(path.join(root, 'test/fixtures', `${file}.golden.json`)), file).toBe(true);
      }
    }
  });

  test.skipIf(!present)('has every quirk of the samples, and what parsedmarc does with it', () => {
    const lines = readFileSync(samples, 'utf8').trimEnd().split('\n').slice(1);
    const quirks = lines.map((line) => line.split('\t').map((cell) => cell.trim()));
    expect(peculiarities.map(([name, , theirs]) => [name, theirs])).toEqual(quirks.map(([name, , theirs]) => [name, theirs]));
  });

  test('states every limit with its default', () => {
    const stated = limits.map(([name, value]) => [quoted(name!)[0], Number(value!.replaceAll(',', ''))]);
    expect(Object.fromEntries(stated)).toEqual(DEFAULT_LIMITS);
  });

  test('states the codes that readers refuse with, and that schema.md explains', () => {
    const schema = sections(readDocument('schema.md'));
    const codesUnder = (title: string): string[] =>
      [...schema.find((part) => part.title === title)!.text.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code!);
    const explained = new Set([...codesUnder('Codes of messages'), ...codesUnder('Problems of reports')]);
    const folder = path.join(root, 'services/report');
    const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(path.join(folder, file), 'utf8'))
      .join('\n');
    for (const [name, , codes] of limits) {
      for (const code of quoted(codes!)) {
        expect(explained, code).toContain(code);
        expect(source, `${name} ${code}`).toMatch(new RegExp(`'${code}'`));
      }
    }
    for (const [name, here] of [...peculiarities, ...further, ...containers]) {
      for (const code of quoted(here!).filter((text) => text.includes('_')))
        expect(explained, `${name}: ${code}`).toContain(code);
    }
  });
});
