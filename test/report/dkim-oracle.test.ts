import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authenticate } from '../../services/parser/verify/authenticity.ts';
import { organizationalDomain } from '../../services/report/orgdomain.ts';
import { draws } from '../helpers/full.ts';
import { change, drawnKeys, drawnMail, drawnSignature, signedMail } from './drawn.ts';

interface Found {
  results: { signingDomain: string; status: { result: string; comment: string | false } }[];
}
// Its types are of another nodemailer's.
const { dkimVerify } = createRequire(import.meta.url)('mailauth/lib/dkim/verify') as {
  dkimVerify(mail: Buffer, options: object): Promise<Found>;
};

const AT = new Date(Date.UTC(2026, 8, 2, 1));
const keys = drawnKeys();
const records = (name: string): string[][] => {
  const [selector] = name.toLowerCase().split('._domainkey.');
  const record = keys[selector!]?.record;
  return record === undefined ? [] : [[record.slice(0, 200), record.slice(200)]];
};
const resolver = { txt: async (name: string) => records(name) };

/** What we refuse though a signature of the author may verify: stated rules, by the reason that is stored. */
const HOUSE_RULES: Record<string, RegExp> = {
  ambiguous_header: /the header of the mail can be read in two ways/,
  field_twice: /the mail has more than one .* field/,
  no_author: /no From field with one address|more than one From field|has no From field/,
  body_length: /\(l=\)/,
  test_key: /\(t=y\)/,
  unsigned_type: /Content-Type is not signed/,
  unsigned_encoding: /Content-Transfer-Encoding is not signed/,
};
/** What RFC 6376 refuses and mailauth lets pass. */
const RFC_RULES: Record<string, RegExp> = {
  'section 3.5, h= must name From': /does not cover the From field/,
  'section 3.5, i= within d=': /\(i=\)/,
  'section 3.5, t= and x=': /\([tx]=\)|an invalid time/,
  'section 3.5, b= is base64': /is not base64/,
  'section 3.5, q=': /\(q=\)/,
  'section 3.6.1, t=s': /\(t=s\)/,
};

/**
 * Whether mailauth is known not to read this mail by RFC 6376, so that it says nothing here; dkimpy reads
 * each as we do.
 * - Bare CR: mailauth takes those at the end of the body for empty lines; section 3.4.3 knows CRLF alone.
 * - CRLF and bare LF in one body: the LF is left bare where chunks are put together.
 * - A last line of the body that has no end, with blanks at its end: section 3.4.4 has them ignored at the
 *   end of any line.
 * - No line between header and body: the mail is not looked at (RFC 5322 section 2.1: a body is optional).
 */
function isBeyondMailauth(text: string): boolean {
  const separator = /\r?\n\r?\n/.exec(text);
  if (separator === null) return true;
  const body = text.slice(separator.index + separator[0].length);
  return /\r(?!\n)|[ \t]$/.test(body) || (text.includes('\r\n') && /(?<!\r)\n/.test(text));
}

async function both(text: string) {
  const mail = Buffer.from(text, 'latin1');
  const ours = await authenticate(mail, AT, { check: 'verify', authserv_ids: [] }, resolver);
  const { results } = await dkimVerify(mail, {
    curTime: AT,
    resolver: async (name: string) => {
      const found = records(name);
      if (found.length === 0) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' });
      return found;
    },
  });
  const theirs = results.some(
    ({ signingDomain, status }) => status.result === 'pass' && organizationalDomain(signingDomain) === 'reporter.example',
  );
  return { ours, theirs, results };
}

test('of thousands of drawn mails, ours and mailauth prove the same, but for stated rules', { timeout: 300_000 }, async () => {
  const counts: Record<string, number> = { both: 0, neither: 0 };
  await fc.assert(
    fc.asyncProperty(
      drawnMail,
      drawnSignature,
      fc.oneof(
        { weight: 1, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(change, { minLength: 1, maxLength: 3 }) },
      ),
      async (mail, how, changes) => {
        const text = changes.reduce((was, one) => one(was), signedMail(mail, how, keys));
        if (isBeyondMailauth(text)) return;
        const { ours, theirs, results } = await both(text);
        const proven = ours.state === 'authentic';
        if (proven === theirs) {
          counts[proven ? 'both' : 'neither']!++;
          return;
        }
        const why = 'why' in ours ? ours.why : '';
        const rule = Object.entries({ ...HOUSE_RULES, ...RFC_RULES }).find(([, reason]) => !proven && reason.test(why));
        if (rule) counts[rule[0]] = (counts[rule[0]] ?? 0) + 1;
        else {
          const said = results.map(({ status }) => [status.result, status.comment]);
          throw new Error(`ours: ${ours.state} ${why}; mailauth: ${JSON.stringify(said)}\n${JSON.stringify(text)}`);
        }
      },
    ),
    { numRuns: draws(3_000, 1_200), seed: 20261126, endOnFailure: true },
  );
  expect(counts.both).toBeGreaterThan(draws(600, 240));
  expect(counts.neither).toBeGreaterThan(draws(400, 160));
  const never = Object.keys(HOUSE_RULES).filter((rule) => !counts[rule]);
  // That a change makes two authors of one is rare.
  expect(never.filter((rule) => rule !== 'no_author')).toEqual([]);
});
