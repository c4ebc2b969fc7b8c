import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { which } from '../helpers/services.ts';

/** Debian's Chromium; null where it is not installed. */
export const browserProgram = which('chromium', 'chromium-browser');

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: browserProgram!, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** A window of this width, which collects what a page may not do (CSP), and what it asks other hosts for. */
export async function openWindow(
  browser: Browser,
  options: { width: number; dark: boolean; base: string; script?: boolean },
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    viewport: { width: options.width, height: 900 },
    colorScheme: options.dark ? 'dark' : 'light',
    javaScriptEnabled: options.script ?? true,
    baseURL: options.base,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A page that answers 404 or 409 is a line of the console, too.
    if (message.type() === 'error' && !/the server responded with a status/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(options.base) && !request.url().startsWith('data:'))
      complaints.push(`asked for ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { context, page, complaints };
}

/**
 * The rules of axe-core whose outcome depends on colours, and those where it depends on the width of the
 * window.
 */
export const OF_COLOURS = ['color-contrast', 'link-in-text-block'];
export const OF_WIDTH = ['color-contrast', 'scrollable-region-focusable', 'target-size', 'link-name', 'button-name', 'label'];

/** What axe-core finds wrong with the page, one line each. @param rules those that are run; null: all */
export async function accessibilityOf(page: Page, rules: readonly string[] | null = null): Promise<string[]> {
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe);
  return page.evaluate(async (only) => {
    const { violations } = await (
      globalThis as never as {
        axe: {
          run(options: object): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
        };
      }
    ).axe.run(only === null ? {} : { runOnly: { type: 'rule', values: only } });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 200)}`),
    );
  }, rules);
}

/** How many pixels the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { documentElement: root } = (
      globalThis as never as { document: { documentElement: { scrollWidth: number; clientWidth: number } } }
    ).document;
    return root.scrollWidth - root.clientWidth;
  });
}

/** The tables of a page: how many rows each has, and the addresses of its files. */
export function tablesOf(page: Page): Promise<{ rows: number; files: string[] }[]> {
  // The rest of a long table is folded below its first rows, and the files are below both.
  return page.locator('main .table:not(.rest > .table)').evaluateAll((tables) =>
    (tables as never as Part[]).map((table) => {
      const next = table.nextElementSibling;
      const rest = next?.matches('.rest') ? next : null;
      const below = rest === null ? next : rest.nextElementSibling;
      const links = below?.matches('.files') ? [...below.querySelectorAll('a')] : [];
      const rows = [table, ...(rest === null ? [] : [rest])].map((part) => [...part.querySelectorAll('tbody > tr')].length);
      return { rows: rows.reduce((sum, n) => sum + n, 0), files: links.map(({ href }) => href) };
    }),
  );
}

interface Part {
  nextElementSibling: Part | null;
  matches(of: string): boolean;
  querySelectorAll(of: string): Iterable<{ href: string }>;
}
