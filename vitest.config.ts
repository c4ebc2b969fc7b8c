import { defineConfig } from 'vitest/config';

// Tests that leave nothing behind in their process share one, which saves a third of their time. All others have a process
// each: they set environment variables, replace the clock, measure memory, or keep connections and servers.
const SHARED = [
  'test/{alerter,analyzer,dns,findings,mails,requests,shared/settings,simulate}/**/*.test.ts',
  'test/report/{aggregate,container,failure,mail,reporters}/**/*.test.ts',
];

const common = { pool: 'forks', testTimeout: 120_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    ...common,
    // Not a project's: the command line could not raise it there.
    maxWorkers: 2,
    globalSetup: ['test/helpers/global.ts'],
    projects: [
      { test: { ...common, name: 'shared process', include: SHARED, isolate: false, sequence: { groupOrder: 0 } } },
      {
        test: {
          ...common,
          name: 'own process',
          include: ['test/**/*.test.ts'],
          exclude: SHARED,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
