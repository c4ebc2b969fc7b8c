import { test } from 'vitest';
import { expectWords } from './words.ts';

const evidence = { messages: 0, of: 41_250 };

test('its words', () =>
  expectWords('sending_not_reported', {
    'it stopped here': { subject: 'gmx.net', evidence },
    'it never reported here': { subject: 'gmx.net', evidence, facts: { last_here: null } },
    'no other domain': { subject: 'gmx.net', evidence, facts: { last_elsewhere: null, usual_delay: 0 } },
    'more mailboxes than are named': {
      subject: 'gmx.net',
      evidence,
      facts: { mailboxes: ['gmx.net', 'gmx.de', 'gmx.at', 'web.de', 'mail.com'] },
    },
    'as many as are named': { subject: 'gmx.net', evidence, facts: { mailboxes: ['gmx.net', 'gmx.de', 'gmx.at'] } },
    'nothing is known of the record': { subject: 'gmx.net', evidence, facts: { record: null } },
  }));
