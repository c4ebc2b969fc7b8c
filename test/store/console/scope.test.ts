import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { read, scopeOf, sees } from '../../../services/store/console/scope.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ own: false });
  await t.db.query(`insert into ruawatch.domains (domain, state, how, since)
    select unnest(array['example.com', 'a.example.com', 'b.a.example.com', 'badexample.com', 'example.net']), 'own', 'added', now()`);
});
afterAll(() => t.drop());

const names = async (granted: string[] | null, sql = 'select domain from domains order by domain', values: unknown[] = []) => {
  const scope = granted === null ? { all: true, domains: [] } : await scopeOf(t.db, granted);
  return (await read<{ domain: string }>({ db: t.db, scope }, ['domains'], sql, values)).map(({ domain }) => domain);
};

test('a domain stands for the names below it, and for no other', async () => {
  expect(await names(['example.com'])).toEqual(['a.example.com', 'b.a.example.com', 'example.com']);
  expect(await names(['a.example.com'])).toEqual(['a.example.com', 'b.a.example.com']);
  expect(await names(['com'])).toContain('example.com');
  expect(await names([])).toEqual([]);
  expect(await names(null)).toHaveLength(5);
});

test('the rows of others are not there for any part of a query', async () => {
  const sql =
    ', other as (select * from domains where domain = $1) select domain from other union all select domain from domains';
  expect(await names(['a.example.com'], sql, ['example.net'])).toEqual(['a.example.com', 'b.a.example.com']);
});

test('what belongs to no domain is for those who see everything', async () => {
  const scope = await scopeOf(t.db, ['example.com']);
  await expect(read({ db: t.db, scope }, ['messages'], 'select 1')).rejects.toMatchObject({ code: 'not_yours' });
  expect(sees(scope, 'b.a.example.com')).toBe(true);
  expect(sees(scope, 'example.net')).toBe(false);
  expect(sees({ all: true, domains: [] }, '*')).toBe(true);
});

test('findings say nothing of the domains of others', async () => {
  const silence = { since: '2026-11-01', usual: 300, others: ['example.net', 'badexample.com'], others_in_all: 2, reported: 3 };
  const stored = {
    reports_stopped: {
      v: 4,
      what: 'Nor on example.net and badexample.com.',
      advice: ['a'],
      facts: { rule: 'reports_stopped', silence },
    },
    reporter_silent: {
      v: 4,
      what: '',
      facts: { rule: 'reporter_silent', last: '2026-11-01', spread: { silent: 1, reporting: 3 } },
    },
    sending_not_reported: { v: 4, facts: { rule: 'sending_not_reported', last_elsewhere: '2026-11-20' } },
    dns_broken: { v: 4, what: 'kept', facts: { rule: 'dns_broken', spread: 'kept' } },
    policy_change: { v: 4, facts: { silence: null } },
  };
  for (const [kind, evidence] of Object.entries(stored))
    await t.db.query(
      `insert into ruawatch.findings (domain, kind, severity, subject, state, revision, opened_at, changed_at, summary, evidence, confidence, first_day, last_day)
       values ('example.com', $1, 'high', 'example.com', 'open', 1, now(), now(), 'No reports on example.com and 2 more domains', $2, 1, '2026-11-01', '2026-11-02')`,
      [kind, JSON.stringify(evidence)],
    );
  const shown = async (granted: string[] | null) => {
    const scope = granted === null ? { all: true, domains: [] } : await scopeOf(t.db, granted);
    const sql = 'select kind, summary, evidence, state, first_day::text from findings order by kind';
    return await read<{ kind: string; summary: string; evidence: { facts: object } }>({ db: t.db, scope }, ['findings'], sql);
  };
  const all = await shown(null);
  expect(Object.fromEntries(all.map(({ kind, evidence }) => [kind, evidence]))).toEqual(stored);
  const own = await shown(['example.com']);
  expect(own.map((row) => ({ ...row, evidence: 0, summary: 0 }))).toEqual(
    all.map((row) => ({ ...row, evidence: 0, summary: 0 })),
  );
  expect(JSON.stringify(own.filter(({ kind }) => kind === 'reports_stopped'))).not.toMatch(/example\.net|badexample|2 more/);
  const facts = Object.fromEntries(own.map(({ kind, evidence }) => [kind, evidence.facts]));
  expect(facts).toEqual({
    reports_stopped: { rule: 'reports_stopped', silence: { ...silence, others: [], others_in_all: 0, reported: 0 } },
    reporter_silent: { ...stored.reporter_silent.facts, spread: null },
    sending_not_reported: { ...stored.sending_not_reported.facts, last_elsewhere: null },
    dns_broken: stored.dns_broken.facts,
    policy_change: stored.policy_change.facts,
  });
});

test('no other file of the console names a view with its schema', () => {
  const folder = path.resolve(import.meta.dirname, '../../../services/store/console');
  const files = readdirSync(folder).filter((name) => name !== 'scope.ts');
  expect(files.length).toBeGreaterThan(4);
  for (const name of files) expect(readFileSync(path.join(folder, name), 'utf8'), name).not.toMatch(/\bdmarc\.\w/);
});
