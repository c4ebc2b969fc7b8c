import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { findDomains } from '../../services/store/domains/checks.ts';
import { findAddresses } from '../../services/store/sources/addresses.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';

const ANALYST = `analyst_${randomBytes(4).toString('hex')}`;
const NOW = new Date(Date.UTC(2026, 8, 3));

/**
 * Who may connect may ask for a transaction number and keep it: what waits for all older transactions would
 * wait for him.
 */
let t: TestDatabase;
let analyst: pg.Client;
beforeEach(async () => {
  t = await testDatabase();
  await t.db.query(`create user ${ANALYST} password 'secret-word'; alter user ${ANALYST} set default_transaction_read_only = on`);
  const url = new URL(t.url);
  url.username = ANALYST;
  url.password = 'secret-word';
  analyst = new pg.Client({ connectionString: url.href });
  await analyst.connect();
});
afterEach(async () => {
  await analyst.end();
  await t.db.query(`drop user ${ANALYST}`);
  await t.drop();
});

/** A few looks: one marks what there is, the next take it. */
const look = async () => {
  for (let i = 0; i < 3; i++) {
    await findDomains(t.db, NOW, (domain) => domain);
    await findAddresses(t.db, '2026-08-01', NOW);
  }
  return (
    await t.db.query(
      `select (select count(*) from ruawatch.domains where domain = 'late.example') as domains,
              (select count(*) from ruawatch.addresses) as addresses`,
    )
  ).rows[0];
};

test('domains and addresses are found while an analyst keeps a transaction with a number of its own open', async () => {
  await analyst.query('begin; select pg_current_xact_id()');
  await parseMessages(t.db, await receive(t, [reportMail(reportXml({ domain: 'late.example' }))]), { trust: trusting('off') });
  expect(await look()).toEqual({ domains: 1, addresses: 1 });
});

test('a parser that drew its key and has not committed is waited for, before it wrote and after', async () => {
  const sequence = "pg_get_serial_sequence('ruawatch.reports', 'report_key')";
  for (const step of ['nothing', 'a number', 'a row']) {
    const parser = new pg.Client({ connectionString: t.url });
    await parser.connect();
    await parser.query(`begin; ${step === 'nothing' ? '' : 'select pg_current_xact_id();'} select nextval(${sequence})`);
    if (step === 'a row') await parser.query('update ruawatch.reports set messages = messages where report_key = 1');
    const domain = `${step.replace(' ', '')}.example`;
    await parseMessages(t.db, await receive(t, [reportMail(reportXml({ domain, id: step }), { unique: step })]), {
      trust: trusting('off'),
    });
    const found = async () => (await t.db.query('select from ruawatch.domains where domain = $1', [domain])).rowCount;
    await look();
    expect(await found()).toBe(0);
    await parser.query('commit');
    await parser.end();
    await look();
    expect(await found()).toBe(1);
  }
});
