import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dns } from '../../services/dns/client/types.ts';
import { watchDomains } from '../../services/enricher/domains.ts';
import type { Context, Loop } from '../../services/shared/runtime/service.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { until } from '../helpers/services.ts';

const DOMAIN = 'shop.example';
const [HOUR, DAY] = [3_600_000, 86_400_000];
const OURS = { TXT: [['v=DMARC1; p=none; rua=mailto:dmarc@shop.example']] };
const OTHERS = { TXT: [['v=DMARC1; p=none; rua=mailto:x@other.example']] };

let t: TestDatabase;
let context: Context;
let now: Date;
let zone: Zone;
let loop: Loop | null;
let lines: { level: number; msg: string; domain?: string; why?: string }[];
beforeEach(async () => {
  t = await testDatabase({ own: false });
  now = new Date('2026-09-03T12:00:00Z');
  zone = { [`_dmarc.${DOMAIN}`]: OURS };
  loop = null;
  lines = [];
  context = testContext(t, { clock: { now: () => now } });
  context.config.sweep.every_seconds = 0.05;
  context.config.mailboxes = [{ addresses: ['dmarc@shop.example'] }] as unknown as Context['config']['mailboxes'];
  context.log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
});
afterEach(async () => {
  await loop?.stop();
  await context.queues.close();
  await t.drop();
});

const dns: Dns = { ask: (name, type, options) => dnsOf(zone).ask(name, type, options) };
/** A domain that reports named a moment ago. */
const reported = (domain: string, given: { vouched?: string | null; last?: Date } = {}) =>
  t.db.query(
    `insert into ruawatch.domains (domain, state, how, since, due_at, vouched_by, last_reported) values ($1, 'observed', 'reported', $2, $2, $3, $4)`,
    [domain, now, given.vouched ?? null, given.last ?? now],
  );
const row = async (domain = DOMAIN) =>
  (
    await t.db.query<{
      state: string;
      reason: string;
      due_at: Date;
      denied: number;
      lost_since: Date | null;
      last_checked: Date | null;
    }>('select state, reason, due_at, denied, lost_since, last_checked from ruawatch.domains where domain = $1', [domain])
  ).rows[0];
const checked = (domain = DOMAIN) => until(async () => (await row(domain))?.last_checked?.getTime() === now.getTime());
const later = async (ms: number) => {
  now = new Date(now.getTime() + ms);
  await checked();
};
const said = (text: string) => lines.filter(({ msg }) => msg === text).map(({ level, domain, why }) => ({ level, domain, why }));

test('a reported domain that DNS proves becomes own, and is asked about each day', async () => {
  await reported(DOMAIN);
  loop = watchDomains(context, dns);
  await checked();
  const why = 'The DMARC record at _dmarc.shop.example names a mailbox of the same organization.';
  expect(await row()).toMatchObject({ state: 'own', reason: why, due_at: new Date(now.getTime() + DAY) });
  expect(said('DNS proves that a domain is ours')).toEqual([{ level: 30, domain: DOMAIN, why }]);
  await later(DAY);
  expect(said('DNS proves that a domain is ours')).toHaveLength(1);
});

test('an own domain is lost when the third answer denies it, which is said once, and is found again', async () => {
  await reported(DOMAIN);
  loop = watchDomains(context, dns);
  await checked();
  zone = { [`_dmarc.${DOMAIN}`]: OTHERS };
  await later(DAY);
  expect(await row()).toMatchObject({ state: 'own', denied: 1, lost_since: null, due_at: new Date(now.getTime() + HOUR) });
  zone = { [`_dmarc.${DOMAIN}`]: 'unknown' };
  await later(HOUR);
  expect(await row()).toMatchObject({ denied: 1, lost_since: null });
  zone = { [`_dmarc.${DOMAIN}`]: OTHERS };
  await later(6 * HOUR);
  expect(said('DNS no longer proves that a domain is ours')).toEqual([]);
  await later(HOUR);
  expect((await row())!.lost_since).not.toBeNull();
  const why = 'The DMARC record at _dmarc.shop.example names no mailbox in rua= that is read here.';
  expect(said('DNS no longer proves that a domain is ours')).toEqual([{ level: 40, domain: DOMAIN, why }]);
  await later(6 * HOUR);
  expect(said('DNS no longer proves that a domain is ours')).toHaveLength(1);
  zone = { [`_dmarc.${DOMAIN}`]: OURS };
  await later(6 * HOUR);
  expect((await row())!.lost_since).toBeNull();
});

