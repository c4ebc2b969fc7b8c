import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Changes, loadAdmitting, type ServerRow, storeRound } from '../../../services/store/dns/records.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
  await t.db.query('insert into ruawatch.dns_watch (domain, due_at, asked_at) values ($1, now(), now())', [DOMAIN]);
});
afterEach(() => t.drop());

const DOMAIN = 'example.com';
const at = (hour: number) => new Date(Date.UTC(2026, 9, 5, hour));
const none: Changes = { questions: [], added: [], seen: [], missed: [], gone: [], servers: [] };
const server = (zone: string, name: string): ServerRow => ({
  zone,
  server: name,
  address: '192.0.2.1',
  serial: 7,
  asked_at: at(1),
  answered_at: at(1),
  failing_since: null,
  failure: null,
  reason: null,
});
const spf = (value: string, hour: number) => ({
  name: DOMAIN,
  type: 'TXT',
  purpose: 'spf' as const,
  value,
  servers: ['resolver'],
  at: at(hour),
});
const round = (changes: Partial<Changes>, { domain = DOMAIN, news = false } = {}) =>
  storeRound(t.db, domain, at(2), {
    change: () => ({ ...none, ...changes }),
    check: () => ({ check: null, news }),
    due: () => ({ at: at(3), attempts: 4 }),
  });
const keys = async () =>
  (await t.db.query<{ record_key: number }>('select record_key from ruawatch.dns_records order by 1')).rows.map(
    (row) => row.record_key,
  );

test('nothing is stored of a domain that is not watched; a round notes when the next is due', async () => {
  expect(await round({ added: [spf('v', 1)] }, { domain: 'other.example' })).toBeNull();
  expect(await keys()).toEqual([]);
  const changes = { added: [spf('v=spf1 -all', 1)] };
  expect(await round(changes)).toEqual({ ...none, ...changes });
  const { rows } = await t.db.query('select domain, due_at, asked_at, attempts from ruawatch.dns_watch');
  expect(rows).toEqual([{ domain: DOMAIN, due_at: at(3), asked_at: at(2), attempts: 4 }]);
});

test('a domain that was made due while it was asked about stays due', async () => {
  const dueAfter = async (due: Date) => {
    await t.db.query('update ruawatch.dns_watch set due_at = $1', [due]);
    await round({});
    const { rows } = await t.db.query('select due_at, asked_at from ruawatch.dns_watch');
    return rows[0];
  };
  expect(await dueAfter(at(1))).toEqual({ due_at: at(1), asked_at: at(2) });
  expect(await dueAfter(at(2))).toEqual({ due_at: at(2), asked_at: at(2) });
  expect(await dueAfter(new Date(at(2).getTime() + 1))).toEqual({ due_at: at(3), asked_at: at(2) });
});

test('the analyzer looks when records come or go, or a check has news', async () => {
  const noted = async () =>
    (await t.db.query('with taken as (delete from ruawatch.analysis_work returning domain) select * from taken')).rowCount;
  await round({});
  expect(await noted()).toBe(0);
  await round({}, { news: true });
  expect(await noted()).toBe(1);
  await round({ added: [spf('v=spf1 -all', 1)] });
  expect(await noted()).toBe(1);
  const [record_key] = await keys();
  await round({ missed: [{ record_key: record_key!, at: at(2) }] });
  expect(await noted()).toBe(0);
  await round({ gone: [{ record_key: record_key!, at: at(3) }] });
  expect(await noted()).toBe(1);
});

test('servers that a zone no longer names are forgotten, and those of a zone that was not asked stay', async () => {
  const servers = async () => (await t.db.query('select zone, server from ruawatch.dns_servers order by 1, 2')).rows;
  const both = [
    { zone: 'a.example', server: 'ns1' },
    { zone: 'a.example', server: 'ns2' },
    { zone: 'b.example', server: 'ns1' },
  ];
  await round({ servers: both.map((one) => server(one.zone, one.server)) });
  expect(await servers()).toEqual(both);
  await round({ servers: [server('a.example', 'ns2')] });
  expect(await servers()).toEqual(both.slice(1));
});

test('a value is there, is missed, is back, and is gone; of those that are gone the newest hundred are kept', async () => {
  const rows = async () =>
    (await t.db.query('select last_seen, servers, missed_at, misses, gone_at from ruawatch.dns_records order by record_key'))
      .rows;
  await round({ added: [spf('v=spf1 a -all', 1)] });
  const [key] = (await keys()) as [number];
  const there = { last_seen: at(1), servers: ['resolver'], missed_at: null, misses: 0, gone_at: null };
  expect(await rows()).toEqual([there]);
  await round({ missed: [{ record_key: key, at: at(2) }] });
  await round({ missed: [{ record_key: key, at: at(3) }] });
  expect(await rows()).toEqual([{ ...there, missed_at: at(3), misses: 2 }]);
  await round({ seen: [{ record_key: key, servers: ['ns1'], at: at(4) }] });
  expect(await rows()).toEqual([{ ...there, last_seen: at(4), servers: ['ns1'] }]);
  expect(await loadAdmitting(t.db, DOMAIN)).toEqual([{ name: DOMAIN, type: 'TXT', value: 'v=spf1 a -all' }]);
  await round({ gone: [{ record_key: key, at: at(5) }] });
  expect(await rows()).toEqual([{ ...there, last_seen: at(4), servers: ['ns1'], missed_at: at(5), misses: 1, gone_at: at(5) }]);
  expect(await loadAdmitting(t.db, DOMAIN)).toEqual([]);

  await round({ added: Array.from({ length: 100 }, (_, n) => spf(`value ${n}`, 6)) });
  const later = (await keys()).slice(1);
  await round({ gone: later.slice(1).map((record_key) => ({ record_key, at: at(7) })) });
  expect(await keys()).toEqual([key, ...later]);
  await round({ gone: later.slice(0, 1).map((record_key) => ({ record_key, at: at(7) })) });
  expect(await keys()).toEqual(later);
});
