import { vi } from 'vitest';
import { commandLine } from '../../../services/cli/program/index.ts';
import { NOW, type World } from '../../console/world.ts';

/** After each test. */
export function restored(): void {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  vi.restoreAllMocks();
  process.exitCode = undefined;
}

/**
 * What a command prints about a world, and the code with which it ends.
 * @param resolver the name server that stands for `DNS` in the line
 */
export async function printed(line: string, { c }: World, resolver = 'DNS'): Promise<string> {
  vi.stubEnv('DATABASE_URL', c.t.url);
  vi.stubEnv('LOG_LEVEL', 'silent');
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  const said: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const)
    vi.spyOn(process[stream], 'write').mockImplementation((text) => said.push(String(text)) > 0);
  process.exitCode = undefined;
  await commandLine().parseAsync(['node', 'ruawatch', ...line.replace('DNS', `--resolver ${resolver}`).split(' ')]);
  const code = process.exitCode ?? 0;
  vi.restoreAllMocks();
  return `$ ruawatch ${line} # ${code}\n${said.join('').replaceAll(resolver, 'DNS').trimEnd()}`;
}
