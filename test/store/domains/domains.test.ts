import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import {
  foreignDomains,
  ignoreDomain,
  isOwn,
  listDomains,
  listHistory,
  ownImported,
  putOwn,
} from '../../../services/store/domains/domains.ts';
import { migrate } from '../../../services/store/schema/migrate.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { receive, reportMail, reportXml, trusting } from '../../helpers/report.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase({ own: false });
});
afterEach(() => t.drop());

const NOW = new Date('2026-09-03T12:00:00Z');
const SINCE = '2026-08-01';
const WORD = { by: 'Ada', why: 'sold' };
const add = (...domains: string[]) => putOwn(t.db, domains, 'added', { now: NOW, ignored: true });
const work = async () =>
  (await t.db.query('select distinct domain, source from ruawatch.analysis_work order by 1, 2')).rows.map((row) =>
    `${row.domain} ${row.source}`.trim(),
  );
const store = async (domain: string, id = domain) =>
  parseMessages(
    t.db,
    await receive(t, [reportMail(reportXml({ id, domain, rows: [{ count: 2, header_from: domain }] }), { unique: id })]),
    { trust: trusting('off') },
  );

test('names below an own domain are own, unless a row of their own, or a nearer one, says otherwise', async () => {
  await add('example.com', 'a.b.example.net');
  await ignoreDomain(t.db, 'old.example.com', WORD, NOW);
  await add('kept.old.example.com');
  const own = async (name: string) => isOwn(t.db, name);
  for (const name of ['example.com', 'shop.example.com', 'x.y.example.com', 'kept.old.example.com', 'z.kept.old.example.com'])
    expect([name, await own(name)]).toEqual([name, true]);
  for (const name of ['old.example.com', 'x.old.example.com', 'com', 'notexample.com', 'b.example.net', 'example.net', ''])
    expect([name, await own(name)]).toEqual([name, false]);
});

test('what is not own is stored and leaves the analyzer no work; when it becomes own, its history is listed', async () => {
  await store('example.com');
  await store('shop.example.com');
  await store('stranger.example');
  expect(await work()).toEqual([]);
  const { rows } = await t.db.query('select domain, messages from dmarc.reports order by 1');
  expect(rows.map((row) => row.domain)).toEqual(['example.com', 'shop.example.com', 'stranger.example']);
  expect(await add('example.com')).toEqual(['example.com']);
  expect(await add('example.com')).toEqual([]);
  expect(await listHistory(t.db, SINCE)).toEqual(['example.com']);
  expect(await work()).toEqual(expect.arrayContaining(['example.com', 'example.com 192.0.2.0/24']));
  expect((await work()).some((line) => line.startsWith('stranger'))).toBe(false);
});

test('a report that was being stored while its domain became own is not forgotten', async () => {
  const keys = await receive(t, [reportMail(reportXml({ id: 'r' }), { unique: 'r' })]);
  const client = await t.db.connect();
  try {
    // The parser's transaction has seen that the domain is not own, and is not committed yet.
    await client.query('begin');
    await client.query("select nextval(pg_get_serial_sequence('ruawatch.reports', 'report_key'))");
    await add('example.com');
    expect(await listHistory(t.db, SINCE)).toEqual(['example.com']);
    await t.db.query('delete from ruawatch.analysis_work');
    expect(await listHistory(t.db, SINCE)).toEqual([]);
    await client.query('rollback');
  } finally {
    client.release();
  }
  await parseMessages(t.db, keys, { trust: trusting('off') });
  await t.db.query('delete from ruawatch.analysis_work');
  expect(await listHistory(t.db, SINCE)).toEqual(['example.com']);
  expect(await listHistory(t.db, SINCE)).toEqual([]);
});

