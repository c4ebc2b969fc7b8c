import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { LATER, takeWork, URGENT, USUAL } from '../../../services/store/analysis/work.ts';
import { settleTrust } from '../../../services/store/reports/trust-checks.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, type TestRow, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const FORGED = { disposition: 'none', dkim: 'fail', spf: 'fail', auth_dkim: null, auth_spf: null } as const;
const tiers = async () => {
  const { rows } = await t.db.query<{ source: string; tier: number }>(
    "select source, tier from ruawatch.analysis_work where source <> '' order by source",
  );
  return Object.fromEntries(rows.map(({ source, tier }) => [source, tier]));
};

/** A report that a mail of this reporter proves. */
async function proven(key: string, id: string, rows: TestRow[]): Promise<void> {
  const keys = await receive(t, [reportMail(reportXml({ id, rows }), { unique: id })]);
  await t.db.query("update ruawatch.messages set mailbox = 'rua'");
  await parseMessages(t.db, keys, { trust: trusting('verify') });
  const { rows: checks } = await t.db.query<{ message_key: number; report_key: number }>(
    'select message_key, report_key from ruawatch.trust_checks',
  );
  const verdict = {
    trust: 'ok',
    reporter_trust: 'authenticated',
    domain: 'reporter.example',
    reason: 'By the test.',
    reporter: { key, label: key, known: key === 'google.com' },
  } as const;
  await transaction(t.db, (tx) =>
    settleTrust(
      tx,
      checks.map((check) => ({ ...check, verdict })),
    ),
  );
}

test('what only reporters tell of whose word decides nothing is judged later, whatever they tell', async () => {
  await proven('mallory.example', 'a', [{ ip: '203.0.113.1', count: 9_000, ...FORGED }]);
  await proven('google.com', 'b', [
    { ip: '192.0.2.1', count: 5 },
    { ip: '198.51.100.1', count: 5, ...FORGED },
  ]);
  expect(await tiers()).toEqual({ '192.0.2.0/24': USUAL, '198.51.100.0/24': URGENT, '203.0.113.0/24': LATER });
});

test('whom the analyzer found to decide is not put off, nor what the operator vouches for', async () => {
  await t.db.query(`insert into ruawatch.domain_reporters values ('example.com', 'small.example', 'established', true)`);
  await proven('small.example', 'a', [{ ip: '203.0.113.1', count: 5, ...FORGED }]);
  const keys = await receive(t, [reportMail(reportXml({ id: 'b', rows: [{ ip: '198.51.100.1', count: 5, ...FORGED }] }))]);
  await parseMessages(t.db, keys, { trust: trusting('off') });
  expect(await tiers()).toEqual({ '198.51.100.0/24': URGENT, '203.0.113.0/24': URGENT });
});

test('the domain is judged as a whole when all that decides was taken, and at the end', async () => {
  await t.db.query(`insert into ruawatch.analysis_work (domain, source, tier) values
    ('example.com', 'u', ${URGENT}), ('example.com', 'v', ${USUAL}),
    ('example.com', 'x', ${LATER}), ('example.com', 'y', ${LATER}), ('example.com', 'z', ${LATER})`);
  const take = (limit: number) => transaction(t.db, (tx) => takeWork(tx, 'example.com', limit));
  expect(await take(1)).toEqual({ rows: 1, sources: ['u'], more: true, whole: false });
  expect(await take(2)).toEqual({ rows: 2, sources: ['v', 'x'], more: true, whole: true });
  expect(await take(1)).toEqual({ rows: 1, sources: ['y'], more: true, whole: false });
  expect(await take(1)).toEqual({ rows: 1, sources: ['z'], more: false, whole: true });
});
