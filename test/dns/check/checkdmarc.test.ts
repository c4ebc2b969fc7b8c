import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import type { Code } from '../../../services/dns/check/codes.ts';
import { openDns } from '../../../services/shared/runtime/resolver.ts';
import { knotPresent, startKnot } from '../../helpers/knot.ts';
import { DIFFERENCES } from './differences.ts';
import { FIXTURES, GOOD, GOOD_WEB, webOf } from './fixtures.ts';
import { zonesOf } from './served.ts';

/** A Python that has checkdmarc 6.0.4 (`pip install checkdmarc==6.0.4` into an environment of its own). */
const PYTHON = process.env.CHECKDMARC_PYTHON;

/** What both read. DKIM keys are no business of checkdmarc, and it knows no reports. */
const KINDS = ['spf', 'dmarc', 'mx', 'mta_sts', 'tlsrpt', 'bimi'] as const;

/**
 * Nothing to compare: what a check of before saw, what reports say, and marks whose issuers checkdmarc does
 * not know.
 */
const ALONE = /^(?:mta_sts_id_kept|spf_unused|dmarc_sender_fails|dmarc_not_here|bimi_certificate.*)$/;

const present = PYTHON !== undefined && PYTHON !== '' && knotPresent;
const skipped = ` (SKIPPED: ${knotPresent ? 'CHECKDMARC_PYTHON names no Python' : 'knot is not installed'})`;
describe.skipIf(!present)(`beside checkdmarc${present ? '' : skipped}`, () => {
  test('both take the same domains for wrong, but for the differences that are listed', { timeout: 300_000 }, async () => {
    const script = fileURLToPath(new URL('./beside_checkdmarc.py', import.meta.url));
    const child = spawn(PYTHON!, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const codes = (Object.keys(FIXTURES) as Code[]).filter(
      (code) => (code === 'domain_missing' || KINDS.some((kind) => code.startsWith(`${kind}_`))) && !ALONE.test(code),
    );
    const differing: Code[] = [];
    for (const code of codes) {
      const { zone, domain = 'example.com', web } = FIXTURES[code];
      const kind = KINDS.find((one) => code.startsWith(`${one}_`)) ?? 'spf';
      const knot = await startKnot(zonesOf({ ...GOOD, ...zone }));
      const pages = { ...GOOD_WEB, ...web };
      child.stdin.write(`${JSON.stringify({ port: Number(knot.server.split(':')[1]), domain, kind, pages })}\n`);
      const dns = openDns([knot.server], { timeoutMs: 1_000, tries: 1 });
      const { findings } = await checkDomain(domain, dns, { selectors: ['sel'], web: webOf(pages) });
      const theirs = JSON.parse((await lines.next()).value as string) as { wrong: boolean };
      await knot.stop();
      const wrong = findings.some(
        (one) =>
          (one.severity === 'error' || (kind === 'mx' && one.severity === 'warning')) &&
          (one.code.startsWith(`${kind}_`) || one.code === 'domain_missing'),
      );
      if (wrong !== theirs.wrong) differing.push(code);
    }
    child.stdin.end();
    expect(differing.sort()).toEqual(Object.keys(DIFFERENCES).sort());
  });
});
