import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { changeLines, linesOf } from '../../../services/applier/grants/lines-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-lines-'));
  file = path.join(folder, 'lines');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The files of the folder that this process has open. */
const open = () =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const at = readlinkSync(`/proc/self/fd/${fd}`);
      return at.startsWith(folder) ? [at] : [];
    } catch (error) {
      // The one by which the list itself was read.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return [];
    }
  });
const add = (line: string) => (lines: readonly string[]) => [...lines, line];

test.each<[string, string, (lines: readonly string[]) => readonly string[], string, boolean]>([
  ['a line that is added', 'a\nb\n', add('c'), 'a\nb\nc\n', true],
  ['a line behind one that has no end', 'a\nb', add('c'), 'a\nb\nc\n', true],
  ['a line in an empty file', '', add('c'), 'c\n', true],
  ['a line that is taken away', 'a\nb\nc\n', (lines) => lines.filter((line) => line !== 'b'), 'a\nc\n', true],
  ['the last one', 'a\n', () => [], '', true],
  ['as many lines, of which one is other', 'a\nb\n', () => ['a', 'c'], 'a\nc\n', true],
  ['lines in another order', 'a\nb\n', () => ['b', 'a'], 'b\na\n', true],
  ['blank lines, which stay', 'a\n\n\n', add('c'), 'a\n\n\nc\n', true],
  ['no change', 'a\nb\n', (lines) => lines, 'a\nb\n', false],
  ['no change of a file without an end', 'a\nb', (lines) => [...lines], 'a\nb', false],
])('%s', async (_, before, change, after, changed) => {
  writeFileSync(file, before);
  const { ino } = statSync(file);
  expect(await changeLines(file, change)).toBe(changed);
  expect(readFileSync(file, 'utf8')).toBe(after);
  // Whoever has the one before open reads it to its end; without a change it is the same file.
  expect(statSync(file).ino === ino).toBe(!changed);
  expect([readdirSync(folder), open()]).toEqual([['lines'], []]);
});

test('the file that a link leads to is changed, and the link stays', async () => {
  writeFileSync(file, 'a\n');
  const link = path.join(folder, 'link');
  symlinkSync(file, link);
  expect(await changeLines(link, add('b'))).toBe(true);
  expect([readFileSync(file, 'utf8'), readlinkSync(link), await linesOf(link)]).toEqual(['a\nb\n', file, ['a', 'b', '']]);
});

test.each([0o600, 0o640, 0o777])('rights stay: %o', async (mode) => {
  writeFileSync(file, 'a\n', { mode });
  const before = statSync(file).mode;
  await changeLines(file, add('b'));
  expect(statSync(file).mode).toBe(before);
});

test.runIf(process.getuid?.() === 0).each([
  ['user', 1234, 0],
  ['group', 0, 2345],
  ['user and group', 1234, 2345],
])('its %s stays', async (_, uid, gid) => {
  writeFileSync(file, 'a\n');
  chownSync(file, uid, gid);
  await changeLines(file, add('b'));
  expect(statSync(file)).toMatchObject({ uid, gid });
});

test('what cannot be put in its place leaves nothing behind', async () => {
  writeFileSync(file, 'a\n');
  const change = changeLines(file, (lines) => {
    rmSync(file);
    mkdirSync(file);
    return [...lines, 'b'];
  });
  await expect(change).rejects.toMatchObject({ code: 'EISDIR' });
  expect([readdirSync(folder), open()]).toEqual([['lines'], []]);
});

test('a file that is not there is not made', async () => {
  await expect(changeLines(file, add('a'))).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(linesOf(file)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(readdirSync(folder)).toEqual([]);
});
