import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { demoBelow, forgetConsole, noteConsole, notedConsole } from '../../services/cli/running-demo.ts';

const home = mkdtempSync(path.join(tmpdir(), 'ruawatch-demo-'));
afterAll(() => rmSync(home, { recursive: true }));

test('the console of a demo is found while the demo runs', () => {
  expect(notedConsole(home)).toBeNull();
  noteConsole(home, 'http://localhost:9808');
  expect(notedConsole(home)).toBe('http://localhost:9808');
  forgetConsole(home);
  forgetConsole(home);
  expect(notedConsole(home)).toBeNull();
});

test('where the folder is none, no demo runs', () => {
  const file = path.join(home, 'file');
  writeFileSync(file, '');
  expect(notedConsole(demoBelow(path.join(home, 'absent')))).toBeNull();
  expect(notedConsole(file)).toBeNull();
});
