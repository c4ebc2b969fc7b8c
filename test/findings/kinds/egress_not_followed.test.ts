import { test } from 'vitest';
import { expectWords } from './words.ts';

const record = (name: string, ...messages: string[]) => ({
  name,
  domain: 'example.com',
  problems: messages.map((message) => ({ code: 'long', message })),
});
const of = (records: ReturnType<typeof record>[], in_all = records.length) => ({
  facts: { records, in_all },
  domain: '*',
  subject: '*',
});

test('its words, by how many there are', () =>
  expectWords('egress_not_followed', {
    one: of([record('example.com', 'The record is full.', 'The addresses of production/nodes are not known: it is away.')]),
    several: of([record('example.com', 'The record is full.'), record('bounce.example.com', 'The record is full.')]),
    'three, which are all named': of(['a', 'b', 'c'].map((name) => record(`${name}.example.com`, 'The record is full.'))),
    'one more than are named': of(['a', 'b', 'c', 'd'].map((name) => record(`${name}.example.com`, 'The record is full.'))),
    'more problems than are said': of([record('example.com', ...[1, 2, 3, 4, 5].map((n) => `Problem ${n} is there.`))]),
    'more than are named': of(
      ['a', 'b', 'c', 'd'].map((name) => record(`${name}.example.com`, `The record of ${name} is full.`)),
      40,
    ),
  }));
