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
    return (await row())!.last_checked;
  };
  test('without DNS', async () => {
    await reported(DOMAIN);
    loop = watchDomains(context, null);
    expect(await untouched()).toBeNull();
  });
  test('where no mailbox is read, until a poller has read one', async () => {
    context.config.mailboxes = [];
    await reported(DOMAIN);
    loop = watchDomains(context, dns);
    expect(await untouched()).toBeNull();
    const read = (days: number) =>
      t.db.query(
        `insert into ruawatch.mailboxes (mailbox, folder, addresses, polled_at) values ('m', 'INBOX', '{dmarc@shop.example}', $1)
         on conflict (mailbox) do update set polled_at = excluded.polled_at`,
        [new Date(now.getTime() - days * DAY)],
      );
    await read(31);
    expect(await untouched()).toBeNull();
    await read(29);
    await checked();
  });
});

test('what nobody reports for ninety days is forgotten, unless a proven reporter told of it', async () => {
  await reported('old.example', { last: new Date(now.getTime() - 91 * DAY) });
  await reported('newer.example', { last: new Date(now.getTime() - 89 * DAY) });
  await reported('proven.example', { last: new Date(now.getTime() - 91 * DAY), vouched: 'google.com' });
  loop = watchDomains(context, dns);
  await until(async () => (await row('old.example')) === undefined);
  expect([await row('newer.example'), await row('proven.example')]).not.toContain(undefined);
});

test('listed domains are own from the start', async () => {
  context.config.domains = ['Listed.example'] as unknown as Context['config']['domains'];
  loop = watchDomains(context, dns);
  await until(async () => (await row('listed.example'))?.state === 'own');
});
