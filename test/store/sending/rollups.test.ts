import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { capRecipients, moveRollups } from '../../../services/store/sending/rollups.ts';
import type { Counted } from '../../../services/store/sending/types.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const NOW = new Date('2026-10-05T12:00:00Z');
const counted = (recipients: Counted['recipients']): Counted => ({
  cluster: 'eu-1',
  environment: 'production',
  workload: 'shop',
  domain: 'example.com',
  selector: 's1',
  signing_domain: 'example.com',
  day: '2026-10-05',
  at: NOW.getTime() - 60_000,
  sent: 2,
  signed: 2,
  unsigned: 0,
  aligned: 2,
  deferred: 0,
  refused: 1,
  refused_dmarc: 0,
  recipients,
});
const move = (before: Counted[], after: Counted[]) => transaction(t.db, (tx) => moveRollups(tx, before, after, NOW));
const recipients = async () =>
  (await t.db.query('select recipient_domain, sent, refused from ruawatch.sending_day_recipients order by 1')).rows;

test('recipients are summed by domain, sent and refused, and taken back as they were counted', async () => {
  const first = counted({ 'a.example': [2, 0], 'b.example': [0, 1], 'c.example': [1, 1] });
  await move([], [first]);
  expect(await recipients()).toEqual([
    { recipient_domain: 'a.example', sent: 2, refused: 0 },
    { recipient_domain: 'b.example', sent: 0, refused: 1 },
    { recipient_domain: 'c.example', sent: 1, refused: 1 },
  ]);
  // What did not change is not written, what changed is moved by the difference.
  await move([first], [counted({ 'a.example': [2, 0], 'b.example': [1, 0], 'c.example': [0, 2] })]);
  expect(await recipients()).toEqual([
    { recipient_domain: 'a.example', sent: 2, refused: 0 },
    { recipient_domain: 'b.example', sent: 1, refused: 0 },
    { recipient_domain: 'c.example', sent: 0, refused: 2 },
  ]);
  expect((await t.db.query('select sent, refused from ruawatch.sending_days')).rows).toEqual([{ sent: 2, refused: 1 }]);
});

const days = async () =>
  (await t.db.query('select *, day::text as day from ruawatch.sending_days order by workload collate "C"')).rows;

test('a row has the sums of its messages, and when the first and the last of them began', async () => {
  const at = (minutes: number) => NOW.getTime() + minutes * 60_000;
  const one = { ...counted({}), sent: 3, signed: 2, unsigned: 1, aligned: 1, deferred: 4, refused: 5, refused_dmarc: 6 };
  const same = { ...one, recipients: { 'a.example': [1, 0] as [number, number] } };
  const messages: Counted[] = [
    { ...one, at: at(5), signing_domain: 'old.example' },
    { ...one, at: at(-5) },
    { ...one, at: at(1), signing_domain: 'new.example' },
    {
      ...one,
      workload: 'blog',
      at: at(2),
      sent: 0,
      signed: 0,
      unsigned: 0,
      aligned: 0,
      deferred: 0,
      refused: 0,
      refused_dmarc: 1,
    },
    // Nothing of it counts but the recipient.
    { ...same, workload: 'none', sent: 0, signed: 0, unsigned: 0, aligned: 0, deferred: 0, refused: 0, refused_dmarc: 0 },
  ];
  await move([], messages);
  const key = { cluster: 'eu-1', environment: 'production', domain: 'example.com', selector: 's1', day: '2026-10-05' };
  const zero = { sent: 0, signed: 0, unsigned: 0, aligned: 0, deferred: 0, refused: 0 };
  const blog = {
    ...key,
    ...zero,
    workload: 'blog',
    refused_dmarc: 1,
    changed_at: NOW,
    first_at: new Date(at(2)),
    last_at: new Date(at(2)),
    signing_domain: 'example.com',
  };
  const shop = {
    ...key,
    workload: 'shop',
    ...{ sent: 9, signed: 6, unsigned: 3, aligned: 3, deferred: 12, refused: 15, refused_dmarc: 18 },
    changed_at: NOW,
    first_at: new Date(at(-5)),
    last_at: new Date(at(5)),
    signing_domain: 'new.example',
  };
  expect(await days()).toEqual([blog, shop]);
  expect(await recipients()).toEqual([{ recipient_domain: 'a.example', sent: 1, refused: 0 }]);

  // What is counted as before is not written; what is taken back moves no time, and names no other key.
  const later = new Date(at(60));
  await transaction(t.db, (tx) => moveRollups(tx, [messages[0]!], [messages[0]!], later));
  await transaction(t.db, (tx) => moveRollups(tx, [], [], later));
  expect(await days()).toEqual([blog, shop]);
  await transaction(t.db, (tx) => moveRollups(tx, [messages[1]!, same], [same], later));
  expect(await days()).toEqual([
    blog,
    {
      ...shop,
      ...{ sent: 6, signed: 4, unsigned: 2, aligned: 2, deferred: 8, refused: 10, refused_dmarc: 12 },
      changed_at: later,
      signing_domain: 'example.com',
    },
  ]);
});

