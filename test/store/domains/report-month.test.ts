import { afterEach, beforeEach, expect, test } from 'vitest';
import { EVIDENCE_VERSION } from '../../../services/findings/evidence.ts';
import { rulesWith } from '../../../services/findings/kinds/traits-of.ts';
import { addDays } from '../../../services/shared/days.ts';
import { loadLastMonth, loadReportMonth } from '../../../services/store/domains/report-month.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';
import { account } from '../../helpers/ledger.ts';

let t: TestDatabase;
beforeEach(async () => {
  t = await testDatabase();
});
afterEach(() => t.drop());

const DOMAIN = 'example.com';
const TO = '2026-11-20';
const ago = (days: number) => addDays(TO, -days);

/** Adds rows; columns that are not given are 0, empty or null. */
async function put(table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  await t.db.query(
    `insert into ruawatch.${table}
     select (jsonb_populate_record(null::ruawatch.${table}, z.zero || r)).*
       from jsonb_array_elements($1::jsonb) r,
            (select coalesce(jsonb_object_agg(column_name, case when data_type = 'text' then '""'::jsonb else '0'::jsonb end), '{}') as zero
               from information_schema.columns
              where table_schema = 'ruawatch' and table_name = $2 and data_type in ('bigint', 'integer', 'real', 'text') and is_nullable = 'NO') z`,
    [JSON.stringify(rows), table],
  );
}

const decide = (given: Record<string, string>) =>
  put(
    'domain_reporters',
    Object.entries(given).map(([reporter, standing]) => ({ domain: DOMAIN, reporter, standing, decides: standing !== 'new' })),
  );
const day = (source: string, days: number, messages: number, more: Record<string, unknown> = {}) => ({
  domain: DOMAIN,
  source,
  day: ago(days),
  reporter: 'google.com',
  trust: 'ok',
  messages,
  ...more,
});
const ask = (acts: Record<string, () => Promise<unknown>>) =>
  account({ db: t.db, start: new Date(`${TO}T00:00:00Z`), queries: {} }, Object.entries(acts));
const month = (reporterDays = 2) => loadReportMonth(t.db, { domain: DOMAIN, from: ago(29), to: TO, reporterDays });

test('a month has the senders, reporters and policies that deciding reporters saw', async () => {
  await decide({ 'google.com': 'known', 'yahoo.com': 'established', 'stranger.example': 'new' });
  await put('sources', [
    { domain: DOMAIN, source: 'a.example', name: 'A', first_seen: ago(40), last_seen: TO, class: 'authorized' },
    { domain: DOMAIN, source: 'b.example', grouped_as: 'mailer', first_seen: ago(40), last_seen: TO, class: 'misaligned' },
    { domain: DOMAIN, source: 'c.example', grouped_as: 'mailer', first_seen: ago(40), last_seen: TO, class: 'misaligned' },
    { domain: DOMAIN, source: 'list.example', first_seen: ago(40), last_seen: TO, class: 'forwarded' },
  ]);
  await put('source_days', [
    day('a.example', 30, 7, { passed: 7 }),
    day('a.example', 29, 100, { passed: 90, dkim_aligned: 95, spf_aligned: 20, failed_authenticated: 10 }),
    day('a.example', 0, 100, { passed: 90, dkim_aligned: 60, spf_aligned: 99 }),
    day('a.example', 1, 50, { passed: 50, reporter: 'yahoo.com' }),
    day('a.example', 1, 1_000, { reporter: 'stranger.example' }),
    day('a.example', 1, 1_000, { trust: 'pending' }),
    day('a.example', 5, 0),
    day('b.example', 3, 30, { failed_authenticated: 30 }),
    day('c.example', 2, 20, { passed: 5, failed_authenticated: 15 }),
    day('list.example', 1, 40, { failed_authenticated: 40 }),
    day('unknown.example', 2, 9, { failed_authenticated: 9 }),
    day('old.example', 3, 9, { failed_authenticated: 9 }),
  ]);
  await put('policy_days', [
    { domain: DOMAIN, day: ago(29), reporter: 'google.com', policy: 'p=none', trust: 'ok', reports: 3 },
    { domain: DOMAIN, day: ago(1), reporter: 'google.com', policy: 'p=none; sp=reject', trust: 'ok', reports: 1 },
    { domain: DOMAIN, day: ago(1), reporter: 'google.com', policy: 'p=reject; t=y', trust: 'ok', reports: 1 },
    { domain: DOMAIN, day: ago(1), reporter: 'google.com', policy: 'p=reject', trust: 'ok', reports: 0 },
    { domain: DOMAIN, day: ago(1), reporter: 'stranger.example', policy: 'p=reject', trust: 'ok', reports: 1 },
    { domain: DOMAIN, day: ago(30), reporter: 'google.com', policy: 'p=reject', trust: 'ok', reports: 1 },
  ]);
  await t.db.query(
    `insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since)
     values ($1, 'mailer', true, 'approved', 'Ada', 'x', now()), ('*', 'a.example', false, 'approved', 'Ada', 'x', now()), ($1, 'a.example', false, 'denied', 'Ada', 'x', now())`,
    [DOMAIN],
  );
  await expect(
    await ask({
      'a month': () => month(),
      'reporters of three days': () => month(3),
      'a month without reports': () => loadReportMonth(t.db, { domain: DOMAIN, from: ago(60), to: ago(31), reporterDays: 1 }),
      'one that begins with the second day': () =>
        loadReportMonth(t.db, { domain: DOMAIN, from: ago(28), to: ago(27), reporterDays: 1 }),
      'one whose first day has no report': () => loadReportMonth(t.db, { domain: DOMAIN, from: ago(4), to: TO, reporterDays: 1 }),
    }),
  ).toMatchFileSnapshot('golden/report-month.txt');
});

