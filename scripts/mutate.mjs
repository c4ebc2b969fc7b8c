// Mutation testing: `npm run mutate -- --files 'services/poller/*.ts' [--most 150] [--seed 1] [--out FILE]
// [--tests 12] [--seconds 90] [--share 1/2]`. Changes one thing at a time in a copy of the tree, runs the
// tests nearest to the file, and lists the changes that no test detects. Nearest is the test named after the
// file, or listed for it in test/ci/tested-through.ts; the goldens of pages, commands and reports; then those
// with the fewest imports between, slow ones last. The first runs alone, then five more, then the others, and
// no more after so many seconds. A test that fails on a change counts once it has passed without it. Each
// survivor is either a missing test or code without effect. With --out every result is appended to the file
// at once, and a run that was cut off is resumed. The exit code is 1 when fewer than 90 % are killed, or one
// survives in a part that allows none (mutation/sample.mjs).
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { mutantsOf } from './mutation/mutants.mjs';
import { coveringTests, importersOf, nearestTests, usersOfBuilt } from './mutation/nearest.mjs';
import { build, copyTree, original, Session, startPostgres } from './mutation/runner.mjs';
import { isCritical, partOf, sample, scores } from './mutation/sample.mjs';

const root = path.resolve(import.meta.dirname, '..');
const USAGE = `Usage: npm run mutate -- --files GLOB … [--except GLOB …] [--most 150] [--seed 1] [--tests 12] [--seconds 90]
       [--share 1/2] [--out FILE] [--list]
Example: npm run mutate -- --files 'services/poller/*.ts'`;

