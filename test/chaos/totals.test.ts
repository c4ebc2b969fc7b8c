import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../helpers/report.ts';
import { differences, readTotals } from './totals.ts';

let left: TestDatabase;
let right: TestDatabase;
beforeEach(async () => {
  [left, right] = [await testDatabase(), await testDatabase()];
  const raws = [1, 2, 3].map((n) =>
    reportMail(reportXml({ id: `r${n}`, rows: [{ count: n }, { count: 5 }] }), { unique: `m${n}` }),
  );
  // In another order, so that no key is the same.
  for (const [t, order] of [
    [left, raws],
    [right, [...raws].reverse()],
  ] as const) {
    const keys = await receive(t, order);
    await t.db.query("update ruawatch.messages set received_at = '2026-09-02'");
    await parseMessages(t.db, keys, { trust: trusting('verify') });
  }
});
afterEach(async () => {
  await left.drop();
  await right.drop();
});

const compare = async () => {
  const [a, b] = [await readTotals(left.db, []), await readTotals(right.db, [])];
  return { wrong: [...a.wrong, ...b.wrong], differ: differences(a, b) };
};

test('two runs of the same mails in another order are equal', async () => {
  expect(await compare()).toEqual({ wrong: [], differ: [] });
  expect((await readTotals(left.db, [])).counts).toMatchObject({ message: 3, report: 3, records: 6, 'mail counted': 21 });
});

test.each([
  [
    'a report lost with its records',
    "delete from ruawatch.reports where report_id = 'r2'",
    /records .*kept 2|source_days/,
    /missing: report/,
  ],
  [
    'a record lost',
    'delete from ruawatch.records where n = 2 and count = 5 and report_key = (select max(report_key) from ruawatch.records)',
    /^records/,
    /differs: report/,
  ],
  ['a report counted twice', 'update ruawatch.source_days set messages = messages * 2', /^source_days/, /differs: source day/],
  ['a total that is off', 'update ruawatch.sources set messages = messages + 1', /^sources/, /differs: source:/],
  ['a total counted twice', 'update ruawatch.domain_days set messages = messages + 1', /^domain_days/, /differs: domain day/],
  ['a class counted twice', 'update ruawatch.class_days set messages = messages + 1', /^class_days/, /differs: class day/],
  [
    'a class whose mail did not go with it',
    "update ruawatch.sources set class = 'unauthorized'",
    /^class_days/,
    /differs: source/,
  ],
  ['a policy counted twice', 'update ruawatch.policy_days set reports = reports + 1', /^policy_days/, /differs: policy day/],
  [
    'a message that failed',
    "update ruawatch.messages set state = 'failed' where message_key = 1",
    /failed for good/,
    /differs: message/,
  ],
  ['a piece of a mail lost', 'delete from ruawatch.raw where message_key = 1', null, /differs: message/],
  ['a duplicate too much', "update ruawatch.reports set duplicates = 1 where report_id = 'r1'", null, /differs: report/],
  [
    'an alert that was never sent',
    "insert into ruawatch.outbox (message_id, kind, recipients, subject, raw, state, created_at, next_at) values ('<digest-1.x@y>', 'digest', '{}', 's', '', 'sent', now(), now())",
    /never reached/,
    /too much: mail/,
  ],
])('%s is seen', async (_, sql, wrong, differ) => {
  await right.db.query(sql);
  const seen = await compare();
  if (wrong) expect(seen.wrong.join('\n')).toMatch(new RegExp(wrong.source, 'm'));
  expect(seen.differ.join('\n')).toMatch(differ);
});

test('a mail of an alert that nobody wrote, and one with other bytes, are seen; the same once more is counted', async () => {
  await right.db.query(
    "insert into ruawatch.outbox (message_id, kind, recipients, subject, raw, state, created_at, next_at) values ('<digest-1.x@y>', 'digest', '{c@d}', 's', 'Message-ID: <digest-1.x@y>', 'sent', now(), now())",
  );
  const mail = (id: string, more = '') => ({
    from: 'a@b',
    to: ['c@d'],
    raw: `Message-ID: ${id}${more}`,
    headers: new Map([['message-id', id]]),
  });
  expect(await readTotals(right.db, [mail('<digest-1.x@y>'), mail('<digest-1.x@y>')])).toMatchObject({ wrong: [], resent: 1 });
  expect((await readTotals(right.db, [mail('<digest-1.x@y>', ' other')])).wrong).toMatchObject(
    [/other bytes/].map((re) => expect.stringMatching(re)),
  );
  expect((await readTotals(right.db, [mail('<digest-1.x@y>'), mail('<z@y>')])).wrong).toEqual([
    'a mail was sent that the outbox does not have: <z@y>',
  ]);
});
