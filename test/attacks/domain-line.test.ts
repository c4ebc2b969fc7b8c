import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { findDomains, takeForeign } from '../../services/store/domains/checks.ts';
import { foreignDomains } from '../../services/store/domains/domains.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';

const NOW = new Date(Date.UTC(2026, 8, 3));
const LIMITS = { limit: 20, perHour: 600, perReporter: 60 };

/**
 * Whose line a domain waits in. A stranger with a valid signature tells of thousands of invented names and of
 * a true one, before the reporter that everybody knows does: the true one is not to wait until all that he
 * invented was asked about.
 */
let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ own: false });
});
afterEach(() => t.drop());

/** Stores a report that is proven to come from a domain. */
async function tell(by: string, domain: string): Promise<void> {
  const keys = await receive(t, [reportMail(reportXml({ id: `${by} ${domain}`, domain }), { unique: `${by}-${domain}` })]);
  await parseMessages(t.db, keys, { trust: trusting('off') });
  await t.db.query('update ruawatch.reports set trust_domain = $1 where message_key = any($2)', [by, keys]);
}
const find = async () => {
  for (let i = 0; i < 3; i++) await findDomains(t.db, NOW, (domain) => domain);
};
const take = async () => {
  const later = new Date(NOW.getTime() + 900_000);
  const taken: string[] = [];
  for (let i = 0; i < 4; i++) taken.push(...(await takeForeign(t.db, NOW, later, LIMITS)).map((one) => one.domain));
  return taken;
};
const invented = (n: number) =>
  t.db.query(
    `insert into ruawatch.domains (domain, state, how, since, due_at, vouched_by, last_reported)
     select 'n' || i || '.invented.test', 'observed', 'reported', $1, $1::timestamptz - interval '1 day', 'a-stranger.test', $1
       from generate_series(1, $2) i`,
    [NOW, n],
  );

test('a name that a stranger told of first is asked about soon, when another reporter tells of it later', async () => {
  await invented(5_000);
  await tell('a-stranger.test', 'true.example');
  await find();
  expect(await take()).not.toContain('true.example');
  await tell('google.com', 'true.example');
  await find();
  expect(await take()).toContain('true.example');
});

test('nor does it matter who comes first among reports that are looked through together', async () => {
  await invented(5_000);
  await tell('a-stranger.test', 'true.example');
  await tell('google.com', 'true.example');
  await find();
  expect((await take()).slice(0, 2)).toContain('true.example');
});

test('a stranger who tells of it later takes it into no line of his', async () => {
  await tell('google.com', 'true.example');
  await find();
  await invented(5_000);
  await tell('a-stranger.test', 'true.example');
  await find();
  expect((await take()).slice(0, 2)).toContain('true.example');
});

test('nor does one with thousands of domains to report from, each of which tells of one name', async () => {
  await t.db.query(
    `insert into ruawatch.domains (domain, state, how, since, due_at, vouched_by, last_reported)
     select 'n' || i || '.invented.test', 'observed', 'reported', $1, $1::timestamptz - interval '1 day', 'stranger' || i || '.test', $1
       from generate_series(1, 5000) i`,
    [NOW],
  );
  await tell('stranger1.test', 'true.example');
  await find();
  await tell('google.com', 'true.example');
  await find();
  expect((await take()).slice(0, 2)).toContain('true.example');
});

test('what doctor and start name is not filled by one who invents names', async () => {
  await tell('google.com', 'true.example');
  await find();
  await invented(5_000);
  await t.db.query("update ruawatch.domains set last_reported = now() + interval '1 day' where vouched_by = 'a-stranger.test'");
  expect((await foreignDomains(t.db, { limit: 10 })).domains.map((one) => one.domain)).toContain('true.example');
});
