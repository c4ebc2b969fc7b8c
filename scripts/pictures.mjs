/**
 * Takes pictures of mails, as a person would look at them: 360 and 700 pixels wide, in a light and a dark
 * scheme.
 *
 *   npm run pictures -- FOLDER_OF_MAILS OUT
 *
 * `npm run demo -- --exit` leaves mails in .ruawatch/demo/alerts.
 *
 * The mails are .eml files of the alerter, or .html files. Needs Debian's package chromium, or CHROMIUM.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const [from, out] = process.argv.slice(2);
if (!from || !out) {
  console.error('usage: npm run pictures -- FOLDER_OF_MAILS OUT');
  process.exit(2);
}
const CHROMIUM = process.env.CHROMIUM ?? 'chromium';
const WIDTHS = [360, 700];
/** blink::mojom::PreferredColorScheme */
const SCHEMES = { dark: 0, light: 1 };

/** The HTML part of a mail in quoted-printable. */
function htmlOf(file) {
  const raw = readFileSync(path.join(from, file), 'utf8');
  if (file.endsWith('.html')) return raw;
  const part = raw.slice(raw.indexOf('Content-Type: text/html'));
  const body = part.slice(part.indexOf('\r\n\r\n') + 4).split(/\r\n--/)[0];
  const bytes = body.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** A mail in a frame of each width: a window of Chromium cannot be as narrow as a telephone. */
function sheet(html) {
  const source = html.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const frames = WIDTHS.map(
    (width) =>
      `<iframe width="${width}" height="100" style="border:0;margin-right:12px;vertical-align:top" srcdoc="${source}" onload="this.height=this.contentDocument.documentElement.scrollHeight"></iframe>`,
  );
  return `<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><body style="margin:0;white-space:nowrap">${frames.join('')}</body>`;
}

const work = mkdtempSync(path.join(tmpdir(), 'ruawatch-pictures-'));
try {
  mkdirSync(out, { recursive: true });
  for (const file of readdirSync(from)
    .filter((name) => /\.(?:eml|html)$/.test(name))
    .sort()) {
    const page = path.join(work, 'page.html');
    writeFileSync(page, sheet(htmlOf(file)));
    for (const [name, scheme] of Object.entries(SCHEMES)) {
      const picture = path.resolve(out, `${path.parse(file).name}.${name}.png`);
      execFileSync(
        CHROMIUM,
        [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--hide-scrollbars',
          `--user-data-dir=${path.join(work, 'profile')}`,
          `--blink-settings=preferredColorScheme=${scheme}`,
          `--window-size=${WIDTHS.reduce((a, b) => a + b + 12, 0)},${process.env.HEIGHT ?? 2000}`,
          `--screenshot=${picture}`,
          `file://${page}`,
        ],
        { stdio: 'ignore', timeout: 120_000 },
      );
      console.log(picture);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
