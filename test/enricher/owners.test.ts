import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { NetworkOwners } from '../../services/enricher/owners.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { mmdb } from '../helpers/mmdb.ts';

let t: TestDatabase;
let folder: string;
let said: { level: number; msg: string; err?: string; file?: string; sources?: number }[] = [];
const log = pino({ base: null, timestamp: false }, { write: (line: string) => void said.push(JSON.parse(line)) });
const signal = new AbortController().signal;
beforeAll(async () => {
  t = await testDatabase();
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-owners-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await t.drop();
});
beforeEach(() => {
  said = [];
});

let written = 0;
/** A file of another time each: what was written within a clock tick of the file system is seen as new. */
const write = (bytes: Buffer | string) => {
  const file = path.join(folder, 'asn.mmdb');
  writeFileSync(file, bytes);
  utimesSync(file, 1_000 + written, 1_000 + written++);
  return file;
};
const NET = mmdb({ '203.0.113.0/24': { asn: 64_500, org: 'Example Net' } });
const OWNER = { asn: 64_500, owner: 'Example Net', country: null };

test('a file that was replaced by nonsense is said, and what it had before stays in use', async () => {
  const file = write(NET);
  const owners = new NetworkOwners(file, log);
  await owners.refresh(t.db, signal);
  expect(said).toEqual([
    { level: 30, file: 'Test-ASN, built 2026-09-01', sources: 0, msg: 'all addresses were compared with the ASN file' },
  ]);
  said = [];
  write('no MMDB file');
  await owners.refresh(t.db, signal);
  expect(said).toEqual([
    {
      level: 40,
      err: expect.stringMatching(
        /^asn_file asn\.mmdb is not an MMDB file \(.+\): name an MMDB file with ASN data, or remove the setting\.$/,
      ),
      msg: 'asn_file cannot be used; its previous content stays in use',
    },
  ]);
  expect(owners.ownerOf('203.0.113.7')).toEqual(OWNER);
  said = [];
  rmSync(file);
  await owners.refresh(t.db, signal);
  expect(said).toEqual([
    {
      level: 40,
      err: expect.stringMatching(/^asn_file asn\.mmdb cannot be read/),
      msg: 'asn_file cannot be used; its previous content stays in use',
    },
  ]);
  expect(owners.ownerOf('203.0.113.7')).toEqual(OWNER);
  said = [];
  write(mmdb({ '203.0.113.0/24': { asn: 64_501, org: 'Next Net' } }));
  await owners.refresh(t.db, signal);
  expect(said.map(({ level }) => level)).toEqual([30]);
  expect(owners.ownerOf('203.0.113.7')).toEqual({ asn: 64_501, owner: 'Next Net', country: null });
});

test('a file that is as it was is said no second time, and a stopping enricher compares nothing', async () => {
  const owners = new NetworkOwners(write(mmdb({ '192.0.2.0/24': { asn: 64_502, org: 'Other Net' } })), log);
  await owners.refresh(t.db, AbortSignal.abort());
  expect(said).toEqual([]);
  await owners.refresh(t.db, signal);
  await owners.refresh(t.db, signal);
  expect(said.map(({ msg }) => msg)).toEqual(['all addresses were compared with the ASN file']);
});
