// One vitest for many mutants: started by runner.mjs as a child process in the copy of the tree. It runs the test files that
// it is sent, and answers with what failed. It keeps what it has transformed, so a mutant costs its tests and little more.
import path from 'node:path';
import { createVitest } from 'vitest/node';

const vitest = await createVitest(
  'test',
  {
    config: false,
    root: process.cwd(),
    watch: false,
    bail: 1,
    pool: 'forks',
    maxWorkers: 2,
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: [{}],
    update: false,
  },
  { server: { watch: null } },
);
await vitest.standalone();

const durationOf = (test) => test.diagnostic()?.duration ?? 0;

process.on('message', async ({ tests, changed, testSeconds }) => {
  try {
    for (const file of changed) vitest.invalidateFile(path.resolve(file));
    // No names would mean all.
    if (tests.length === 0) return void process.send({ failed: [], errors: [], ran: 0, longest: 0 });
    const specifications = await vitest.globTestSpecifications(tests.map((test) => path.resolve(test)));
    for (const project of vitest.projects)
      Object.assign(project.config, { testTimeout: testSeconds * 1000, hookTimeout: testSeconds * 1000 + 20_000 });
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, false);
    const wanted = new Set(tests.map((test) => path.resolve(test)));
    const modules = testModules.filter((module) => wanted.has(module.moduleId));
    const failed = modules.filter((module) => module.state() === 'failed');
    process.send({
      failed: failed.map((module) => path.relative(process.cwd(), module.moduleId)),
      errors: unhandledErrors.map((error) => String(error?.message ?? error)),
      ran: modules.length,
      longest: Math.max(0, ...modules.flatMap((module) => [...module.children.allTests()].map(durationOf))) / 1000,
    });
  } catch (error) {
    process.send({ failed: [], errors: [String(error?.stack ?? error)], ran: 0, longest: 0 });
  }
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