test('the last month ends with the newest day, or with today where that is long ago', async () => {
  await decide({ 'google.com': 'known' });
  await put('source_days', [day('a.example', 0, 1, { passed: 1 })]);
  const last = async (today: string) => {
    const found = await loadLastMonth(t.db, DOMAIN, today, 1);
    return found && [found.from, found.to, found.days];
  };
  expect(await last(ago(2))).toBeNull();
  expect(await last(ago(1))).toEqual([ago(29), TO, 1]);
  expect(await last(ago(-7))).toEqual([ago(29), TO, 1]);
  expect(await last(ago(-8))).toEqual([ago(21), ago(-8), 1]);
  expect(await last(ago(-29))).toEqual([TO, ago(-29), 1]);
  expect(await last(ago(-30))).toBeNull();
});

test('where no reporter may decide alone, a sender counts as three of them see it', async () => {
  await decide({ 'a.org': 'established', 'b.org': 'established', 'c.org': 'established' });
  const told = (source: string, ...reporters: string[]) =>
    reporters.map((reporter, n) => day(source, n, 10 * (n + 1), { reporter, passed: 1 }));
  await put('source_days', [...told('two.example', 'a.org', 'b.org'), ...told('three.example', 'a.org', 'b.org', 'c.org')]);
  expect((await month(1))!.senders.map(({ source, messages }) => [source, messages])).toEqual([['three.example', 30]]);
  await decide({ 'google.com': 'known' });
  expect((await month(1))!.senders.map(({ source, messages }) => [source, messages])).toEqual([
    ['three.example', 60],
    ['two.example', 30],
  ]);
});

test('two hundred senders are named, the others are summed by class', async () => {
  await decide({ 'google.com': 'known' });
  await put(
    'source_days',
    Array.from({ length: 203 }, (_, n) => day(`s${String(n).padStart(3, '0')}.example`, 1, 1_000 - n, { passed: 1 })),
  );
  const { senders } = (await month(1))!;
  expect(senders).toHaveLength(201);
  expect(senders[0]).toEqual({
    source: 'other sources',
    class: 'unknown',
    messages: 800 + 799 + 798,
    passed: 3,
    dkim_aligned: 0,
    spf_aligned: 0,
    approved: false,
  });
  expect(senders.slice(1).map(({ source }) => source)).toEqual(
    Array.from({ length: 200 }, (_, n) => `s${String(n).padStart(3, '0')}.example`),
  );
});

test('a month has what open findings say of a stricter policy', async () => {
  await decide({ 'google.com': 'known' });
  await put('source_days', [day('a.example', 0, 1, { passed: 1 })]);
  const kinds = [
    ...new Set([...rulesWith('againstPolicy'), ...rulesWith('stopsMail'), ...rulesWith('contested'), 'new_source']),
  ].sort();
  let key = 0;
  const find = async (kind: string, severity: string, evidence: object, state = 'open') => {
    key += 1;
    await t.db.query(
      `insert into ruawatch.findings (finding_key, domain, kind, subject, severity, state, summary, evidence, opened_at, changed_at, confidence, first_day, last_day, resolved_at)
       overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, now(), now(), 1, now(), now(), case when $6 = 'resolved' then now() end)`,
      [key, DOMAIN, kind, `s${key}.example`, severity, state, `${kind} is ${severity}.`, JSON.stringify(evidence)],
    );
  };
  for (const kind of kinds) {
    await find(kind, 'info', { messages: 100, delivered: 100 });
    await find(kind, 'low', { messages: 100, delivered: 95 });
    await find(kind, 'medium', { messages: 100, delivered: 94 });
    await find(kind, 'high', { messages: 0, delivered: 0 });
    await find(kind, 'critical', { messages: 1, delivered: 1 }, 'resolved');
  }
  const denied = (by: string, more: object) => ({
    v: EVIDENCE_VERSION,
    facts: { rule: 'denied_source', by, service: null, denied: { by: 'Ada', on: '2026-10-01', why: 'x' } },
    ...more,
  });
  await find('unauthorized_source', 'high', denied('both', { messages: 5, delivered: 4 }));
  await find('unauthorized_source', 'high', denied('none', { messages: 40, delivered: 10 }));
  await find('unauthorized_source', 'high', denied('none', { messages: 40, delivered: 30 }));
  const silent = (share: number) => ({
    v: EVIDENCE_VERSION,
    facts: { rule: 'reporter_silent', last: '2026-10-01', reported: 27, of_days: 28, share, silent_days: 6, spread: null },
  });
  await find('unauthorized_source', 'high', denied('none', { messages: 40, delivered: 10 }));
  await find('reporter_silent', 'low', silent(0.2));
  await find('reporter_silent', 'low', silent(0.4));
  const { against, incidents, contested, denied: mail, silent: reporters, held } = (await month(1))!;
  await expect(
    await ask({
      against: async () => against,
      incidents: async () => incidents,
      contested: async () => contested,
      denied: async () => mail,
      silent: async () => reporters,
      held: async () => held,
      'held when a stricter policy is ready': async () => {
        await find('policy_ready', 'info', {});
        return (await month(1))!.held;
      },
    }),
  ).toMatchFileSnapshot('golden/report-month-findings.txt');
});