test('an import makes the domains of its reports own, but for those that a person ignores', async () => {
  await ignoreDomain(t.db, 'old.example', WORD, NOW);
  const mails = ['example.com', 'old.example'].map((domain) => reportMail(reportXml({ id: domain, domain }), { unique: domain }));
  const keys = await receive(t, mails);
  await parseMessages(t.db, keys, { trust: trusting('off') });
  expect(await ownImported(t.db, keys, NOW)).toEqual(['example.com']);
  expect(await ownImported(t.db, keys, NOW)).toEqual([]);
  expect(await listDomains(t.db, { limit: 9 })).toMatchObject([
    { domain: 'example.com', state: 'own', how: 'imported' },
    { domain: 'old.example', state: 'ignored', by_name: 'Ada', why: 'sold' },
  ]);
  expect(await foreignDomains(t.db, { limit: 9 })).toEqual({ domains: [], count: 0 });
});

test('ignoring ends the findings of a domain and what was to be told of them; nothing is deleted', async () => {
  await add('example.com', 'kept.example.com');
  for (const domain of ['example.com', 'shop.example.com', 'kept.example.com', 'other.example']) {
    await t.db.query(
      `with f as (
         insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, first_day, last_day, summary, evidence)
         values ($1, 'new_source', 'x', 'high', 'open', 1, now(), now(), now(), now(), 's', '{}') returning finding_key),
       mail as (
         insert into ruawatch.outbox (message_id, kind, finding_key, recipients, subject, raw, created_at, next_at)
         select $1, 'finding', finding_key, '{a@example.org}', 's', '', now(), now() from f)
       insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
       select finding_key, 1, 'opened', now(), 'high', 's', '{}', true from f`,
      [domain],
    );
  }
  expect(await ignoreDomain(t.db, 'example.com', WORD, NOW)).toBe(2);
  const { rows } = await t.db.query('select domain, state, evidence from ruawatch.findings order by domain');
  expect(rows.map((row) => `${row.domain} ${row.state}`)).toEqual([
    'example.com resolved',
    'kept.example.com open',
    'other.example open',
    'shop.example.com resolved',
  ]);
  expect(rows[0]!.evidence.resolved_why).toContain('Ada: sold');
  const { rows: left } = await t.db.query(
    `select f.domain from ruawatch.finding_events e join ruawatch.findings f using (finding_key)
      where e.handled_at is null or e.posted_at is null order by 1`,
  );
  expect(left.map((row) => row.domain)).toEqual(['kept.example.com', 'other.example']);
  const { rows: mails } = await t.db.query("select message_id from ruawatch.outbox where state = 'pending' order by 1");
  expect(mails.map((row) => row.message_id)).toEqual(['kept.example.com', 'other.example']);
});

test('on upgrade, domains with findings or a word on a sender stay own', async () => {
  await t.db.query(
    // Views that a later migration has widened cannot be made again as they were.
    `drop view dmarc.missing_reports, dmarc.domains, dmarc.superseded_tls_reports, dmarc.tls_reports, dmarc.decisions, dmarc.changes, dmarc.grants,
            dmarc.sending_days, dmarc.finding_events, dmarc.findings, dmarc.reporter_days, dmarc.sources cascade;
     drop table ruawatch.domains, ruawatch.domain_scan;
     insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since)
     values ('approved.example', 'x', false, 'approved', 'Ada', 'w', now()), ('*', 'x', false, 'approved', 'Ada', 'w', now());
     insert into ruawatch.findings (domain, kind, subject, severity, state, confidence, opened_at, changed_at, first_day, last_day, summary, evidence)
     select d, 'new_source', 'x', 'high', 'open', 1, now(), now(), now(), now(), 's', '{}'
       from unnest(array['found.example', E'a b\\r\\n', repeat('a', 64) || '.example']) d`,
  );
  const { rows } = await t.db.query<{ v: number }>("select version as v from ruawatch.migrations where name = 'domains'");
  await t.db.query('delete from ruawatch.migrations where version >= $1', [rows[0]!.v]);
  await migrate(t.db);
  expect(await listDomains(t.db, { limit: 9 })).toMatchObject([
    { domain: 'approved.example', state: 'own', how: 'upgrade' },
    { domain: 'found.example', state: 'own', how: 'upgrade' },
  ]);
});
