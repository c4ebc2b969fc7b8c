import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OTHER_SOURCES } from '../../services/store/rollups/allowance.ts';
import type { TestRow } from '../helpers/report.ts';
import {
  attackRows,
  bringDay,
  type DkimKey,
  dailyReport,
  dkimKey,
  GOOGLE,
  knotPresent,
  mailOf,
  ordinaryDays,
  startWorld,
  titled,
  type World,
} from './harness.ts';

/** Mails of the stranger with 1,500 networks each; `.ci/full` has more. */
const REPORTS = Number(process.env.FLOOD_REPORTS ?? 2);

/** Networks of their own, each with a message that nothing authenticates. */
const flood = (n: number, from = 0): TestRow[] =>
  Array.from({ length: n }, (_, i) => ({
    ip: `${20 + ((from + i) >> 16)}.${((from + i) >> 8) & 255}.${(from + i) & 255}.1`,
    count: 1,
    dkim: 'fail',
    spf: 'fail',
    auth_dkim: null,
    auth_spf: null,
  }));

describe.skipIf(!knotPresent)(titled('very many sources'), () => {
  let world: World;
  let key: DkimKey;
  beforeEach(async () => {
    world = await startWorld();
    key = dkimKey();
    await world.publish(GOOGLE.domain, key);
  });
  afterEach(() => world.close());

  const count = async (sql: string) => (await world.query<{ n: number }>(`select count(*) as n from ${sql}`))[0]!.n;

  test('an unsigned report of 20,000 networks opens a hundred rows, no source and no work; its records are kept', async () => {
    await world.deliver([mailOf({ id: 'flood', rows: flood(20_000) })]);
    // Before anything could be analysed: what is not verified yet notes nothing either.
    await expect.poll(() => count("ruawatch.messages where state = 'stored'"), { timeout: 60_000 }).toBe(1);
    expect(await count("ruawatch.analysis_work where source <> ''")).toBe(0);
    await world.settle();
    expect(await count('ruawatch.records')).toBe(20_000);
    expect(await count('ruawatch.source_days')).toBe(101);
    expect(await count('ruawatch.sources')).toBe(0);
    expect(await count("ruawatch.analysis_work where source <> ''")).toBe(0);
    expect(await world.query(`select sum(messages) as n, sum(untrusted) as untrusted from dmarc.source_days`)).toEqual([
      { n: 20_000, untrusted: 20_000 },
    ]);
    expect(await world.query('select messages from dmarc.source_days where source = $1', [OTHER_SOURCES])).toEqual([
      { messages: 19_900 },
    ]);
  }, 120_000);

  test('so do a hundred reports in one mail, and as many names below the domain', async () => {
    const rows = flood(150).map((row, i) => ({ ...row, header_from: `n${i}.example.com` }));
    await bringDay(world, 0, [mailOf({ id: 'names', rows })]);
    expect(await count('ruawatch.subdomain_days')).toBe(101);
    expect(await world.query(`select messages from dmarc.subdomain_days where name = '*.example.com'`)).toEqual([
      { messages: 50 },
    ]);
  });

  test(
    'a proven stranger with very many sources hides no attack that others tell of, and delays it by no more than a part',
    async () => {
      const mallory = dkimKey();
      const evil = { org: 'mallory.example', domain: 'mallory.example', email: 'dmarc@mallory.example' };
      await world.publish(evil.domain, mallory);
      const day = await ordinaryDays(world, GOOGLE, key);
      const own = { ip: '192.0.2.1', count: 500 };
      await world.deliver(
        Array.from({ length: REPORTS }, (_, n) => dailyReport(evil, mallory, day, flood(1_500, n * 1_500), { id: `flood-${n}` })),
      );
      await bringDay(world, day, [dailyReport(GOOGLE, key, day, [own, ...attackRows(20, 200)])]);
      const open = (await world.findings()).filter(({ state, kind }) => state === 'open' && kind === 'unauthorized_source');
      expect(open).toMatchObject([{ domain: 'example.com', severity: 'critical' }]);
    },
    (240 + 60 * REPORTS) * 1000,
  );
});
