import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  addressesAfter,
  comparedAsnFile,
  forgetAddresses,
  type Lookup,
  makeUnlookedDue,
  noteAsnFile,
  putBack,
  saveLookups,
  saveOwners,
  takeDue,
} from '../../../services/store/sources/addresses.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const START = new Date('2026-11-27T08:00:00Z');
const later = (hours: number) => new Date(START.getTime() + hours * 3_600_000);
type Act = [string, () => Promise<unknown>];
/** The network of an address, as the enricher names it. */
const networkOf = (address: string) => `${address.split('.').slice(0, 3).join('.')}.0/24`;
const look = (address: string, part: Partial<Lookup> = {}): Lookup => ({
  address,
  names: { name: `mail.${address}.example`, confirmed: true, generic: false, organization: 'sender.example' },
  error: null,
  owner: { asn: 64496, owner: 'Sender', country: 'DE' },
  next_at: later(24),
  ...part,
});
const saves = (says: string, at: number, ...lookups: Lookup[]): Act => [
  says,
  () => saveLookups(t.db, later(at), lookups, networkOf),
];

test('what is written of addresses', async () => {
  await t.db.query(
    `insert into ruawatch.addresses (address, first_seen, last_seen, next_at)
     select ('192.0.2.' || n)::inet, '2026-11-01', case n when 4 then '2026-10-01' else '2026-11-26' end::date, $1::timestamptz + n * interval '1 minute' from generate_series(1, 5) n`,
    [START],
  );
  await t.db.query(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, class)
     values ('example.com', '192.0.2.0/24', '2026-11-01', '2026-11-26', 5, 1, 'authorized'), ('example.net', '192.0.2.0/24', '2026-11-01', '2026-11-26', 5, 0, 'unknown'),
       ('example.org', '192.0.2.0/24', '2026-11-01', '2026-11-26', 0, 0, 'unknown'), ('example.com', 'sender.example', '2026-11-01', '2026-11-26', 5, 1, 'authorized')`,
  );
  const acts: Act[] = [
    ['due, none of them', () => takeDue(t.db, START, { until: later(1), since: '2026-11-01', limit: 9 })],
    ['due, some', () => takeDue(t.db, later(0.05), { until: later(1), since: '2026-11-01', limit: 2 })],
    ['due, the others', () => takeDue(t.db, later(0.5), { until: later(1), since: '2026-11-01', limit: 9 })],
    ['put back', () => putBack(t.db, ['192.0.2.1'], later(0.6))],
    ['put back, none', () => putBack(t.db, [], later(0.6))],
    saves('nothing', 1),
    saves('a name, an owner', 1, look('192.0.2.1')),
    saves('the same', 2, look('192.0.2.1')),
    saves('an error', 3, look('192.0.2.1', { names: null, error: 'SERVFAIL', owner: null, next_at: later(4) })),
    saves('another', 4, look('192.0.2.1', { names: null, error: 'SERVFAIL', next_at: later(5) })),
    saves('another owner', 5, look('192.0.2.1', { owner: { asn: 64497, owner: 'Other', country: null } })),
    saves(
      'no name any more, and one that has none',
      6,
      look('192.0.2.1', { names: { name: null, confirmed: false, generic: false, organization: null }, owner: null }),
      look('192.0.2.2', { names: { name: null, confirmed: false, generic: false, organization: null }, owner: null }),
    ),
    [
      'never looked up, not due soon',
      async () => {
        await t.db.query("update ruawatch.addresses set next_at = '2027-01-01' where address > '192.0.2.1'");
        return makeUnlookedDue(t.db, later(7), later(8));
      },
    ],
    [
      'owners',
      () =>
        saveOwners(
          t.db,
          [
            { address: '192.0.2.2', asn: 1, owner: 'One', country: 'FR' },
            { address: '192.0.2.1', asn: 64497, owner: 'Other', country: null },
          ],
          networkOf,
        ),
    ],
    ['the same owners', () => saveOwners(t.db, [{ address: '192.0.2.2', asn: 1, owner: 'One', country: 'FR' }], networkOf)],
    ['no owners', () => saveOwners(t.db, [], networkOf)],
    ['pages', async () => [await addressesAfter(t.db, null, 2), await addressesAfter(t.db, '192.0.2.2', 9)]],
    ['the file', async () => [await comparedAsnFile(t.db), await noteAsnFile(t.db, 'a'), await comparedAsnFile(t.db)]],
    ['what is old', () => forgetAddresses(t.db, '2026-11-26', 9)],
    ['what is older than tomorrow, two of it', () => forgetAddresses(t.db, '2026-11-27', 2)],
  ];
  const queries = {
    address: `select host(address) as address, first_seen::text, last_seen::text, next_at, name, confirmed, generic, organization, asn, owner, country, looked_up_at, attempts, last_error
                from ruawatch.addresses a order by a.address`,
    work: 'select domain, source, count(*)::int as times from ruawatch.analysis_work group by 1, 2 order by 1, 2',
  };
  await expect(await account({ db: t.db, start: START, queries }, acts)).toMatchFileSnapshot('golden/addresses.txt');
});
