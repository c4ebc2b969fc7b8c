import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { ruawatch } from '../helpers/process.ts';
import { until } from '../helpers/services.ts';

/** An error that arises behind the program's back, some time after its start. */
const FAULTS: Record<string, string> = {
  'an exception': "throw Object.assign(new Error('planted'), { code: 'E_PLANTED' })",
  'a rejected promise': "void Promise.reject(Object.assign(new Error('planted'), { code: 'E_PLANTED' }))",
  "an 'error' event without a listener":
    "new EventEmitter().emit('error', Object.assign(new Error('planted'), { code: 'E_PLANTED' }))",
};
const SENTENCE =
  /Unexpected error \(E_PLANTED\): planted\. This may be a bug in ruawatch \d+\.\d+\.\d+: please report it \(see CONTRIBUTING\.md\)/;

let folder: string;
let t: TestDatabase;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-unexpected-'));
  t = await testDatabase();
});
afterAll(async () => {
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Settings that make the program throw what is planted as soon as `when` is printed, or once it is loaded.
 */
function planted(what: string, when: string | null): Record<string, string> {
  const file = path.join(folder, `${Math.random()}.mjs`);
  writeFileSync(
    file,
    `import { EventEmitter } from 'node:events';
    import fs from 'node:fs';
    import { isMainThread } from 'node:worker_threads';
    const plant = () => setTimeout(() => { ${what} }, 50);
    const wanted = ${JSON.stringify(when)};
    const waiting = isMainThread && wanted === null && setInterval(() => {
      if (process.listenerCount('uncaughtException') === 0) return;
      clearInterval(waiting);
      plant();
    }, 20);
    if (waiting) waiting.unref();
    else if (isMainThread) {
      const write = fs.writeSync;
      fs.writeSync = (fd, text, ...more) => { if (String(text).includes(wanted)) plant(); return write(fd, text, ...more); };
    }`,
  );
  return { NODE_OPTIONS: `--import ${file}` };
}

describe.each(Object.entries(FAULTS))('%s', (_, what) => {
  test.each(['info', 'debug'])('of start (LOG_LEVEL=%s): one line of the log, the services end, exit 1', async (level) => {
    const env = { ...planted(what, 'ruawatch is running'), DATABASE_URL: t.url, LOG_LEVEL: level };
    const run = ruawatch(['start', 'analyzer'], env, folder);
    await until(() => run.child.exitCode !== null);
    await run.ended;
    expect(run.child.exitCode).toBe(1);
    expect(run.stdout()).toBe('');
    const lines = run.stderr().trim().split('\n');
    const log = lines.map((line) => JSON.parse(line) as { level: string; msg: string; code?: string; stack?: string });
    const fatal = log.filter(({ level: of }) => of === 'fatal');
    expect(fatal).toMatchObject([{ code: 'E_PLANTED', msg: expect.stringMatching(SENTENCE) }]);
    expect(log.at(-1)!.msg).toBe('stopped');
    const stacks = log.filter(({ stack }) => stack !== undefined);
    expect(stacks.length).toBe(level === 'debug' ? 1 : 0);
    expect(run.stderr().includes('\n    at ')).toBe(false);
  });

  test('of another command: one sentence, exit 1', async () => {
    // A server that accepts and never answers: the command waits for longer than the error takes.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = silent.address() as AddressInfo;
      const env = { ...planted(what, null), DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/db` };
      const run = ruawatch(['migrate'], env, folder);
      expect((await run.ended).code).toBe(1);
      expect(run.stderr()).toMatch(SENTENCE);
      expect(run.stderr().trim().split('\n')).toHaveLength(1);
    } finally {
      silent.close();
    }
  });
});
