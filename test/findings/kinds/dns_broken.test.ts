import { test } from 'vitest';
import { SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

test('its words, by what was lost', () => {
  const facts = SAMPLES.dns_broken;
  const of = (given: Partial<typeof facts>) => ({ facts: given, subject: given.name ?? 'example.com' });
  const key = { name: 's1._domainkey.example.com', before: 'v=DKIM1; p=MIIB' };
  const policy = { name: '_dmarc.example.com', before: 'v=DMARC1; p=reject', rests: [], rests_in_all: 0 };
  return expectWords('dns_broken', {
    'an include, and reports show the consequence': of({ seen: { messages: 3_400, since: '2026-11-21' } }),
    'five terms, five senders': of({
      terms: ['a', 'mx', 'ip4:192.0.2.1', 'ip4:192.0.2.2', 'ip4:192.0.2.3'],
      rests: ['a.example', 'b.example', 'c.example', 'd.example'].map((name) => ({ name, per_day: 1.2, alone: 1 })),
      rests_in_all: 4,
    }),
    'three terms': of({ terms: ['a', 'mx', 'ip4:192.0.2.1'] }),
    'four terms': of({ terms: ['a', 'mx', 'ip4:192.0.2.1', 'ip4:192.0.2.2'] }),
    'all of SPF': of({ loss: 'spf_gone', now: null, terms: [] }),
    'a second SPF record': of({ loss: 'spf_several', now: 'v=spf1 mx -all', terms: [] }),
    'a key, of a sender with little mail': of({
      ...key,
      loss: 'key_gone',
      now: null,
      terms: [],
      rests: [{ name: 'a.example', per_day: 0.2, alone: 0.5 }],
    }),
    'senders with much mail, some, little and hardly any': of({
      rests: [
        { name: 'much.example', per_day: 1.5, alone: 0 },
        { name: 'some.example', per_day: 1.49, alone: 0 },
        { name: 'little.example', per_day: 0.75, alone: 0.5 },
      ],
      rests_in_all: 3,
    }),
    'a sender with hardly any mail': of({ rests: [{ name: 'few.example', per_day: 0.74, alone: 0 }], rests_in_all: 1 }),
    'a key that is revoked': of({ ...key, loss: 'key_revoked', now: 'v=DKIM1; p=', terms: [] }),
    'the DMARC record': of({ ...policy, loss: 'dmarc_gone', now: null, terms: [] }),
    'a DMARC record that is none': of({ ...policy, loss: 'dmarc_gone', now: 'v=DMARK1; p=reject', terms: [] }),
    'a weaker policy': of({ ...policy, loss: 'dmarc_weaker', now: 'v=DMARC1; p=none', terms: ['p=reject → p=none'] }),
  });
});
