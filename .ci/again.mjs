// Runs the test files that failed once more, each in a fresh process with databases of its own and nothing
// beside it: two cores starve a test of six processes now and then, and no test need be safe to repeat.
// Called after a run of vitest as `again.mjs FIRST CODE RESULT RETRIED`: reads the JSON of the first run and
// its exit code, writes the JSON of both together, and the tests that passed at their second try as `[{file,
// name}]`. Exit code 1 when something failed twice, when so much failed that no machine was at fault, or when
// a run failed of an error that belongs to no test.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** More than this have no chance: over three retried tests are a failure (totals.mjs). */
const MOST_FILES = 3;
const LONGEST_MS = 600_000;
const AS_A_WHOLE = 'the file as a whole';

const [, , firstFile, code, resultFile, retriedFile] = process.argv;
if (!existsSync(firstFile)) process.exit(1);
const first = JSON.parse(readFileSync(firstFile, 'utf8'));
const failedOf = ({ status, assertionResults }) => {
  const names = assertionResults.filter((test) => test.status === 'failed').map((test) => test.fullName);
  return status === 'failed' && names.length === 0 ? [AS_A_WHOLE] : names;
};
const failed = first.testResults.filter((suite) => failedOf(suite).length > 0);
const retried = [];
let stray = code !== '0' && failed.length === 0;
if (failed.length > 0 && failed.length <= MOST_FILES) {
  console.log(`\nOnce more, by themselves: ${failed.map((suite) => path.relative(process.cwd(), suite.name)).join(', ')}`);
  rmSync(resultFile, { force: true });
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--maxWorkers=1', '--reporter=default', '--reporter=json']
      .concat(`--outputFile.json=${resultFile}`)
      .concat(failed.map((suite) => path.relative(process.cwd(), suite.name))),
    { stdio: 'inherit', timeout: LONGEST_MS },
  );
  const again = existsSync(resultFile) ? JSON.parse(readFileSync(resultFile, 'utf8')).testResults : [];
  stray = status !== 0 && again.every((suite) => failedOf(suite).length === 0);
  for (const [i, suite] of first.testResults.entries()) {
    const second = failed.includes(suite) ? again.find((other) => other.name === suite.name) : undefined;
    if (!second) continue;
    const still = failedOf(second);
    const file = path.relative(process.cwd(), suite.name);
    retried.push(...failedOf(suite).filter((name) => !still.includes(name)).map((name) => ({ file, name })));
    first.testResults[i] = second;
  }
}
first.success = !stray && first.testResults.every((suite) => failedOf(suite).length === 0);
writeFileSync(resultFile, JSON.stringify(first));
writeFileSync(retriedFile, JSON.stringify(retried));
process.exitCode = first.success ? 0 : 1;
