import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { authenticate } from '../../services/parser/verify/authenticity.ts';
import { dkimKey } from '../attacks/dkim.ts';
import { resigned } from './resigned.ts';

/** Mails of real reporters, beside the checkout; not part of the repository. */
const shared = path.resolve(import.meta.dirname, '../../../shared');
const folders = ['samples', 'suites'].map((name) => path.join(shared, name)).filter((folder) => existsSync(folder));
if (folders.length === 0) console.log(`The folder of samples is absent (${shared}): its mails are not signed anew.`);
folders.push(path.resolve(import.meta.dirname, '../fixtures'));

const rsa = dkimKey();
const ed25519 = dkimKey({ ed25519: true });

/** The genuine mails that are not proven, and why. */
const NOT_PROVEN: Record<string, RegExp> = {
  // Saved with a blank line on top, which no mail has.
  tests__mail: /a blank line precedes the first field/,
  // Of 2015: fastmail signs with SHA-256 today.
  'fastmail.com_Report-ID_2015.06.23.5672770.eml': /an algorithm that no longer proves anything/,
  // A complaint that only quotes a signed mail.
  arf: /no DKIM signature/,
};

/**
 * Each keeps its own d=, s=, h=, c=, and the folding: whether it is proven says whether we take what real
 * reporters send.
 */
test('mails of real reporters, signed anew as they were, are proven', async () => {
  const unproven: string[] = [];
  let proven = 0;
  for (const folder of folders) {
    for (const file of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
      if (!/\.eml$|tests__mail$/.test(file)) continue;
      const mail = resigned(readFileSync(path.join(folder, file)), rsa, ed25519);
      if (Object.keys(mail.records).length === 0) continue;
      const verdict = await authenticate(
        mail.bytes,
        mail.at,
        { check: 'verify', authserv_ids: [] },
        { txt: async (name) => (mail.records[name] === undefined ? [] : [[mail.records[name]]]) },
      );
      if (verdict.state === 'authentic') proven++;
      else {
        const known = Object.entries(NOT_PROVEN).find(([name, why]) => file.includes(name) && why.test(verdict.why));
        if (!known) unproven.push(`${file}: ${verdict.why}; ${mail.told.join(', ')}`);
      }
    }
  }
  expect(unproven).toEqual([]);
  if (folders.length === 3) expect(proven).toBeGreaterThanOrEqual(15);
});
