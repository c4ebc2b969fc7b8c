// Runs tests in a copy of the tree: one Postgres for the whole run, and one vitest for as many mutants as end
// by themselves.
import { execFileSync, fork } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createVitest } from 'vitest/node';

/** Copies the tracked files and dist/; what lies beside the tree is linked. */
export function copyTree(root, tracked) {
  const base = mkdtempSync(path.join(tmpdir(), 'ruawatch-mutate-'));
  const copy = path.join(base, 'tree');
  mkdirSync(copy);
  // Postgres runs as a user of its own, and must be able to enter.
  execFileSync('chmod', ['755', base, copy]);
  for (const file of tracked) cpSync(path.join(root, file), path.join(copy, file));
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  for (const beside of ['../shared'].filter((name) => existsSync(path.join(root, name))))
    symlinkSync(path.join(root, beside), path.join(copy, beside));
  if (existsSync(path.join(root, 'dist'))) cpSync(path.join(root, 'dist'), path.join(copy, 'dist'), { recursive: true });
  process.on('exit', () => rmSync(base, { recursive: true, force: true }));
  return copy;
}

/** Starts the suites' Postgres; its address is in the environment for all that is started afterwards. */
export async function startPostgres(copy) {
  const vitest = await createVitest(
    'test',
    { config: false, root: copy, watch: false, reporters: [{}] },
    { server: { watch: null } },
  );
  const { default: setup } = await vitest.import(path.join(copy, 'test/helpers/global.ts'));
  const stop = await setup();
  return async () => {
    await stop();
    await vitest.close();
  };
}

/** Builds one source file anew; types do not matter here. */
export function build(copy, file) {
  if (!existsSync(builtOf(copy, file))) return;
  const options = '--noResolve --noCheck --isolatedModules --verbatimModuleSyntax --target es2023 --module nodenext';
  execFileSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '--ignoreConfig', ...options.split(' '), '--rewriteRelativeImportExtensions'].concat(
      '--allowImportingTsExtensions',
      '--rootDir',
      '.',
      '--outDir',
      'dist',
      file,
    ),
    { cwd: copy, stdio: 'ignore' },
  );
}

const builtOf = (copy, file) => path.join(copy, 'dist', file.replace(/\.ts$/, '.js'));

/** Remembers the text and the built file, and brings both back. */
export function original(copy, file) {
  const files = [path.join(copy, file), builtOf(copy, file)]
    .filter((name) => existsSync(name))
    .map((name) => [name, readFileSync(name)]);
  return () => {
    for (const [name, bytes] of files) writeFileSync(name, bytes);
  };
}

export class Session {
  #copy;
  #child = null;

  constructor(copy) {
    this.#copy = copy;
  }

  /**
   * @param {string[]} tests files
   * @param {{ changed?: string[], seconds: number, testSeconds?: number, promptSeconds?: number }} options
   *   the files that changed since the last call, how long all may take, how long one test, and how long one
   *   that fails without waiting
   * @returns {Promise<{ failed: string[], waited: string[], errors: string[], ran: number, longest: number }
   *   | 'late'>} `waited`: those of `failed` that only waited for too long; `longest` in seconds; 'late' when
   *   they did not end in time
   */
  async run(tests, { changed = [], seconds, testSeconds = 60, promptSeconds = testSeconds }) {
    this.#child ??= await this.#start();
    const child = this.#child;
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.end();
        resolve('late');
      }, seconds * 1000);
      const settle = (action) => (value) => {
        clearTimeout(timer);
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        action(value);
      };
      child.once('message', settle(resolve));
      child.once(
        'exit',
        settle(() => {
          this.#child = null;
          reject(new Error('the vitest that runs the mutants ended'));
        }),
      );
      child.send({ tests, changed, testSeconds, promptSeconds });
    });
  }

  /** Kills it with all that it has started: a mutant may never end. */
  end() {
    if (!this.#child) return;
    this.#child.removeAllListeners();
    process.kill(-this.#child.pid, 'SIGKILL');
    this.#child = null;
  }

  #start() {
    return new Promise((resolve, reject) => {
      const child = fork(path.join(import.meta.dirname, 'session.mjs'), {
        cwd: this.#copy,
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        detached: true,
        env: { ...process.env, CI: '' },
      });
      child.once('message', () => {
        child.removeAllListeners('exit');
        resolve(child);
      });
      child.once('exit', (code) => reject(new Error(`vitest did not start (${code})`)));
    });
  }
}
