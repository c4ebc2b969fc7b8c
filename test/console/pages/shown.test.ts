import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { API_ROUTES } from '../../../services/console/api/index.ts';
import { pagesOf, same } from '../shown.ts';
import { testWorld, type World } from '../world.ts';

let world: World;
beforeAll(async () => {
  world = await testWorld();
});
afterAll(() => world?.c.close());

test.each<[string, ...string[]]>([
  ['overview', '/', '/?q=shop', '/?q=nothing', '/?sort=domain'],
  ['findings', '/findings', '/findings?severity=critical', '/findings?state=all&domain=shop.example.com', '/findings?q=nothing'],
  ['finding', '/findings/1', '/findings/2', '/findings/3'],
  ['domain', '/domains/example.com'],
  ['domains', '/domains/shop.example.com', '/domains/quiet.example.com'],
  ['sender', '/domains/example.com/senders/unauthorized.example', '/domains/example.com/senders/authorized.example'],
  ['month', '/domains/example.com/months/2026-09'],
  [
    'reports',
    '/reports',
    '/reports?domain=example.com&reporter=google.com',
    '/reports?from=2026-10-04&to=2026-10-05',
    '/reports?page=2',
  ],
  ['report', '/reports/1', '/reports/2', '/reports/3', '/reports/1?page=2'],
  ['tls', '/tls-reports', '/tls-reports/7', '/tls-reports?page=2'],
  ['failures', '/failure-reports', '/failure-reports/7', '/failure-reports/8', '/failure-reports?page=2'],
  ['quarantine', '/quarantine', '/quarantine?page=2'],
  ['lookalikes', '/look-alikes'],
  ['week', '/digest'],
  ['health', '/health'],
  ['setup', '/setup', '/setup?domain=shop.example.com'],
  ['account', '/account'],
  ['people', '/people'],
  ['rest', '/upload', '/access', '/requests', '/held', '/messages', '/sign-in', '/nothing'],
])('what the page %s shows', async (name, ...pages) => {
  await expect(await pagesOf(world, pages)).toMatchFileSnapshot(`golden/${name}.txt`);
});

test('what the API answers with the same data', async () => {
  const values: Record<string, string> = { ':domain': 'example.com', ':sender': 'authorized.example', ':key': '1' };
  const queries: Record<string, string> = {
    '/domains/:domain/days': '?from=2026-10-03&to=2026-10-06',
    '/sent-messages': '?id=a@example.com',
  };
  const program = await world.c.person('admin', null);
  const answers: string[] = [];
  for (const { method, path, query } of API_ROUTES) {
    if (method !== 'GET' || path.endsWith('openapi.json')) continue;
    const at = path.replace(/:\w+/g, (name) => values[name] ?? name);
    const first = queries[path.replace('/api/v1', '')] ?? '';
    // A list also one by one: it says where it goes on.
    const urls = [
      `${at}${first}`,
      ...(query !== undefined && 'limit' in (query as z.ZodObject).shape ? [`${at}${first || '?'}&limit=1`] : []),
    ];
    for (const url of urls) {
      const { statusCode, body } = await program.api('GET', url.replace('?&', '?'));
      answers.push(
        `GET ${url} ${statusCode}\n${same(JSON.stringify(JSON.parse(body), null, 1)).replaceAll(program.name, 'PROGRAM')}`,
      );
    }
  }
  await expect(`${answers.join('\n\n')}\n`).toMatchFileSnapshot('golden/api.txt');
});
