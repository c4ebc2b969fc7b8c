import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../services/console/people/password.ts';
import { keepTotals } from '../../services/parser/upkeep/fill-daily-totals.ts';
import { addDays, dayOf } from '../../services/shared/days.ts';
import { addPerson } from '../../services/store/console/people.ts';
import { beginSession } from '../../services/store/console/sessions.ts';
import { ROW_COUNTS } from '../../services/store/rollups/source-counts.ts';
import {
  accessibilityOf,
  browserProgram,
  OF_COLOURS,
  OF_WIDTH,
  openBrowser,
  openWindow,
  overflowOf,
  tablesOf,
} from './browser.ts';
import { addRecentPages } from './browser-data.ts';
import { type TestConsole, testConsole } from './setup.ts';

const PASSWORD = 'correct horse battery';
/**
 * Every rule at every width, light and dark (.ci/full); without it, those rules that depend on what differs.
 */
const ALL = process.env.BROWSER_MATRIX === 'all';
/** What anybody may write into a report. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'><svg onload=alert(1)>",
  '<style>*{display:none}</style>',
  '</title><script src=https://evil.example/x.js></script>',
  '<iframe srcdoc="<script>alert(1)</script>">',
  '<base href=https://evil.example/>',
  'javascript:alert(1)',
  '\u202egnp.exe\u2066',
  `${'a'.repeat(200)}.example`,
];

const COUNTS = ['messages', ...ROW_COUNTS];
const AMOUNTS: Record<string, string> = {
  messages: '10 + n',
  passed: 'n',
  dkim_aligned: 'n',
  delivered: '5',
  rejected: '5 + n',
  failed_delivered: '3',
};

const suite = browserProgram === null ? describe.skip : describe;

suite(browserProgram === null ? 'in a browser (SKIPPED: needs chromium)' : 'in a browser', () => {
  let c: TestConsole;
  let browser: Browser;
  let base: string;
  let session: string;
  let pages: Record<string, string>;

  beforeAll(async () => {
    c = await testConsole();
    const { db } = c.t;
    await db.query(
      `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()), ('quiet.example.com', 'own', 'added', now())`,
    );
    const today = dayOf(new Date());
    await db.query(
      "update ruawatch.domain_days_from set from_day = 'infinity'; update ruawatch.class_days_from set from_day = 'infinity'",
    );
    const classes = ['authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown'];
    for (const [i, source] of [...classes.map((name) => `${name}.example`), ...HOSTILE].entries())
      await db.query(
        `with days as (insert into ruawatch.source_days (domain, source, day, reporter, trust, ${COUNTS.join(', ')})
           select 'example.com', $1, $2::date - n, 'reporter.example', 'ok', ${COUNTS.map((name) => AMOUNTS[name] ?? '0').join(', ')}
             from generate_series(1, 40) n)
         insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as, name, class, why, evidence)
         values ('example.com', $1, $2::date - 40, $2::date - 1, 900, 500, $1, $1, $3, 'because of ' || $1, $1)`,
        [source, today, classes[i % classes.length]],
      );
    await db.query(
      `insert into ruawatch.subdomain_days (domain, name, day, trust, messages, passed, failed_unauthenticated, failed_delivered) select 'example.com', name, $2, 'ok', 5, 0, 5, 1 from unnest($1::text[]) name`,
      [HOSTILE, addDays(today, -3)],
    );
    const key = await c.finding('unauthorized_source', 'example.com', HOSTILE[0]);
    await db.query(
      `update ruawatch.findings set summary = $2, evidence = evidence || jsonb_build_object('who', $3::jsonb, 'reporters', $4::jsonb, 'advice', $4::jsonb, 'query', $2::text, 'facts', null)
        where finding_key = $1`,
      [
        key,
        HOSTILE.join(' '),
        JSON.stringify(HOSTILE.map((source) => ({ source, messages: 5, delivered: 1, host: source }))),
        JSON.stringify(HOSTILE),
      ],
    );
    await db.query(
      `insert into ruawatch.finding_events (finding_key, revision, event, at, severity, summary, evidence, notify)
       select finding_key, 1, 'opened', opened_at, severity, summary, evidence, false from ruawatch.findings`,
    );
    const regression = await c.finding('authentication_regression', 'example.com');
    await db.query(
      `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, org_name, report_id, domain, begin_at, end_at, errors,
              records, messages, salvaged, problems, received_at)
       overriding system value values (7, 0, 0, '\\x01', '\\x01', $1, $2, $3, 'example.com', '2026-10-01', '2026-10-02', '[]', 0, 5, true,
              jsonb_build_array(jsonb_build_object('code', 'x', 'message', $1::text)), '2026-10-02')`,
      [HOSTILE[0], HOSTILE[1], HOSTILE.join(' ')],
    );
    const hostile = JSON.stringify(HOSTILE);
    await db.query(
      `insert into ruawatch.tls_reports (tls_report_key, message_key, part, identity, content_hash, org_name, report_id, begin_at, end_at, problems, received_at)
       overriding system value values (7, 0, 0, '\\x01', '\\x01', $1, $1, '2026-10-01', '2026-10-02', jsonb_build_array(jsonb_build_object('code', 'x', 'message', $1::text)), '2026-10-02')`,
      [HOSTILE.join(' ')],
    );
    await db.query(
      `insert into ruawatch.tls_policies (tls_report_key, n, policy_domain, policy_type, policy_string, mx_host, successful_sessions, failed_sessions, failures)
       values (7, 1, 'example.com', $1, $2, '[]', 5, 1, 1)`,
      [HOSTILE[0], hostile],
    );
    await db.query(
      `insert into ruawatch.tls_failures (tls_report_key, policy_n, n, result_type, failed_sessions, receiving_mx_hostname, failure_reason_code)
       select 7, 1, n, text, 1, text, text from unnest($1::text[]) with ordinality t(text, n)`,
      [HOSTILE],
    );
    await db.query(
      `insert into ruawatch.failure_reports (failure_key, message_key, part, content_hash, form, reporter, domain, auth_failure, authentication_results, original_rcpt_to,
              header_from, subject, message_id, user_agent, redacted, problems, received_at)
       overriding system value values (7, 0, 0, '\\x01', 'arf', $1, 'example.com', $2, $2, '[]', $3, $3, $1, $1, true, '[]', '2026-10-02')`,
      [HOSTILE[0], hostile, HOSTILE.join(' ')],
    );
    await db.query(
      `insert into ruawatch.lookalikes (domain, name, shown, kind, rank, registered, baseline, first_seen, asked_at, due_at, mail_hosts, servers)
       select 'example.com', 'n' || n, text, text, 1, true, false, now(), now(), now(), array[text], array[text] from unnest($1::text[]) with ordinality t(text, n)`,
      [HOSTILE],
    );
    await db.query(`insert into ruawatch.mailboxes (mailbox, folder, last_error) values ('main', 'INBOX', $1)`, [
      HOSTILE.join(' '),
    ]);
    await keepTotals({ db, clock: { now: () => new Date() }, log: c.context.log });
    const person = await addPerson(
      db,
      { name: 'ada', email: 'ada@example.com', role: 'admin', domains: null },
      'test',
      new Date(),
    );
    await db.query('update ruawatch.people set password = $2 where person_key = $1', [person, await hashPassword(PASSWORD)]);
    session = await beginSession(db, person, { address: '127.0.0.1', agent: null }, new Date());
    await c.app.listen({ host: '127.0.0.1', port: 0 });
    base = `http://localhost:${(c.app.server.address() as AddressInfo).port}`;
    browser = await openBrowser();
    pages = {
      sign_in: '/sign-in',
      overview: '/',
      overview_none: '/?q=nothing',
      findings: '/findings',
      finding: `/findings/${key}`,
      regression: `/findings/${regression}`,
      domain: '/domains/example.com',
      domain_empty: '/domains/quiet.example.com',
      sender: `/domains/example.com/senders/${encodeURIComponent(HOSTILE[1]!)}`,
      reports: '/reports',
      report: '/reports/7',
      quarantine: '/quarantine',
      ...(await addRecentPages(c, session, HOSTILE)),
      month: `/domains/example.com/months/${today.slice(0, 7)}`,
      tls: '/tls-reports',
      tls_one: '/tls-reports/7',
      failures: '/failure-reports',
      failure: '/failure-reports/7',
      look_alikes: '/look-alikes',
      week: '/digest',
      health: '/health',
      setup: '/setup',
      upload: '/upload',
      account: '/account',
      people: '/people',
      missing: '/nothing',
    };
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await c?.close();
  });

  const windowOf = async (width: number, dark: boolean, script = true) => {
    const opened = await openWindow(browser, { width, dark, base, script });
    await opened.context.addCookies([{ name: 'ruawatch', value: session, url: base }]);
    return opened;
  };

  /** Opens each page in a window of 1440 pixels, and lets `look` look at it. */
  const eachPage = async (look: (page: Page, name: string) => Promise<void>) => {
    const { context, page, complaints } = await windowOf(1440, false);
    for (const [name, address] of Object.entries(pages)) {
      if (name === 'sign_in') await context.clearCookies();
      await page.goto(address);
      if (name === 'held_text') await page.getByRole('button', { name: 'Show the text' }).click();
      if (name === 'sign_in') await context.addCookies([{ name: 'ruawatch', value: session, url: base }]);
      await look(page, name);
    }
    expect(complaints).toEqual([]);
    await context.close();
  };
  /** Every table has its CSV and its JSON, with the rows that it shows. */
  const expectFiles = async (page: Page, name: string) => {
    for (const { rows, files } of await tablesOf(page)) {
      if (rows === 0) continue;
      expect.soft(files.length, `${name} has a table of ${rows} rows and these files: ${files}`).toBe(2);
      const [csv, json] = await Promise.all(files.map(async (file) => (await page.context().request.get(file)).text()));
      const data = JSON.parse(json ?? '[]') as Record<string, unknown>[];
      expect.soft(data.length, `${name}: ${files[1]}`).toBe(rows);
      expect.soft(csv?.split('\r\n')[0], `${name}: ${files[0]}`).toBe(Object.keys(data[0] ?? {}).join(','));
    }
  };
  const seen = (page: Page, width: number, colorScheme: 'light' | 'dark') =>
    Promise.all([page.setViewportSize({ width, height: 900 }), page.emulateMedia({ colorScheme })]);

  test('every page is accessible, fits and runs nothing, at 1440, 800 and 360 pixels, light and dark', async () => {
    await eachPage(async (page, name) => {
      expect.soft(await page.locator('h1').count(), name).toBe(1);
      await expectFiles(page, name);
      for (const width of [1440, 800, 360]) {
        await seen(page, width, 'light');
        expect.soft(await overflowOf(page), `${name} is too wide at ${width}`).toBeLessThanOrEqual(0);
        // Between the other two, nothing but the width of columns differs.
        if (width === 800 && !ALL) continue;
        expect.soft(await accessibilityOf(page, width === 1440 || ALL ? null : OF_WIDTH), `${name} at ${width}`).toEqual([]);
        await seen(page, width, 'dark');
        if (width === 1440 || ALL)
          expect.soft(await accessibilityOf(page, ALL ? null : OF_COLOURS), `${name} at ${width}, dark`).toEqual([]);
      }
    });
  }, 600_000);

  test('a finding is reached from its link, acknowledged and resolved by clicks and keys, without script', async () => {
    const { context, page, complaints } = await openWindow(browser, { width: 1440, dark: false, base, script: false });
    await page.goto(pages.regression!);
    await page.getByLabel('Name').fill('ada');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**${pages.regression}`);
    await page.locator('summary', { hasText: 'Acknowledge' }).press('Enter');
    await page.locator('#ack-why').fill('the vendor is told');
    await page.keyboard.press('Enter');
    await page.getByRole('status').waitFor();
    await page.locator('summary', { hasText: 'Resolve' }).press('Enter');
    await page.locator('#resolve-why').fill('the key is back');
    await page.keyboard.press('Enter');
    await page.getByText('Newer evidence opens it again').waitFor();
    expect(await page.locator('.history li').first().textContent()).toContain('resolved');
    expect(complaints).toEqual([]);
    await context.close();
  }, 60_000);
});
