import { chmodSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  firstClosedFolder,
  linkLibraries,
  makeFolder,
  refuseFolder,
  unwritable,
} from '../../../services/shared/runtime/embedded-binaries.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs it without root's right to write everywhere. */
function asNobody(work: () => void): void {
  if (process.getuid?.() !== 0) {
    work();
    return;
  }
  process.seteuid!(54_321);
  try {
    work();
  } finally {
    process.seteuid!(0);
  }
}

const refusal = (at: string, code: RegExp) => ({
  code: 'embedded_folder',
  message: expect.stringMatching(
    new RegExp(
      `^The data folder ${at} cannot be written \\(${code.source}\\): set RUAWATCH_DATA_DIR to .* or set DATABASE_URL\\.$`,
    ),
  ),
});

test('a data folder that this user may not create, or that exists and is closed, is refused with the setting', () => {
  const inside = path.join(folder, 'data');
  mkdirSync(path.join(folder, 'closed'), { mode: 0o555 });
  const closed = path.join(folder, 'closed', 'data');
  asNobody(() => expect(() => makeFolder(closed)).toThrow(expect.objectContaining(refusal(closed, /EACCES/))));
  asNobody(() => expect([unwritable(closed), unwritable(path.join(closed, 'deep'))]).toEqual(['EACCES', 'EACCES']));
  expect([unwritable(inside), unwritable(path.join(inside, 'deep', 'er'))]).toEqual([null, null]);
  makeFolder(inside);
  makeFolder(inside);
  makeFolder(path.join(inside, 'deep', 'er'));
  expect(unwritable(inside)).toBeNull();
});

test('where the system makes no folder at all, that is said, and it ends', () => {
  for (const at of ['/proc/ruawatch', '/proc/ruawatch/deep/er', '/proc/1/data', '/dev/null/data', '/dev/null'])
    expect(() => makeFolder(at)).toThrow(expect.objectContaining(refusal(at, /E[A-Z]+/)));
});

test('a file in its place is refused the same way', () => {
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  for (const at of [file, path.join(file, 'data')])
    expect(() => makeFolder(at)).toThrow(expect.objectContaining(refusal(at, /ENOTDIR|EEXIST/)));
  expect([unwritable(file), unwritable(path.join(file, 'data'))]).toEqual(['EEXIST', 'ENOTDIR']);
});

test('the links of a package are created once, and one that cannot be is named', () => {
  linkLibraries(folder);
  mkdirSync(path.join(folder, 'native', 'lib'), { recursive: true });
  const listed = (...targets: string[]) =>
    writeFileSync(
      path.join(folder, 'native', 'pg-symlinks.json'),
      JSON.stringify(targets.map((target) => ({ source: 'native/lib/libpq.so.5.18', target }))),
    );
  listed('native/lib/libpq.so', 'native/lib/libpq.so.5');
  for (let time = 0; time < 2; time++) {
    linkLibraries(folder);
    for (const name of ['libpq.so', 'libpq.so.5'])
      expect(readlinkSync(path.join(folder, 'native', 'lib', name))).toBe('libpq.so.5.18');
  }
  listed('native/gone/libpq.so');
  expect(() => linkLibraries(folder)).toThrow(
    expect.objectContaining({
      code: 'embedded_missing',
      message: expect.stringContaining(`lacks the link ${path.join(folder, 'native/gone/libpq.so')}`),
    }),
  );
});

describe('the first folder above the data that the user of the server cannot enter', () => {
  const mine = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const other = 54_321;

  test.each([
    ['its owner', 0o100, { uid: mine.uid, gid: other }],
    ['its group', 0o010, { uid: other, gid: mine.gid }],
    ['all others', 0o001, { uid: other, gid: other }],
  ])('%s may enter it by a right of their own', (_, right, owner) => {
    const above = path.join(folder, 'above');
    const data = path.join(above, 'data', 'not yet');
    mkdirSync(above);
    chmodSync(folder, 0o755);
    chmodSync(above, right);
    expect(firstClosedFolder(data, owner)).toBeNull();
    chmodSync(above, 0o777 & ~right);
    expect(firstClosedFolder(data, owner)).toBe(above);
    // The folder itself is the server's, whatever its rights are before it is.
    expect(firstClosedFolder(above, owner)).toBeNull();
    expect(firstClosedFolder(data, null)).toBeNull();
    chmodSync(above, 0o755);
  });

  test('is asked for a user of no group where root starts the server, and for nobody else', () => {
    chmodSync(folder, 0o750);
    const data = path.join(folder, 'data');
    expect(firstClosedFolder(data)).toBe(process.getuid?.() === 0 ? folder : null);
  });

  test('and one that anyone can write to are refused with what to do', () => {
    const data = path.join(folder, 'data');
    mkdirSync(data);
    chmodSync(folder, 0o700);
    const refused = (said: string) =>
      expect.objectContaining({ code: 'embedded_folder', message: expect.stringContaining(said) });
    expect(() => refuseFolder(data, { uid: other, gid: other })).toThrow(
      refused(`cannot enter ${folder}: set RUAWATCH_DATA_DIR`),
    );
    for (const mode of [0o777, 0o702]) {
      chmodSync(data, mode);
      expect(() => refuseFolder(data, null)).toThrow(refused(`can write to ${data}, where`));
    }
    chmodSync(data, 0o775);
    refuseFolder(data, null);
  });
});
