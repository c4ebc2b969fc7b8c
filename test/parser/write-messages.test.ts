import { afterEach, beforeEach, expect, test } from 'vitest';
import { startParser } from '../../services/parser/index.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { readSmall } from '../../services/parser/reading/read.ts';
import { verifyMessages } from '../../services/parser/verify/index.ts';
import { originOf } from '../../services/parser/verify/origin.ts';
import { verdictsWhileParsing } from '../../services/parser/verify/while-parsing.ts';
import { attributed, type ReadMessage, writeMessages } from '../../services/parser/write-messages.ts';
import { transaction } from '../../services/shared/runtime/db.ts';
import type { Context, Service } from '../../services/shared/runtime/service.ts';
import type { Config } from '../../services/shared/settings/config.ts';
import { claimMessages, loadRaws } from '../../services/store/messages/messages.ts';
import { takeReportKeys } from '../../services/store/reports/reports.ts';
import { testContext } from '../helpers/context.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { FULL } from '../helpers/full.ts';
import type { TestReport } from '../helpers/report.ts';
import { until } from '../helpers/services.ts';
import { mailFrom, receivePolled, resolverOf, signed, type TestResolver, under } from './signed.ts';

const REPORTER = 'reporter.example';
const OURS: Config['trust'] = { check: 'verify', authserv_ids: ['mx.example.org'] };

let t: TestDatabase;
let context: Context;
let resolver: TestResolver;
let service: Service | undefined;
beforeEach(async () => {
  t = await testDatabase();
  context = testContext(t);
  context.config.trust = OURS;
  resolver = resolverOf(REPORTER, 'evil.example');
});
afterEach(async () => {
  await service?.stop();
  service = undefined;
  await context.queues.close();
  await t.drop();
});

const found = (what: string, mail: Buffer) => under([`Authentication-Results: mx.example.org; ${what}`], mail);
const authentic = (report: TestReport) => found(`dmarc=pass header.from=${REPORTER}`, mailFrom(REPORTER, report));
const forged = (report: TestReport) => found(`dmarc=fail header.from=${REPORTER}`, mailFrom(REPORTER, report));
const mismatched = (report: TestReport) => found('dmarc=pass header.from=evil.example', mailFrom('evil.example', report));
/** Nobody said anything of it: its signature is to be verified. */
const unsaid = (report: TestReport) => signed(mailFrom(REPORTER, report), REPORTER);
const authorless = (report: TestReport) =>
  Buffer.from(
    mailFrom(REPORTER, report)
      .toString('latin1')
      .replace(/^From: .*\r\n/, ''),
    'latin1',
  );
const large = (mail: Buffer) =>
  Buffer.from(mail.toString('latin1').replace('This is a report.', 'This is a large report.\r\n'.repeat(30_000)), 'latin1');

const TABLES = [
  'messages',
  'raw',
  'reports',
  'records',
  'source_days',
  'domain_days',
  'policy_days',
  'subdomain_days',
  'selector_days',
  'sources',
  'analysis_work',
  'trust_checks',
]
  .map((table) => `ruawatch.${table}`)
  .join(', ');

/** All that depends on whose reports they are. */
async function stateOf({ db }: TestDatabase) {
  const all = async (sql: string) => (await db.query(sql)).rows;
  return {
    reports: await all(
      `select domain, report_id, messages, trust, reporter_trust, trust_reason, trust_domain, duplicates, superseded_by is null as stands,
              received_at from ruawatch.reports order by domain, report_id, messages`,
    ),
    days: await all(
      `select domain, source, day, reporter, trust, messages, passed, dkim_aligned, delivered, rejected, signing_domain
         from ruawatch.source_days where messages <> 0 order by 1, 2, 3, 4, 5`,
    ),
    totals: await all(
      'select domain, day, reporter, messages, passed, delivered, rejected from ruawatch.domain_days where messages <> 0 order by 1, 2, 3',
    ),
    sources: await all(
      'select domain, source, first_seen, last_seen, messages, passed from ruawatch.sources where messages <> 0 order by 1, 2',
    ),
    policies: await all(
      'select domain, day, reporter, policy, trust, reports from ruawatch.policy_days where reports <> 0 order by 1, 2, 3, 4, 5',
    ),
    below: await all(
      'select domain, name, day, trust, messages from ruawatch.subdomain_days where messages <> 0 order by 1, 2, 3, 4',
    ),
    keys: await all(
      `select domain, source, signing_domain, selector, day, reporter, trust, messages, passed from ruawatch.selector_days
        where messages <> 0 order by 1, 2, 3, 4, 5, 6, 7`,
    ),
    domains: await all('select distinct domain from ruawatch.analysis_work order by 1'),
    noted: await all("select distinct domain from ruawatch.analysis_work where source = '' order by 1"),
    checks: await all('select message_key from ruawatch.trust_checks'),
    records: await all('select source_ip, sum(count) as n from dmarc.records group by 1 order by 1'),
  };
}

