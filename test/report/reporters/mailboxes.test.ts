import { expect, test } from 'vitest';
import { reporterOfMailbox } from '../../../services/report/reporters/mailboxes.ts';
import { isKnown } from '../../../services/report/reporters/reporters.ts';

test.each(['gmail.com', 'hotmail.co.uk', 'live.nl', 'yahoo.co.jp', 'gmx.at', 'bk.ru', 'email.cz', 'aol.com'])(
  'mail to %s is reported by a reporter of the catalogue',
  (domain) => expect(isKnown(reporterOfMailbox(domain))).toBe(true),
);

test.each([
  ['gmail.com', 'google.com'],
  ['gmx.de', 'gmx'],
  ['comcast.net', 'comcast.net'],
  ['mail.receiver.example', 'receiver.example'],
  ['receiver.co.uk', 'receiver.co.uk'],
])('mail to %s is reported under %s', (domain, key) => expect(reporterOfMailbox(domain)).toBe(key));
