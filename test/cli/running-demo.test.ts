import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { serversOf } from '../../services/cli/check-options.ts';
import { demoBelow, demoBeside, forgetDemo, noteDemo, notedDemo } from '../../services/cli/running-demo.ts';
import type { Config } from '../../services/shared/settings/config.ts';

const home = mkdtempSync(path.join(tmpdir(), 'ruawatch-demo-'));
// As root Postgres has a user of its own, who must be able to enter.
chmodSync(home, 0o755);
afterAll(() => rmSync(home, { recursive: true }));

const DEMO = { console: 'http://localhost:9808', dns: '127.0.0.1:5353' };

test('where a demo is reached is found while the demo runs', () => {
  expect(notedDemo(home)).toBeNull();
  noteDemo(home, DEMO);
  expect(notedDemo(home)).toEqual(DEMO);
  forgetDemo(home);
  forgetDemo(home);
  expect(notedDemo(home)).toBeNull();
});

test('where the folder is none, no demo runs', () => {
  const file = path.join(home, 'file');
  writeFileSync(file, '');
  expect(notedDemo(demoBelow(path.join(home, 'absent')))).toBeNull();
  expect(notedDemo(file)).toBeNull();
});

test('a command beside a demo means the demo, and asks its name server, unless the settings name others', () => {
  const dataDir = path.join(home, 'beside');
  const config = { databaseUrl: null, dataDir, dataDirChosen: false, dnsServers: [] as string[] } as unknown as Config;
  expect(demoBeside(config)).toBeNull();
  expect(serversOf(config, {})).toEqual([]);
  mkdirSync(demoBelow(dataDir), { recursive: true });
  noteDemo(demoBelow(dataDir), DEMO);
  expect(demoBeside(config)).toEqual({ ...DEMO, home: path.join(dataDir, 'demo') });
  expect(demoBeside({ ...config, dataDirChosen: true })).toBeNull();
  expect(demoBeside({ ...config, databaseUrl: 'postgres://localhost/other' })).toBeNull();
  expect(serversOf(config, {})).toEqual(['127.0.0.1:5353']);
  expect(serversOf(config, { resolver: ['192.0.2.1'] })).toEqual(['192.0.2.1']);
  expect(serversOf({ ...config, dnsServers: ['192.0.2.2'] }, {})).toEqual(['192.0.2.2']);
  expect(serversOf({ ...config, dataDirChosen: true }, {})).toEqual([]);
  // Data of one's own in the folder are not the demo's.
  mkdirSync(path.join(dataDir, 'postgres'), { recursive: true });
  writeFileSync(path.join(dataDir, 'postgres', 'PG_VERSION'), '16');
  expect(serversOf(config, {})).toEqual([]);
});
