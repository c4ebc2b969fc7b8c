import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SenderWindow } from '../../../services/analyzer/rules/window.ts';
import { mayReplay, replaysOf } from '../../../services/analyzer/senders/replay.ts';
import type { KeyUse } from '../../../services/store/analysis/senders.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN, onFile, REPORTERS, senderWindow, span, TODAY } from '../rows.ts';
import { expectLives } from './invented-senders.ts';

let f: Fixture;

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

describe('in what the analyzer stores', () => {
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());

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
});

test('which invented newcomers are a replay is as it was', () => expectLives('replay'));

const KEY = `k1._domainkey.${DOMAIN}`;
const net = (n: number) => `198.51.${n}.0/24`;
/** Networks whose mail passes by a signature alone since a day, each with so many messages under the key. */
const newcomers = (counts: readonly number[], from = 2): SenderWindow[] =>
  counts.map((passed, n) => {
    const window = senderWindow(span(from, 0, 'dkim', 1, REPORTERS, { source: net(n) }));
    const [one] = window.of.sources;
    return { ...window, of: { ...window.of, sources: [{ ...one!, messages: passed, passed, dkim_aligned: passed }] } };
  });
const ownerOf = (n: number) => senderWindow(span(41, 0, 'both', n, REPORTERS.slice(0, 1), { source: OLD }));
const use = (source: string, passed: number, from: number, more: Partial<KeyUse> = {}): KeyUse => ({
  source,
  key: KEY,
  passed,
  recent: passed,
  first_day: ago(from),
  last_day: TODAY,
  ...more,
});
const replays = (
  windows: readonly SenderWindow[],
  uses: readonly KeyUse[],
  more: Partial<Parameters<typeof replaysOf>[1]> = {},
) =>
  replaysOf(
    { domain: DOMAIN, today: TODAY, from: ago(41), keyUses: uses },
    { windows, told: [], known: [], fresh: ago(13), ...more },
  ).map(({ subject, evidence: { messages, senders } }) => [subject, messages, senders]);
const usesOf = (counts: readonly number[], from = 2, base = 0) => counts.map((n, i) => use(net(base + i), n, from));
const FIVE = [20, 20, 20, 20, 20];

test('five strangers with a hundred messages may replay, and none of who is known, waits for a name or is no stranger', () => {
  const may = (windows: readonly SenderWindow[]) =>
    mayReplay(
      windows.map(({ of }) => of),
      ago(2),
    );
  expect(may(newcomers(FIVE))).toBe(true);
  expect(may(newcomers([20, 20, 20, 20, 19]))).toBe(false);
  expect(may(newcomers([50, 50, 50, 50]))).toBe(false);
  expect(may(newcomers(FIVE, 3))).toBe(false);
  const first = (more: object, ofSource: object = {}) => {
    const [window, ...others] = newcomers(FIVE);
    const { of } = window!;
    return may([
      { ...window!, of: { ...of, ...more, sources: [{ ...of.sources[0]!, ...ofSource }] } } as SenderWindow,
      ...others,
    ]);
  };
  expect(first({})).toBe(true);
  expect(first({ unnamed: true })).toBe(false);
  expect(first({ firstSeen: ago(3) })).toBe(false);
  expect(first({ firstSeen: null })).toBe(true);
  expect(first({}, { messages: 2500, passed: 2500, dkim_aligned: 2500, spf_aligned: 25 })).toBe(true);
  expect(first({}, { messages: 2500, passed: 2500, dkim_aligned: 2500, spf_aligned: 26 })).toBe(false);
  expect(first({}, { dkim_aligned: 1 })).toBe(true);
  expect(first({}, { dkim_aligned: 0 })).toBe(false);
  const [window, ...others] = newcomers(FIVE);
  const [one] = window!.of.sources;
  expect(may([{ ...window!, of: { ...window!.of, sources: [one!, one!] } }, ...others])).toBe(false);
  expect(may([{ ...window!, of: { ...window!.of, sources: [] } }, ...others])).toBe(false);
});

