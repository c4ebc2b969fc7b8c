import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unalignedTogether, unalignedToRead } from '../../../services/analyzer/senders/unaligned-units.ts';
import { networkOf } from '../../../services/report/address.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { REPORTERS, row, sourceWindow, span, TODAY } from '../rows.ts';
import { expectUnits } from './invented-units.ts';

let f: Fixture;

const named = (address: string, name: string, organization: string) =>
  f.t.db.query(
    `insert into ruawatch.addresses (address, first_seen, last_seen, name, confirmed, organization, looked_up_at)
     values ($1, '2026-01-01', '2026-05-29', $2, true, $3, now())`,
    [address, name, organization],
  );
const unaligned = async () => (await f.findings()).filter(({ kind, state }) => kind === 'alignment_failure' && state === 'open');
const mails = async () => (await f.events()).filter(({ notify }) => notify).length;
const address = (n: number) => `198.51.${100 + n}.7`;

describe('a sender that is not set up, with too little from each of its sources', () => {
  beforeEach(async () => {
    f = await fixture();
    await f.put(span(41, 0, 'both', 500, REPORTERS, { source: '192.0.2.0/24' }));
  });
  afterEach(() => f.close());

  test('own servers in many networks are one finding that lists them', async () => {
    for (let n = 0; n < 8; n++) await named(address(n), `app${n}.example.com`, 'example.com');
    for (let n = 0; n < 8; n++) {
      const source = networkOf(address(n));
      await f.put(span(9, 0, 'unauthenticated', 1, REPORTERS.slice(n % 3, (n % 3) + 1), { source }));
    }
    await f.analyze();
    const found = await unaligned();
    expect(found).toHaveLength(1);
    expect(found[0]!.evidence).toMatchObject({ senders: 8, messages: 80, facts: { bare: true } });
    expect((await f.findings()).map(({ kind }) => kind)).not.toContain('unauthorized_source');
    expect(await mails()).toBe(1);
    // It goes on as the same, and with more.
    await f.put([row(TODAY, 'unauthenticated', 4, { source: networkOf(address(7)), reporter: 'gmx.net' })]);
    await f.analyze();
    expect((await unaligned()).map(({ finding_key }) => finding_key)).toEqual([found[0]!.finding_key]);
    expect(await mails()).toBe(1);
  });

  test('so is a service under two domains of its own', async () => {
    for (const source of ['emsd1.com', 'acems1.com'])
      await f.put(span(6, 0, 'foreign', 2, REPORTERS.slice(0, 1), { source, signing_domain: source }));
    await f.analyze();
    const found = await unaligned();
    expect(found).toHaveLength(1);
    expect(found[0]!.evidence).toMatchObject({ senders: 2, messages: 28 });
  });

  test('one that shows by itself stands for all, and what people forward through a mailbox provider is no service', async () => {
    await f.put(span(11, 0, 'foreign', 30, REPORTERS, { source: 'emsd1.com', signing_domain: 'emsd1.com' }));
    await f.put(span(6, 0, 'foreign', 1, REPORTERS.slice(0, 1), { source: 'acems1.com', signing_domain: 'acems1.com' }));
    for (const source of ['outlook.com', 'hotmail.com'])
      await f.put(span(6, 0, 'foreignSpf', 2, REPORTERS.slice(0, 1), { source }));
    await f.analyze();
    expect((await unaligned()).map(({ subject }) => subject)).toEqual(['emsd1.com']);
  });
});

test('of very many own servers a hundred are read, and twenty listed', () => {
  const ownServers = Array.from({ length: 101 }, (_, n) => `198.51.${100 + n}.0/24`);
  const none: never = { senders: new Map(), dkim: new Map(), spf: new Map(), reverse: new Map() } as never;
  const [unit, ...others] = unalignedToRead([], { ownServers, outgrown: new Map() }, none);
  expect(others).toEqual([]);
  expect(unit).toEqual({ key: 'own servers', sources: ownServers.slice(0, 100) });
  const rows = unit!.sources.flatMap((source, n) => span(9, 0, 'unauthenticated', 1 + (n % 2), REPORTERS, { source }));
  const window = sourceWindow(rows);
  const windowOf = (source: string) => ({ ...window, source, own: true });
  const [finding] = unalignedTogether([{ ...unit!, rows }], [], { known: [], windowOf });
  expect(finding!.evidence.senders).toBe(100);
  expect(finding!.evidence.who).toEqual(
    Array.from({ length: 20 }, (_, n) => ({ source: `198.51.${101 + 2 * n}.0/24`, messages: 60 })),
  );
});

test('what invented sources that are not set up show together is as it was', () => expectUnits('unaligned'));
