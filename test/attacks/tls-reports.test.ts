import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { knotPresent, startWorld, titled, type World } from './harness.ts';

const GOOGLE = 'Google <noreply-smtp-tls-reporting@google.com>';
const EVIL = 'evil@evil-reporter.example';
let serial = 0;

/** A TLS report in Google's name, whose id anybody can foretell. */
function tlsMail(from: string, successful: number, failed: number): Buffer {
  const report = {
    'organization-name': 'Google Inc.',
    'contact-info': from === EVIL ? EVIL : 'smtp-tls-reporting@google.com',
    'report-id': '2026-09-01T00:00:00Z_example.com',
    'date-range': { 'start-datetime': '2026-09-01T00:00:00Z', 'end-datetime': '2026-09-01T23:59:59Z' },
    policies: [
      {
        policy: { 'policy-type': 'sts', 'policy-domain': 'example.com' },
        summary: { 'total-successful-session-count': successful, 'total-failure-session-count': failed },
      },
    ],
  };
  const body = gzipSync(JSON.stringify(report)).toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    `From: ${from}\r\nTo: rua@example.com\r\nSubject: Report Domain: example.com\r\nDate: Wed, 02 Sep 2026 03:00:00 +0000\r\nMessage-ID: <t${serial++}@reporter.example>\r\nMIME-Version: 1.0\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n`,
  );
}

/**
 * Threat: nothing says who wrote a TLS report, and one that comes with the identity of another takes its
 * place.
 */
describe.skipIf(!knotPresent)(titled("a forged TLS report with the identity of a listed reporter's"), () => {
  let world: World;
  afterEach(() => world.close());

  const current = () => world.query('select successful_sessions as good, failed_sessions as bad from dmarc.tls_reports');
  const at = (hour: number) => new Date(Date.UTC(2026, 8, 2, hour));

  for (const order of ['after', 'before'] as const) {
    test(`does not take its place when it comes ${order} it`, async () => {
      world = await startWorld();
      const mails = [tlsMail(GOOGLE, 1000, 0), tlsMail(EVIL, 0, 99_999)];
      if (order === 'before') mails.reverse();
      await world.bring([mails[0]!], at(4));
      await world.bring([mails[1]!], at(5));
      expect(await current()).toEqual([{ good: 1000, bad: 0 }]);
    });
  }

  test('what the reporter itself tells anew stands, as before', async () => {
    world = await startWorld();
    await world.bring([tlsMail(GOOGLE, 1000, 0)], at(4));
    await world.bring([tlsMail(GOOGLE, 1001, 2)], at(5));
    expect(await current()).toEqual([{ good: 1001, bad: 2 }]);
  });
});
