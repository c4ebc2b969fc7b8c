import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { DOMAIN, REPORTERS, span } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

let f: Fixture;
beforeEach(async () => {
  f = await fixture();
});
afterEach(() => f.close());

async function put(rows: readonly SourceDay[], selector = 'mail'): Promise<void> {
  await f.put(rows);
  await f.t.db.query(
    `insert into ruawatch.selector_days (domain, source, signing_domain, selector, day, reporter, trust, messages, passed)
     select $1, source, $1, $2, day, reporter, 'ok', messages, dkim_aligned from jsonb_to_recordset($3::jsonb)
       as r(source text, day date, reporter text, messages bigint, dkim_aligned bigint)`,
    [DOMAIN, selector, JSON.stringify(rows)],
  );
}
const OLD = '192.0.2.0/24';
const owner = (n = 300) => put(span(41, 0, 'both', n, REPORTERS, { source: OLD }));
/** Networks that each send a few messages a day to every reporter. */
const some = (networks: number, from: number, to: number, n: number, at = 0) =>
  Array.from({ length: networks }, (_, i) => span(from, to, 'dkim', n, REPORTERS, { source: `198.51.${at + i}.0/24` })).flat();
const found = async () =>
  (await f.findings()).filter(({ kind }) => kind === 'new_source') as unknown as {
    severity: string;
    evidence: { messages: number; senders: number; what: string; advice: string[]; who: unknown[] };
  }[];

test('many new networks at once under a key of a sender that goes on are one finding, however little each sends', async () => {
  await owner();
  await put(some(40, 2, 0, 1));
  await f.analyze();
  const [one, ...others] = await found();
  expect(others).toEqual([]);
  expect(one).toMatchObject({ severity: 'medium', evidence: { messages: 360, senders: 40 } });
  expect(one!.evidence.who).toHaveLength(20);
  expect(one!.evidence.what).toMatch(/^360 messages from 40 new networks .* by its key mail\._domainkey\.example\.com/);
  // Nobody denies forty networks one by one, and the key signs the rightful mail.
  expect(one!.evidence.advice.join(' ')).toMatch(/\(a replay\).*Do not remove the key yet/);
  expect(one!.evidence.advice.join(' ')).not.toContain('senders deny');
});

test('a network among them that is large enough to be told by itself is counted once', async () => {
  await owner();
  await put(some(12, 2, 0, 6));
  await put(span(2, 0, 'dkim', 120, REPORTERS, { source: '203.0.113.0/24' }));
  await f.analyze();
  const [one, ...others] = await found();
  expect(others).toEqual([]);
  expect(one).toMatchObject({ severity: 'medium', evidence: { messages: 12 * 54 + 1080, senders: 13 } });
});

test.each<[string, number, 'dkim' | 'both', number]>([
  ['five networks with a hundred messages are', 5, 'dkim', 1],
  ['four are none, however much they send', 4, 'dkim', 0],
  ['five that SPF admits are none', 5, 'both', 0],
])('of what %s: a replay', async (_, networks, kind, replays) => {
  await owner();
  const rows = Array.from({ length: networks }, (__, i) => span(2, 0, kind, 5, REPORTERS, { source: `198.51.${i}.0/24` }));
  await put(rows.flat());
  await f.analyze();
  expect((await found()).filter(({ evidence }) => evidence.senders === networks)).toHaveLength(replays);
});

test('forwarders that come one by one, or bring little together, are no replay', async () => {
  await owner();
  for (let i = 0; i < 12; i++) await put(some(1, i, 0, 2, i));
  await f.analyze();
  expect(await found()).toEqual([]);
});

test('a bulletin of which many new forwarders pass on a part is no replay', async () => {
  await owner();
  await put(span(1, 1, 'both', 3000, ['google.com'], { source: OLD, reporter: 'other.example' }));
  await put(some(60, 0, 0, 1));
  await f.analyze();
  expect(await found()).toEqual([]);
});

test('an application that sends from other networks every day, as it always did, is no replay', async () => {
  await owner(20);
  for (let day = 41; day >= 0; day--) await put(some(2, day, day, 8, 2 * day));
  await f.analyze();
  expect(await found()).toEqual([]);
});

test('which invented newcomers are a replay is as it was', () => expectLives('replay'));
