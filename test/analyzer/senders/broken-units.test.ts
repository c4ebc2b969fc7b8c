import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unitsToRead } from '../../../services/analyzer/senders/broken-units.ts';
import { addedUp } from '../../../services/analyzer/senders/rows.ts';
import { networkOf } from '../../../services/report/address.ts';
import type { SourceDay } from '../../../services/store/analysis/window-reads.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, REPORTERS, row, senderData, span } from '../rows.ts';
import { expectUnits } from './invented-units.ts';

/** The evidence of a regression, as the table has it. */
interface Told {
  messages: number;
  mechanism: string;
  broken: { source: string; since: string; sender?: string; survives_on?: string }[];
}

describe('sources of one sender, each too small to be judged by itself', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
    await f.put(span(41, 0, 'both', 400, REPORTERS, { source: '192.0.2.0/24' }));
  });
  afterEach(() => f.close());

  const named = (address: string, name: string | null, organization: string | null, asn: number | null = null) =>
    f.t.db.query(
      `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at, asn, owner)
       values ($1, '2026-01-01', '2026-05-29', $2, $3, $4, now(), $5, $6)`,
      [address, name, name !== null, organization, asn, asn === null ? null : 'A hoster'],
    );
  const regressions = async () => (await f.findings()).filter(({ kind }) => kind === 'authentication_regression');
  const brokenIn = async () => {
    const found = await regressions();
    return found.flatMap(({ evidence }) => (evidence as unknown as Told).broken);
  };
  /** One message a day and reporter or less, from each of many networks. */
  const little = (
    sources: readonly string[],
    from: number,
    to: number,
    kind: Parameters<typeof span>[2],
    extra = {},
  ): SourceDay[] =>
    sources.flatMap((source, i) =>
      span(from, to, kind, 1, REPORTERS.slice(i % 2, (i % 2) + 1), { source, ...extra }).filter((_, day) => (day + i) % 2 === 0),
    );
  const address = (i: number) => `52.100.${i}.7`;

  type Facts = (i: number) => [name: string | null, organization: string | null, asn: number | null];
  const senders: [string, Facts, string][] = [
    [
      'a service, by its names',
      (i: number) => [`m${i}.outbound.protection.outlook.com`, 'outlook.com', null] as const,
      'microsoft-365',
    ],
    ['own servers', (i: number) => [`mx${i}.example.com`, 'example.com', null], 'example.com'],
    ['names below one domain', (i: number) => [`out${i}.relay.example`, 'relay.example', null], 'relay.example'],
    ['one owner of networks without names', () => [null, null, 64_500], 'AS64500'],
  ];

  test.each(senders)('are found together when all of their mail fails: %s', async (_, facts, sender) => {
    const sources = Array.from({ length: 12 }, (_, i) => networkOf(address(i)));
    for (let i = 0; i < 12; i++) await named(address(i), ...facts(i));
    await f.put([...little(sources, 41, 4, 'both'), ...little(sources, 3, 0, 'unauthenticated')]);
    await f.analyze();
    const broken = await brokenIn();
    expect(broken.length).toBeGreaterThan(8);
    expect(new Set(broken.map((one) => one.sender))).toEqual(new Set([sender]));
    expect(new Set(broken.map(({ since }) => since))).toEqual(new Set([ago(3)]));
    const about = (await f.findings()).filter(({ state }) => state === 'open').map(({ kind }) => kind);
    expect(about).toEqual(['authentication_regression']);
    expect((await f.events()).filter(({ notify }) => notify)).toHaveLength(1);
  });

  test('are found together when they lose the signature and SPF hides it', async () => {
    const sources = Array.from({ length: 12 }, (_, i) => networkOf(address(i)));
    for (let i = 0; i < 12; i++) await named(address(i), `mx${i}.example.com`, 'example.com');
    await f.put([...little(sources, 41, 6, 'both'), ...little(sources, 5, 0, 'spf', { dkim_broken: 1 })]);
    await f.analyze();
    const broken = await brokenIn();
    expect(broken.length).toBeGreaterThan(8);
    expect(broken.every(({ survives_on }) => survives_on === 'spf')).toBe(true);
  });

  test('what goes on as before is left out, and one that shows by itself brings the small ones with it', async () => {
    const sources = Array.from({ length: 12 }, (_, i) => networkOf(address(i)));
    for (let i = 0; i < 12; i++) await named(address(i), `mx${i}.example.com`, 'example.com');
    const [well, large, ...small] = [sources.slice(0, 2), sources[2]!, ...sources.slice(3)];
    await f.put([...little(well, 41, 0, 'both'), ...little(small, 41, 4, 'both'), ...little(small, 3, 0, 'unauthenticated')]);
    await f.put([
      ...span(41, 4, 'both', 40, REPORTERS, { source: large }),
      ...span(3, 0, 'unauthenticated', 40, REPORTERS, { source: large }),
    ]);
    await f.analyze();
    const broken = (await brokenIn()).map(({ source }) => source);
    expect(broken).toContain(large);
    expect(broken).toEqual(expect.arrayContaining(small.slice(0, 6)));
    for (const source of well) expect(broken).not.toContain(source);
    expect((await f.findings()).map(({ kind }) => kind)).not.toContain('unauthorized_source');
  });

  test('are found together beside one server of the same sender that has nearly all of its mail and goes on', async () => {
    const sources = Array.from({ length: 12 }, (_, i) => networkOf(address(i)));
    for (let i = 0; i < 12; i++) await named(address(i), `mx${i}.example.com`, 'example.com');
    await named('198.51.100.7', 'mail.example.com', 'example.com');
    await f.put(span(41, 0, 'both', 200, REPORTERS, { source: '198.51.100.0/24' }));
    await f.put([...little(sources, 41, 6, 'both'), ...little(sources, 5, 0, 'spf', { dkim_broken: 1 })]);
    await f.analyze();
    const broken = await brokenIn();
    expect(broken.length).toBeGreaterThan(8);
    expect(broken.map(({ source }) => source)).not.toContain('198.51.100.0/24');
    expect(broken.every(({ survives_on }) => survives_on === 'spf')).toBe(true);
  });

  test('strangers in the same networks are not its mail, and neither is what never passed', async () => {
    const sources = Array.from({ length: 12 }, (_, i) => networkOf(address(i)));
    for (let i = 0; i < 12; i++) await named(address(i), `m${i}.outbound.protection.outlook.com`, 'outlook.com');
    await f.put([...little(sources.slice(0, 6), 41, 0, 'both'), ...little(sources.slice(6), 41, 0, 'unauthenticated')]);
    await f.analyze();
    expect(await regressions()).toEqual([]);
  });

  test('it is over for all when their mail passes again, one mail each way', async () => {
    const sources = Array.from({ length: 12 }, (_, i) => networkOf(address(i)));
    for (let i = 0; i < 12; i++) await named(address(i), `mx${i}.example.com`, 'example.com');
    await f.put(little(sources, 41, 9, 'both'));
    await f.analyze();
    await f.put(little(sources, 8, 5, 'unauthenticated'));
    await f.analyze();
    expect((await regressions()).map(({ state }) => state)).toEqual(['open']);
    await f.put(little(sources, 4, 0, 'both'));
    await f.analyze();
    expect((await regressions()).map(({ state }) => state)).toEqual(['resolved']);
    expect((await f.events()).filter(({ notify }) => notify).map(({ event }) => event)).toEqual(['opened', 'resolved']);
  });
});

