// Compiles services/, demo/, bench/ and simulate/ into dist/, without a check of types: that is
// `npm run types`, and takes four times as long. An installed package has no tsconfig and nothing to build.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');
// Beside the dependencies, so that `npm ci` forgets it. Installing, packing and testing each ask for a build.
const stamp = path.join(root, 'node_modules', '.cache', 'ruawatch-build');
if (existsSync(path.join(root, 'tsconfig.build.json'))) {
  const sources = digest([
    'services',
    'demo',
    'bench',
    'simulate',
    'test',
    'scripts/build.mjs',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
  ]);
  const upToDate = existsSync(stamp) && existsSync(dist) && readFileSync(stamp, 'utf8') === `${sources} ${digest(['dist'])}`;
  if (!upToDate) {
    compile();
    mkdirSync(path.dirname(stamp), { recursive: true });
    // Worktrees may share their dependencies by hard links: a stamp of one must not be written into the
    // others.
    rmSync(stamp, { force: true });
    writeFileSync(stamp, `${sources} ${digest(['dist'])}`);
  }
}

function compile() {
  const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  rmSync(dist, { recursive: true, force: true });
  const run = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
  // The files that the console's pages load; the compiler copies TypeScript alone.
  cpSync(path.join(root, 'services/console/assets'), path.join(dist, 'services/console/assets'), { recursive: true });
  chmodSync(path.join(dist, 'services', 'cli', 'main.js'), 0o755);
}

/**
 * SHA-256 over the names and octets of what a build reads or wrote, fixtures of tests left out. What is not
 * there counts as empty: a new clone has no dist, the image's build no tests.
 */
function digest(places) {
  const hash = createHash('sha256');
  for (const place of places.filter((name) => existsSync(path.join(root, name)))) {
    const files = place.includes('.')
      ? ['']
      : readdirSync(path.join(root, place), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile() && !entry.parentPath.includes('fixtures'))
          .map((entry) => path.relative(path.join(root, place), path.join(entry.parentPath, entry.name)))
          .sort();
    for (const file of files) {
      hash.update(`${place}/${file}\0`);
      hash.update(readFileSync(path.join(root, place, file)));
    }
  }
  return hash.digest('hex');
}
