import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadSpfMail } from '../../../services/store/dns/published.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { BEGIN, DAY, receive, reportMail, reportXml } from '../../helpers/report.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
  const xml = reportXml({
    id: 'r1',
    begin: BEGIN,
    end: BEGIN + DAY - 1,
    rows: [
      { ip: '198.51.100.7', count: 30, dkim: 'fail', auth_dkim: ['relay.example', 'pass'] },
      { ip: '198.51.100.200', count: 12, dkim: 'fail', auth_dkim: ['relay.example', 'pass'] },
      { ip: '2001:db8:1:2::3', count: 5, dkim: 'fail', auth_dkim: ['relay.example', 'pass'] },
      // It fails SPF; and this is a source by its network.
      {
        ip: '203.0.113.9',
        count: 9,
        dkim: 'fail',
        spf: 'fail',
        auth_dkim: ['relay.example', 'pass'],
        auth_spf: ['example.com', 'fail'],
      },
      { ip: '192.0.2.1', count: 50 },
    ],
  });
  const mail = reportMail(xml, { unique: 'm1' });
  await parseMessages(t.db, await receive(t, [mail]), { trust: { check: 'verify', authserv_ids: [] } });
  await t.db.query("update ruawatch.reports set trust = 'ok'");
});
afterAll(() => t.drop());

test('mail that passed SPF is summed up by the network it came from, for sources that are no networks', async () => {
  const { rows } = await t.db.query<{ reporter: string }>('select reporter from ruawatch.reports');
  const day = new Date(BEGIN * 1000).toISOString().slice(0, 10);
  const load = (given: object) =>
    transaction(t.db, (tx) =>
      loadSpfMail(tx, 'example.com', { from: day, reporters: rows.map(({ reporter }) => reporter), ...given }),
    );
  expect(await load({})).toEqual([
    { source: 'relay.example', network: '198.51.100.0/24', messages: 42 },
    { source: 'relay.example', network: '2001:db8:1::/48', messages: 5 },
  ]);
  expect(await load({ reporters: ['nobody'] })).toEqual([]);
  expect(await load({ from: '2030-01-01' })).toEqual([]);
});
