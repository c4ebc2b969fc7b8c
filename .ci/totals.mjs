// Reads vitest's JSON result, and the tests that needed a second try as .ci/again.mjs wrote them, and prints
// `N passed, N failed` as the last line. Exit code 1 when anything failed or was skipped, when nothing ran at
// all, or when over three tests were retried: a busy machine starves one now and then, a test that is not
// sure of its result comes back.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const MOST_RETRIED = 3;
const [, , file, retriedFile] = process.argv;
if (!file || !existsSync(file)) {
  console.log('The test run left no result: it did not come to its end.');
  console.log('0 passed, 1 failed');
  process.exit(1);
}
const result = JSON.parse(readFileSync(file, 'utf8'));
const tests = result.testResults.flatMap((suite) =>
  suite.assertionResults.map((test) => ({ ...test, file: path.relative(process.cwd(), suite.name) })),
);
const passed = tests.filter((t) => t.status === 'passed').length;
const skipped = tests.filter((t) => t.status !== 'passed' && t.status !== 'failed');
// A file that could not be loaded, or whose hooks failed, may have no failed test of its own: it counts as
// one.
const broken = result.testResults.filter(
  (suite) => suite.status === 'failed' && !suite.assertionResults.some((t) => t.status === 'failed'),
);
const failed = tests.filter((t) => t.status === 'failed').length + broken.length;

for (const suite of broken) console.log(`FAILED as a whole: ${path.relative(process.cwd(), suite.name)}`);
for (const test of skipped) console.log(`NOT RUN (${test.status}): ${test.file}: ${test.fullName}`);
if (skipped.length > 0) console.log(`${skipped.length} tests were not run: nothing may be skipped here.`);
// Nothing may be said of retries that were not written down.
const retried = existsSync(retriedFile ?? '') ? JSON.parse(readFileSync(retriedFile, 'utf8')) : null;
if (retried === null) console.log('The test run left no list of retried tests.');
for (const test of retried ?? []) console.log(`RETRIED: ${test.file}: ${test.name}`);
if (retried !== null) console.log(`${retried.length} tests were retried; over ${MOST_RETRIED} is a failure.`);
const unsure = retried === null || retried.length > MOST_RETRIED;

if (passed + failed === 0) console.log('No test ran.');
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = unsure || failed > 0 || skipped.length > 0 || passed === 0 || result.success !== true ? 1 : 0;
