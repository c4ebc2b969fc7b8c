import { describe, expect, test } from 'vitest';
import { bounceOf, isProven } from '../../../services/milter/release/bounce.ts';
import type { HeldRow } from '../../../services/store/held/held.ts';
import { heldOf } from '../../requests/held/sample.ts';

const HELD = { ...heldOf(), held_key: 7, release_token: 'f00d' } as unknown as HeldRow;
const none = { arc: { result: 'none', by: null }, dmarc: { result: 'none', policy: null, domain: null }, version: 1 };

describe('a sender is shown to be the sender', () => {
  const proven = (envelope_from: string, spf: [string, string | null], ...signers: [string, string | null][]) =>
    isProven({
      envelope_from,
      results: {
        ...none,
        spf: { result: spf[0], domain: spf[1] },
        dkim: signers.map(([result, domain]) => ({ result, domain, selector: 's', aligned: false })),
      } as unknown as HeldRow['results'],
    });
  test.each<[string, boolean, Parameters<typeof proven>]>([
    ['by SPF for its domain', true, ['a@Sub.Example.com', ['pass', 'sub.example.COM']]],
    ['not by SPF for another', false, ['a@sub.example.com', ['pass', 'example.com']]],
    ['not by SPF that fails', false, ['a@example.com', ['fail', 'example.com']]],
    ['not by SPF for no domain', false, ['a@example.com', ['pass', null]]],
    ['by its own signature', true, ['a@example.com', ['none', null], ['fail', 'example.com'], ['pass', 'Example.com']]],
    ['by the signature of a domain above', true, ['a@sub.example.com', ['none', null], ['pass', 'example.com']]],
    ['not by one below', false, ['a@example.com', ['none', null], ['pass', 'sub.example.com']]],
    ['not by one that ends alike', false, ['a@badexample.com', ['none', null], ['pass', 'example.com']]],
    ['not by a top-level domain', false, ['a@example.com', ['none', null], ['pass', 'com']]],
    ['not by a signature of nobody', false, ['a@example.com', ['none', null], ['pass', null]]],
    ['not without an address', false, ['', ['pass', '']]],
    ['not with two', false, ['a@b@example.com', ['pass', 'example.com']]],
  ])('%s', (_, shown, given) => expect(proven(...given)).toBe(shown));
});

/** Without the boundary, which is another in each mail. */
const written = (part: Partial<HeldRow>, host = 'mail.example.com') =>
  bounceOf(
    { ...HELD, ...part },
    { from: 'postmaster@example.com', host, why: 'The recipient does not take it.', now: new Date('2026-11-27T08:00:00Z') },
  )
    .toString()
    .replace(/ruawatch-[0-9a-f]{24}/g, 'BOUNDARY');

test('the whole mail: why, for whom, and two fields of the sender’s own', () => {
  expect(written({ recipients: ['ben@example.com'], subject: 'Päy this' }).split('\r\n')).toEqual([
    'From: Mail Delivery System <postmaster@example.com>',
    'To: <bounce@evil.example>',
    'Subject: Your mail was not delivered',
    'Date: Fri, 27 Nov 2026 08:00:00 +0000',
    'Message-ID: <held-7-f00d@mail.example.com>',
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="BOUNDARY"',
    '',
    '--BOUNDARY',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'Your mail to ben@example.com was not delivered.',
    'The recipient does not take it.',
    '',
    '--BOUNDARY',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mail.example.com',
    '',
    'Final-Recipient: rfc822; ben@example.com',
    'Action: failed',
    'Status: 5.7.1',
    '',
    '--BOUNDARY',
    'Content-Type: text/rfc822-headers',
    '',
    'Message-ID: <1@evil.example>',
    'Subject: P?y this',
    '',
    '--BOUNDARY--',
    '',
  ]);
});

test('of many recipients it names a hundred, quotes nothing that was not there, and no more of a line than 500 characters', () => {
  const recipients = Array.from({ length: 101 }, (_, i) => `r${i}@example.com`);
  const many = written({ recipients, message_id: null, subject: null }, '<>');
  expect(many).toContain('Your mail to 101 recipients was not delivered.');
  expect(many.match(/^Final-Recipient: /gm)).toHaveLength(100);
  expect(many).toContain('Message-ID: <held-7-f00d@localhost>');
  expect(many.match(/^(?:Message-ID|Subject): /gm)).toHaveLength(2);
  const long = written({ message_id: null, subject: 's'.repeat(501) });
  expect(/^Subject: (s+)\r$/m.exec(long)![1]).toHaveLength(500);
});
