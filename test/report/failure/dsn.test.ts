import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readMessage } from '../../../services/report/read-mail.ts';
import { readAll } from '../build.ts';

const folder = path.resolve(import.meta.dirname, '../../fixtures/bounces');
const EXIM = readFileSync(path.join(folder, 'exim-dmarc.eml'), 'latin1');

/** A notification with one block about a recipient, and what it returns. */
const dsn = (recipient: string, returned = 'Message-ID: <1@shop.example.com>\nSubject: secret', type = 'text/rfc822-headers') =>
  `From: MAILER-DAEMON@mx.example.net\nTo: news@example.com\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\nsorry\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; MX.example.net\nArrival-Date: Fri, 27 Nov 2026 10:00:00 +0000\n\n${recipient}\n--b\nContent-Type: ${type}\n\n${returned}\n--b--\n`;
const FINAL = 'Final-Recipient: rfc822; bob@gmx.net\nAction: failed\nStatus: 5.1.1';
const recipientOf = async (recipient: string) => (await readAll(dsn(recipient))).bounces[0]?.recipients[0];

test("Exim's notification: the status of the remote's words, since its own says nothing", async () => {
  const { bounces, codes } = await readAll(EXIM);
  expect(codes).toEqual(['bounce']);
  expect(bounces).toEqual([
    {
      kind: 'bounce',
      reporting_mta: 'relay.kestrel.test',
      message_id: 'e1@shop.example.com',
      recipients: [
        {
          domain: 'gmx.test',
          action: 'failed',
          status: '5.7.26',
          words: expect.stringMatching(/^550 5\.7\.26 Unauthenticated email from example\.com/),
          remote_mta: '127.0.0.1',
        },
      ],
    },
  ]);
});

test.each([
  [
    'folded words',
    `${FINAL}\nDiagnostic-Code: smtp; 550 5.7.1 first\n  second`,
    { words: '550 5.7.1 first second', status: '5.1.1' },
  ],
  [
    'an address in the words',
    `${FINAL}\nDiagnostic-Code: smtp; 550 <bob@gmx.net>: unknown`,
    { words: '550 <***@gmx.net>: unknown' },
  ],
  ['a bare user in the words', `${FINAL}\nDiagnostic-Code: smtp; 550 bob: no such user`, { words: '550 ***: no such user' }],
  ['no words', FINAL, { words: '', status: '5.1.1' }],
  ['another letter case', FINAL.replace('failed', 'Failed (for now)'), { action: 'failed' }],
  ['a delay', FINAL.replace('failed', 'delayed').replace('5.1.1', '4.4.1'), { action: 'delayed', status: '4.4.1' }],
  ['only the original recipient', FINAL.replace('Final', 'Original'), { domain: 'gmx.net' }],
  [
    'an international address',
    FINAL.replace('rfc822; bob@gmx.net', 'utf-8; bob@bücher.example'),
    { domain: 'xn--bcher-kva.example' },
  ],
  ['no status', FINAL.replace('\nStatus: 5.1.1', '\nDiagnostic-Code: smtp; 550-5.7.26 x'), { status: '5.7.26' }],
])('a recipient with %s', async (_, recipient, wanted) => expect(await recipientOf(recipient)).toMatchObject(wanted));

test.each([
  ['a success', FINAL.replace('failed', 'delivered')],
  ['no action', FINAL.replace(/Action.*\n/, '')],
  ['no recipient', 'Action: failed'],
  ['an address without a domain', FINAL.replace('bob@gmx.net', '<>')],
])('%s is no bounce', async (_, recipient) => {
  const { bounces, codes } = await readAll(dsn(recipient));
  expect(bounces).toEqual([]);
  expect(codes).toEqual(['no_report']);
});

test.each([
  ['of its header', 'text/rfc822-headers', 'Message-ID: <1@shop.example.com>', '1@shop.example.com'],
  ['of the whole mail', 'message/rfc822', 'Message-ID: <1@shop.example.com>\nFrom: a@example.com\n\nhello', '1@shop.example.com'],
  ['without a Message-ID', 'text/rfc822-headers', 'From: a@example.com', null],
  ['of nothing', 'text/plain', 'nothing', null],
])('the mail that it is about, from a copy %s', async (_, type, returned, id) => {
  expect((await readAll(dsn(FINAL, returned, type))).bounces[0]?.message_id).toBe(id);
});

test.each(['\r\n', '\r'])('line ends are those of the mail: %j', async (end) => {
  const { bounces } = await readAll(dsn(`${FINAL}\n\n${FINAL.replace('gmx.net', 'web.de')}`).replaceAll('\n', end));
  expect(bounces[0]).toMatchObject({
    message_id: '1@shop.example.com',
    recipients: [{ domain: 'gmx.net' }, { domain: 'web.de' }],
  });
});

test('a notification inside a forwarded mail, or in the mail that it returns, is no bounce of ours', async () => {
  const forwarded = `From: a@example.com\nSubject: look\nContent-Type: multipart/mixed; boundary=f\n\n--f\nContent-Type: message/rfc822\n\n${dsn(FINAL)}\n--f--\n`;
  expect((await readAll(forwarded)).bounces).toEqual([]);
});

test('of many recipients a hundred are kept, and a part that is too long is read not at all', async () => {
  const many = Array.from({ length: 150 }, (_, n) => FINAL.replace('bob', `r${n}`)).join('\n\n');
  expect((await readAll(dsn(many))).bounces[0]?.recipients).toHaveLength(100);
  expect(await readAll(dsn(many), { feedbackLength: 1_000 })).toMatchObject({ bounces: [], codes: ['feedback_too_long'] });
});

test('a report in the mail that is returned is read as before', async () => {
  const report = readFileSync(path.resolve(folder, '../failure/plain.eml'), 'utf8');
  const { bounces, failures } = await readAll(dsn(FINAL, report, 'message/rfc822'));
  expect(bounces).toHaveLength(1);
  expect(failures).toHaveLength(1);
});

test('two notifications in one mail are two events, each with its own place', async () => {
  const part = `--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n${FINAL}\n`;
  const raw = dsn(FINAL).replace('--b--', `${part}--b--`);
  const parts: number[] = [];
  for await (const event of readMessage(Buffer.from(raw))) if (event.type === 'bounce') parts.push(event.part);
  expect(parts).toEqual([0, 1]);
});
