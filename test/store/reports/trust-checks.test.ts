import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import type { Context } from '../../../services/shared/runtime/service.ts';
import { lockIdentities } from '../../../services/store/locks.ts';
import {
  countVerdicts,
  deferChecks,
  settleTrust,
  takeDueChecks,
  waitingChecks,
} from '../../../services/store/reports/trust-checks.ts';
import { testContext } from '../../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { waitsFor } from '../../helpers/waits.ts';
import { mailFrom, receivePolled } from '../../parser/signed.ts';

let t: TestDatabase;
let context: Context;
let messages: number[];
let report: number;
beforeEach(async () => {
  t = await testDatabase({ max: 4 });
  context = testContext(t);
  // One report, in two mails.
  const rows = [{ ip: '192.0.2.1', count: 5 }];
  messages = await receivePolled(t, [mailFrom('reporter.example', { rows }), mailFrom('reporter.example', { rows })]);
  await parseMessages(t.db, messages, { trust: context.config.trust });
  report = (await t.db.query('select report_key from ruawatch.reports')).rows[0].report_key;
});
afterEach(async () => {
  await context.queues.close();
  await t.drop();
});

const settle = (message: number, said: string, of = report) => {
  const [trust, key] = said.split(' ') as ['ok' | 'bad', string];
  const verdict = {
    reporter_trust: trust === 'ok' ? ('authenticated' as const) : ('mismatched' as const),
    trust,
    domain: key,
    reason: `It is ${said}.`,
    reporter: { key, label: key, known: false },
  };
  return transaction(t.db, (tx) => settleTrust(tx, [{ message_key: message, report_key: of, verdict }]));
};
/** The only check that waits is that of the first mail. */
const wait = () =>
  t.db.query(
    'with others as (delete from ruawatch.trust_checks where message_key <> $1) insert into ruawatch.trust_checks (message_key, report_key) values ($1, $2) on conflict do nothing',
    [messages[0], report],
  );
const now = async () => {
  const { rows } = await t.db.query("select trust || ' ' || reporter as said, trust_reason as reason from ruawatch.reports");
  const { rows: rolled } = await t.db.query<{ said: string; messages: number }>(
    "select trust || ' ' || reporter as said, messages from ruawatch.source_days where messages <> 0",
  );
  // The daily sums are those of the report as it is.
  expect(rolled).toEqual([{ said: rows[0].said, messages: 5 }]);
  return rows[0] as { said: string; reason: string };
};

test.each([
  ['the first proof stands', ['ok a.example'], 'ok a.example'],
  ['no proof takes it away', ['ok a.example', 'bad b.example'], 'ok a.example'],
  ['nor does that of a listed reporter that failed', ['ok a.example', 'bad google.com'], 'ok a.example'],
  ['nor another proof', ['ok a.example', 'ok b.example'], 'ok a.example'],
  ['the proof of a listed reporter comes before it', ['ok a.example', 'ok google.com'], 'ok google.com'],
  ['and stands', ['ok google.com', 'ok a.example'], 'ok google.com'],
  ['whoever else is listed', ['ok google.com', 'ok yahoo.com'], 'ok google.com'],
  ['and whatever fails', ['ok google.com', 'bad a.example'], 'ok google.com'],
  ['a proof outweighs what failed', ['bad a.example', 'ok b.example'], 'ok b.example'],
  ['of failures the last stands', ['bad a.example', 'bad b.example'], 'bad b.example'],
])('of several mails with one report, %s: %j', async (_, said, stands) => {
  for (const one of said) {
    await wait();
    await settle(messages[0]!, one);
  }
  expect(await now()).toEqual({ said: stands, reason: `It is ${stands}.` });
});

test('a report that was never verified is found bad as any other', async () => {
  await wait();
  await settle(messages[0]!, 'ok a.example');
  await t.db.query('update ruawatch.reports set reporter_trust = null');
  await wait();
  await settle(messages[0]!, 'bad b.example');
  expect((await now()).said).toBe('bad b.example');
});

test('while another of its mails may prove it, a report waits under the reporter that it claims to be from', async () => {
  const claimed = (await now()).said;
  expect(claimed).toMatch(/^pending /);
  expect(await settle(messages[0]!, 'bad b.example')).toEqual(['example.com']);
  expect(await now()).toEqual({ said: claimed, reason: 'It is bad b.example.' });
  expect(await countVerdicts(t.db)).toEqual({ pending: 1 });
  // It has no check any more.
  expect(await settle(messages[0]!, 'ok b.example')).toEqual([]);
  expect((await now()).said).toBe(claimed);
  await settle(messages[1]!, 'bad c.example');
  expect((await now()).said).toBe('bad c.example');
  expect(await countVerdicts(t.db)).toEqual({ mismatched: 1 });
});

test('a proof does not wait for the other mails', async () => {
  await settle(messages[0]!, 'ok a.example');
  expect((await now()).said).toBe('ok a.example');
  await settle(messages[1]!, 'bad c.example');
  expect((await now()).said).toBe('ok a.example');
});

/** Nothing may be asked of it. */
const unused = {} as never;

test('no verification and no check that is put off ask nothing of the database', async () => {
  expect(await settleTrust(unused, [])).toEqual([]);
  await deferChecks(unused, []);
});

