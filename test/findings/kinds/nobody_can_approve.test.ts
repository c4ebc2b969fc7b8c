import { test } from 'vitest';
import { expectWords } from './words.ts';

const request = (key: number, ...groups: string[]) => ({ key, domain: `d${key}.example.com`, groups });
const of = (requests: ReturnType<typeof request>[], in_all = requests.length) => ({
  facts: { requests, in_all },
  domain: '*',
  subject: '*',
});

test('its words, by how many requests wait', () =>
  expectWords('nobody_can_approve', {
    one: of([request(7, 'mail')]),
    'one with two stages left': of([request(7, 'mail', 'security')]),
    'three of the same group': of([7, 8, 9].map((key) => request(key, 'mail'))),
    'one more than are named': of([7, 8, 9, 10].map((key) => request(key, 'mail'))),
    'more than are named': of(
      Array.from({ length: 10 }, (_, i) => request(i + 1, i % 2 === 0 ? 'mail' : 'security')),
      1200,
    ),
  }));
