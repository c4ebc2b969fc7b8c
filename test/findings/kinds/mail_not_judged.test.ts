import { test } from 'vitest';
import { expectWords } from './words.ts';

const of = (facts: { passed: number; put_off?: number; own?: number; reasons?: { why: string; mails: number }[] }) => ({
  facts: {
    put_off: 0,
    own: 0,
    last_at: '2026-10-05 14:02',
    reasons: [{ why: 'The store did not answer: connect ECONNREFUSED', mails: facts.passed + (facts.put_off ?? 0) }],
    ...facts,
  },
  domain: '*',
  subject: '*',
});

test('its words, by what became of the mails', () =>
  expectWords('mail_not_judged', {
    'one passed': of({ passed: 1 }),
    'in the name of own domains': of({ passed: 7, own: 1 }),
    'some passed, some wait': of({
      passed: 12,
      put_off: 3,
      own: 6,
      reasons: [
        { why: 'The mail server does not offer to hold mails.', mails: 12 },
        { why: '5000 mails wait', mails: 3 },
      ],
    }),
    'all wait': of({ passed: 0, put_off: 2 }),
  }));