test('a proof makes its version the current one of the identity, in all sums; one that fails later moves none', async () => {
  const [later] = await receivePolled(
    t,
    [mailFrom('reporter.example', { rows: [{ ip: '192.0.2.1', count: 7 }] })],
    new Date(Date.UTC(2026, 8, 3)),
  );
  await parseMessages(t.db, [later!], { trust: context.config.trust });
  const of = (await t.db.query('select report_key from ruawatch.reports where messages = 7')).rows[0].report_key;
  const state = async () => {
    const { rows: reports } = await t.db.query(
      `select messages, trust, (select o.messages from ruawatch.reports o where o.report_key = r.superseded_by) as superseded_by
         from ruawatch.reports r order by messages`,
    );
    const { rows: days } = await t.db.query('select trust, reporter, messages from ruawatch.source_days where messages <> 0');
    const { rows: policies } = await t.db.query('select trust, reporter, reports from ruawatch.policy_days where reports <> 0');
    const { rows: work } = await t.db.query('select distinct domain, source from ruawatch.analysis_work order by 1, 2');
    const { rows: written } = await t.db.query(
      'select xmin::text from ruawatch.source_days union all select xmin::text from ruawatch.policy_days order by 1',
    );
    await t.db.query('delete from ruawatch.analysis_work');
    return { account: { reports, days, policies, work }, written };
  };
  const claimed = 'reporter.example';
  const both = (five: object, seven: object) => [
    { messages: 5, ...five },
    { messages: 7, ...seven },
  ];
  expect((await state()).account).toEqual({
    reports: both({ trust: 'pending', superseded_by: 7 }, { trust: 'pending', superseded_by: null }),
    days: [{ trust: 'pending', reporter: claimed, messages: 7 }],
    policies: [{ trust: 'pending', reporter: claimed, reports: 1 }],
    work: [],
  });
  expect(await settle(messages[0]!, 'ok a.example')).toEqual(['example.com']);
  const proven = await state();
  expect(proven.account).toEqual({
    reports: both({ trust: 'ok', superseded_by: null }, { trust: 'pending', superseded_by: 5 }),
    days: [{ trust: 'ok', reporter: 'a.example', messages: 5 }],
    policies: [{ trust: 'ok', reporter: 'a.example', reports: 1 }],
    work: [
      { domain: 'example.com', source: '' },
      { domain: 'example.com', source: '192.0.2.0/24' },
    ],
  });
  expect(await settle(later!, 'bad b.example', of)).toEqual(['example.com']);
  const failed = await state();
  expect(failed).toEqual({
    account: {
      ...proven.account,
      reports: both({ trust: 'ok', superseded_by: null }, { trust: 'bad', superseded_by: 5 }),
      work: [{ domain: 'example.com', source: '' }],
    },
    written: proven.written,
  });
});

test('the check of a report that was removed meanwhile is settled with it', async () => {
  await t.db.query('delete from ruawatch.reports');
  expect(await settle(messages[0]!, 'ok a.example')).toEqual([]);
  expect((await t.db.query('select message_key from ruawatch.trust_checks')).rows).toEqual([{ message_key: messages[1] }]);
});

test('a check that is put off says why on its report, and how often it was', async () => {
  const put = (message: number, reason: string) => ({ message_key: message, report_key: report, seconds: 60, reason });
  await deferChecks(t.db, []);
  await deferChecks(t.db, [put(messages[0]!, 'no answer')]);
  await deferChecks(t.db, [put(messages[0]!, `${'x'.repeat(600)}`), { ...put(messages[1]!, 'no answer'), message_key: -1 }]);
  expect((await waitingChecks(t.db, messages)).map(({ message_key, attempts }) => [message_key, attempts])).toEqual(
    [...messages].sort((a, b) => a - b).map((key) => [key, key === messages[0] ? 2 : 0]),
  );
  expect((await now()).reason).toBe('x'.repeat(500));
});

test('a check is put off while nobody else changes its report', async () => {
  const { identity } = (await t.db.query("select encode(identity, 'hex') as identity from ruawatch.reports")).rows[0];
  const put = { message_key: messages[0]!, report_key: report, seconds: 60, reason: 'no answer' };
  expect(
    await waitsFor(
      t.db,
      (tx) => lockIdentities(tx, [identity]),
      () => deferChecks(t.db, [put]),
    ),
  ).toBe(true);
});

test('the checks longest due are taken, each message once, in the order of their keys, and are not due again', async () => {
  const [low, high] = [...messages].sort((a, b) => a - b) as [number, number];
  const due = (key: number, minutes: number) =>
    t.db.query("update ruawatch.trust_checks set due_at = now() - $2 * interval '1 minute' where message_key = $1", [
      key,
      minutes,
    ]);
  await due(high, 20);
  await due(low, 10);
  expect(await takeDueChecks(t.db, 600, 1)).toEqual([high]);
  expect(await takeDueChecks(t.db, 600, 5)).toEqual([low]);
  expect(await takeDueChecks(t.db, 600, 5)).toEqual([]);
  await due(high, 20);
  await due(low, 10);
  expect(await takeDueChecks(t.db, 600, 2)).toEqual([low, high]);
});
