import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { busyWorld } from '../../console/busy-world.ts';
import type { World } from '../../console/world.ts';
import { printed, restored } from './printed.ts';

let world: World;
beforeAll(async () => {
  world = await busyWorld();
});
afterAll(() => world?.c.close());
afterEach(restored);

test.each<[string, ...string[]]>([
  [
    'requests',
    'requests',
    'requests --all --limit 4',
    'requests --all --domain shop.example.com',
    'requests list --json --limit 1',
    ...Array.from({ length: 4 }, (_, i) => `requests show ${4 * i + 1}`),
    'requests show 16',
    'requests show 1 --json',
  ],
  [
    'access',
    'access',
    'access list --all',
    'access list --json',
    'access review',
    'access review --json',
    'access review --days 0',
    'access end 99 --why x',
  ],
  ['audit', 'audit', 'audit verify --json', 'audit report', 'audit report --json'],
  [
    'sending',
    'cluster status',
    'cluster status --json',
    'logs sources',
    'logs sources list --json',
    'dns history example.com',
    'dns history example.com --json',
  ],
])('what the commands about %s print while there is work', async (name, ...commands) => {
  const parts: string[] = [];
  for (const line of commands) parts.push(await printed(line, world));
  // What is another in each run.
  const text = parts
    .join('\n\n')
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/^(\d+ +)\d{4}-\d\d-\d\d \d\d:\d\d(?= {2})/gm, '$1of the database');
  await expect(`${text}\n`).toMatchFileSnapshot(`golden/busy-${name}.txt`);
});