/** Stores messages as if nobody knew anything of their origin. */
async function storePending({ db }: TestDatabase, keys: readonly number[]): Promise<void> {
  await transaction(db, async (tx) => {
    const claimed = await claimMessages(tx, keys);
    const raws = await loadRaws(tx, claimed);
    const read: ReadMessage[] = [];
    for (const message of claimed) {
      const keyOf = async () => (await takeReportKeys(tx, 1))[0]!;
      const result = await readSmall(raws.get(message.message_key)!, { limits: {}, keyOf });
      if (result === 'large') throw new Error('This test holds no message with so many records.');
      read.push({ message, result, reports: result.reports.map((report) => attributed(report, message, () => null)) });
    }
    await writeMessages(tx, read);
  });
}

const one = { rows: [{ ip: '192.0.2.1', count: 1 }] };
const two = { rows: [{ ip: '198.51.100.1', count: 20, dkim: 'fail' as const }] };
const three = {
  rows: [
    { ip: '192.0.2.1', count: 300 },
    { ip: '203.0.113.1', header_from: 'below.example.com' },
  ],
  p: 'none',
};
const worlds: [string, () => Promise<Buffer[]> | Buffer[]][] = [
  [
    'all kinds of mails, each with a report of its own',
    async () => [
      authentic({ ...one, id: 'a' }),
      forged({ ...two, id: 'b' }),
      mismatched({ ...three, id: 'c' }),
      await unsaid({ ...one, id: 'd' }),
      authorless({ ...two, id: 'e' }),
      large(authentic({ ...one, id: 'f', domain: 'example.net' })),
      large(forged({ ...two, id: 'g', domain: 'example.org' })),
      forged({ ...one, id: 'h', domain: 'none.example', rows: [] }),
    ],
  ],
  [
    'rivals of one identity',
    async () => [
      forged(two),
      authentic(one),
      mismatched(three),
      large(authentic({ ...one, rows: [{ ip: '192.0.2.1', count: 4_000 }] })),
      await unsaid({ ...one, rows: [{ ip: '192.0.2.9', count: 50_000 }] }),
    ],
  ],
  [
    'one report in mails of all kinds',
    async () => [forged(one), mismatched(one), authentic(one), await unsaid(one), large(forged(one))],
  ],
  ['one report that no mail proves', () => [forged(one), mismatched(one), large(forged(one)), authorless(one)]],
  [
    'copies of rivals',
    () => [forged(two), authentic(one), forged(one), authentic(two), mismatched(three), large(authentic(one))],
  ],
];

/** Groups of messages in the order in which they are worked. */
function orders(n: number): number[][][] {
  const up = Array.from({ length: n }, (_, i) => i);
  const down = [...up].reverse();
  const odd = [...up.filter((i) => i % 2), ...up.filter((i) => i % 2 === 0)];
  return [[up], up.map((i) => [i]), down.map((i) => [i]), odd.map((i) => [i]), [down.slice(0, 2), down.slice(2)]];
}

test.each(worlds)('%s end as they do when they are verified afterwards, in any order', async (_, mails) => {
  const raws = await mails();
  for (const groups of orders(raws.length).filter((_, i) => FULL || i % 2 === 0)) {
    for (const verify of ['after each', 'in the end'] as const) {
      const states = [];
      for (const way of ['at once', 'afterwards'] as const) {
        await t.db.query(`truncate ${TABLES}`);
        const keys = await receivePolled(t, raws);
        for (const group of groups) {
          const some = group.map((i) => keys[i]!);
          if (way === 'at once') await parseMessages(t.db, some, { trust: OURS });
          else await storePending(t, some);
          if (verify === 'after each') await verifyMessages(context, resolver, some);
        }
        await verifyMessages(context, resolver, keys);
        const state = await stateOf(t);
        expect(state.checks).toEqual([]);
        // Of several mails that prove nothing, the one that is verified last gives the reason.
        if (verify === 'in the end')
          for (const report of state.reports.filter((r) => r.trust === 'bad'))
            Object.assign(report, { reporter_trust: null, trust_reason: null, trust_domain: null });
        states.push(state);
        if (way === 'at once') {
          for (const table of ['source_days', 'subdomain_days', 'selector_days']) {
            const { rows } = await t.db.query(`select from ruawatch.${table} where trust = 'pending'`);
            expect({ table, rows }).toEqual({ table, rows: [] });
          }
        }
      }
      expect({ groups, verify, ...states[0] }).toEqual({ groups, verify, ...states[1] });
    }
  }
});

