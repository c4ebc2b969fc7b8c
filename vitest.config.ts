import { defineConfig } from 'vitest/config';

// Tests of functions that compute and keep nothing: they share a process, which saves a third of their time. All others
// have a process each, since they set environment variables, start servers, or replace the clock.
const PURE = ['test/{analyzer,dns,findings,mails,report}/**/*.test.ts'];

const common = { pool: 'forks', maxWorkers: 2, testTimeout: 120_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    ...common,
    globalSetup: ['test/helpers/global.ts'],
    projects: [
      { test: { ...common, name: 'pure', include: PURE, isolate: false, sequence: { groupOrder: 0 } } },
      {
        test: {
          ...common,
          name: 'own process',
          include: ['test/**/*.test.ts'],
          exclude: PURE,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
