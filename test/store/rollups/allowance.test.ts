import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { settleTrust } from '../../../services/store/reports/trust-checks.ts';
import { allowanceOf } from '../../../services/store/rollups/allowance.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const rows = (n: number, count = 1) => Array.from({ length: n }, (_, i) => ({ ip: `10.${i >> 8}.${i & 255}.1`, count }));
const one = async (sql: string) => (await t.db.query(sql)).rows[0];
/** Parses mails as they come from a mailbox: whose they are is to be verified. */
async function parse(mails: Buffer[]): Promise<void> {
  const keys = await receive(t, mails);
  await t.db.query("update ruawatch.messages set mailbox = 'rua'");
  await parseMessages(t.db, keys, { trust: trusting('verify') });
}

async function settle(trust: 'ok' | 'bad'): Promise<void> {
  const { rows: checks } = await t.db.query<{ message_key: number; report_key: number }>(
    'select message_key, report_key from ruawatch.trust_checks order by 1, 2 limit 1',
  );
  const verdict = {
    trust,
    reporter_trust: trust === 'ok' ? ('authenticated' as const) : ('unauthenticated' as const),
    domain: 'reporter.example',
    reason: 'By the test.',
    reporter: { key: 'reporter.example', label: 'reporter.example', known: false },
  };
  await transaction(t.db, (tx) => settleTrust(tx, [{ ...checks[0]!, verdict }]));
}

const state = () =>
  one(`select (select count(*) from ruawatch.source_days where trust = 'pending') as pending,
              (select count(*) from ruawatch.source_days where trust = 'ok') as ok, (select sum(messages) from ruawatch.source_days) as messages,
              (select count(*) from ruawatch.sources where messages > 0) as sources, (select sum(messages) from ruawatch.sources) as total,
              (select count(distinct source) from ruawatch.analysis_work where source <> '') as noted`);

test('a report that is proven later leaves as what it entered, is noted then, and the sums are whole', async () => {
  await parse([reportMail(reportXml({ rows: rows(3_000) }))]);
  expect(await state()).toEqual({ pending: 101, ok: 0, messages: 3_000, sources: 0, total: null, noted: 0 });
  await settle('ok');
  expect(await state()).toEqual({ pending: 0, ok: 2_001, messages: 3_000, sources: 2_001, total: 3_000, noted: 2_000 });
});

test('it stays pending, and noted nowhere, while another mail may still prove it', async () => {
  const xml = reportXml({ rows: rows(3) });
  await parse([reportMail(xml, { unique: 'a' }), reportMail(xml, { unique: 'b' })]);
  await settle('bad');
  expect(await one('select trust, reporter_trust from ruawatch.reports')).toEqual({ trust: 'pending', reporter_trust: null });
  expect(await state()).toMatchObject({ pending: 3, ok: 0, noted: 0 });
  await settle('ok');
  expect(await one('select trust from ruawatch.reports')).toEqual({ trust: 'ok' });
  expect(await state()).toMatchObject({ pending: 0, ok: 3, noted: 3 });
});

test('a report of an earlier version leaves the rollups with all of its sources', async () => {
  await parse([reportMail(reportXml({ rows: rows(150) }))]);
  expect(await state()).toMatchObject({ pending: 101 });
  await t.db.query('update ruawatch.reports set allowance_proven = null, allowance_unproven = null');
  await t.db.query('delete from ruawatch.source_days');
  await t.db.query(
    `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, passed, dkim_aligned, spf_aligned, forwarded,
            failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined,
            rejected, failed_delivered)
     select p.domain, r.source, (p.begin_at at time zone 'UTC')::date, p.reporter, 'pending', 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0
       from ruawatch.reports p join ruawatch.records r using (report_key)`,
  );
  await settle('ok');
  expect(await state()).toMatchObject({ pending: 0, ok: 150, messages: 150 });
});

test('delivered is what was not refused, and a disposition of "pass" is no refusal', async () => {
  const failing = { dkim: 'fail', spf: 'fail', auth_dkim: null, auth_spf: null } as const;
  const dispositions = ['none', 'pass', 'quarantine', 'reject'];
  const some = dispositions.map((disposition, i) => ({ ...failing, disposition, ip: '10.0.0.1', count: 10 ** i }));
  await parse([reportMail(reportXml({ rows: some }))]);
  expect(await one('select delivered, failed_delivered, quarantined, rejected from ruawatch.source_days')).toEqual({
    delivered: 11,
    failed_delivered: 11,
    quarantined: 100,
    rejected: 1_000,
  });
});

test('what a mail may have by name is shared among its reports; an operator may import an archive', () => {
  expect(allowanceOf(1, false)).toEqual({ proven: 2_000, unproven: 100 });
  expect(allowanceOf(1_000, false)).toEqual({ proven: 20, unproven: 1 });
  expect(allowanceOf(1_000, true).proven).toBe(2_000);
});
