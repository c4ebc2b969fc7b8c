import { test } from 'vitest';
import type { SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

const missed = (reporter: string) => ({ reporter, unusable: 12, good: 1, expected: 12 });
const of = (facts: Partial<typeof SAMPLES.unreadable_reports>) => ({ facts, domain: '*', subject: '*' });

test('its words, by who is missed', () =>
  expectWords('unreadable_reports', {
    'many mails': of({}),
    'all mails': of({ mails: 5, aside: 5, share: 1, usual: 0, codes: [{ name: 'zip_damaged', mails: 5 }] }),
    'several codes and senders': of({
      codes: ['archive_damaged', 'xml_malformed', 'too_large', 'no_domain'].map((name, i) => ({ name, mails: 20 - i })),
      senders: ['a.example', 'b.example', 'nobody'].map((name, i) => ({ name, mails: 20 - i })),
    }),
    'four senders, and no code': of({
      codes: [],
      senders: ['a.example', 'b.example', 'nobody', 'c.example'].map((name, i) => ({ name, mails: 20 - i })),
    }),
    'four senders': of({
      senders: ['a.example', 'b.example', 'nobody', 'c.example'].map((name, i) => ({ name, mails: 20 - i })),
    }),
    'nothing set aside, and no reader differs': of({ aside: 0, share: 0, codes: [], senders: [], differing: [] }),
    'two readers differ about one': of({
      aside: 0,
      share: 0,
      codes: [],
      senders: [],
      differing: [{ name: 'mail.example', mails: 1 }],
    }),
    'two readers differ about four, and mails are set aside': of({
      differing: ['a', 'b', 'c', 'd'].map((name, i) => ({ name: `${name}.example`, mails: 4 - i })),
    }),
    'one known reporter': of({ missed: [missed('google.com')] }),
    'several known reporters, whose reports are not verified': of({
      aside: 0,
      share: 0,
      codes: [],
      senders: [],
      differing: [{ name: 'mail.example', mails: 2 }],
      missed: ['google.com', 'Enterprise Outlook', 'Yahoo', 'Mail.Ru'].map(missed),
    }),
    'two readers differ': of({
      aside: 0,
      share: 0,
      codes: [],
      senders: [],
      differing: ['google.com', 'mail.example'].map((name, i) => ({ name, mails: 3 - i })),
    }),
  }));
