import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RULES } from '../../services/analyzer/rules/index.ts';
import { browserProgram, openBrowser, openWindow } from '../console/browser.ts';
import { FULL } from '../helpers/full.ts';
import { ruawatch, ruawatchOnce } from '../helpers/process.ts';
import { until } from '../helpers/services.ts';

/**
 * These need what a demo has not: records that change, reporters that nobody knows yet, and a sender that
 * moves.
 */
const NOT_SHOWN = [
  'dns_broken',
  'dns_drift',
  'environment_drift',
  'include_dangling',
  'bimi_ready',
  'dkim_key_missing',
  'mta_sts_broken',
  'record_invalid',
  'reports_stopped',
  'unconfirmed_report',
  'sender_moved',
  'unreadable_reports',
  'nobody_can_approve',
  'grant_overdue',
  'egress_not_followed',
  'mail_not_judged',
  'unsigned_mail',
  'unauthorized_workload',
  'key_not_published',
  'verify_failed',
  'sending_not_reported',
  'source_not_in_logs',
];
/** Every other kind of finding that there is a rule for. */
const KINDS = [...new Set(RULES.map(({ kind }) => kind))].filter((kind) => !NOT_SHOWN.includes(kind));

function emptyFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-demo-'));
  chmodSync(folder, 0o755); // the embedded server's own user must be able to enter
  return folder;
}

/** What a demo printed and wrote into `folder`. */
function expectAllShown(folder: string, stdout: string): void {
  expect(KINDS.length).toBeGreaterThanOrEqual(11);
  // Beside them, for information: the mailing list that keeps the author's From.
  expect(stdout).toMatch(/^ +INFO +alignment_failure$/m);
  expect(stdout).toMatch(new RegExp(`^Findings \\(${KINDS.length + 1}\\)$`, 'm'));
  for (const kind of KINDS)
    expect(stdout.match(new RegExp(` ${kind}$`, 'gm')), kind).toHaveLength(kind === 'alignment_failure' ? 2 : 1);
  expect(stdout).not.toMatch(/NOT AS PLANTED/);
  expect(stdout).toMatch(/^ {2}kestrel-club\.example +11 of 10 +reject +mta1 th1$/m);
  expect(stdout).toMatch(/^ {2}kestre1-pay\.example looks like kestrel-pay\.example/m);
  const mails = readdirSync(path.join(folder, '.ruawatch/demo/alerts'));
  // One for each finding, but what is for information (policy_ready, dkim_key_weak) stands in the digest,
  // which comes last.
  expect(mails).toHaveLength(KINDS.length - 1);
  const digest = mails.sort().at(-1)!;
  for (const mail of mails) {
    expect(stdout).toContain(path.join('.ruawatch/demo/alerts', mail));
    const text = readFileSync(path.join(folder, '.ruawatch/demo/alerts', mail), 'utf8');
    expect(text).toMatch(/^Auto-Submitted: auto-generated\r?$/m);
    expect(text).toMatch(mail === digest ? /^Message-ID:\s+<weekly-/m : /^Message-ID: <finding-\d+-1-opened\./m);
  }
}

