import { test } from 'vitest';
import { SAMPLES } from './samples.ts';
import { expectWords } from './words.ts';

test('its words, by how the key is missing', () => {
  const subject = SAMPLES.dkim_key_missing.name;
  const of = (facts: Partial<typeof SAMPLES.dkim_key_missing>) => ({ facts, subject });
  return expectWords('dkim_key_missing', {
    'gone, and reports show the consequence': of({ seen: { messages: 3_400, since: '2026-11-21' } }),
    'gone, of a sender with little mail': of({ rests: [{ name: 'a.example', per_day: 0.2, alone: 0.5 }] }),
    revoked: of({ loss: 'key_revoked', now: 'v=DKIM1; p=' }),
    'never seen in DNS': of({ loss: 'key_absent', before: '' }),
    'signed with before it is published': of({ loss: 'key_unpublished', before: '' }),
    'signed with by somebody without a name': of({ loss: 'key_unpublished', before: '', rests: [], rests_in_all: 0 }),
  });
});
