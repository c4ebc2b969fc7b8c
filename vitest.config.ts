import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { LONGEST, LongestFirst } from './test/helpers/order.ts';

/**
 * Starting a process and loading the program costs more CPU than most files of tests, so these share
 * processes. A process of its own has a file that replaces the clock, the environment or functions, or
 * measures its process; and each of the longest that start servers and services, which take more than it
 * costs.
 */
const COMPUTE = /^test\/(alerter|analyzer|dns|findings|mails|simulate)\//;
const ALONE = /\b(stubEnv|stubGlobal|useFakeTimers|spyOn|memoryUsage|cpuUsage|process\.(on|once|env\.\w+ =))\b/;

const root = import.meta.dirname;
const alone = readdirSync(path.join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => `test/${name}`)
  .filter((name) => (LONGEST.includes(name) && !COMPUTE.test(name)) || ALONE.test(readFileSync(path.join(root, name), 'utf8')));

/**
 * What .ci/lib.sh leaves out for want of a tool: `--exclude` does not reach a project that excludes by
 * itself.
 */
const leftOut = (process.env.TESTS_LEFT_OUT ?? '').split(':').filter((name) => name !== '');

const common = { pool: 'forks', testTimeout: 120_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    ...common,
    // Not a project's: the command line could not raise it there.
    maxWorkers: 2,
    globalSetup: ['test/helpers/global.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...common, name: 'own process', include: alone, exclude: leftOut } },
      {
        test: {
          ...common,
          name: 'shared process',
          include: ['test/**/*.test.ts'],
          exclude: [...alone, ...leftOut],
          isolate: false,
        },
      },
    ],
  },
});
