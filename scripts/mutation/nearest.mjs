// The tests that are nearest to a file: by the number of imports between it and what they are named after, or
// else themselves, then by the folders they share.
import path from 'node:path';

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)['"](\.[^'"\n]+)['"]/g;
/** A helper that starts the built program depends on what it was built from. */
const BUILT = /['"][./]*dist\/((?:services|demo|simulate|bench)\/[\w/.-]+)\.js['"]/g;
const USES_BUILT = /['"`][./]*dist\/(?:services|demo|simulate|bench)\//;
/** Whole runs of many processes say little about one line, and take minutes. */
const TOO_LONG = /^test\/(?:e2e|chaos|bench|fuzz|deploy|simulate|ci|scripts|docs)\//;

/**
 * @param {string} text of test/ci/tested-through.ts
 * @returns {Map<string, string>} for each file that has no test of its own the one that covers it
 */
export function coveringTests(text) {
  const lists = text.matchAll(/^ {2}'([\w/.-]+\.test\.ts)': \[([^\]]*)\]/gm);
  return new Map(
    [...lists].flatMap(([, test, files]) =>
      [...files.matchAll(/'([^']+)'/g)].map(([, file]) => [`services/${file}`, `test/${test}`]),
    ),
  );
}

/** More than any number of imports. */
const SLOW = 1000;

/**
 * The tests that compare everything that a part shows with what it showed before: near to all that takes part
 * in it, however many imports are between, as a change there is most likely to show in them.
 */
const PAGES = /^services\/(?:console|store\/console)\//;
const COMMANDS = /^services\/cli\//;
const REPORTS = /^services\/report\//;
const GOLDENS = {
  'test/console/pages/shown.test.ts': PAGES,
  'test/console/pages/busy.test.ts': PAGES,
  'test/console/acts.test.ts': PAGES,
  'test/console/acts-requests.test.ts': PAGES,
  'test/cli/program/shown.test.ts': COMMANDS,
  'test/cli/program/busy.test.ts': COMMANDS,
  'test/cli/program/acts.test.ts': COMMANDS,
  'test/report/fixtures.test.ts': REPORTS,
};
/** After the tests named after the file, before those named after a file that imports it. */
const OF_GOLDEN = 0.5;

/**
 * @param {Map<string, string>} texts of every TypeScript file by its path @returns for each file those that
 *   import it
 */
export function importersOf(texts) {
  const importers = new Map();
  for (const [file, text] of texts) {
    const folder = path.posix.dirname(file);
    const targets = [...text.matchAll(IMPORT)].map(([, specifier]) => path.posix.normalize(path.posix.join(folder, specifier)));
    targets.push(...[...text.matchAll(BUILT)].map(([, built]) => `${built}.ts`));
    for (const target of targets) importers.set(target, [...(importers.get(target) ?? []), file]);
  }
  return importers;
}

/** @returns {Set<string>} the files that use the built program, or import one that does */
export function usersOfBuilt(texts, importers) {
  const users = new Set([...texts].filter(([, text]) => USES_BUILT.test(text)).map(([file]) => file));
  for (const user of users) for (const from of importers.get(user) ?? []) users.add(from);
  return users;
}

/**
 * @param {{ slow?: ReadonlySet<string>, covering?: ReadonlyMap<string, string> }} options tests that come
 *   after all others; and for files without a test of their own, the test that covers them
 * @returns {string[]} at most `most` tests, the one named after the file first; second when it is slow
 */
export function nearestTests(importers, file, most, { slow = new Set(), covering = new Map() } = {}) {
  const distance = new Map([[file, 0]]);
  for (const queue = [file]; queue.length > 0; ) {
    const at = queue.shift();
    for (const from of importers.get(at) ?? [])
      if (!distance.has(from)) {
        distance.set(from, distance.get(at) + 1);
        queue.push(from);
      }
  }
  // A test is as near as the file that it is named after: one that only uses a file on its way says little
  // about it.
  const subjectOf = (test) => test.replace(/^test\//, 'services/').replace(/\.test\.ts$/, '.ts');
  const near = (test) => {
    if (covering.get(file) === test) return 0;
    return GOLDENS[test]?.test(file) ? OF_GOLDEN : (distance.get(subjectOf(test)) ?? distance.get(test));
  };
  const rank = (test) => near(test) + (slow.has(test) ? SLOW : 0);
  const all = [...distance.keys()]
    .filter((name) => name.endsWith('.test.ts') && !TOO_LONG.test(name))
    .sort((a, b) => rank(a) - rank(b) || shared(b, file) - shared(a, file) || (a < b ? -1 : 1));
  // A slow one of its own comes after one that may tell at once, and before all that are only near.
  const own = all.filter((test) => slow.has(test) && near(test) === 0);
  const others = all.filter((test) => !own.includes(test));
  return [...others.slice(0, 1), ...own, ...others.slice(1)].slice(0, most);
}

function shared(test, file) {
  const [a, b] = [test.split('/').slice(1), file.split('/').slice(1)];
  let n = 0;
  while (n < a.length && a[n] === b[n]) n++;
  return n;
}
