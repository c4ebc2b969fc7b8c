import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { readTotals } from '../../chaos/totals.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestReport, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const mail = (report: TestReport, unique: string, selector = 's1') =>
  reportMail(reportXml(report).replaceAll('<selector>s1<', `<selector>${selector}<`), { unique });
const selectors = async (db = t.db) =>
  (
    await db.query(
      'select signing_domain, selector, first_seen, last_seen, messages, passed, failed, sources from dmarc.selectors order by 1, 2',
    )
  ).rows;

test('keys are counted by source and day; a newer version replaces an older one, in any order', async () => {
  const raws = [
    mail({ id: 'r1', rows: [{ ip: '192.0.2.1', count: 99 }] }, 'older', 'gone'),
    mail(
      {
        id: 'r1',
        rows: [
          { ip: '192.0.2.1', count: 10 },
          { ip: '198.51.100.1', count: 5 },
          { ip: '198.51.100.1', count: 3, auth_dkim: ['example.com', 'fail'], dkim: 'fail' },
          { ip: '203.0.113.1', count: 2, auth_dkim: ['service.example', 'pass'] },
        ],
      },
      'newer',
    ),
    mail(
      { id: 'r2', begin: BEGIN + DAY, rows: [{ ip: '192.0.2.1', count: 7, auth_dkim: ['em.example.com', 'pass'] }] },
      'second',
    ),
  ];
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
  ]) {
    const fresh = await testDatabase();
    const keys = await receive(fresh, raws);
    for (const i of order) await parseMessages(fresh.db, [keys[i]!], { trust: trusting('off') });
    expect(await selectors(fresh.db)).toEqual([
      {
        signing_domain: 'em.example.com',
        selector: 's1',
        first_seen: '2026-09-02',
        last_seen: '2026-09-02',
        messages: 7,
        passed: 7,
        failed: 0,
        sources: 1,
      },
      {
        signing_domain: 'example.com',
        selector: 's1',
        first_seen: '2026-09-01',
        last_seen: '2026-09-01',
        messages: 18,
        passed: 15,
        failed: 3,
        sources: 2,
      },
    ]);
    expect((await readTotals(fresh.db, [])).wrong).toEqual([]);
    await fresh.drop();
  }
});

test('a report of very many keys has as many rows as its allowance; the rest is one', async () => {
  const rows = Array.from({ length: 2050 }, (_, i) => ({ ip: `198.${18 + (i >> 8)}.${i & 255}.1`, count: i < 2000 ? 2 : 1 }));
  let n = 0;
  const xml = reportXml({ id: 'flood', rows }).replaceAll('<selector>s1<', () => `<selector>k${n++}<`);
  await parseMessages(t.db, await receive(t, [reportMail(xml, { unique: 'flood' })]), { trust: trusting('off') });
  const { rows: kept } = await t.db.query('select source, selector, messages from ruawatch.selector_days order by selector');
  expect(kept).toHaveLength(2001);
  expect(kept[0]).toEqual({ source: 'other sources', selector: '', messages: 50 });
});
