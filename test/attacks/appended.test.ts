import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { reportXml } from '../helpers/report.ts';
import { dkimKey, dkimSigned, knotPresent, mailOf, startWorld, titled, type World } from './harness.ts';

const key = dkimKey();
const REPORTER = 'reporter.example';
const LIE = gzipSync(reportXml({ id: 'lie', rows: [{ count: 9_000 }] })).toString('base64');
const PART = `--b1\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n${LIE}\r\n--b1--\r\n`;
const bytes = (text: string) => Buffer.from(text, 'latin1');
const text = (mail: Buffer) => mail.toString('latin1');

/** What the reporter signed is not what is read: something was added before, behind or around it. */
describe.skipIf(!knotPresent)(titled('bytes that the signature does not cover'), () => {
  let world: World;
  afterEach(() => world.close());
  const proven = async (mails: Buffer[]) => {
    world = await startWorld();
    await world.publish(REPORTER, key);
    await world.bring(mails);
    return (await world.reports()).filter((r) => r.trust === 'ok').map((r) => r.report_id);
  };
  const sign = (mail: Buffer, more: object = {}) => dkimSigned(mail, { domain: REPORTER, key, ...more });
  const open = (id: string) => bytes(text(mailOf({ id })).replace('--b1--\r\n', ''));

  test('behind what l= covers, behind the closing delimiter, and in front of the first part', async () => {
    const covered = (mail: Buffer) => text(mail).split('\r\n\r\n').slice(1).join('\r\n\r\n').length;
    const part = sign(open('part'), { length: covered(open('part')) });
    const cut = open('cut');
    const before = sign(mailOf({ id: 'before' }));
    const nested = sign(mailOf({ id: 'nested' }));
    expect(
      await proven([
        Buffer.concat([part, bytes(PART)]),
        Buffer.concat([sign(mailOf({ id: 'whole' }), { length: 10 }), bytes(PART)]),
        Buffer.concat([sign(mailOf({ id: 'closed' })), bytes(`--b1\r\n${PART}`)]),
        Buffer.concat([sign(cut), bytes(PART)]),
        bytes(text(before).replace('\r\n\r\n--b1', `\r\n\r\n${PART.replace('--b1--\r\n', '')}--b1`)),
        // The genuine mail whole, as a part behind the lie, under its own header fields.
        bytes(
          `${text(nested).split('\r\n\r\n')[0]}\r\n\r\n${PART.replace('--b1--\r\n', '')}--b1\r\nContent-Type: message/rfc822\r\n\r\n${text(nested)}\r\n--b1--\r\n`,
        ),
      ]),
    ).toEqual([]);
  });

  test('a report in a mail that the signer only forwards or sends back is not his', async () => {
    const around = (inner: string, type = 'message/rfc822') =>
      sign(
        bytes(
          `From: mailer-daemon@${REPORTER}\r\nDate: Wed, 02 Sep 2026 00:00:00 GMT\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=dsn\r\n\r\n--dsn\r\n\r\nSent back.\r\n--dsn\r\nContent-Type: ${type}\r\n\r\n${inner}\r\n--dsn--\r\n`,
        ),
      );
    const inner = text(mailOf({ id: 'returned' }));
    const deeper = `Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n${text(mailOf({ id: 'deeper' }))}\r\n--x--\r\n`;
    const failure = `From: x@${REPORTER}\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=f\r\n\r\n--f\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nReported-Domain: example.com\r\nSource-IP: 192.0.2.1\r\n\r\n--f--\r\n`;
    expect(await proven([around(inner), around(deeper), around(failure), sign(mailOf({ id: 'own' }))])).toEqual(['own']);
    expect(await world.query('select reporter, trust, trust_reason from ruawatch.failure_reports')).toEqual([
      { reporter: REPORTER, trust: 'bad', trust_reason: expect.stringMatching(/forwarded or returned inside it/) },
    ]);
    const reasons = (await world.reports()).filter((r) => r.report_id !== 'own').map((r) => r.trust_reason);
    expect(reasons).toEqual([expect.stringMatching(/forwarded or returned inside it/), expect.stringMatching(/forwarded/)]);
  });

  test('blanks at line ends and empty lines at the end, which relaxed form allows, change nothing', async () => {
    const mail = text(sign(mailOf({ id: 'spaced' })));
    expect(await proven([bytes(`${mail.replace('This is a report.\r\n', 'This is  a report. \r\n')}\r\n\r\n`)])).toEqual([
      // "is a" became two blanks, and relaxed form makes one of them again.
      'spaced',
    ]);
  });
});