test('what the mail says itself is written at once; only the others and copies that may prove more are to be verified', async () => {
  const keys = await receivePolled(t, [
    authentic({ ...one, id: 'a' }),
    forged({ ...two, id: 'b' }),
    await unsaid({ ...one, id: 'c', domain: 'example.net' }),
    authentic({ ...two, id: 'b' }),
    forged({ ...one, id: 'a' }),
  ]);
  const result = await parseMessages(t.db, keys.slice(0, 3), { trust: OURS });
  const unverified = () => result.messages.filter((m) => m.unverified).map((m) => m.message_key);
  expect(unverified()).toEqual([keys[2]]);
  expect(result.domains).toEqual(['example.com']);
  const { rows } = await t.db.query(
    'select report_id, trust, reporter_trust, trust_domain, trust_reason from ruawatch.reports order by 1',
  );
  expect(rows).toEqual([
    {
      report_id: 'a',
      trust: 'ok',
      reporter_trust: 'authenticated',
      trust_domain: REPORTER,
      trust_reason: 'dmarc=pass by our own server, as reporter.example.',
    },
    {
      report_id: 'b',
      trust: 'bad',
      reporter_trust: 'unauthenticated',
      trust_domain: REPORTER,
      trust_reason: 'Not proven: our own server found dmarc=fail for reporter.example.',
    },
    { report_id: 'c', trust: 'pending', reporter_trust: null, trust_domain: null, trust_reason: null },
  ]);
  const copies = await parseMessages(t.db, keys.slice(3), { trust: OURS });
  expect(copies.messages.filter((m) => m.unverified).map((m) => m.message_key)).toEqual([keys[3]]);
  expect(resolver.asked).toEqual([]);
});

test('a forged report that does not stand, or has no record, is work for the analyzer all the same', async () => {
  const keys = await receivePolled(t, [authentic(one), forged(two), forged({ rows: [], id: 'b', p: '' })]);
  for (const [i, key] of keys.entries()) {
    const { domains } = await parseMessages(t.db, [key], { trust: OURS });
    const { rows } = await t.db.query('delete from ruawatch.analysis_work returning domain, source');
    expect({ i, domains, rows }).toEqual({
      i,
      domains: ['example.com'],
      rows: expect.arrayContaining([{ domain: 'example.com', source: '' }]),
    });
  }
});

test('a name with what Postgres cannot hold is judged as it is stored, and a long reason is cut as the verifier cuts it', async () => {
  const mail = mismatched({ ...one, org: `${'\u{1f600}'.repeat(300)}` });
  const judge = await verdictsWhileParsing(originOf(mail, OURS), 'rua', OURS);
  expect(judge({ org_name: '\ud800', org_email: null }, null)!.reason).toContain('\ufffd');
  const keys = await receivePolled(t, [mail]);
  await parseMessages(t.db, keys, { trust: OURS });
  const { rows } = await t.db.query('select trust, trust_reason from ruawatch.reports');
  expect(rows).toEqual([{ trust: 'bad', trust_reason: expect.stringMatching(/in the name of (\u{1f600}){50}\.$/u) }]);
});

test('the service adds no job for verification where nothing is left to verify', async () => {
  service = startParser(context, resolver);
  const known = await receivePolled(t, [authentic({ ...one, id: 'a' }), forged({ ...two, id: 'b' })]);
  await context.queues.add('parse', { messages: known });
  const settled = async (n: number) =>
    until(async () => (await t.db.query("select from ruawatch.reports where trust <> 'pending'")).rows.length === n);
  await settled(2);
  const all = await receivePolled(t, [await unsaid({ ...three, id: 'c' })]);
  await context.queues.add('parse', { messages: all });
  await settled(3);
  const jobs = async () => (await context.metrics.jobs.get()).values.filter(({ labels }) => labels.queue === 'verify');
  await until(async () => (await jobs()).length > 0);
  expect(await jobs()).toMatchObject([{ labels: { outcome: 'done' }, value: 1 }]);
  const verdicts = (await context.metrics.trust.get()).values.map(({ labels, value }) => [labels.verdict, value]);
  expect(verdicts.sort()).toEqual([
    ['authenticated', 2],
    ['unauthenticated', 1],
  ]);
});
