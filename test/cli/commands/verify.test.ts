import { afterEach, beforeEach, expect, test } from 'vitest';
import { runVerify } from '../../../services/cli/commands/verify.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const proven = (mail: Buffer): Buffer =>
  Buffer.concat([Buffer.from('Authentication-Results: mx.example.org; dmarc=pass header.from=reporter.example\r\n'), mail]);

async function verify(check: 'off' | 'authserv', options: { all?: boolean } = {}, ids = ['mx.example.org']) {
  const config = { ...loadConfig({ DATABASE_URL: t.url }, '/'), trust: { check, authserv_ids: ids } };
  const lines: string[] = [];
  await runVerify(config, { ...options, json: true }, (line) => lines.push(line));
  return JSON.parse(lines.join('')) as Record<string, number>;
}

const counted = async () =>
  (await t.db.query('select sum(messages)::int as n from dmarc.source_days')).rows[0].n as number | null;

test('reports that were never verified are decided on, and leave or stay in the sums accordingly', async () => {
  const raws = [
    proven(reportMail(reportXml({ id: 'good', rows: [{ count: 3 }] }), { unique: 'good' })),
    reportMail(reportXml({ id: 'bad', rows: [{ count: 5 }] }), { unique: 'bad' }),
    reportMail(reportXml({ id: 'imported', rows: [{ count: 7 }] }), { unique: 'imported' }),
  ];
  const keys = await receive(t, raws);
  await t.db.query(`update ruawatch.messages set mailbox = 'box' where file <> 'mail-2'`);
  await parseMessages(t.db, keys, { trust: trusting('off') });
  expect(await counted()).toBe(15);
  await expect(verify('off')).rejects.toMatchObject({ code: 'usage' });

  expect(await verify('authserv')).toEqual({
    mails: 2,
    waiting: 0,
    authenticated: 1,
    mismatched: 0,
    unauthenticated: 1,
    unverified: 1,
  });
  const sums = await t.db.query('select trust, sum(messages)::int as n from ruawatch.source_days group by 1 order by 1');
  expect(sums.rows).toEqual([
    { trust: 'bad', n: 5 },
    { trust: 'ok', n: 10 },
  ]);
  // All is settled: nothing is left to decide, but on request.
  expect(await verify('authserv')).toMatchObject({ mails: 0 });
  expect(await verify('authserv', { all: true })).toMatchObject({ mails: 1, unauthenticated: 1 });
});

test('what was not proven by settings of before is proven by those of now', async () => {
  const keys = await receive(t, [proven(reportMail(reportXml({ id: 'good' })))]);
  await t.db.query(`update ruawatch.messages set mailbox = 'box'`);
  await parseMessages(t.db, keys, { trust: { check: 'authserv', authserv_ids: ['another.example'] } });
  expect(await verify('authserv', {}, ['another.example'])).toMatchObject({ mails: 0, unauthenticated: 1 });
  expect(await verify('authserv', { all: true })).toMatchObject({ mails: 1, authenticated: 1, unauthenticated: 0 });
});