describe('demo, kept running', () => {
  let folder: string;
  let run: ReturnType<typeof ruawatch>;
  beforeAll(async () => {
    folder = emptyFolder();
    run = ruawatch(['demo'], {}, folder);
    await until(() => run.stdout().includes('/link/') || run.child.exitCode !== null);
  }, 300_000);
  afterAll(() => {
    run.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('every kind of finding once and nothing else, a mail for each that is mailed, the digest; it shows how to connect, and a second command joins its database', async () => {
    await until(() => run.stdout().includes('Ctrl-C ends the demo.') || run.child.exitCode !== null);
    expect(run.stdout()).toMatch(/psql postgres:\/\/ruawatch_reader:\S+@127\.0\.0\.1:\d+\/ruawatch$/m);
    const list = await ruawatchOnce(['messages', 'list', '--limit', '1'], { RUAWATCH_DATA_DIR: '.ruawatch/demo' }, folder);
    expect(list).toMatchObject({ code: 0, stdout: expect.stringMatching(/^received 0 {3}stored \d+/) });
    expectAllShown(folder, run.stdout());
  });

  const inBrowser = browserProgram === null ? test.skip : test;
  const note = browserProgram === null ? ' (SKIPPED: needs chromium)' : '';
  inBrowser(
    `each incident is understood and acted on by clicks alone, from the link of its mail to resolved${note}`,
    async () => {
      const alerts = path.join(folder, '.ruawatch/demo/alerts');
      const links = readdirSync(alerts).flatMap((mail) => {
        // Quoted-printable breaks long lines.
        const text = readFileSync(path.join(alerts, mail), 'utf8').replaceAll(/=\r?\n/g, '');
        return mail.includes('week-to') ? [] : [/http:\/\/localhost:\d+\/findings\/\d+/.exec(text)?.[0] ?? `no link in ${mail}`];
      });
      expect(links.length).toBeGreaterThanOrEqual(KINDS.length - 2);
      const [once] = /http:\/\/localhost:\d+\/link\/\S+/.exec(run.stdout())!;
      const browser = await openBrowser();
      try {
        const { page, complaints } = await openWindow(browser, { width: 1440, dark: false, base: new URL(once).origin });
        await page.goto(once);
        await page.locator('main button').click();
        await page.getByRole('heading', { name: 'Overview' }).waitFor();
        for (const [i, link] of links.entries())
          await resolveByClicks(page, link, i === 0 ? ['acknowledge', 'resolve'] : ['resolve']);
        // What was resolved is the next step of a domain only where the newest reports still show it, and no
        // reporter whose word decides nothing tells of it again.
        await page.getByRole('link', { name: 'Overview' }).click();
        const next = await page.locator('tbody tr:has(a[href^="/findings/"])').allTextContents();
        expect(next.length).toBeGreaterThan(0);
        for (const row of next) expect(row.replaceAll(/\s+/g, ' ')).toMatch(/Finding \d+ goes on/);
        expect(complaints).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );

  test('Ctrl-C ends it', async () => {
    run.child.kill('SIGINT');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expectProgress(run.stderr());
  });
});

// Without --exit it has a console beside it; the rest is the same, and .ci/run runs `demo --exit --act` from
// the tarball.
if (FULL)
  test('demo --exit in an empty folder: the same, and exit 0', async () => {
    const folder = emptyFolder();
    const { code, stdout, stderr } = await ruawatchOnce(['demo', '--exit'], {}, folder);
    expect(code).toBe(0);
    expectProgress(stderr);
    expectAllShown(folder, stdout);
    rmSync(folder, { recursive: true, force: true });
  });

/** What a demo whose output is no terminal says of what it does, and nothing else. */
function expectProgress(stderr: string): void {
  const lines = stderr.trimEnd().split('\n');
  expect(lines[0]).toBe('ruawatch demo: writing six weeks of reports');
  expect(lines.filter((line) => !line.startsWith('ruawatch demo: '))).toEqual([]);
}

/** What somebody does who follows the link of a mail: reads what happened and what to do, and acts on it. */
async function resolveByClicks(page: Page, link: string, acts: readonly ('acknowledge' | 'resolve')[]): Promise<void> {
  await page.goto(link);
  const title = await page.locator('h1').textContent();
  expect(await page.locator('.advice li').count(), `${link}: ${title}`).toBeGreaterThan(0);
  for (const act of acts) {
    const form = page.locator(`details:has(form[action$="/${act}"])`);
    await form.locator('summary').click();
    await form.locator('input[name="why"]').fill('it is repaired');
    await form.locator('button').click();
    await page.getByRole('status').waitFor();
  }
  expect(await page.locator('.heading').textContent(), link).toContain('resolved');
}

test('demo where it cannot write is one sentence', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-demo-'));
  writeFileSync(path.join(folder, '.ruawatch'), '');
  const { code, stdout, stderr } = await ruawatchOnce(['demo', '--exit'], {}, folder);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^The demo cannot write to \S+\.ruawatch\/demo \(ENOTDIR\): run it in a folder that you may write to\.\n$/,
  );
  rmSync(folder, { recursive: true });
});
