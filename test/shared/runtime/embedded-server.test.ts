import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterVersion, rememberedPort, rememberPort, runAlone } from '../../../services/shared/runtime/embedded-server.ts';

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'ruawatch-server-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** A server that is a script. */
function serverOf(script: string) {
  const postgres = path.join(dataDir, 'postgres.sh');
  writeFileSync(postgres, `#!/bin/sh\n${script}\n`);
  chmodSync(postgres, 0o755);
  return { dataDir, owner: null, binaries: { initdb: postgres, pg_ctl: postgres, postgres } } as never;
}

test.each([
  ['its last line where it fails', 'echo first >&2; echo "the disk is full" >&2; exit 1', /: the disk is full$/],
  ['its exit where it says nothing', 'exit 1', /: .*postgres\.sh/],
  ['its error although it ends well', 'cat > /dev/null; echo "2026 ERROR:  no role" >&2; echo more >&2', /: ERROR: +no role\b/],
])('a statement run alone quotes %s', async (_, script, message) => {
  const error = await runAlone(serverOf(script), ['select 1']).then(String, (failure: Error) => failure);
  expect(error).toMatchObject({ code: 'embedded_start', message: expect.stringMatching(message) });
});

test('what was run alone without an error is done', async () => {
  await runAlone(serverOf('cat > /dev/null; echo "LOG:  fine" >&2'), ['select 1']);
});

test('the port of the last start is kept, and one that is none is no port', () => {
  const cluster = { dataDir } as never;
  expect(rememberedPort(cluster)).toBeNull();
  rememberPort(cluster, 54_321);
  expect(rememberedPort(cluster)).toBe(54_321);
  for (const [text, port] of [
    ['0', null],
    ['1', 1],
    ['65535', 65_535],
    ['65536', null],
    ['12.5', null],
    ['x', null],
  ] as const) {
    writeFileSync(path.join(dataDir, 'postgres.port'), `${text}\n`);
    expect(rememberedPort(cluster), text).toBe(port);
  }
});

test('a data folder has the version of its cluster, or none', () => {
  expect(clusterVersion({ dataDir })).toBeNull();
  mkdirSync(path.join(dataDir, 'postgres'));
  writeFileSync(path.join(dataDir, 'postgres', 'PG_VERSION'), '18\n');
  expect(clusterVersion({ dataDir })).toBe('18');
});
