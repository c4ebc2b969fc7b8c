import { test } from 'vitest';
import { expectWords } from './words.ts';

const grant = (key: number, answer: string | null = 'The server main answers: connect ECONNREFUSED') => ({
  key,
  holder: `p${key}@example.com`,
  server: 'main',
  name: `ruawatch_lent_0a1b2c3d_${key}_9f8e7d`,
  answer,
});
const stray = (name: string) => ({
  ...grant(0, 'The server main answers: permission denied'),
  key: null,
  holder: null,
  name: `ruawatch_lent_0a1b2c3d_${name}`,
});
const of = (grants: (ReturnType<typeof grant> | ReturnType<typeof stray>)[], in_all = grants.length) => ({
  facts: { grants, in_all },
  domain: '*',
  subject: '*',
});

test('its words, by how many there are', () =>
  expectWords('grant_overdue', {
    one: of([grant(7)]),
    'one that nothing tried to end': of([grant(7, null)]),
    'more than are named': of(
      [7, 8, 9, 10].map((key) => grant(key)),
      40,
    ),
    'one that no grant is for': of([stray('0_aaaa')]),
    'some that no grant is for': of([stray('0_aaaa'), stray('0_bbbb')], 12),
    both: of([grant(7), stray('0_aaaa')]),
    'two, one of them named, and an answer that is a sentence': of([grant(7, 'It is gone.')], 2),
    'four, one of which is not named': of([7, 8, 9, 10].map((key) => grant(key))),
    'one that no grant is for, and one more that is not named': of([stray('0_aaaa')], 2),
    'more than are named, with one that no grant is for': of([grant(7), grant(8), stray('0_aaaa'), grant(9)]),
  }));
