import { afterAll, beforeAll, expect, test } from 'vitest';
import { busyWorld } from '../busy-world.ts';
import { copies, pagesOf, rowsAndPages } from '../shown.ts';
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

test('the lists of requests, rights and held mail end with their last row, and go on after a page', async () => {
  const { c, ada } = world;
  const [requests, rights, held] = ['/requests?state=all', '/access?show=all', '/held'] as const;
  const shown = async () => [
    await rowsAndPages(ada, requests),
    ...(await Promise.all(
      [rights, held].flatMap((page) => [1, 2].map((n) => rowsAndPages(ada, `${page}${page.includes('?') ? '&' : '?'}page=${n}`))),
    )),
  ];
  const [[before], [granted], , [waiting]] = (await shown()) as [[number], [number], [number], [number]];
  const add = async (count: { requests: number; rights: number; held: number }, from: number) => {
    const key = `i + ${from}`;
    const name = `'copy-' || (${key})`;
    await copies(c, 'requests', count.requests, { request_key: key, digest: name });
    await copies(c, 'grants', count.rights, { grant_key: key, request_key: key, name });
    await copies(c, 'held_messages', count.held, { held_key: key, request_key: key, identity: name });
  };
  await add({ requests: 200 - before, rights: 100 - granted, held: 100 - waiting }, 1000);
  const full = await shown();
  await add({ requests: 1, rights: 1, held: 1 }, 2000);
  expect([full, await shown()]).toMatchInlineSnapshot(`
    [
      [
        [
          200,
        ],
        [
          100,
        ],
        [
          0,
          "Previous 1",
        ],
        [
          100,
        ],
        [
          0,
          "Previous 1",
        ],
      ],
      [
        [
          200,
        ],
        [
          100,
          "Next 2",
        ],
        [
          1,
          "Previous 1",
        ],
        [
          100,
          "Next 2",
        ],
        [
          1,
          "Previous 1",
        ],
      ],
    ]
  `);
});
