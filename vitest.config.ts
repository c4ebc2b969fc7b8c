import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/global.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // CI shares its two cores: a test of six processes may be starved once. One that fails twice is broken; retries are printed.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
