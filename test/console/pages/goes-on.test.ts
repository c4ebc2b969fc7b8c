import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadReportMonth } from '../../../services/store/domains/report-month.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

let c: TestConsole;
let operator: TestPerson;
let key: number;
beforeAll(async () => {
  // Each look at the clock is a second later.
  let now = Date.parse('2026-10-07T12:00:00Z');
  c = await testConsole({
    now: () => {
      now += 1000;
      return new Date(now);
    },
  });
  await c.t.db.query(
    "insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()) on conflict do nothing",
  );
  await reportOf('2026-10-06');
  key = await c.finding('authentication_regression', 'example.com');
  operator = await c.person('operator', ['example.com']);
});
afterAll(() => c.close());

/** That a reporter tells of mail on a day. */
const reportOf = (day: string, reporter = 'google.com') =>
  c.t.db.query(
    `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, passed, dkim_aligned, spf_aligned, forwarded,
       failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected, failed_delivered)
     values ('example.com', 'x.example', $1, $2, 'ok', 5, 5, 5, 5, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0)`,
    [day, reporter],
  );
const text = async (path: string) =>
  (await operator.get(path)).body
    .replaceAll(/<\/?time>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ');
const goesOn = async () => ((await operator.api('GET', `/api/v1/findings/${key}`)).json() as { goes_on: boolean }).goes_on;

test('a finding that somebody resolves while reports show it stays the next step, and in the week', async () => {
  await operator.post(`/findings/${key}/resolve`, { why: 'because' });
  expect(await text('/')).toContain(`Finding ${key} goes on`);
  expect(await text('/domains/example.com')).toContain(
    `was resolved by ${operator.name}, and the newest reports still show it. See whether it is repaired.`,
  );
  expect(await text('/findings')).toContain(`resolved 2026-10-07 by ${operator.name}, still going on`);
  expect(await text(`/findings/${key}`)).toContain('the newest reports, up to 2026-10-05, still show it');
  const week = await text('/digest');
  expect(week).toContain('Resolved by hand, still going on (1)');
  expect(week).toContain(`resolved by ${operator.name} 2026-10-07, and goes on`);
  expect(week).not.toMatch(/Resolved \(1\)/);
  expect(await text('/digest/mail')).toContain('Resolved by hand, still going on (1)');
  expect(await goesOn()).toBe(true);
  // Nor is the next policy safe.
  await c.t.db.query(
    "insert into ruawatch.domain_reporters (domain, reporter, decides, standing) values ('example.com', 'google.com', true, 'known')",
  );
  const month = { domain: 'example.com', from: '2026-09-08', to: '2026-10-07', reporterDays: 1 };
  expect((await loadReportMonth(c.t.db, month))?.incidents.map((one) => one.finding_key)).toEqual([key]);
});

test('until reports of three later days do not show it, of those whose word decides', async () => {
  await c.t.db.query(
    "insert into ruawatch.domain_reporters (domain, reporter, decides, standing) values ('example.com', 'stranger.example', false, 'known')",
  );
  await reportOf('2026-10-09', 'stranger.example');
  expect(await goesOn()).toBe(true);
  await reportOf('2026-10-08');
  expect(await goesOn()).toBe(false);
  expect(await text('/')).not.toContain('goes on');
  expect(await text('/digest')).toContain('Resolved (1)');
  await c.t.db.query("delete from ruawatch.source_days where day = '2026-10-08'");
  expect(await goesOn()).toBe(true);
});

test('what somebody calls a false alarm or expected is over', async () => {
  await c.t.db.query('delete from ruawatch.analysis_work');
  await operator.post(`/findings/${key}/resolve`, { why: 'our own test', verdict: 'false' });
  expect(await goesOn()).toBe(false);
  // The advice about the domain rests on it.
  expect((await c.t.db.query("select from ruawatch.analysis_work where domain = 'example.com'")).rowCount).toBe(1);
  await operator.post(`/findings/${key}/resolve`, { why: 'no, it was real', verdict: 'right' });
  expect(await goesOn()).toBe(true);
  await operator.post(`/findings/${key}/reopen`, { why: 'not repaired' });
  expect(await goesOn()).toBe(false);
  expect(await text('/')).toContain(`Act on finding ${key}`);
});

test('the month that a next step rests on names the reporters that have stopped', async () => {
  const month = async () =>
    (await loadReportMonth(c.t.db, { domain: 'example.com', from: '2026-09-08', to: '2026-10-07', reporterDays: 1 }))?.silent;
  expect(await month()).toEqual([]);
  const silent = await c.finding('policy_change', 'example.com');
  const facts = {
    rule: 'reporter_silent',
    last: '2026-10-01',
    reported: 20,
    of_days: 25,
    share: 0.47,
    silent_days: 4,
    spread: null,
  };
  await c.t.db.query(
    "update ruawatch.findings set kind = 'reporter_silent', subject = 'google.com', evidence = evidence || $2 where finding_key = $1",
    [silent, { facts }],
  );
  expect(await month()).toEqual([{ reporter: 'google.com', share: 0.47 }]);
  await c.t.db.query("update ruawatch.findings set state = 'resolved' where finding_key = $1", [silent]);
  expect(await month()).toEqual([]);
});