test('of very many sources the largest are judged together: 300 of each sender, and 20 senders', () => {
  const [seen] = senderData('a', span(3, 0, 'both', 10)).sources;
  const recent = [{ day: ago(0), messages: 40, delivered: 40, failing: 40 }];
  const before = { messages: 40, failing: 0, unsigned: 0, errors: 0 };
  const senders = Array.from({ length: 21 }, (_, i) =>
    senderData(`sender${i}.example`, [], {
      sources: Array.from({ length: i === 0 ? 301 : 2 }, (_, n) => ({ ...seen!, source: `${i}.${n}`, recent, before })),
    }),
  );
  const { units, tests } = unitsToRead(senders, new Set());
  expect(tests).toBe(21);
  expect(units.map(({ key }) => key)).toEqual(Array.from({ length: 20 }, (_, i) => `sender${i}.example`));
  expect(units[0]!.sources).toEqual(Array.from({ length: 300 }, (_, n) => `0.${n}`));
});

test('which invented sources are worth judging together is as it was', () => expectUnits('units'));
test('what invented sources show together is as it was', () => expectUnits('together'));

test('rows of several sources are added up by day and reporter, every count of them', () => {
  const [one, other] = [row(ago(1), 'foreign', 5, { source: 'a' }), row(ago(1), 'both', 7, { source: 'b' })];
  const counts = Object.keys(one).filter((name) => typeof one[name as 'messages'] === 'number');
  const [sum, ...rest] = addedUp([{ ...other, spf_permerror: 1 }, one, row(ago(1), 'both', 3, { source: 'c' })], 'all');
  expect(rest).toEqual([]);
  expect(sum).toEqual({
    ...row(ago(1), 'both', 10, { source: 'all', signing_domain: 'service.example' }),
    ...Object.fromEntries(
      counts.map((name) => [name, (one[name as 'messages'] ?? 0) + row(ago(1), 'both', 10)[name as 'messages']]),
    ),
    spf_permerror: 1,
  });
  const apart = addedUp([one, row(ago(2), 'foreign', 5), row(ago(1), 'foreign', 5, { reporter: 'gmx.net' })], 'all');
  expect(apart.map(({ source, day, reporter }) => [source, day, reporter])).toEqual([
    ['all', ago(1), 'google.com'],
    ['all', ago(2), 'google.com'],
    ['all', ago(1), 'gmx.net'],
  ]);
});