test('recipients are named until a row has a thousand, and all others are one', async () => {
  await t.db.query(
    `insert into ruawatch.sending_day_recipients (cluster, environment, workload, domain, selector, day, recipient_domain, sent, refused)
     select 'eu-1', 'production', 'shop', 'example.com', 's1', '2026-10-05', 'n' || n || '.example', 1, 0 from generate_series(1, 998) n`,
  );
  const cap = (given: Counted[]) => transaction(t.db, (tx) => capRecipients(tx, given));
  const known = counted({ 'n1.example': [1, 0] });
  const first = counted({
    'a.example': [1, 2],
    'n2.example': [3, 4],
    'b.example': [5, 6],
    'c.example': [7, 8],
    'd.example': [9, 1],
  });
  const second = counted({ 'b.example': [1, 0], 'c.example': [2, 3] });
  const elsewhere = { ...counted({ 'c.example': [1, 0] }), workload: 'blog' };
  expect(await cap([known, first, second, elsewhere])).toEqual([
    known,
    { ...first, recipients: { 'a.example': [1, 2], 'n2.example': [3, 4], 'b.example': [5, 6], '': [9, 8] } },
    { ...second, recipients: { 'b.example': [1, 0], '': [2, 3] } },
    elsewhere,
  ]);
  expect(await cap([])).toEqual([]);
  await t.db.query("update ruawatch.sending_day_recipients set recipient_domain = 'z' || recipient_domain");
  await t.db.query(
    `insert into ruawatch.sending_day_recipients (cluster, environment, workload, domain, selector, day, recipient_domain, sent, refused)
     select 'eu-1', 'production', 'shop', 'example.com', 's1', '2026-10-05', 'm' || n || '.example', 1, 0 from generate_series(1, 9) n`,
  );
  expect(await cap([known])).toEqual([{ ...known, recipients: { '': [1, 0] } }]);
});

test('two processes write the rows of two workloads in the same order, and do not wait for each other for ever', async () => {
  const of = (workload: string): Counted => ({ ...counted({ [`${workload}.example`]: [1, 0] }), workload });
  const written: string[][] = [];
  for (const order of [
    ['a', 'b', 'c'],
    ['c', 'a', 'b'],
    ['b', 'c', 'a'],
  ])
    await transaction(t.db, async (tx) => {
      const query = tx.query.bind(tx);
      tx.query = ((text: string, values: unknown[]) => {
        written.push((JSON.parse(String(values[0])) as { workload: string }[]).map(({ workload }) => workload));
        return query(text, values);
      }) as typeof tx.query;
      await moveRollups(tx, [], order.map(of), NOW).finally(() => Object.assign(tx, { query }));
    });
  expect(written).toEqual(Array.from({ length: 6 }, () => ['a', 'b', 'c']));
});
