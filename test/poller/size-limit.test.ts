import { expect, test } from 'vitest';
import { tooLarge } from '../../services/poller/size-limit.ts';

const mail = {
  uid: 7,
  receivedAt: new Date('2026-11-28T00:00:00Z'),
  sender: 'reports@receiver.example',
  subject: 'Report domain: example.com',
  messageId: '<1@receiver.example>',
  size: 90_000_000,
};

test('a mail that is too large is known by what its server says, with the sizes and its folder in the reason', () => {
  const left = tooLarge(mail, 64 * 2 ** 20, 'INBOX');
  expect(left).toMatchObject({ ...mail, code: 'mail_too_large' });
  expect(left.reason).toMatch(/90000000 bytes, more than limits\.mailBytes \(67108864\).*"INBOX"/);
  expect(tooLarge({ ...mail, uid: 8, subject: 'moved' }, 1, 'Archive').fingerprint).toEqual(left.fingerprint);
  expect(tooLarge({ ...mail, size: 90_000_001 }, 1, 'INBOX').fingerprint).not.toEqual(left.fingerprint);
});