describe('nothing is asked', () => {
  const untouched = async () => {
    // The domain that is reported last has been noted, so that a turn has passed since.
    const finished = async () =>
      (await t.db.query('select from ruawatch.domains where domain = $1', ['old.example'])).rowCount === 0;
    await reported('old.example', { last: new Date(now.getTime() - 91 * DAY) });
    await until(finished);
    await reported('old.example', { last: new Date(now.getTime() - 91 * DAY) });
    await until(finished);
    expect(lines).toEqual([]);
    expect(await row()).toMatchObject({ state: 'observed', due_at: now, last_checked: null });
  };
  test('without DNS', async () => {
    await reported(DOMAIN);
    loop = watchDomains(context, null);
    await untouched();
  });
  test('where what the settings name is no address', async () => {
    context.config.mailboxes = [{ addresses: ['login'] }] as unknown as Context['config']['mailboxes'];
    await reported(DOMAIN);
    loop = watchDomains(context, dns);
    await untouched();
  });
  test('when it is to stop, and nothing is taken', async () => {
    await reported(DOMAIN);
    await reported('own.example');
    await t.db.query("update ruawatch.domains set state = 'own' where domain = 'own.example'");
    loop = watchDomains(context, dns);
    await loop.stop();
    expect(await row()).toMatchObject({ state: 'observed', due_at: now, last_checked: null });
    expect(await row('own.example')).toMatchObject({ state: 'own', due_at: now, last_checked: null });
  });
  test('where no mailbox is read, until a poller has read one', async () => {
    context.config.mailboxes = [];
    await reported(DOMAIN);
    loop = watchDomains(context, dns);
    await untouched();
    const read = (ms: number) =>
      t.db.query(
        `insert into ruawatch.mailboxes (mailbox, folder, addresses, polled_at) values ('m', 'INBOX', '{dmarc@shop.example}', $1)
         on conflict (mailbox) do update set polled_at = excluded.polled_at`,
        [new Date(now.getTime() - ms)],
      );
    await read(30 * DAY + 1);
    await untouched();
    await read(30 * DAY);
    await checked();
  });
});

test('what nobody reports for ninety days is forgotten, unless a proven reporter told of it', async () => {
  await reported('old.example', { last: new Date(now.getTime() - 90 * DAY - 1) });
  await reported('newer.example', { last: new Date(now.getTime() - 90 * DAY) });
  await reported('proven.example', { last: new Date(now.getTime() - 91 * DAY), vouched: 'google.com' });
  loop = watchDomains(context, dns);
  await until(async () => (await row('old.example')) === undefined);
  expect([await row('newer.example'), await row('proven.example')]).not.toContain(undefined);
});

describe('while the name servers say nothing', () => {
  const names = (n: number) => Array.from({ length: n }, (_, i) => `d${i}.example`);
  /** Domains of one state by their time, and the names that are asked about. */
  const many = async (state: 'own' | 'observed', n: number, vouched: (i: number) => string | null = () => null) => {
    await t.db.query(
      `insert into ruawatch.domains (domain, state, how, since, due_at, vouched_by, last_reported)
       select domain, $2, 'reported', $3, $3::timestamptz - n * interval '1 second', by, $3
         from unnest($1::text[], $4::text[]) with ordinality as d(domain, by, n)`,
      [names(n), state, now, names(n).map((_, i) => vouched(i))],
    );
  };
  const taken = async () =>
    (await t.db.query('select from ruawatch.domains where due_at = $1', [new Date(now.getTime() + 15 * 60_000)])).rowCount;
  const hanging = () => {
    const asked = new Set<string>();
    const silent: Dns = {
      ask: (name, _, options) =>
        new Promise((resolve) => {
          // The walk goes on to names above when it is ended.
          if (name.startsWith('_dmarc.d')) asked.add(name);
          const end = () => resolve({ state: 'unknown', reason: 'cancelled', message: 'The question was ended.' });
          options!.signal!.addEventListener('abort', end, { once: true });
          if (options!.signal!.aborted) end();
        }),
    };
    return { asked, silent };
  };

  test.each([
    ['own', 50],
    ['observed', 20],
  ] as const)('ten %s domains are asked about at once, of %i that are taken for a quarter of an hour', async (state, batch) => {
    await many(state, batch + 1);
    const { asked, silent } = hanging();
    loop = watchDomains(context, silent);
    await until(() => asked.size === 10);
    expect(await taken()).toBe(batch);
    await loop.stop();
    expect(asked.size).toBe(10);
    // What was ended has no answer.
    const { rows } = await t.db.query('select distinct last_checked, attempts from ruawatch.domains');
    expect(rows).toEqual([{ last_checked: null, attempts: 0 }]);
    expect(lines).toEqual([]);
  });

  test.each([
    ['six hundred in all', 601, 599, 1, (i: number) => `r${i % 100}.example`],
    ['sixty of one reporter', 70, 59, 1, () => 'r.example'],
  ] as const)('foreign domains in an hour: %s', async (_, all, checkedOnes, left, vouched) => {
    await many('observed', all, vouched);
    await t.db.query(
      `update ruawatch.domains set last_checked = $1::timestamptz - interval '59 minutes', due_at = $1::timestamptz + interval '1 day'
        where domain = any($2)`,
      [now, names(checkedOnes)],
    );
    const { asked, silent } = hanging();
    loop = watchDomains(context, silent);
    await until(() => asked.size > 0);
    expect(await taken()).toBe(left);
  });
});

test('a domain that a person ignores stays ignored, unless the settings list it, which is looked at once', async () => {
  context.config.domains = ['listed.example'] as unknown as Context['config']['domains'];
  const ignored = (domain: string) =>
    t.db.query(
      `insert into ruawatch.domains as d (domain, state, how, since) values ($1, 'ignored', 'ignored', $2)
       on conflict (domain) do update set state = 'ignored', how = 'ignored'`,
      [domain, now],
    );
  await ignored('listed.example');
  loop = watchDomains(context, dns);
  await until(async () => (await row('listed.example'))?.state === 'own');
  await ignored('listed.example');
  await reported('old.example', { last: new Date(now.getTime() - 91 * DAY) });
  await until(async () => (await row('old.example')) === undefined);
  expect((await row('listed.example'))!.state).toBe('ignored');
});

test('listed domains are own from the start', async () => {
  context.config.domains = ['Listed.example'] as unknown as Context['config']['domains'];
  loop = watchDomains(context, dns);
  await until(async () => (await row('listed.example'))?.state === 'own');
});
