/**
 * Takes pictures of the console's pages, with the data of `npm run demo`.
 *
 *   npm run console-pictures -- LINK docs/pictures   the two of README.md: overview.png and domain.png
 *   npm run console-pictures -- LINK OUT --all       every page at 360, 800, 1440 pixels, light and dark
 *
 * LINK is the one that the demo prints; it signs in once. Or the console's address, with SESSION=… of the
 * cookie. Needs Debian's package chromium, or CHROMIUM.
 */
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [link, out, all] = process.argv.slice(2);
if (!link || !out) {
  console.error('usage: npm run console-pictures -- LINK OUT [--all]');
  process.exit(2);
}
const WIDTHS = [360, 800, 1440];
/** A README is read at about this width. */
const README = { width: 1200, height: 560 };
const MOST_BYTES = 200_000;

const base = new URL(link).origin;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
try {
  mkdirSync(out, { recursive: true });
  const first = await browser.newContext({ viewport: README, colorScheme: 'light', baseURL: base });
  const page = await first.newPage();
  if (process.env.SESSION) await first.addCookies([{ name: 'ruawatch', value: process.env.SESSION, url: base }]);
  else {
    await page.goto(link);
    await page.locator('main button').click();
  }
  await page.goto('/');
  const linkTo = async (start, from = '/') => {
    await page.goto(from);
    const found = await page.locator(`main a[href^="${start}"]`).all();
    return (await Promise.all(found.map((one) => one.getAttribute('href')))).filter((href) => !href.includes('?'));
  };
  const domains = await linkTo('/domains/');
  const domain = domains[0];
  if (all === '--all') {
    const [sender] = await linkTo(`${domain}/senders/`, domain);
    const findings = await linkTo('/findings/', '/findings');
    const [report] = await linkTo('/reports/', '/reports');
    // The plain demo has none of the following; one with --act has requests.
    const [tlsReport] = await linkTo('/tls-reports/', '/tls-reports');
    const [failure] = await linkTo('/failure-reports/', '/failure-reports');
    const [request] = await linkTo('/requests/', '/requests');
    const [held] = await linkTo('/held/', '/held');
    const month = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 7);
    const pages = {
      overview: '/',
      domain,
      domain_2: domains[1] ?? domain,
      sender: sender ?? '/',
      month: `${domain}/months/${month}`,
      findings: '/findings',
      finding: findings[0] ?? '/findings',
      finding_2: findings[1] ?? '/findings',
      look_alikes: '/look-alikes',
      reports: '/reports',
      report: report ?? '/reports',
      tls: '/tls-reports',
      ...(tlsReport && { tls_report: tlsReport }),
      failures: '/failure-reports',
      ...(failure && { failure }),
      quarantine: '/quarantine',
      messages: '/messages',
      requests: '/requests',
      ...(request && { request }),
      held: '/held',
      ...(held && { held_mail: held }),
      held_for_me: '/held-for-me',
      access: '/access',
      week: '/digest',
      health: '/health',
      setup: '/setup',
      upload: '/upload',
      people: '/people',
      account: '/account',
    };
    const cookies = await first.cookies();
    for (const colorScheme of ['light', 'dark'])
      for (const width of WIDTHS) {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, baseURL: base });
        await context.addCookies(cookies);
        const window = await context.newPage();
        for (const [name, address] of Object.entries(pages)) {
          await window.goto(address);
          await window.screenshot({ path: path.join(out, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        }
        await context.close();
      }
  } else {
    for (const [name, address, height] of [
      ['overview', '/', README.height],
      ['domain', domain, 2 * README.height],
    ]) {
      await page.setViewportSize({ ...README, height });
      await page.goto(address);
      const file = path.join(out, `${name}.png`);
      await page.screenshot({ path: file });
      const { size } = statSync(file);
      if (size > MOST_BYTES) throw new Error(`${file} has ${size} bytes, and may have ${MOST_BYTES}.`);
      console.log(`${file}: ${size} bytes`);
    }
  }
} finally {
  await browser.close();
}
