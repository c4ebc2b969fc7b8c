import { expect, test } from 'vitest';
import { parseTags } from '../../services/dns/tag-list.ts';

test('tags in their order, with where each begins', () => {
  const text = 'v=STSv1;  id = a1 ;x=a=b;';
  const { tags, broken } = parseTags(text);
  expect(broken).toEqual([]);
  expect(tags.map(({ name, value }) => [name, value])).toEqual([
    ['v', 'STSv1'],
    ['id', 'a1'],
    ['x', 'a=b'],
  ]);
  for (const tag of tags) expect(text.slice(tag.at, tag.at + tag.text.length)).toBe(tag.text);
});

test('what is not tag=value is named with its place', () => {
  const { tags, broken } = parseTags('v=1; ; nonsense; 1a=b; =c');
  expect(tags).toHaveLength(1);
  expect(broken).toEqual([
    { at: 7, text: 'nonsense' },
    { at: 17, text: '1a=b' },
    { at: 23, text: '=c' },
  ]);
});
