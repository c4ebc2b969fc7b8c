import { afterAll, beforeAll, expect, test } from 'vitest';
import { busyWorld } from '../busy-world.ts';
import { pagesOf } from '../shown.ts';
import type { World } from '../world.ts';

let world: World;
beforeAll(async () => {
  world = await busyWorld();
});
afterAll(() => world?.c.close());

test.each<[string, ...string[]]>([
  [
    'requests',
    '/requests',
    '/requests?state=all',
    '/requests?state=all&page=2',
    '/requests/1',
    '/requests/4',
    '/requests/12',
    '/requests/99',
  ],
  ['access', '/access', '/access?show=all'],
  ['held', '/held', '/held?state=released', '/held?rule=lookalike', '/held/1', '/held/2', '/held/3', '/held/99'],
  ['domain', '/', '/domains/example.com', '/account'],
])('what the pages about %s show while there is work', async (name, ...pages) => {
  const text = (await pagesOf(world, pages))
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    // By the clock of the database.
    .replace(/In 30 days \d+ held/g, 'In 30 days SOME held');
  await expect(text).toMatchFileSnapshot(`golden/busy-${name}.txt`);
});
