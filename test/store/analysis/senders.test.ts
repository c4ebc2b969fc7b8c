import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import {
  loadAwaited,
  loadEarlierDays,
  loadKeyUses,
  loadSendersBefore,
  loadUnnamed,
} from '../../../services/store/analysis/senders.ts';
import { ROW_COUNTS } from '../../../services/store/rollups/source-counts.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

const DOMAIN = 'example.com';
const BEFORE = '2026-05-01';
const counted = { reporters: ['google.com'], votes: 1, from: BEFORE, to: BEFORE };
const daysBefore = (n: number) => new Date(Date.parse(BEFORE) - n * 86_400_000).toISOString().slice(0, 10);

let t: TestDatabase;
const source = (name: string, first: string, more: { grouped_as?: string; class?: string; examined_at?: string } = {}) =>
  t.db.query(
    `insert into ruawatch.sources (domain, source, class, first_seen, last_seen, messages, passed, grouped_as, examined_at)
     values ($1, $2, $3, $4, $4, 1, 1, $5, $6)`,
    [DOMAIN, name, more.class ?? 'authorized', first, more.grouped_as ?? null, more.examined_at ?? null],
  );
const mail = (name: string, day: string, messages: number, given: { reporter?: string; trust?: string } = {}) =>
  t.db.query(
    `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, ${ROW_COUNTS.join(', ')})
     values ($1, $2, $3, $4, $5, $6, ${ROW_COUNTS.map(() => '0').join(', ')})`,
    [DOMAIN, name, day, given.reporter ?? 'google.com', given.trust ?? 'ok', messages],
  );

beforeAll(async () => {
  t = await testDatabase();
  await source('shop.example', daysBefore(400));
  for (let n = 1; n <= 13; n++) await mail('shop.example', daysBefore(n), n === 13 ? 1 : 100 - n);
  await mail('shop.example', daysBefore(400), 200);
  await mail('shop.example', daysBefore(401), 900);
  await mail('shop.example', BEFORE, 900);
  await mail('shop.example', daysBefore(30), 900, { trust: 'bad' });
  await mail('shop.example', daysBefore(31), 900, { reporter: 'stranger.example' });
  await source('192.0.2.0/24', daysBefore(9), { grouped_as: 'bulk.example' });
  await mail('192.0.2.0/24', daysBefore(9), 5);
  await source('bulk.example', daysBefore(8));
  await mail('bulk.example', daysBefore(9), 6);
  await mail('bulk.example', daysBefore(8), 7);
  await source('relay.example', daysBefore(9), { class: 'forwarded' });
  await mail('relay.example', daysBefore(9), 5);
});
afterAll(() => t.drop());

const senders = ['shop.example', 'bulk.example', 'relay.example', 'nobody.example'];
const given = { before: BEFORE, counted };

test('the twelve largest days of each sender before the window, over its sources, within a year and a little', async () => {
  const load = (of: string[]) => transaction(t.db, (tx) => loadEarlierDays(tx, DOMAIN, of, given));
  expect(await load([])).toEqual(new Map());
  expect(await load(senders)).toEqual(
    new Map([
      [
        'bulk.example',
        [
          { day: daysBefore(9), messages: 11 },
          { day: daysBefore(8), messages: 7 },
        ],
      ],
      [
        'shop.example',
        [
          { day: daysBefore(400), messages: 200 },
          ...Array.from({ length: 11 }, (_, n) => ({ day: daysBefore(n + 1), messages: 99 - n })),
        ],
      ],
    ]),
  );
});

test('the first day before the window on which mail of a sender was reported, as far back as rollups go', async () => {
  const load = (of: string[]) => transaction(t.db, (tx) => loadSendersBefore(tx, DOMAIN, of, given));
  expect(await load([])).toEqual(new Map());
  expect(await load(senders)).toEqual(
    new Map([
      ['bulk.example', daysBefore(9)],
      ['shop.example', daysBefore(401)],
    ]),
  );
});

test('networks of which no address was looked up yet, and those whose names are awaited', async () => {
  const networks = ['198.51.100.0/24', '2001:db8:1::/48', '203.0.113.0/24'];
  const since = new Date('2026-04-30T00:00:00Z');
  const unnamed = async () => [...(await transaction(t.db, (tx) => loadUnnamed(tx, networks)))].sort();
  const awaited = async (of = networks) => [...(await transaction(t.db, (tx) => loadAwaited(tx, DOMAIN, of, since)))].sort();
  await source(networks[0]!, daysBefore(2), { examined_at: '2026-04-29' });
  await source(networks[1]!, daysBefore(2), { examined_at: '2026-05-01' });
  await source(networks[2]!, daysBefore(2));
  expect(await transaction(t.db, (tx) => loadUnnamed(tx, []))).toEqual(new Set());
  expect(await unnamed()).toEqual(networks);
  // Nobody may be there who looks names up.
  expect(await awaited()).toEqual([]);
  const lookedUp = (address: string) =>
    t.db.query(
      'insert into ruawatch.addresses (address, first_seen, last_seen, next_at, looked_up_at) values ($1, now(), now(), now(), now())',
      [address],
    );
  await lookedUp('192.0.2.200');
  expect(await awaited()).toEqual(networks.slice(1));
  expect(await awaited([])).toEqual([]);
  for (const address of ['203.0.113.255', '2001:db8:1::']) await lookedUp(address);
  expect(await unnamed()).toEqual([networks[0]]);
  expect(await awaited()).toEqual([]);
});

test('the keys that a source signs with: when, how often, and of these lately', async () => {
  const use = (day: string, selector: string, passed: number, reporter = 'google.com') =>
    t.db.query(
      `insert into ruawatch.selector_days (domain, source, day, reporter, trust, selector, signing_domain, messages, passed)
       values ($1, 'shop.example', $2, $3, 'ok', $4, 'shop.example', $5, $5)`,
      [DOMAIN, day, reporter, selector, passed],
    );
  await use(daysBefore(9), 's1', 3);
  await use(daysBefore(2), 's1', 4);
  await use(daysBefore(3), 's2', 90);
  await use(daysBefore(3), 's2', 90, 'stranger.example');
  await use(daysBefore(3), '', 90);
  const load = (reporters: string[]) =>
    transaction(t.db, (tx) =>
      loadKeyUses(tx, DOMAIN, { from: daysBefore(9), to: daysBefore(2), recent: daysBefore(2), reporters }),
    );
  expect(await load([])).toEqual([]);
  const of = { source: 'shop.example' };
  expect(await load(['google.com'])).toEqual([
    { ...of, key: 's2._domainkey.shop.example', first_day: daysBefore(3), last_day: daysBefore(3), passed: 90, recent: 0 },
    { ...of, key: 's1._domainkey.shop.example', first_day: daysBefore(9), last_day: daysBefore(2), passed: 7, recent: 4 },
  ]);
});
