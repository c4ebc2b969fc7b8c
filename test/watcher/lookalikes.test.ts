import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Dns } from '../../services/dns/client/types.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { listLookalikes } from '../../services/store/dns/lookalikes.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { watchLookalikes } from '../../services/watcher/lookalikes.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let t: TestDatabase;
let context: Context;
let now: Date;

beforeEach(async () => {
  t = await testDatabase({ own: false });
  now = new Date('2026-11-20T12:00:00Z');
  context = testContext(t, { clock: { now: () => now } });
  context.config.watcher.lookalikes = { questions_a_day: 2_000, names: 150 };
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const own = (...domains: string[]) => putOwn(t.db, domains, 'added', { now, ignored: false });
const OWN = { NS: ['ns.kestrel.com'], MX: [{ preference: 10, exchange: 'mx.kestrel.com' }] };
const EVIL = { NS: ['ns.evil.example'], MX: [{ preference: 10, exchange: 'mx.evil.example' }] };

/** Asks until nothing is due or nothing may be asked. @returns the questions */
async function pass(zone: Zone): Promise<string[]> {
  const dns = dnsOf({ 'kestrel.com': OWN, ...zone });
  while ((await watchLookalikes(context, dns, new AbortController().signal)) > 0);
  return dns.asked;
}
const stored = async () =>
  (await listLookalikes(t.db, null)).map(({ domain, name, baseline, change }) => [domain, name, baseline, change]);
const work = async () =>
  (await t.db.query('delete from ruawatch.analysis_work returning domain')).rows.map(({ domain }) => domain);
const spent = async (): Promise<number> =>
  (await t.db.query('select questions from ruawatch.lookalike_days order by day desc limit 1')).rows[0]?.questions ?? 0;

test('the first pass is the ground, and what is registered after it is news', async () => {
  await own('kestrel.com');
  await work();
  const asked = await pass({ 'kestrell.com': EVIL });
  expect(asked.filter((one) => one.startsWith('NS ')).length).toBeGreaterThanOrEqual(150);
  expect(asked).toContain('TXT _dmarc.kestrell.com');
  expect(await stored()).toEqual([['kestrel.com', 'kestrell.com', true, null]]);
  expect(await work()).toEqual([]);
  // Nothing is due on the same day.
  expect(await pass({ 'kestre1.com': EVIL })).toEqual([]);
  now = new Date('2026-11-21T12:00:01Z');
  await pass({ 'kestrell.com': EVIL, 'kestre1.com': EVIL });
  expect(await stored()).toEqual(
    expect.arrayContaining([
      ['kestrel.com', 'kestre1.com', false, 'registered'],
      ['kestrel.com', 'kestrell.com', true, null],
    ]),
  );
  expect(await work()).toEqual(['kestrel.com']);
});

test('all domains share the budget of a day, which is kept', async () => {
  await own('kestrel.com', 'kestrel-pay.com', 'kestrel-club.com');
  context.config.watcher.lookalikes.questions_a_day = 200;
  const zone: Zone = { 'kestrel-pay.com': OWN, 'kestrel-club.com': OWN, '*.com': EVIL };
  const first = await pass(zone);
  expect(first.length).toBeLessThanOrEqual(200);
  expect(first.length).toBeGreaterThan(190);
  expect(await spent()).toBe(first.length);
  // The rest comes on the next day, before what was asked.
  now = new Date('2026-11-21T00:00:01Z');
  const second = await pass(zone);
  const names = (asked: string[]) => asked.filter((one) => /^NS /.test(one) && !/ kestrel(?:-pay|-club)?\.com$/.test(one));
  expect(names(second).filter((one) => names(first).includes(one))).toEqual([]);
  expect(second.length).toBeGreaterThan(190);
});

test('two watchers never exceed the budget', async () => {
  await own('kestrel.com');
  context.config.watcher.lookalikes.questions_a_day = 100;
  const all = await Promise.all([1, 2, 3, 4].map(() => pass({ '*.com': EVIL })));
  expect(all.flat().length).toBeLessThanOrEqual(100);
  expect(await spent()).toBe(all.flat().length);
});

test('own domains, and names below them, are no look-alikes of one another', async () => {
  await own('kestrel.com', 'kestrell.com', 'mail.kestre1.com', 'news.kestrel.com');
  await pass({ '*.com': EVIL });
  const found = await stored();
  expect(found.length).toBeGreaterThan(100);
  const names = found.map(([, name]) => name);
  for (const one of ['kestrell.com', 'kestre1.com']) expect(names).not.toContain(one);
  // A domain below another has no candidates of its own.
  expect(new Set(found.map(([domain]) => domain))).not.toContain('news.kestrel.com');
});

test('a domain whose own name servers are unknown is left for later, and keeps what is known', async () => {
  await own('kestrel.com');
  await pass({ 'kestre1.com': EVIL });
  now = new Date('2026-11-21T12:00:01Z');
  const dns = dnsOf({ 'kestrel.com': 'unknown' });
  expect(await watchLookalikes(context, dns, new AbortController().signal)).toBe(0);
  expect(await stored()).toEqual([['kestrel.com', 'kestre1.com', true, null]]);
  expect(dns.asked).toEqual(['NS kestrel.com', 'MX kestrel.com']);
});

test.each(['NS', 'MX'] as const)('a domain whose %s records alone are unknown is left for later too', async (type) => {
  await own('kestrel.com');
  const zone = dnsOf({ 'kestrel.com': OWN, 'kestre1.com': EVIL });
  const asked: string[] = [];
  const dns: Dns = {
    ask: async (name, one, options) => {
      asked.push(`${one} ${name}`);
      if (one === type) return { state: 'unknown', reason: 'timeout', message: 'It did not answer.' };
      return zone.ask(name, one, options);
    },
  };
  expect(await watchLookalikes(context, dns, new AbortController().signal)).toBe(0);
  expect(asked).toEqual(['NS kestrel.com', 'MX kestrel.com']);
  expect(await stored()).toEqual([]);
});

test('fewer names in the settings, and a domain that is not own any more', async () => {
  await own('kestrel.com');
  await pass({ 'kestre1.com': EVIL });
  const count = async () => (await t.db.query('select count(*) as n from ruawatch.lookalikes')).rows[0].n;
  expect(await count()).toBe(150);
  context.config.watcher.lookalikes.names = 20;
  now = new Date('2026-11-21T12:00:01Z');
  await pass({ 'kestre1.com': EVIL });
  expect(await count()).toBe(20);
  await t.db.query("update ruawatch.domains set state = 'ignored'");
  now = new Date('2026-11-22T12:00:02Z');
  expect(await pass({})).toEqual([]);
});

test('a budget of 0 asks nothing', async () => {
  await own('kestrel.com');
  context.config.watcher.lookalikes.questions_a_day = 0;
  expect(await pass({ '*.com': EVIL })).toEqual([]);
  // No names are listed either, nor is a budget of the day written down.
  for (const table of ['lookalikes', 'lookalike_days'])
    expect((await t.db.query(`select from ruawatch.${table}`)).rows, table).toEqual([]);
});

test.each<[budget: number, names: number, asked: number, questions: number]>([
  [4, 1, 0, 0],
  [5, 1, 1, 5],
  [8, 1, 1, 5],
  [9, 1, 1, 5],
  [10, 1, 2, 10],
  [13, 2, 3, 13],
  [14, 2, 3, 13],
  [15, 2, 3, 13],
  [16, 2, 4, 16],
])(
  'of a budget of %i, two domains with %i names each have %i names asked about by %i questions',
  async (budget, names, asked, n) => {
    await own('kestrel.com', 'falcon.com');
    context.config.watcher.lookalikes = { questions_a_day: budget, names };
    const dns = dnsOf({ 'kestrel.com': OWN, 'falcon.com': OWN, '*.com': EVIL });
    expect(await watchLookalikes(context, dns, new AbortController().signal)).toBe(asked);
    expect(dns.asked).toHaveLength(n);
    expect((await t.db.query('select questions from ruawatch.lookalike_days')).rows).toEqual([{ questions: n }]);
  },
);

test('of names below a domain that is not own, the shortest has the look-alikes, of equals the first', async () => {
  await own('b.kestrel.com', 'a.kestrel.com', 'long.kestrel.com');
  context.config.watcher.lookalikes = { questions_a_day: 2_000, names: 3 };
  await pass({});
  const { rows } = await t.db.query('select distinct domain from ruawatch.lookalikes');
  expect(rows).toEqual([{ domain: 'a.kestrel.com' }]);
});
