import { expect, test } from 'vitest';
import { z } from 'zod';
import { ofOthers, placesOfOthers } from '../../services/findings/of-others.ts';

test('marked fields are found at any depth, and what lies within them counts with them', () => {
  const schema = z.object({
    plain: z.string(),
    deep: z
      .object({ count: ofOthers(z.number(), { value: 0, summary: 'None on' }), own: z.number() })
      .nullable()
      .default(null),
    whole: ofOthers(z.object({ part: ofOthers(z.string(), { value: '' }) }).optional(), { value: null }),
  });
  expect([...placesOfOthers(schema)]).toEqual([
    { path: ['deep', 'count'], value: 0, summary: 'None on' },
    { path: ['whole'], value: null },
  ]);
});

test('a schema without marks has none', () => {
  expect([...placesOfOthers(z.object({ a: z.array(z.string()) }))]).toEqual([]);
});
