import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NetworkOwners } from '../../services/enricher/owners.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { damagedAt, mmdb } from '../helpers/mmdb.ts';

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

describe('stored addresses', () => {
  const known = (...addresses: string[]) =>
    t.db.query(
      "insert into ruawatch.addresses (address, first_seen, last_seen) select unnest($1::inet[]), '2026-09-01', '2026-09-01'",
      [addresses],
    );
  const stored = async () =>
    (await t.db.query('select host(address) as address, asn, owner, country from ruawatch.addresses order by 1')).rows;
  const compared = async () => (await t.db.query('select asn_file from ruawatch.enrichment')).rows[0]?.asn_file ?? null;
  afterEach(() => t.db.query('truncate ruawatch.addresses, ruawatch.sources'));

  test('are compared with a new file, and the sources that are their networks are counted', async () => {
    await known('203.0.113.7', '203.0.113.8', '198.51.100.1');
    await t.db.query(
      `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed)
       select 'example.com', unnest('{203.0.113.0/24,198.51.100.0/24,other.example}'::text[]), now(), now(), 1, 1`,
    );
    const owners = new NetworkOwners(write(NET), log);
    await owners.refresh(t.db, signal);
    expect(await stored()).toEqual([
      { address: '198.51.100.1', asn: null, owner: null, country: null },
      { address: '203.0.113.7', ...OWNER },
      { address: '203.0.113.8', ...OWNER },
    ]);
    expect(said).toMatchObject([{ sources: 1, msg: 'all addresses were compared with the ASN file' }]);
    // It was compared once: an address of later has its owner when it is looked up.
    await known('203.0.113.9');
    await owners.refresh(t.db, signal);
    expect((await stored()).at(-1)).toMatchObject({ asn: null });
    expect(said).toHaveLength(1);
  });

  test('stay as they are with a file that turns out to be damaged, until it is replaced', async () => {
    await known('203.0.113.7');
    const before = await compared();
    const file = mmdb({ '203.0.113.0/24': { asn: 64_503, org: 'New Net' } });
    const owners = new NetworkOwners(write(damagedAt(file, 'asn')), log);
    for (let times = 0; times < 2; times++) await owners.refresh(t.db, signal);
    expect(await stored()).toMatchObject([{ asn: null }]);
    expect(await compared()).toBe(before);
    expect(said).toEqual([
      {
        level: 40,
        err: expect.stringMatching(/^asn_file asn\.mmdb is damaged/),
        msg: 'asn_file is not used until it is replaced',
      },
    ]);
    expect(owners.ownerOf('203.0.113.7')).toBeNull();
    write(file);
    await owners.refresh(t.db, signal);
    const owner = { asn: 64_503, owner: 'New Net', country: null };
    expect(owners.ownerOf('203.0.113.7')).toEqual(owner);
    expect(await stored()).toEqual([{ address: '203.0.113.7', ...owner }]);
  });
});

test('a file that is as it was is said no second time, and a stopping enricher compares nothing', async () => {
  const owners = new NetworkOwners(write(mmdb({ '192.0.2.0/24': { asn: 64_502, org: 'Other Net' } })), log);
  await owners.refresh(t.db, AbortSignal.abort());
  expect(said).toEqual([]);
  await owners.refresh(t.db, signal);
  await owners.refresh(t.db, signal);
  expect(said.map(({ msg }) => msg)).toEqual(['all addresses were compared with the ASN file']);
});
