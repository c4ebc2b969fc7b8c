import { expect, test } from 'vitest';
import { refusedSentence } from '../../../services/alerter/mail/refused-sentence.ts';

const REFUSED = {
  findings: 1,
  digests: 0,
  requests: 0,
  recipients: ['a@example.org'],
  why: '550 5.1.1 No such user.',
  next: null,
};
const correct = 'Correct ALERT_TO, ALERT_FROM or SMTP_URL, or what the mail server permits.';

test('nothing is said where nothing is refused', () => {
  expect(refusedSentence({ ...REFUSED, findings: 0 })).toBeNull();
});

test.each([
  [{}, 'a@example.org could not be mailed about 1 finding: 550 5.1.1 No such user'],
  [{ findings: 2, recipients: [] }, 'Nobody could not be mailed about 2 findings: 550 5.1.1 No such user'],
  [{ findings: 0, digests: 1, why: null }, 'a@example.org could not be mailed with the weekly digest: '],
  [{ findings: 0, requests: 2 }, 'a@example.org could not be mailed about 2 requests: 550 5.1.1 No such user'],
  [{ requests: 1 }, 'a@example.org could not be mailed about 1 finding and about 1 request: 550 5.1.1 No such user'],
  [
    { requests: 1, digests: 2 },
    'a@example.org could not be mailed about 1 finding and about 1 request and with the weekly digest: 550 5.1.1 No such user',
  ],
  [{ digests: 1 }, 'a@example.org could not be mailed about 1 finding and with the weekly digest: 550 5.1.1 No such user'],
  [
    { recipients: ['a@example.org', 'b@example.org'], next: new Date('2026-10-06T08:07:59Z') },
    'a@example.org and b@example.org could not be mailed about 1 finding: 550 5.1.1 No such user; next try 2026-10-06 08:07 UTC, or when the alerter starts',
  ],
])('%j', (given, sentence) => {
  expect(refusedSentence({ ...REFUSED, ...given })).toBe(`${sentence}. ${correct}`);
});