test('what is a replay has enough networks, messages, a part of what the owners send, and more than came before', () => {
  const owner = ownerOf(600);
  const owned = use(OLD, 5000, 41);
  const of = (counts: readonly number[], uses: readonly KeyUse[] = [owned], windows: readonly SenderWindow[] = [], more = {}) =>
    replays([owner, ...newcomers(counts), ...windows], [...uses, ...usesOf(counts)], more);
  expect(of(FIVE)).toEqual([]);
  // On four days the owner sent 2,400 messages: a twentieth is 120.
  expect(of([24, 24, 24, 24, 24])).toEqual([[net(0), 120, 5]]);
  expect(of([24, 24, 24, 24, 23])).toEqual([]);
  expect(of([24, 24, 24, 48])).toEqual([]);
  const few = ownerOf(1);
  const ofFew = (counts: readonly number[]) => replays([few, ...newcomers(counts)], [owned, ...usesOf(counts)]);
  expect(ofFew(FIVE)).toEqual([[net(0), 100, 5]]);
  expect(ofFew([20, 20, 20, 20, 19])).toEqual([]);
  // A key that was known for a fortnight before, and whose owner goes on.
  expect(of([24, 24, 24, 24, 24], [use(OLD, 5000, 16)])).toEqual([[net(0), 120, 5]]);
  expect(of([24, 24, 24, 24, 24], [use(OLD, 5000, 15)])).toEqual([]);
  expect(of([24, 24, 24, 24, 24], [{ ...owned, last_day: ago(2) }])).toEqual([[net(0), 120, 5]]);
  expect(of([24, 24, 24, 24, 24], [{ ...owned, last_day: ago(3) }])).toEqual([]);
  // What came at once before is a third of it at most.
  const before = (n: number, from = 20) => {
    const [window] = newcomers([n], from).map((one) => {
      const [source] = one.of.sources;
      return { ...one, of: { ...one.of, key: net(99), sources: [{ ...source!, source: net(99), first_day: ago(from) }] } };
    });
    return of([24, 24, 24, 24, 24], [owned, use(net(99), n, from, { last_day: ago(9) })], [window!]);
  };
  expect(before(40)).toEqual([[net(0), 120, 5]]);
  expect(before(41)).toEqual([]);
  expect(before(41, 27)).toEqual([]);
  expect(before(41, 28)).toEqual([[net(0), 120, 5]]);
});

test('a network counts for the key that most of its mail bears, once, and not if a person has spoken of it', () => {
  const counts = [24, 24, 24, 24, 24];
  const windows = [ownerOf(600), ...newcomers(counts)];
  const owned = use(OLD, 5000, 41);
  const other = (passed: number) => use(net(0), passed, 2, { key: `k2._domainkey.${DOMAIN}` });
  expect(replays(windows, [owned, ...usesOf(counts), other(23)])).toEqual([[net(0), 120, 5]]);
  expect(replays(windows, [owned, ...usesOf(counts), other(24)])).toEqual([[net(0), 120, 5]]);
  expect(replays(windows, [owned, ...usesOf(counts), other(25)])).toEqual([]);
  expect(replays(windows, [owned, ...usesOf(counts).slice(1)])).toEqual([]);
  const [owner, one, ...others] = windows;
  expect(replays([owner!, { ...one!, listed: {} as never }, ...others], [owned, ...usesOf(counts)])).toEqual([]);
  const small = [...newcomers([...counts, 1])];
  expect(replays([owner!, ...small], [owned, ...usesOf([...counts, 1])])).toEqual([[net(0), 121, 6]]);
  const told = (sources: readonly string[]) =>
    [{ kind: 'new_source', evidence: { who: sources.map((source) => ({ source })) } }] as never;
  const more = newcomers([24, 24, 24, 24, 200]);
  const uses = [owned, ...usesOf([24, 24, 24, 24, 200])];
  expect(replays([owner!, ...more], uses, { told: told([net(4)]) })).toEqual([[net(0), 96, 4]]);
  expect(replays([owner!, ...more], uses, { told: told([0, 1, 2, 3].map(net)) })).toEqual([[net(4), 200, 1]]);
  expect(replays([owner!, ...more], uses, { told: told([0, 1, 2, 3, 4].map(net)) })).toEqual([]);
});

test('a replay names who owns the key, those of the most mail first, and how much of all mail bears it', () => {
  const counts = [24, 24, 24, 24, 24];
  const owners = [1, 2, 3, 4].map((n) => senderWindow(span(41, 0, 'both', 1, REPORTERS, { source: `192.0.${n}.0/24` })));
  const uses = [
    ...owners.map(({ source }, n) => use(source, [100, 300, 200, 200][n]!, 41)),
    use('else.example', 80, 41, { key: `k2._domainkey.${DOMAIN}` }),
    ...usesOf(counts),
  ];
  const data = { domain: DOMAIN, today: TODAY, from: ago(41), keyUses: uses };
  const windows = [...owners, ...newcomers(counts)];
  const found = (known: Parameters<typeof replaysOf>[1]['known'] = []) =>
    replaysOf(data, { windows, told: [], known, fresh: ago(13) });
  const [one] = found();
  const key = { name: KEY, age: 'old', carries: 0.92, others: ['192.0.2.0/24', '192.0.3.0/24', '192.0.4.0/24'] };
  expect(one).toMatchObject({
    first_day: ago(2),
    last_day: TODAY,
    severity: 'medium',
    evidence: { delivered: 45, facts: { key } },
  });
  // It goes on under the name that it was told by.
  const open = onFile({ ...one!, subject: net(3) });
  expect(found([open])).toMatchObject([{ subject: net(3) }]);
  const others = [
    { ...open, kind: 'volume_surge' },
    { ...open, state: 'resolved' as const },
    { ...open, evidence: { ...open.evidence, facts: { ...open.evidence.facts, rule: 'another' } as never } },
    { ...open, evidence: { ...open.evidence, facts: { ...open.evidence.facts, key: { ...key, name: 'k2' } } as never } },
  ];
  expect(found(others)).toMatchObject([{ subject: net(0) }]);
});
