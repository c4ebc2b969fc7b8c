import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AddressFile } from '../../services/cluster/address-file.ts';

let folder: string;
let file: string;
let source: AddressFile;
let logged: object[];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-addresses-'));
  file = path.join(folder, 'addresses.yaml');
  logged = [];
  const write = (line: string) => {
    const { level, file: of, msg } = JSON.parse(line) as Record<string, unknown>;
    logged.push({ level, file: of, msg });
  };
  source = new AddressFile(file, pino({}, { write }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const GOOD = 'version: 1\nenvironments: { production: { out: [192.0.2.2, 192.0.2.1], none: [] } }\n';
const READ = () => ({ level: 30, file, msg: 'the file of addresses was read' });
const wrong = (why: string) => `${file} cannot be used: ${why}.`;
const out = () => source.observe('production', 'out');
const KNOWN = { state: 'known', addresses: ['192.0.2.1', '192.0.2.2'] };

test('is read once, and again when it changes', async () => {
  writeFileSync(file, GOOD);
  expect([out(), out(), source.failure()]).toEqual([KNOWN, KNOWN, null]);
  expect(source.observe('production', 'none')).toMatchObject({ state: 'unknown', why: expect.stringMatching(/^There is no/) });
  for (const [environment, egress] of [
    ['production', 'other'],
    ['staging', 'out'],
  ] as const)
    expect(source.observe(environment, egress)).toEqual({
      state: 'unknown',
      why: `${file} does not list environments.${environment}.${egress}.`,
    });
  expect(logged).toEqual([READ()]);
  writeFileSync(file, GOOD.replace('192.0.2.2', '198.51.100.22'));
  expect(out()).toEqual({ state: 'known', addresses: ['192.0.2.1', '198.51.100.22'] });
  expect(logged).toEqual([READ(), READ()]);
  await source.stop();
});

test.each([
  ['version: 2\nenvironments: {}\n', 'version: must be 1, the version of this form'],
  [
    'version: 1\nenvironments: { production: { out: [1] } }\n',
    'environments.production.out.0: Invalid input: expected string, received number',
  ],
  ['version: 1\nenvironments: {}\nmore: 1\n', 'the file: Unrecognized key: "more"'],
  ['version: 1\nversion: 1\n', 'Map keys must be unique at line 2, column 1:'],
])('%j cannot be used', (text, why) => {
  writeFileSync(file, text);
  expect([source.failure(), out()]).toEqual([wrong(why), { state: 'unknown', why: wrong(why) }]);
  expect(logged).toEqual([{ level: 50, file, msg: wrong(why) }]);
});

test('of 1 MiB is read, a larger one is not', () => {
  writeFileSync(file, GOOD.padEnd(1024 * 1024));
  expect(out()).toEqual(KNOWN);
  writeFileSync(file, GOOD.padEnd(1024 * 1024 + 1));
  expect(out()).toEqual({ state: 'unknown', why: wrong('it is larger than 1 MiB') });
});

test('what is wrong is said once, until it is something else; the file of before is read when it is back', () => {
  const missing = wrong(`there is no ${file} (ENOENT)`);
  expect([source.failure(), source.failure()]).toEqual([missing, missing]);
  writeFileSync(file, GOOD);
  expect(out()).toEqual(KNOWN);
  renameSync(file, `${file}.before`);
  writeFileSync(file, 'version: 1\n');
  const incomplete = wrong('environments: Invalid input: expected record, received undefined');
  expect([source.failure(), out()]).toEqual([incomplete, { state: 'unknown', why: incomplete }]);
  rmSync(file);
  expect(source.failure()).toBe(missing);
  // The same file to the last bit, its times too.
  renameSync(`${file}.before`, file);
  expect([out(), source.failure()]).toEqual([KNOWN, null]);
  const error = (msg: string) => ({ level: 50, file, msg });
  expect(logged).toEqual([error(missing), READ(), error(incomplete), error(missing), READ()]);
});
