import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
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

/** What is read of one file, with what is in it. */
async function mailsOf(content: string | Buffer, maxBytes = 1e7) {
  const at = path.join(folder, 'in');
  writeFileSync(at, content);
  const mails: { file: string; size: number; text: string | null }[] = [];
  for await (const { file, size, raw } of inputs([at], maxBytes, () => undefined))
    mails.push({ file: path.basename(file), size, text: raw?.toString('latin1') ?? null });
  return mails;
}

test('a folder is read in the order of names, a Maildir without what is not delivered yet', async () => {
  for (const name of ['cur', 'new', 'tmp']) mkdirSync(path.join(folder, 'box', name), { recursive: true });
  for (const name of ['new/b', 'new/a', 'cur/c', 'tmp/d']) writeFileSync(path.join(folder, 'box', name), 'x');
  expect((await read('box')).files).toEqual(['box/cur/c', 'box/new/a', 'box/new/b']);
  // A folder called tmp is one as any other where there is no Maildir.
  for (const missing of ['cur', 'new']) {
    rmSync(path.join(folder, 'box', missing), { recursive: true });
    expect((await read('box')).files).toContain('box/tmp/d');
    mkdirSync(path.join(folder, 'box', missing));
  }
});

test('a file is read up to the largest size, with its time', async () => {
  expect(await mailsOf('x'.repeat(10), 10)).toEqual([{ file: 'in', size: 10, text: 'x'.repeat(10) }]);
  expect(await mailsOf('x'.repeat(11), 10)).toEqual([{ file: 'in', size: 11, text: null }]);
  expect(await mailsOf('')).toEqual([{ file: 'in', size: 0, text: '' }]);
  const [large] = await mailsOf('y'.repeat(512 * 1024 + 1));
  expect([large!.size, large!.text!.length]).toEqual([512 * 1024 + 1, 512 * 1024 + 1]);
  utimesSync(path.join(folder, 'in'), 7, 7);
  for await (const { modified } of inputs([path.join(folder, 'in')], 1e7, () => undefined))
    expect(modified).toEqual(new Date(7000));
});

const FROM = 'From a@example.org Tue Sep  1 00:00:00 2026\n';

test('an mbox is its mails, each with a number where there are several', async () => {
  expect(await mailsOf(`${FROM}one\n`)).toEqual([{ file: 'in', size: FROM.length + 4, text: `${FROM}one\n` }]);
  const mails = await mailsOf(`${FROM}one\n\n${FROM}two\n\n${FROM}three\n`);
  expect(mails.map(({ file, size }) => [file, size])).toEqual([
    ['in#1', FROM.length + 5],
    ['in#2', FROM.length + 5],
    ['in#3', FROM.length + 6],
  ]);
  expect(mails.map(({ text }) => text)).toEqual([`${FROM}one\n\n`, `${FROM}two\n\n`, `${FROM}three\n`]);
});

test.each([
  ['an empty line of CR LF', `${FROM}one\r\n\r\n${FROM}two`, 2],
  ['no empty line before it', `${FROM}one\n${FROM}two`, 1],
  ['a carriage return that ends no empty line', `${FROM}one\r\n${FROM}two`, 1],
  ['a sentence', `${FROM}one\n\nFrom here on all is well.\n`, 1],
  ['a time without a year', `${FROM}one\n\nFrom nine to 17:00\n`, 1],
  ['a year that is none', `${FROM}one\n\nFrom a@x Tue Sep  1 00:00:00 12026\n`, 1],
  ['a year of the last century', `${FROM}one\n\nFrom a@x Tue Sep  1 00:00:00 1999\n`, 2],
  ['a sentence before a mail', `${FROM}one\n\nFrom here on.\n\n${FROM}two`, 2],
  ['a From line that is the whole rest', `${FROM}one\n\n${FROM}`, 2],
])('what begins a mail of an mbox: %s', async (_, content, count) => {
  expect(await mailsOf(content)).toHaveLength(count);
});

test('a mail of an mbox that is too large is counted and left out, and the next one is read', async () => {
  const sizes = async (most: number) =>
    (await mailsOf(`${FROM}${'x'.repeat(100)}\n\n${FROM}two`, most)).map(({ text }) => text?.length ?? null);
  expect(await sizes(FROM.length + 102)).toEqual([FROM.length + 102, FROM.length + 3]);
  expect(await sizes(FROM.length + 101)).toEqual([null, FROM.length + 3]);
});

test('a From line is found wherever the file is cut as it is read', async () => {
  const mib = 1024 * 1024;
  for (const before of [mib - FROM.length - 1, mib - 20, mib - 3, mib - 2, mib - 1, mib, mib + 1, mib + 513]) {
    const first = `${FROM}${'x'.repeat(before - FROM.length - 2)}\n\n`;
    const mails = await mailsOf(`${first}${FROM}two\n`);
    expect([before, ...mails.map(({ size }) => size)]).toEqual([before, first.length, FROM.length + 4]);
    expect(mails.map(({ text }) => text)).toEqual([first, `${FROM}two\n`]);
  }
});
