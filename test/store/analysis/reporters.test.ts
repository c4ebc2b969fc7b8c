import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Tx, transaction } from '../../../services/shared/runtime/db.ts';
import {
  loadReporterNames,
  loadReporters,
  measureAgreement,
  noteArrivals,
  saveDomainReporters,
  wasAnalyzed,
} from '../../../services/store/analysis/reporters.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

const DOMAIN = 'example.com';
const FROM = '2026-05-01';
const TO = '2026-05-31';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const on = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => transaction(t.db, work);
/** What is done on a connection, and the number of statements it took. */
const counting = <T>(work: (tx: Tx) => Promise<T>): Promise<{ value: T; statements: number }> =>
  on(async (tx) => {
    let statements = 0;
    const query = (...given: Parameters<Tx['query']>) => {
      statements++;
      return tx.query(...given);
    };
    return { value: await work({ query } as unknown as Tx), statements };
  });

let n = 0;
async function report(reporter: string, day: string, given: Record<string, unknown> = {}): Promise<void> {
  n++;
  const row = {
    message_key: n,
    part: 0,
    identity: `i${n}`,
    content_hash: 'c',
    reporter,
    report_id: String(n),
    domain: DOMAIN,
    begin_at: `${day}T00:00:00Z`,
    end_at: `${day}T23:59:59Z`,
    errors: '[]',
    records: 1,
    messages: 1,
    salvaged: false,
    problems: '[]',
    received_at: `${day}T06:00:00Z`,
    trust: 'ok',
    reporter_trust: 'authenticated',
    ...given,
  };
  const columns = Object.keys(row);
  await t.db.query(
    `insert into ruawatch.reports (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
    Object.values(row),
  );
}

test('a verified report counts on the day it arrived, by our clock, and proves its reporter', async () => {
  await report('a.example', '2026-05-02', { received_at: '2026-05-10T23:59:00Z' });
  await report('a.example', '2026-05-03', { received_at: '2026-05-10T12:00:00Z' });
  await report('a.example', '2026-05-04', { received_at: '2026-05-12T00:00:00Z' });
  await report('early.example', '2026-04-30');
  await report('unproven.example', '2026-05-02', { reporter_trust: null });
  await report('pending.example', '2026-05-02', { trust: 'pending' });
  for (let again = 0; again < 2; again++) await on((tx) => noteArrivals(tx, DOMAIN, FROM));
  const { rows: arrivals } = await t.db.query('select reporter, day from ruawatch.reporter_arrivals order by 1, 2');
  expect(arrivals).toEqual([
    { reporter: 'a.example', day: '2026-05-10' },
    { reporter: 'a.example', day: '2026-05-12' },
  ]);
  expect((await t.db.query('select reporter, proven from ruawatch.reporters')).rows).toEqual([
    { reporter: 'a.example', proven: true },
  ]);
});

test('what is known of each reporter: its newest day, its proof, its age and its agreement', async () => {
  await report('a.example', '2026-05-02', { received_at: '2026-05-10T12:00:00Z' });
  await report('a.example', '2026-05-31', { received_at: '2026-06-01T12:00:00Z' });
  await report('imported.example', '2026-05-01', { reporter_trust: null });
  await report('old.example', '2026-04-30');
  await report('late.example', '2026-06-01');
  await report('superseded.example', '2026-05-02', { superseded_by: 1 });
  await report('pending.example', '2026-05-02', { trust: 'pending' });
  await on((tx) => noteArrivals(tx, DOMAIN, FROM));
  await t.db.query(
    `insert into ruawatch.reporter_agreement values ('a.example', $1, 7, 1, '2026-05-30'), ('a.example', 'other.example', 2, 3, '2026-05-30')`,
    [DOMAIN],
  );
  const none = { first_arrived: null, arrival_days: 0, agreed: 0, contradicted: 0 };
  expect(await on((tx) => loadReporters(tx, DOMAIN, FROM, TO))).toEqual([
    {
      reporter: 'a.example',
      last_day: '2026-05-31',
      proven: true,
      first_arrived: '2026-05-10',
      arrival_days: 2,
      agreed: 9,
      contradicted: 4,
    },
    { reporter: 'imported.example', last_day: '2026-05-01', proven: false, ...none },
  ]);
});

describe('agreement with the known reporters', () => {
  const given = { known: ['google.com'], from: FROM, to: TO, day: '2026-05-31' };
  const day = (reporter: string, source: string, messages: number, passed: number) =>
    t.db.query(
      `insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
              failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected,
              failed_delivered, trust)
       values ($1, $2, '2026-05-20', $3, $4, $5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'ok')`,
      [DOMAIN, source, reporter, messages, passed],
    );
  const measured = async () =>
    (await t.db.query('select reporter, agreed, contradicted from ruawatch.reporter_agreement order by 1')).rows;

  test('is counted by source, where both have seen five messages', async () => {
    for (const [source, theirs, ours] of [
      ['same', [5, 5], [5, 5]],
      ['contrary', [5, 0], [5, 5]],
      ['half', [6, 3], [6, 0]],
      ['few', [4, 0], [9, 9]],
      ['few of ours', [9, 0], [4, 4]],
      ['ours alone', null, [9, 9]],
    ] as [string, [number, number] | null, [number, number]][]) {
      if (theirs) await day('new.example', source, ...theirs);
      await day('google.com', source, ...ours);
    }
    await on((tx) => measureAgreement(tx, DOMAIN, ['new.example', 'silent.example'], given));
    expect(await measured()).toEqual([
      { reporter: 'new.example', agreed: 2, contradicted: 1 },
      { reporter: 'silent.example', agreed: 0, contradicted: 0 },
    ]);
  });

  test('is measured once a day', async () => {
    await day('new.example', 'a', 9, 9);
    await day('google.com', 'a', 9, 9);
    await on((tx) => measureAgreement(tx, DOMAIN, ['new.example'], given));
    await day('new.example', 'b', 9, 9);
    await day('google.com', 'b', 9, 0);
    await on((tx) => measureAgreement(tx, DOMAIN, ['new.example'], given));
    expect(await measured()).toEqual([{ reporter: 'new.example', agreed: 1, contradicted: 0 }]);
    await on((tx) => measureAgreement(tx, DOMAIN, ['new.example'], { ...given, day: '2026-06-01' }));
    expect(await measured()).toEqual([{ reporter: 'new.example', agreed: 1, contradicted: 1 }]);
  });

  test('is not asked for where there is nobody to compare, or nobody to compare with', async () => {
    const asked = async (reporters: string[], known: string[]) =>
      (await counting((tx) => measureAgreement(tx, DOMAIN, reporters, { ...given, known }))).statements;
    expect(await asked([], ['google.com'])).toBe(0);
    expect(await asked(['new.example'], [])).toBe(0);
    expect(await asked(['new.example'], ['google.com'])).toBe(1);
    expect(await asked(['new.example', 'old.example'], ['google.com', 'yahoo.com'])).toBe(1);
  });
});

test('a domain was analyzed when its reporters are written; those that are gone are no longer listed', async () => {
  const is = (until = new Date()) => on((tx) => wasAnalyzed(tx, DOMAIN, until));
  const save = (...reporters: [string, 'known' | 'new'][]) =>
    on((tx) =>
      saveDomainReporters(
        tx,
        DOMAIN,
        reporters.map(([reporter, standing]) => ({ reporter, standing, decides: standing === 'known' })),
      ),
    );
  const listed = async () =>
    (await t.db.query('select reporter, standing, decides from ruawatch.domain_reporters order by 1')).rows;
  expect(await is()).toBe(false);
  await save(['a.example', 'new'], ['b.example', 'new']);
  expect(await is()).toBe(true);
  // Within hours of that it is as if it had not been.
  const examined = (at: string | null) =>
    t.db.query(
      `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, examined_at, classified_at)
       values ($1, $2, '2026-06-01', '2026-06-01', 1, 1, $3, '2026-06-01 12:00Z')`,
      [DOMAIN, `${at}.example`, at],
    );
  await examined('2026-06-01 12:00Z');
  expect(await is(new Date('2026-06-01T11:59:00Z'))).toBe(false);
  expect(await is(new Date('2026-06-01T12:00:00Z'))).toBe(true);
  // What an older version classified was examined long ago.
  await examined(null);
  expect(await is(new Date('2026-06-01T11:59:00Z'))).toBe(true);
  await save(['a.example', 'known']);
  expect(await listed()).toEqual([{ reporter: 'a.example', standing: 'known', decides: true }]);
});

test('the name that a reporter last gave itself is loaded where it is not the key', async () => {
  await report('@a.example', '2026-05-02', { org_name: 'Old Name' });
  await report('@a.example', '2026-05-03', { org_name: 'New Name' });
  await report('@a.example', '2026-05-04', { org_name: null });
  await report('google.com', '2026-05-03', { org_name: 'Google.com' });
  await report('other.example', '2026-05-03', { org_name: 'Other' });
  const names = (...reporters: string[]) => counting((tx) => loadReporterNames(tx, DOMAIN, reporters, FROM));
  expect(await names('@a.example', 'google.com')).toEqual({ value: new Map([['@a.example', 'New Name']]), statements: 1 });
  expect(await names('other.example')).toEqual({ value: new Map([['other.example', 'Other']]), statements: 1 });
  expect(await names()).toEqual({ value: new Map(), statements: 0 });
});
