import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { commandLine } from '../../../services/cli/program/index.ts';
import { NOW, testWorld, type World } from '../../console/world.ts';

let world: World;
beforeAll(async () => {
  world = await testWorld();
});
afterAll(() => world?.c.close());
afterEach(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** What a command prints, and the code with which it ends. */
async function printed(line: string): Promise<string> {
  vi.stubEnv('DATABASE_URL', world.c.t.url);
  vi.stubEnv('LOG_LEVEL', 'silent');
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  const said: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const)
    vi.spyOn(process[stream], 'write').mockImplementation((text) => said.push(String(text)) > 0);
  process.exitCode = undefined;
  await commandLine().parseAsync(['node', 'ruawatch', ...line.split(' ')]);
  const code = process.exitCode ?? 0;
  vi.restoreAllMocks();
  return `$ ruawatch ${line} # ${code}\n${said.join('').trimEnd()}`;
}

test.each<[string, ...string[]]>([
  [
    'findings',
    'findings',
    'findings list --all',
    'findings list --json',
    'findings show 1',
    'findings show 2 --json',
    'findings show 99',
    'findings review',
  ],
  ['senders', 'senders', 'senders list --json', 'senders list --domain example.com', 'senders onboarded'],
  [
    'domains',
    'domains',
    'domains list --json',
    'domains timeline example.com',
    'domains timeline example.com --json',
    'domains timeline nothing.example',
  ],
  [
    'messages',
    'messages',
    'messages list --state failed quarantined',
    'messages list --json',
    'messages show 1',
    'messages show 99',
  ],
  ['people', 'people', 'people list --json', 'people tokens', 'people tokens --json'],
  [
    'requests',
    'requests',
    'requests list --json',
    'requests show 9',
    'access',
    'access list --json',
    'audit',
    'audit verify',
    'audit report',
  ],
  ['rest', 'cluster status', 'logs sources', 'dns history example.com', 'dns lookalikes example.com --stored'],
])('what the commands about %s print', async (name, ...commands) => {
  const parts: string[] = [];
  for (const line of commands) parts.push(await printed(line));
  await expect(`${parts.join('\n\n')}\n`).toMatchFileSnapshot(`golden/${name}.txt`);
});
