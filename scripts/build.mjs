// Compiles services/, demo/, bench/ and simulate/ into dist/. An installed package has no tsconfig and nothing to build.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
if (existsSync(path.join(root, 'tsconfig.build.json'))) {
  const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const run = spawnSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
  // The files that the console's pages load; the compiler copies TypeScript alone.
  cpSync(path.join(root, 'services/console/assets'), path.join(root, 'dist/services/console/assets'), { recursive: true });
  chmodSync(path.join(root, 'dist', 'services', 'cli', 'main.js'), 0o755);
}
