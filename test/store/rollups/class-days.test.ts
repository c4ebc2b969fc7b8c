import { afterEach, beforeEach, expect, test } from 'vitest';
import { analyzeDomain } from '../../../services/analyzer/analyze.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { keepTotals } from '../../../services/parser/upkeep/fill-daily-totals.ts';
import { keepMonths } from '../../../services/parser/upkeep/monthly-retention.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { type SourceClass, saveClasses } from '../../../services/store/analysis/window-reads.ts';
import { classDays } from '../../../services/store/console/domain.ts';
import { unauthorizedLines } from '../../../services/store/console/overview.ts';
import { putOwn } from '../../../services/store/domains/domains.ts';
import { moveClassDays } from '../../../services/store/rollups/class-days.ts';
import { readTotals } from '../../chaos/totals.ts';
import { type TestConsole, testConsole } from '../../console/setup.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestReport, trusting } from '../../helpers/report.ts';

const DOMAIN = 'example.com';
/** The day after the last report. */
const NOW = new Date((BEGIN + 40 * DAY) * 1000 + 3_600_000);
const ALL = { from: '2026-08-01', to: '2026-10-31' };
const FAILS = { auth_dkim: null, auth_spf: null, dkim: 'fail', spf: 'fail' } as const;
const FORGER = '203.0.113.0/24';

let c: TestConsole;
beforeEach(async () => {
  c = await testConsole({ now: () => NOW });
  await putOwn(c.t.db, [DOMAIN], 'added', { now: NOW, ignored: true });
});
afterEach(() => c.close());

const mail = (report: TestReport, unique: string) => reportMail(reportXml(report), { unique });
/** A report a day: own mail that passes, and forged mail, of which half is rejected. */
const reports = (count: number, reporter = 'google.com'): Buffer[] =>
  Array.from({ length: count }, (_, n) =>
    mail(
      {
        org: reporter,
        id: `${reporter}-${n}`,
        begin: BEGIN + n * DAY,
        rows: [
          { ip: '192.0.2.1', count: 10 + n },
          { ip: '203.0.113.5', count: 4, disposition: 'reject', ...FAILS },
          { ip: '203.0.113.6', count: 3, ...FAILS },
        ],
      },
      `${reporter}-${n}`,
    ),
  );
const parse = async (raws: readonly Buffer[]) => parseMessages(c.t.db, await receive(c.t, [...raws]), { trust: trusting('off') });
const classed = (source: string, name: SourceClass['class']) =>
  transaction(c.t.db, async (tx) => {
    const given = { source, class: name, confidence: 1, why: 'w' };
    await moveClassDays(tx, DOMAIN, await saveClasses(tx, DOMAIN, NOW, [given]));
  });
const totals = async () =>
  (
    await c.t.db.query(
      'select class, sum(messages)::int as messages, sum(rejected)::int as rejected, count(*)::int as rows from ruawatch.class_days group by 1 order by 1',
    )
  ).rows;

/** What the overview says of unauthorized mail: what the page of the domain and the sources say. */
async function unauthorized(): Promise<{ messages: number; delivered: number }> {
  expect((await readTotals(c.t.db, [])).wrong.filter((line) => line.startsWith('class_days'))).toEqual([]);
  const reader = { db: c.t.db, scope: { all: false, domains: [DOMAIN] } };
  const [line] = await unauthorizedLines(reader, { domains: [DOMAIN], ...ALL });
  const overview = { messages: line?.messages ?? 0, delivered: line?.delivered ?? 0 };
  const page = { messages: 0, delivered: 0 };
  for (const one of await classDays(reader, { domain: DOMAIN, ...ALL })) {
    if (one.class !== 'unauthorized') continue;
    page.messages += one.messages;
    page.delivered += one.delivered;
  }
  expect(overview).toEqual(page);
  const { rows } = await c.t.db.query(
    `select coalesce(sum(d.messages), 0)::int as messages, coalesce(sum(d.delivered), 0)::int as delivered
       from dmarc.reporter_days d join dmarc.sources s using (domain, source) where s.class = 'unauthorized' and d.counts`,
  );
  expect(overview).toEqual(rows[0]);
  return overview;
}

test('mail goes with its source to another class, and leaves no empty row', async () => {
  await parse(reports(5));
  expect(await totals()).toEqual([{ class: 'unknown', messages: 95, rejected: 20, rows: 5 }]);
  await classed(FORGER, 'unauthorized');
  expect(await totals()).toEqual([
    { class: 'unauthorized', messages: 35, rejected: 20, rows: 5 },
    { class: 'unknown', messages: 60, rejected: 0, rows: 5 },
  ]);
  await classed('192.0.2.0/24', 'authorized');
  await classed(FORGER, 'forwarded');
  await classed(FORGER, 'forwarded');
  expect(await totals()).toEqual([
    { class: 'authorized', messages: 60, rejected: 0, rows: 5 },
    { class: 'forwarded', messages: 35, rejected: 20, rows: 5 },
  ]);
  expect(await unauthorized()).toEqual({ messages: 0, delivered: 0 });
});

