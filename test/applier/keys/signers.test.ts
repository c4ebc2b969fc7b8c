import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyFiles } from '../../../services/applier/keys/files.ts';
import { signedBy, signers, startSigner, verified } from '../../helpers/signers.ts';

// The programs that sign read what is written here: they must sign with the key that was switched to, so that
// it verifies with the record that was published.
const DOMAIN = 'example.com';
const MAIL =
  'From: a@example.com\r\nTo: b@example.org\r\nSubject: x\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nhello\r\n';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-signer-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ['opendkim', signers.opendkim],
  ['rspamd', signers.rspamd],
] as const)('%s', (layout, present) => {
  describe.runIf(present)(present ? 'as it is' : `(SKIPPED: ${layout} is not installed)`, () => {
    test('signs with the key that was switched to, without being started again', async () => {
      const signer = await startSigner(layout, folder, DOMAIN);
      try {
        const store = keyFiles(layout, folder, DOMAIN, 2048);
        const records: Record<string, string> = {};
        for (const selector of ['r20260701-1', 'r20261227-2']) {
          records[`${selector}._domainkey.${DOMAIN}`] = await store.make(selector);
          await store.switchTo(selector);
          const signature = await signedBy(signer, MAIL, selector);
          expect(await verified(signature, MAIL, async (name) => records[name] ?? null)).toEqual([
            `example.com ${selector} pass`,
          ]);
        }
      } finally {
        await signer.stop();
      }
    }, 60_000);
  });
});
