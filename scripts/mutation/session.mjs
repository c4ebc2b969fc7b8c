// One vitest for many mutants: started by runner.mjs as a child process in the copy of the tree. It runs the
// test files that it is sent, and answers with what failed. It keeps what it has transformed, so a mutant
// costs its tests and little more.
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

/** What vitest and our own helpers say when they have waited for too long. */
const WAITED = /timed? ?out|waited|did not (?:succeed|come|happen|end)|within \d+ m?s/i;
/**
 * @returns whether nothing but time made the tests of a file fail: each failure is one of waiting, or came
 *   late
 */
function onlyWaited(module, seconds) {
  const failed = [...module.children.allTests()].filter((test) => test.result().state === 'failed');
  const suites = [module, ...module.children.allSuites()].flatMap((suite) => suite.errors());
  const messages = [...suites, ...failed.flatMap((test) => test.result().errors ?? [])].map(
    ({ message, cause }) => `${message} ${cause?.message ?? ''}`,
  );
  const each = (list, holds) => list.length > 0 && list.every(holds);
  return each(messages, (message) => WAITED.test(message)) || each(failed, (test) => durationOf(test) > seconds * 1000);
}

process.on('message', async ({ tests, changed, testSeconds, promptSeconds }) => {
  try {
    for (const file of changed) vitest.invalidateFile(path.resolve(file));
    // No names would mean all.
    if (tests.length === 0) return void process.send({ failed: [], waited: [], errors: [], ran: 0, longest: 0 });
    const specifications = await vitest.globTestSpecifications(tests.map((test) => path.resolve(test)));
    for (const project of vitest.projects)
      Object.assign(project.config, { testTimeout: testSeconds * 1000, hookTimeout: testSeconds * 1000 + 20_000 });
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, false);
    const wanted = new Set(tests.map((test) => path.resolve(test)));
    const modules = testModules.filter((module) => wanted.has(module.moduleId));
    const failed = modules.filter((module) => module.state() === 'failed');
    const names = (list) => list.map((module) => path.relative(process.cwd(), module.moduleId));
    process.send({
      failed: names(failed),
      waited: names(failed.filter((module) => onlyWaited(module, promptSeconds))),
      errors: unhandledErrors.map((error) => String(error?.message ?? error)),
      ran: modules.length,
      longest: Math.max(0, ...modules.flatMap((module) => [...module.children.allTests()].map(durationOf))) / 1000,
    });
  } catch (error) {
    process.send({ failed: [], waited: [], errors: [String(error?.stack ?? error)], ran: 0, longest: 0 });
  }
});
process.on('disconnect', () => process.exit(0));
process.send('ready');
