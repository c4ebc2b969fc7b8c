import { beforeAll, describe, expect, test } from 'vitest';
import { type DemoIncident, type DemoWorld, generateDemo } from '../../demo/world.ts';
import { recordsOf, values, xmlOf } from './unpack.ts';

const TODAY = new Date('2026-06-10T15:30:00Z');
const BOOKS = 'kestrel-books.example';
const PAY = 'kestrel-pay.example';

interface SeenRecord {
  domain: string;
  day: string;
  p: string;
  count: number;
  ip: string;
  disposition: string;
  reasons: number;
  dkimPass: boolean;
  spfPass: boolean;
  spfDomain: string;
  dkimDomain: string | undefined;
  anyPass: boolean;
}

/** Every record of every distinct report, read back from the mails alone. */
async function readBack(world: DemoWorld): Promise<{ reports: number; records: SeenRecord[] }> {
  const seen = new Set<string>();
  const records: SeenRecord[] = [];
  for (const { raw } of world.mails) {
    const xml = await xmlOf(raw);
    if (seen.has(xml)) continue;
    seen.add(xml);
    const domain = values(xml, 'policy_published/domain')[0] as string;
    const begin = Number(values(xml, 'report_metadata/date_range/begin')[0]);
    for (const record of recordsOf(xml)) {
      const dkim = record.get('auth_results/dkim/result');
      const spf = record.get('auth_results/spf/result');
      records.push({
        domain,
        day: new Date(begin * 1000).toISOString().slice(0, 10),
        p: values(xml, 'policy_published/p')[0] as string,
        count: Number(record.get('row/count')),
        ip: record.get('row/source_ip') as string,
        disposition: record.get('row/policy_evaluated/disposition') as string,
        reasons: record.has('row/policy_evaluated/reason/type') ? 1 : 0,
        dkimPass: record.get('row/policy_evaluated/dkim') === 'pass',
        spfPass: record.get('row/policy_evaluated/spf') === 'pass',
        spfDomain: record.get('auth_results/spf/domain') as string,
        dkimDomain: record.get('auth_results/dkim/domain'),
        anyPass: dkim === 'pass' || spf === 'pass',
      });
    }
  }
  return { reports: seen.size, records };
}

describe('the demo world', () => {
  let world: DemoWorld;
  let records: SeenRecord[];
  let reports: number;

  beforeAll(async () => {
    world = await generateDemo({ seed: 42, today: TODAY });
    ({ records, reports } = await readBack(world));
  });

  const incident = (name: DemoIncident['name']): DemoIncident =>
    world.incidents.find((each) => each.name === name) as DemoIncident;
  const sum = (some: SeenRecord[]): number => some.reduce((total, { count }) => total + count, 0);
  function matches(name: DemoIncident['name'], some: SeenRecord[]): void {
    const planted = incident(name);
    expect({ name, records: some.length, messages: sum(some) }).toEqual({
      name,
      records: planted.records,
      messages: planted.messages,
    });
    expect([...new Set(some.map(({ ip }) => ip))].sort()).toEqual(planted.addresses);
    expect(some.map(({ day }) => day).sort()[0]).toBe(planted.since);
    expect(new Set(some.map(({ domain }) => domain))).toEqual(new Set([planted.domain]));
  }

  test('is six weeks of mails in order, none later than today', () => {
    expect(world.firstDay).toBe('2026-04-29');
    expect(world.lastDay).toBe('2026-06-09');
    expect(world.mails.length).toBeGreaterThan(550);
    expect(world.mails.length).toBeLessThan(750);
    const times = world.mails.map(({ received }) => received.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThanOrEqual(TODAY.getTime());
    expect(new Set(world.mails.map(({ reporter }) => reporter)).size).toBe(8);
    expect(
      records
        .map(({ day }) => day)
        .sort()
        .at(-1),
    ).toBe('2026-06-09');
  });

  test('counts what the mails hold', () => {
    expect(world.truth.map(({ domain }) => domain)).toEqual([BOOKS, PAY]);
    for (const { domain, ...truth } of world.truth) {
      const own = records.filter((record) => record.domain === domain);
      expect({ records: own.length, messages: sum(own) }).toEqual({ records: truth.records, messages: truth.messages });
    }
    expect(world.truth.reduce((total, truth) => total + truth.reports, 0)).toBe(reports);
    expect(world.mails.length).toBeGreaterThan(reports);
  });

  test('plants a campaign that authenticates as nobody', () => {
    const forged = records.filter(({ anyPass, domain }) => domain === BOOKS && !anyPass);
    matches('spoofing_campaign', forged);
    expect(incident('spoofing_campaign').addresses.length).toBe(60);
    const rejected = sum(forged.filter(({ disposition }) => disposition === 'reject'));
    expect(rejected / sum(forged)).toBeGreaterThan(0.9);
  });

  test('plants a service that signs and bounces as itself', () => {
    matches(
      'misaligned_service',
      records.filter(({ dkimDomain }) => dkimDomain === 'postbird.example'),
    );
  });

  test('plants a key that breaks once and stays broken', () => {
    const bulk = records.filter(({ spfDomain }) => spfDomain === 'bounce.lettercraft.example');
    matches(
      'broken_dkim_key',
      bulk.filter(({ dkimPass }) => !dkimPass),
    );
    const { since } = incident('broken_dkim_key');
    expect(bulk.filter(({ day, dkimPass }) => dkimPass !== day < since)).toEqual([]);
    expect(sum(bulk.filter(({ day }) => day < since))).toBeGreaterThan(sum(bulk.filter(({ day }) => day >= since)));
  });

  test('plants a policy that every reporter sees lowered on the same day', () => {
    matches(
      'policy_lowered',
      records.filter(({ p }) => p === 'none'),
    );
    const { since } = incident('policy_lowered');
    expect(records.filter(({ p, day, domain }) => p !== (domain === PAY && day >= since ? 'none' : 'reject'))).toEqual([]);
  });

  test('has nothing else that fails without a reason', () => {
    const planted = new Set(['postbird.example', 'lettercraft']);
    const rest = records.filter(
      ({ dkimPass, spfPass, anyPass, spfDomain, reasons }) =>
        !dkimPass && !spfPass && anyPass && reasons === 0 && ![...planted].some((name) => spfDomain.includes(name)),
    );
    expect(rest).toEqual([]);
  });

  test('depends on its options alone', async () => {
    const again = await generateDemo({ seed: 42, today: TODAY });
    expect(again.mails.length).toBe(world.mails.length);
    expect(again.mails.every(({ raw }, i) => raw.equals(world.mails[i]?.raw as Buffer))).toBe(true);
    expect(again.incidents).toEqual(world.incidents);
    const other = await generateDemo({ seed: 43, today: TODAY });
    expect(other.mails[0]?.raw.equals(world.mails[0]?.raw as Buffer)).toBe(false);
  });

  test('leaves out a report whose range has not ended', async () => {
    const early = await generateDemo({ seed: 42, today: new Date('2026-06-10T00:05:00Z') });
    const ends = await Promise.all(
      early.mails.map(async ({ raw }) => Number(values(await xmlOf(raw), 'report_metadata/date_range/end')[0])),
    );
    expect(Math.max(...ends)).toBeLessThanOrEqual(Date.UTC(2026, 5, 10, 0, 5) / 1000);
    expect(new Set(early.mails.slice(-20).map(({ reporter }) => reporter)).has('google.com')).toBe(true);
  });
});
