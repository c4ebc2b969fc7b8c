import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROBE_DAYS, type ProbedMail, saveProbe } from '../../../services/store/sending/probes.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());

const mail = (one: Partial<ProbedMail> = {}): ProbedMail => ({
  seen_at: new Date('2026-11-27T12:00:10Z'),
  environment: 'staging',
  workload: 'shop',
  known_by: 'address',
  header_from: 'kestrel.example',
  envelope_from: 'kestrel.example',
  source: '192.0.2.1',
  signatures: [{ domain: 'kestrel.example', selector: 's1', result: 'pass', aligned: true }],
  spf_result: 'pass',
  dkim_aligned: true,
  spf_aligned: true,
  dmarc: 'pass',
  under_reject: 'delivered',
  codes: [],
  ...one,
});
const FAILED = mail({
  workload: null,
  known_by: null,
  source: '198.51.100.0/28',
  signatures: [],
  spf_result: 'fail',
  dkim_aligned: false,
  spf_aligned: false,
  dmarc: 'fail',
  under_reject: 'rejected',
  codes: ['probe_unsigned', 'probe_dmarc'],
});
const run = (began: string, mails: readonly ProbedMail[], missing: string[] = []) =>
  saveProbe(t.db, {
    environment: 'staging',
    began_at: new Date(began),
    ended_at: new Date(new Date(began).getTime() + 60_000),
    missing,
    mails,
  });
/** Rows of every table but those of the probe. */
const others = async () => {
  const { rows } = await t.db.query<{ name: string }>(
    `select relname as name from pg_class
      where relnamespace = 'ruawatch'::regnamespace and relkind in ('r', 'p') and relname not like 'probe%' order by 1`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of rows) counts[name] = (await t.db.query(`select count(*)::int as n from ruawatch.${name}`)).rows[0].n;
  return counts;
};

test('a run is kept with its mails, and nothing else changes', async () => {
  const before = await others();
  const key = await run('2026-11-27T12:00:00Z', [mail(), mail(), FAILED], ['news']);
  expect(Object.keys(before).length).toBeGreaterThan(50);
  expect(await others()).toEqual(before);
  const { rows } = await t.db.query('select * from dmarc.probe_mails order by n');
  expect(rows.length).toBe(3);
  expect(rows[0]).toMatchObject({
    run_key: key,
    n: 1,
    workload: 'shop',
    dmarc: 'pass',
    codes: [],
    signatures: [{ selector: 's1' }],
  });
  expect(rows[2]).toMatchObject({ workload: null, source: '198.51.100.0/28', codes: ['probe_unsigned', 'probe_dmarc'] });
  const days = await t.db.query(
    'select workload, day::text, mails, signed, dmarc_pass, rejected from dmarc.probe_days order by workload',
  );
  expect(days.rows).toEqual([
    { workload: 'shop', day: '2026-11-27', mails: 2, signed: 2, dmarc_pass: 2, rejected: 0 },
    { workload: null, day: '2026-11-27', mails: 1, signed: 0, dmarc_pass: 0, rejected: 1 },
  ]);
  expect((await t.db.query('select missing from ruawatch.probe_runs')).rows).toEqual([{ missing: ['news'] }]);
});

test('a run without mail is kept, and old ones go with their mails', async () => {
  const day = 86_400_000;
  const start = new Date('2026-11-27T12:00:00Z').getTime();
  await run(new Date(start + (PROBE_DAYS + 1) * day).toISOString(), []);
  expect((await t.db.query('select from ruawatch.probe_runs')).rowCount).toBe(1);
  expect((await t.db.query('select from ruawatch.probe_mails')).rowCount).toBe(0);
});

test('hostile texts stay texts', async () => {
  const hostile = `'; drop table x; -- "\\u0000`;
  await run('2028-01-01T00:00:00Z', [
    mail({ signatures: [{ domain: hostile, selector: 'a\u0000b', result: 'fail', aligned: false }], header_from: 'x\u0000y' }),
  ]);
  expect((await t.db.query(`select header_from from dmarc.probe_mails where seen_at is not null`)).rowCount).toBe(1);
});
