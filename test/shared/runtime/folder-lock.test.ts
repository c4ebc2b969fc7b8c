import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { takeLock } from '../../../services/shared/runtime/folder-lock.ts';

const LOCK = path.resolve(import.meta.dirname, '../../../dist/services/shared/runtime/folder-lock.js');
/** No process has this number: the kernel's own limit is 4194304. */
const GONE = '4194305 1';

let folder = '';
let lock = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-lock-'));
  lock = path.join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Takes the lock again and again, and leaves it to its death now and then, as a process that is killed does.
 */
const worker = (journal: string) => `
  import { appendFileSync, writeFileSync, readdirSync } from 'node:fs';
  import { takeLock } from ${JSON.stringify(LOCK)};
  for (let i = 0; i < 12; i++) {
    const release = await takeLock(${JSON.stringify(lock)});
    appendFileSync(${JSON.stringify(journal)}, process.pid + ' in\\n');
    await new Promise((r) => setTimeout(r, Math.random() * 4));
    appendFileSync(${JSON.stringify(journal)}, process.pid + ' out\\n');
    if (i % 3 === 2) {
      const top = Math.max(...readdirSync(${JSON.stringify(lock)}).map(Number).filter(Number.isSafeInteger));
      writeFileSync(${JSON.stringify(lock)} + '/' + top, ${JSON.stringify(GONE)});
    } else release();
  }`;

test('eight processes take it in turns, over holders that have died, and never two at once', async () => {
  const journal = path.join(folder, 'journal');
  mkdirSync(lock);
  writeFileSync(path.join(lock, '1'), GONE);
  const codes = await Promise.all(
    Array.from({ length: 8 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', worker(journal)], { stdio: 'inherit' });
      return new Promise<number | null>((resolve) => child.once('exit', resolve));
    }),
  );
  expect(codes).toEqual(Array(8).fill(0));
  const lines = readFileSync(journal, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(8 * 12 * 2);
  for (let i = 0; i < lines.length; i += 2) {
    const [pid] = lines[i]!.split(' ');
    expect([lines[i], lines[i + 1]]).toEqual([`${pid} in`, `${pid} out`]);
  }
  expect(readdirSync(lock).length).toBeLessThanOrEqual(2);
});

test('a holder that lives keeps it; a number that another process has got since does not', async () => {
  const release = await takeLock(lock);
  let second = false;
  const waiter = takeLock(lock).then((free) => {
    second = true;
    return free;
  });
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(second).toBe(false);
  release();
  (await waiter)();
  // Our own number, but of a process that began at another time.
  const top = Math.max(...readdirSync(lock).map(Number));
  writeFileSync(path.join(lock, String(top + 1)), `${process.pid} 1`);
  (await takeLock(lock))();
  appendFileSync(path.join(lock, 'stray'), 'not a number');
  (await takeLock(lock))();
});