test('a report that replaces another leaves the class that its sources have now', async () => {
  await parse([mail({ id: 'r1', rows: [{ ip: '203.0.113.5', count: 99, ...FAILS }] }, 'older')]);
  await classed(FORGER, 'unauthorized');
  expect(await unauthorized()).toEqual({ messages: 99, delivered: 99 });
  const rows = [{ ip: '203.0.113.5', count: 100, disposition: 'reject', ...FAILS }, { count: 5 }];
  await parse([mail({ id: 'r1', rows }, 'newer')]);
  expect(await unauthorized()).toEqual({ messages: 100, delivered: 0 });
});

test('the overview says what the page of the domain says after all that changes it', async () => {
  await parse([...reports(40), ...reports(40, 'yahoo.com')]);
  expect(await unauthorized()).toEqual({ messages: 0, delivered: 0 });
  await analyzeDomain(c.context, DOMAIN);
  // A class that the analyzer gave.
  expect(await unauthorized()).toEqual({ messages: 560, delivered: 240 });
  // A person's decision.
  const operator = await c.person('operator', [DOMAIN]);
  await operator.get(`/domains/${DOMAIN}/senders/${encodeURIComponent(FORGER)}`);
  await operator.post(`/domains/${DOMAIN}/decide`, { sender: FORGER, source: FORGER, decision: 'approve', why: 'ours' });
  await analyzeDomain(c.context, DOMAIN);
  expect(await unauthorized()).toEqual({ messages: 0, delivered: 0 });
  await operator.post(`/domains/${DOMAIN}/decide`, { sender: FORGER, source: FORGER, decision: 'deny', why: 'not ours' });
  await analyzeDomain(c.context, DOMAIN);
  expect(await unauthorized()).toEqual({ messages: 560, delivered: 240 });
  // A reporter that does not decide any more.
  await c.t.db.query(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides)
     select domain, min(reporter), 'new', false from ruawatch.class_days group by domain
     on conflict (domain, reporter) do update set decides = false`,
  );
  expect(await unauthorized()).toEqual({ messages: 280, delivered: 120 });
  // The months that retention deletes: of a class that changes afterwards, only what is left moves.
  c.context.config.retention.rollups_days = 9;
  await keepMonths({ ...c.context, clock: { now: () => NOW } });
  expect(await unauthorized()).toEqual({ messages: 70, delivered: 30 });
  await classed(FORGER, 'unknown');
  await classed(FORGER, 'unauthorized');
  expect(await unauthorized()).toEqual({ messages: 70, delivered: 30 });
});

test('while classes change, reports come and the days from before are added up, each mail is in one class', async () => {
  await parse(reports(30));
  await c.t.db.query("delete from ruawatch.class_days; update ruawatch.class_days_from set from_day = 'infinity'");
  const write = async () => {
    for (const raw of reports(40, 'yahoo.com')) await parse([raw]);
  };
  const change = async () => {
    for (let n = 0; n < 30; n++)
      await classed(n % 3 === 0 ? '192.0.2.0/24' : FORGER, n % 2 === 0 ? 'unauthorized' : 'authorized');
  };
  const context = { ...c.context, clock: { now: () => NOW } };
  await Promise.all([write(), change(), keepTotals(context), change()]);
  await keepTotals(context);
  await classed(FORGER, 'unauthorized');
  await classed('192.0.2.0/24', 'authorized');
  expect(await unauthorized()).toEqual({ messages: 490, delivered: 210 });
});

test('the days from before are added up once the services of the version before must have been replaced', async () => {
  await parse(reports(10));
  await classed(FORGER, 'unauthorized');
  const whole = await unauthorized();
  expect(whole.messages).toBeGreaterThan(0);
  await c.t.db.query(
    "delete from ruawatch.class_days; update ruawatch.class_days_from set from_day = 'infinity', made_at = now()",
  );
  const context = { ...c.context, clock: { now: () => NOW } };
  await keepTotals(context);
  // A parser of the version before writes without the totals: it, too, is counted afterwards.
  expect((await c.t.db.query('select from ruawatch.class_days')).rowCount).toBe(0);
  await c.t.db.query("update ruawatch.class_days_from set made_at = now() - interval '16 minutes'");
  await keepTotals(context);
  expect(await unauthorized()).toEqual(whole);
});
