import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authenticate } from '../../services/parser/verify/authenticity.ts';
import { readMessage } from '../../services/report/read-mail.ts';
import { dkimKey, dkimSigned, OVERSIGNED, USUAL_HEADERS } from '../attacks/dkim.ts';
import { draws } from '../helpers/full.ts';
import { reportMail, reportXml } from '../helpers/report.ts';

const key = dkimKey();
const AT = new Date(Date.UTC(2026, 8, 3));
const TRUST = { check: 'verify' as const, authserv_ids: [] };
const resolver = { txt: async () => [[key.record]] };
const FEW = ['from', 'to', 'subject', 'date'];
const LIE = reportXml({ id: 'lie', rows: [{ count: 9_000 }] }).replaceAll('\n', '');
const PART = `--b1\r\nContent-Type: text/xml\r\n\r\n${LIE}\r\n`;

/** Genuine mails, signed as different reporters do. */
const GENUINE = [FEW, USUAL_HEADERS, OVERSIGNED].flatMap((headers) =>
  (['relaxed/relaxed', 'simple/simple', 'relaxed/simple'] as const).map((canonicalization) =>
    dkimSigned(reportMail(reportXml({ id: 'true', rows: [{ count: 7 }] }).replaceAll('\n', '\r\n')), {
      domain: 'reporter.example',
      key,
      headers,
      canonicalization,
    }).toString('latin1'),
  ),
);

/** What forgers and damaged software put into mails. */
const PIECES = [
  'Received: from a by b; Wed, 2 Sep 2026 00:00:00 +0000\r\n',
  'X-Spam: no\r\n\tfolded\r\n',
  'DKIM-Signature: v=1; d=other.example\r\n',
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  '\r\n ',
  '\r\n \r\n',
  '\r\n\r\n',
  '\n\n',
  '\r\r',
  '\0',
  ':',
  ' :',
  'X: y\r\n',
  'a/b: c\r\n',
  '<a:b\r\n',
  'Content-Type: text/xml\r\n',
  'Content-Type: multipart/mixed; boundary="b1"\r\n',
  'Content-Type: multipart/mixed; boundary=evil\r\n',
  'content-type : text/plain\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Transfer-Encoding: quoted-printable\r\n',
  'Content-Disposition: attachment; filename="a!b!1!2.xml"\r\n',
  'MIME-Version: 1.0\r\n',
  'From: <x@reporter.example>\r\n',
  'From x@y.example Wed Sep  2 00:00:00 2026\r\n',
  `X-Junk: ${LIE}\r\n`,
  `X-Junk: a\r\n \r\n ${LIE}\r\n`,
  `\r\n\r\n${LIE}\r\n`,
  PART,
  `${PART}--b1--\r\n`,
  PART.replaceAll('b1', 'evil'),
  '--b1--\r\n',
  '--b1\r\n',
  '--evil\r\n',
  'boundary="evil"',
];

/** A place in the mail: mostly in its header, at line ends, where readings part. */
const place = fc.oneof(
  { weight: 5, arbitrary: fc.record({ line: fc.nat(30), before: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }) }) },
);
const change = fc.record({ place, what: fc.constantFrom(...PIECES), cut: fc.oneof(fc.constant(0), fc.nat(12)) });

function changed(
  mail: string,
  { place: where, what, cut }: { place: { line?: number; before?: boolean; at?: number }; what: string; cut: number },
): string {
  let at = Math.floor((where.at ?? 0) * mail.length);
  if (where.line !== undefined) {
    at = 0;
    for (let i = 0; i < where.line; i++) at = mail.indexOf('\n', at) + 1 || at;
    if (!where.before) at = Math.max(0, at - 2);
  }
  return mail.slice(0, at) + what + mail.slice(at + cut);
}

/** What the reports of a mail say, but for blanks, which the relaxed form of a body leaves open. */
async function read(mail: Buffer): Promise<string[]> {
  const told: string[] = [];
  for await (const event of readMessage(mail)) {
    if (event.type === 'report' && event.doubt === null)
      told.push(JSON.stringify([event.report.report_id, event.report.messages, event.report.begin]));
  }
  return told;
}

test('of thousands of changed mails, those that are proven are read as they were signed', { timeout: 300_000 }, async () => {
  const genuine = new Set(await read(Buffer.from(GENUINE[0]!, 'latin1')));
  expect(genuine.size).toBe(1);
  let proven = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...GENUINE), fc.array(change, { minLength: 1, maxLength: 3 }), async (mail, changes) => {
      const bytes = Buffer.from(changes.reduce(changed, mail), 'latin1');
      const verdict = await authenticate(bytes, AT, TRUST, resolver);
      if (verdict.state !== 'authentic') return;
      proven++;
      for (const told of await read(bytes)) expect(genuine).toContain(told);
    }),
    { numRuns: draws(6_000, 2_000) },
  );
  // The property would hold for a verifier that refuses everything.
  expect(proven).toBeGreaterThan(draws(50, 15));
});

test('the mails unchanged are proven and read whole', async () => {
  for (const mail of GENUINE) {
    const bytes = Buffer.from(mail, 'latin1');
    expect(await authenticate(bytes, AT, TRUST, resolver)).toMatchObject({ state: 'authentic' });
    expect(await read(bytes)).toHaveLength(1);
  }
});
