import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import {
  isReading,
  loadHeard,
  loadLateness,
  loadReportedDays,
  loadSilence,
  loadSilences,
  loadSpread,
  type Silence,
  saveSilences,
} from '../../../services/store/analysis/silences.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestReport, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const REPORTER = 'reporter.example';
async function put(...reports: TestReport[]): Promise<void> {
  const mails = reports.map((report, n) =>
    reportMail(reportXml({ id: `r${n} ${report.domain}`, ...report }), { unique: `m${n} ${report.domain}` }),
  );
  await parseMessages(t.db, await receive(t, mails), { trust: trusting('off') });
}
const days = (n: number, more: TestReport = {}) => Array.from({ length: n }, (_, i) => ({ begin: BEGIN + i * DAY, ...more }));

test('the lateness of a reporter is what nineteen of twenty of its days come within, up to two weeks', async () => {
  await put(...days(20));
  /** Reports of the first `n` days came so many days later than the morning after. */
  const late = async (n: number, by: number) => {
    await t.db.query(
      `update ruawatch.reports set received_at = begin_at + interval '1 day 5 hours' + case when begin_at < $1 then $2 else 0 end * interval '1 day'`,
      [new Date((BEGIN + n * DAY) * 1000), by],
    );
    return transaction(t.db, (tx) => loadLateness(tx, 'example.com', [REPORTER], { from: '2026-09-01', to: '2026-09-20' }));
  };
  expect(await late(1, 9)).toEqual(new Map([[REPORTER, 0]]));
  expect(await late(2, 9)).toEqual(new Map([[REPORTER, 9]]));
  expect(await late(20, 14)).toEqual(new Map([[REPORTER, 14]]));
  // They came with an import.
  expect(await late(20, 15)).toEqual(new Map());
});

test('a silence spreads over the other domains of the reporter that have no later report', async () => {
  for (const domain of ['a.example', 'b.example', 'c.example', 'd.example'])
    await t.db.query(
      `insert into ruawatch.domains (domain, state, how, since) values ($1, 'own', 'added', now()) on conflict (domain) do nothing`,
      [domain],
    );
  await put(
    { domain: 'a.example', begin: BEGIN },
    { domain: 'b.example', begin: BEGIN + DAY },
    { domain: 'c.example', begin: BEGIN + 2 * DAY },
    // Too long ago.
    { domain: 'd.example', begin: BEGIN - 31 * DAY },
  );
  await t.db.query(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides)
     select d, $1, 'known', true from unnest($2::text[]) d on conflict do nothing`,
    [REPORTER, ['example.com', 'a.example', 'b.example', 'c.example', 'd.example']],
  );
  const spread = (...reporters: { reporter: string; last: string }[]) =>
    transaction(t.db, (tx) => loadSpread(tx, 'example.com', reporters));
  expect(await spread({ reporter: REPORTER, last: '2026-09-01' }, { reporter: 'other.example', last: '2026-09-01' })).toEqual(
    new Map([[REPORTER, { silent: 2, reporting: 1 }]]),
  );
});

test('who is heard of, and what deciding reporters reported by day', async () => {
  await put(...days(2, { rows: [{ count: 3 }, { ip: '192.0.2.9', count: 4 }] }));
  expect(await loadHeard(t.db, ['example.com'], '2026-09-02')).toEqual(new Set([REPORTER]));
  expect(await loadHeard(t.db, ['example.com'], '2026-09-03')).toEqual(new Set());
  expect(await loadReportedDays(t.db, ['example.com'], '2026-09-02')).toEqual([
    { domain: 'example.com', day: '2026-09-02', reporter: REPORTER, messages: 7 },
  ]);
});

test('anything would have come in where a mailbox was read lately, or none is set up', async () => {
  expect(await isReading(t.db, 6)).toBe(true);
  await t.db.query(
    "insert into ruawatch.mailboxes (mailbox, folder, polled_at) values ('m', 'INBOX', now() - interval '7 hours')",
  );
  expect(await isReading(t.db, 6)).toBe(false);
  expect(await isReading(t.db, 8)).toBe(true);
});

test('the silent domains are those that were saved last', async () => {
  const silence = (domain: string, more: Partial<Silence> = {}): Silence => ({
    domain,
    since: '2026-09-01',
    last_day: '2026-09-05',
    usual: 40,
    expected: 200,
    chance: 0.5,
    reporters: [REPORTER],
    told_by: 'a.example',
    others: ['b.example'],
    others_in_all: 1,
    reported: 7,
    ...more,
  });
  const save = (...silences: Silence[]) => transaction(t.db, (tx) => saveSilences(tx, silences));
  const one = (domain: string) => transaction(t.db, (tx) => loadSilence(tx, domain));
  const [a, b] = [silence('a.example'), silence('b.example', { told_by: 'b.example', others: [], others_in_all: 0 })];
  await save(b, a);
  expect(await loadSilences(t.db)).toEqual([a, b]);
  expect([await one('b.example'), await one('c.example')]).toEqual([b, null]);
  const later = silence('b.example', {
    last_day: '2026-09-06',
    usual: 41,
    expected: 250,
    chance: 0.25,
    reporters: [],
    reported: 6,
  });
  await save(later);
  expect(await loadSilences(t.db)).toEqual([later]);
  await save();
  expect(await loadSilences(t.db)).toEqual([]);
});
