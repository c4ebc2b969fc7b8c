import { afterEach, beforeEach, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import {
  bornAt,
  endRetries,
  loadDomainWeeks,
  loadVotedSums,
  loadWeekFindings,
  markDigest,
  refusedDigest,
} from '../../../services/store/alerts/digests.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const RETRY = new Date('2026-10-12T08:00:00Z');
const moments = ['2026-10-05', '2026-10-12', '2026-10-19'].map((day) => new Date(`${day}T07:00:00Z`));
const made = (due: Date) =>
  transaction(t.db, async (tx) => {
    const given = { recipients: ['a@example.org'], domains: ['example.com'], to: ['a@example.org'], now: due };
    const { digest_key } = await markDigest(tx, due, given);
    await tx.query('update ruawatch.digests set retry_at = $2 where digest_key = $1', [digest_key, RETRY]);
    return digest_key;
  });
const waiting = async () =>
  (await t.db.query('select digest_key from ruawatch.digests where retry_at is not null order by due_at')).rows.map(
    (row) => row.digest_key,
  );

test('retries of refused digests end before a moment, or of those that are named', async () => {
  const [first, second, third] = [await made(moments[0]!), await made(moments[1]!), await made(moments[2]!)];
  expect(await waiting()).toEqual([first, second, third]);
  await endRetries(t.db, { digests: [] });
  expect(await waiting()).toEqual([first, second, third]);
  await endRetries(t.db, { before: moments[1]! });
  expect(await waiting()).toEqual([second, third]);
  await endRetries(t.db, { digests: [third] });
  expect(await waiting()).toEqual([second]);
});

test('the newest moment whose digest is due again is named', async () => {
  expect(await refusedDigest(t.db, RETRY)).toBeNull();
  await made(moments[0]!);
  await made(moments[1]!);
  expect(await refusedDigest(t.db, new Date(RETRY.getTime() - 1))).toBeNull();
  expect(await refusedDigest(t.db, RETRY)).toEqual(moments[1]);
});

test('a week without findings has none, and none to look at', async () => {
  const week = { domains: ['example.com'], since: moments[0]!, until: moments[1]!, listed: 10 };
  const none = { findings: [], count: 0, to_do: 0 };
  expect(await transaction(t.db, (tx) => loadWeekFindings(tx, week))).toEqual({
    opened: none,
    resolved: none,
    goes_on: none,
    open: none,
    info: { ...none, open: 0 },
  });
});

const finding = (domain: string, kind: string, { subject = '', severity = 'medium', evidence = {} } = {}) =>
  t.db.query(
    `insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, first_day, last_day, summary,
            evidence)
     values ($1, $2, $3, $4, 'open', 1, $5, $5, '2026-10-05', '2026-10-05', 's', $6)`,
    [domain, kind, subject, severity, moments[0], evidence],
  );
const opened = async (...domains: string[]) => {
  const week = { domains, since: moments[0]!, until: moments[1]!, listed: 1 };
  const { opened, info } = await transaction(t.db, (tx) => loadWeekFindings(tx, week));
  return [opened, info!].map(({ findings, count, to_do }) => [findings.map(({ kind }) => kind), count, to_do]);
};

test('what one cause opened for many domains is looked at once: by its kind, or by its subject', async () => {
  await finding('one.example', 'unauthorized_source');
  expect(await opened('one.example')).toEqual([
    [['unauthorized_source'], 1, 1],
    [[], 0, 0],
  ]);
  // Reports stopped for two domains, for one reason; two reporters fell silent, one of them for both.
  for (const domain of ['one.example', 'two.example']) {
    await finding(domain, 'reports_stopped', { subject: domain });
    await finding(domain, 'reporter_silent', { subject: 'google.com' });
  }
  await finding('one.example', 'reporter_silent', { subject: 'yahoo.com' });
  await finding('one.example', 'policy_ready', { severity: 'info' });
  expect(await opened('one.example', 'two.example')).toEqual([
    [[expect.any(String)], 6, 4],
    [['policy_ready'], 1, 0],
  ]);
});

test('the schema was made at a moment', async () => {
  await t.db.query('update ruawatch.migrations set applied_at = $1 where version = 1', [moments[0]]);
  expect(await bornAt(t.db)).toEqual(moments[0]);
});

const DAYS = { before: '2026-09-20', from: '2026-09-27', to: '2026-10-03' };

test('the next policy of a domain is a part of its week, with the evidence as it is read', async () => {
  const weeks = async () => {
    const read = await transaction(t.db, (tx) => loadDomainWeeks(tx, ['one.example'], DAYS, 5));
    return read.map(({ domain, ready }) => ({ domain, ready }));
  };
  expect(await weeks()).toEqual([{ domain: 'one.example', ready: null }]);
  await finding('one.example', 'policy_ready', { severity: 'info', subject: 'quarantine', evidence: { figures: { days: 30 } } });
  expect(await weeks()).toEqual([
    {
      domain: 'one.example',
      ready: expect.objectContaining({
        domain: 'one.example',
        subject: 'quarantine',
        summary: 's',
        evidence: expect.any(Object),
      }),
    },
  ]);
});

test('sums of domains on which several reporters decide together: no more than a quorum reports', async () => {
  const reporter = (domain: string, name: string, standing: string) =>
    t.db.query('insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ($1, $2, $3, true)', [
      domain,
      name,
      standing,
    ]);
  const mail = (domain: string, name: string, day: string, messages: number) =>
    t.db.query(
      `insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded,
              failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered,
              quarantined, rejected, failed_delivered, trust)
       values ($1, 'a.example', $2, $3, $4, $4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'ok')`,
      [domain, day, name, messages],
    );
  const sums = () => loadVotedSums(t.db, ['one.example', 'two.example'], DAYS);
  await reporter('two.example', 'google.com', 'known');
  await mail('two.example', 'google.com', '2026-10-01', 50);
  expect(await sums()).toEqual([]);
  for (const name of ['a.invalid', 'b.invalid', 'c.invalid']) {
    await reporter('one.example', name, 'established');
    await mail('one.example', name, '2026-09-21', 10);
    await mail('one.example', name, '2026-10-01', 20);
  }
  expect(await sums()).toEqual([{ domain: 'one.example', messages: 60, passed: 60, messages_before: 30, passed_before: 30 }]);
});