function given() {
  try {
    const { values } = parseArgs({
      options: {
        files: { type: 'string', multiple: true, default: [] },
        except: { type: 'string', multiple: true, default: [] },
        most: { type: 'string', default: '150' },
        seed: { type: 'string', default: '1' },
        tests: { type: 'string', default: '12' },
        seconds: { type: 'string', default: '90' },
        out: { type: 'string' },
        share: { type: 'string', default: '1/1' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (!values.help) return values;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

const values = given();
const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(path.join(root, file)));
const texts = new Map(
  tracked.filter((file) => /\.ts$/.test(file)).map((file) => [file, readFileSync(path.join(root, file), 'utf8')]),
);
const patternOf = (glob) =>
  new RegExp(
    `^${glob
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*\*\/?/g, '\0')
      .replace(/\*/g, '[^/]*')
      .replaceAll('\0', '.*')}$`,
  );
const matches = (file, globs) => globs.some((glob) => patternOf(glob).test(file));
const chosen = [...texts.keys()].filter(
  (file) => file.startsWith('services/') && matches(file, values.files) && !matches(file, values.except),
);
if (chosen.length === 0) {
  console.error(`Name the files to mutate.\n${USAGE}`);
  process.exit(2);
}

const hash = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);
const importers = importersOf(texts);
const ofBuilt = usersOfBuilt(texts, importers);
/** The test files that take longest, as the suites order them. */
const slow = new Set([...texts.get('test/helpers/order.ts').matchAll(/'(test\/[^']+\.test\.ts)'/g)].map(([, name]) => name));
const covering = coveringTests(texts.get('test/ci/tested-through.ts'));
/** Changes whenever the file or one of its tests does. */
const stateOf = (file, tests) => hash([file, ...tests].map((name) => texts.get(name)).join('\0'));
const keyOf = ({ file, start, replacement }) => `${hash(texts.get(file))} ${file} ${start} ${replacement}`;

const equivalent = JSON.parse(readFileSync(path.join(import.meta.dirname, 'mutation/equivalent.json'), 'utf8'));
const isEquivalent = (mutant) =>
  equivalent.some(({ file, code, what }) => file === mutant.file && code === mutant.code && what === mutant.what);
const candidates = chosen.flatMap((file) => mutantsOf(file, texts.get(file)));
const different = candidates.filter((mutant) => !isEquivalent(mutant));
/** With --share 2/3 the second of three processes that append to one file. */
const [share, shares] = values.share.split('/').map(Number);
const all = sample(different, Number(values.most), Number(values.seed)).filter((_, i) => i % shares === share - 1);

/**
 * Seconds that each test file takes on the tree as it is; null for one that fails there and so can detect
 * nothing.
 */
const took = new Map();
const earlier = new Map();
if (values.out && existsSync(values.out))
  for (const line of readFileSync(values.out, 'utf8').split('\n').filter(Boolean)) {
    const entry = JSON.parse(line);
    if (entry.test === undefined) earlier.set(entry.key, entry);
    // A baseline holds as long as the text of the test does.
    else if (entry.state === stateOf(entry.test, [])) took.set(entry.test, entry.took);
  }
console.log(
  `${all.length} mutants in ${new Set(all.map(({ file }) => file)).size} files, seed ${values.seed}; of ${candidates.length} ` +
    `possible ones ${candidates.length - different.length} are left out as equivalent`,
);
if (values.list) {
  for (const mutant of all) console.log(`${mutant.file}:${mutant.line} ${mutant.what}: ${mutant.code}`);
  process.exit(0);
}

/**
 * @returns what an earlier run found, where it still counts: tests only grow, so what was killed stays
 *   killed.
 */
function known(mutant, tests) {
  const entry = earlier.get(keyOf(mutant));
  return entry && (entry.result !== 'survived' || entry.state === stateOf(mutant.file, tests)) ? entry : null;
}

function append(entry) {
  if (values.out) appendFileSync(values.out, `${JSON.stringify(entry)}\n`);
}

const session = { current: null, stop: null, copy: null };
async function ready() {
  if (session.current) return;
  session.copy = copyTree(root, tracked);
  session.stop = await startPostgres(session.copy);
  session.current = new Session(session.copy);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, async () => {
    session.current?.end();
    await session.stop?.();
    process.exit(130);
  });

/** A test file that takes longer is left out: one mutant would take minutes. */
const LONGEST_SECONDS = 60;
/** Runs a test on the tree as it is, and notes how long it takes now. */
async function measure(test) {
  const started = Date.now();
  const answer = await session.current.run([test], { seconds: LONGEST_SECONDS });
  const sound = answer !== 'late' && answer.failed.length + answer.errors.length === 0 && answer.ran > 0;
  if (!sound)
    console.log(
      `UNUSABLE ${test} ${answer === 'late' ? `takes longer than ${LONGEST_SECONDS} s` : `fails on the tree as it is ${answer.errors.join(' ')}`}`,
    );
  took.set(test, sound ? { all: (Date.now() - started) / 1000, longest: answer.longest } : null);
  append({ test, state: stateOf(test, []), took: took.get(test) });
}

/**
 * Whether the tests pass on the tree as it is, and can be repeated there. It is asked only once a test has
 * failed on a mutant: one that passes on the mutant detects nothing, whatever it does otherwise.
 */
const repeatable = new Set();
async function passAsTheyAre(tests, { restore, changed }) {
  restore();
  await session.current.run([], { changed, seconds: 60 });
  for (const test of tests) {
    if (repeatable.has(test)) continue;
    await measure(test);
    if (took.get(test) === null) return false;
    repeatable.add(test);
  }
  return true;
}

/** The test that killed the last mutant of a file is likely to kill the next. */
const lastKiller = new Map();

/** What a test is taken to need before it has been measured. */
const UNMEASURED = { all: 8, longest: 4 };
/**
 * Runs the tests on the mutant. Load can make a test late, so one that only waited for too long, or did not
 * end, counts when it does so twice, the second time with four times what it takes at that moment without the
 * mutant.
 * @returns {Promise<{ result: 'killed' | 'late' | 'passed', by?: string[] }>}
 */
async function attempt(batch, mutant, again = false) {
  const baselines = batch.map((test) => took.get(test) ?? UNMEASURED);
  const longest = Math.max(...baselines.map((baseline) => baseline.longest));
  mutant.place(batch);
  const answer = await session.current.run(batch, {
    changed: mutant.changed,
    seconds: 4 * baselines.reduce((sum, { all: seconds }) => sum + seconds, 0) + 20,
    testSeconds: 4 * longest + 4,
    promptSeconds: longest + 3,
  });
  const sudden = answer === 'late' ? [] : answer.failed.filter((test) => !answer.waited.includes(test));
  if (sudden.length > 0) return { result: 'killed', by: sudden };
  const late = answer === 'late' ? batch : answer.waited;
  if (late.length > 0) {
    if (again) return { result: 'late', by: late };
    mutant.restore();
    await session.current.run([], { changed: mutant.changed, seconds: 60 });
    for (const test of late) await measure(test);
    const sound = usable(batch);
    return sound.length === 0 ? { result: 'passed' } : await attempt(sound, mutant, true);
  }
  return answer.errors.length > 0 ? { result: 'killed', by: batch } : { result: 'passed' };
}

/** Without those that are known to fail on the tree as it is. */
const usable = (tests) => tests.filter((test) => took.get(test) !== null);

/** Most mutants are detected by the first test; few of the others need more than the next five. */
const STAGES = [0, 1, 6];

/** @returns {Promise<{ result: 'killed' | 'late' | 'survived', by: string | null }>} */
async function run(mutant, nearest) {
  await ready();
  const text = texts.get(mutant.file);
  const placed = {
    changed: [mutant.file],
    restore: original(session.copy, mutant.file),
    place(batch) {
      writeFileSync(
        path.join(session.copy, mutant.file),
        text.slice(0, mutant.start) + mutant.replacement + text.slice(mutant.end),
      );
      if (batch.some((test) => ofBuilt.has(test))) build(session.copy, mutant.file);
    },
  };
  const first = lastKiller.get(mutant.file) ?? nearest[0];
  const tests = [first, ...nearest.filter((name) => name !== first)].filter(Boolean);
  const started = performance.now();
  try {
    for (const [stage, from] of STAGES.entries()) {
      // What is detected later than that would be detected by a whole run; it is told as alive all the same.
      if (performance.now() - started > Number(values.seconds) * 1000) break;
      for (let batch = usable(tests.slice(from, STAGES[stage + 1])); batch.length > 0; batch = usable(batch)) {
        const { result, by } = await attempt(batch, placed);
        if (result === 'passed') break;
        if (result === 'late') return { result, by: by.join(' ') };
        if (!(await passAsTheyAre(by, placed))) continue;
        if (by.length === 1) lastKiller.set(mutant.file, by[0]);
        return { result, by: by.join(' ') };
      }
    }
    return { result: 'survived', by: null };
  } finally {
    placed.restore();
    await session.current.run([], { changed: placed.changed, seconds: 60 });
  }
}

const results = [];
for (const mutant of all) {
  const tests = nearestTests(importers, mutant.file, Number(values.tests), { slow, covering });
  const started = Date.now();
  const outcome = known(mutant, tests) ?? (await run(mutant, tests));
  const { result, by } = outcome;
  results.push({ ...mutant, result });
  if (outcome.key === undefined) {
    const { file, line, what, code } = mutant;
    const entry = { key: keyOf(mutant), state: stateOf(file, tests), result, by, file, line, what, code };
    append({ ...entry, seconds: (Date.now() - started) / 1000 });
  }
  if (result === 'survived') {
    const untested = tests.length === 0 ? ' (no test imports it)' : '';
    console.log(`SURVIVED ${mutant.file}:${mutant.line} ${mutant.what}: ${mutant.code.slice(0, 110)}${untested}`);
  }
}
session.current?.end();
await session.stop?.();

const parts = scores(results);
console.log(`\n${'part'.padEnd(14)}mutants killed  alive  score`);
for (const [part, { mutants, killed, alive, score }] of Object.entries(parts).sort())
  console.log(
    `${part.padEnd(14)}${[mutants, killed, alive].map((n) => String(n).padStart(6)).join(' ')} ${score.toFixed(1).padStart(6)} %${
      isCritical(part) && alive > 0 ? '  none may survive here' : ''
    }`,
  );
const killed = results.filter(({ result }) => result !== 'survived').length;
const score = Math.round((1000 * killed) / results.length) / 10;
const late = results.filter(({ result }) => result === 'late').length;
console.log(`${killed} of ${results.length} mutants killed (${score} %), ${late} of them because the tests did not end, twice`);
console.log(JSON.stringify({ seed: Number(values.seed), mutants: results.length, killed, score, parts }));
const alive = results.some(({ file, result }) => result === 'survived' && isCritical(partOf(file)));
process.exitCode = killed >= 0.9 * results.length && !alive ? 0 : 1;
