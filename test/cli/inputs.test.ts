import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inputs } from '../../services/cli/inputs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-inputs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function read(...names: string[]) {
  const files: string[] = [];
  const skipped: [string, string][] = [];
  const at = (file: string) => path.relative(folder, file);
  for await (const { file } of inputs(
    names.map((name) => path.join(folder, name)),
    1e6,
    (file, code) => skipped.push([at(file), code]),
  ))
    files.push(at(file));
  return { files, skipped };
}

test('symbolic links to files and folders are followed, and broken ones are named', async () => {
  mkdirSync(path.join(folder, 'elsewhere/deep'), { recursive: true });
  mkdirSync(path.join(folder, 'in'));
  writeFileSync(path.join(folder, 'elsewhere/a.xml'), '<a/>');
  writeFileSync(path.join(folder, 'elsewhere/deep/b.xml'), '<b/>');
  symlinkSync('../elsewhere/a.xml', path.join(folder, 'in/1.xml'));
  symlinkSync('../elsewhere', path.join(folder, 'in/2'));
  symlinkSync('nowhere', path.join(folder, 'in/3'));
  symlinkSync('4', path.join(folder, 'in/4'));
  expect(await read('in')).toEqual({
    files: ['in/1.xml', 'in/2/a.xml', 'in/2/deep/b.xml'],
    skipped: [
      ['in/3', 'link_broken'],
      ['in/4', 'link_broken'],
    ],
  });
});

test('a folder that links lead to in a circle is read once', async () => {
  mkdirSync(path.join(folder, 'in/sub'), { recursive: true });
  writeFileSync(path.join(folder, 'in/sub/a.xml'), '<a/>');
  symlinkSync('..', path.join(folder, 'in/sub/up'));
  symlinkSync('sub', path.join(folder, 'in/z'));
  expect(await read('in')).toEqual({
    files: ['in/sub/a.xml'],
    skipped: [
      ['in/sub/up', 'folder_known'],
      ['in/z', 'folder_known'],
    ],
  });
});

test('a link that is named is followed, and one that leads nowhere is an error', async () => {
  writeFileSync(path.join(folder, 'a.xml'), '<a/>');
  symlinkSync('a.xml', path.join(folder, 'link'));
  symlinkSync('gone', path.join(folder, 'broken'));
  expect(await read('link')).toEqual({ files: ['link'], skipped: [] });
  await expect(read('broken')).rejects.toMatchObject({ code: 'no_such_path' });
});

test('a device that is named is refused with its path', async () => {
  const all = inputs(['/dev/null'], 1e6, () => undefined);
  await expect(all.next()).rejects.toMatchObject({
    code: 'unreadable',
    message: '/dev/null is neither a file nor a folder.',
  });
});
