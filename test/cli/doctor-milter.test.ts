import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runDoctor } from '../../services/cli/commands/doctor.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { milterOf, milterSchema } from '../../services/shared/settings/milter.ts';
import { noteUnjudged } from '../../services/store/milter/unjudged.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let t: TestDatabase;
let folder: string;
beforeAll(async () => {
  t = await testDatabase({ own: false });
  folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-doctor-'));
  writeFileSync(path.join(folder, 'key'), 'x'.repeat(44), { mode: 0o600 });
  writeFileSync(path.join(folder, 'short'), 'x', { mode: 0o600 });
});
afterAll(async () => {
  await t.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** The lines of `doctor` about the milter. */
async function said(hold: object | null): Promise<string[]> {
  const config = loadConfig({ DATABASE_URL: t.url, HTTP_LISTEN: 'off', CONSOLE_LISTEN: 'off' }, '/nowhere');
  config.enrich = { ...config.enrich, dns: 'off' };
  if (hold !== null) config.milter = milterOf(milterSchema.parse({ listen: '127.0.0.1:1', authserv_id: 'mx', hold }), folder);
  const lines: string[] = [];
  await runDoctor(config, (line) => lines.push(line));
  return lines.filter((line) => /^\S+ +(?:milter|held mail):/.test(line));
}
/** A program in place of postqueue that prints a queue as Postfix does. */
const HELD = { queue_name: 'hold', queue_id: '4AF2', sender: 'a@example.com', arrival_time: 1_760_000_000 };
const queue = ['/bin/sh', '-c', `echo '${JSON.stringify(HELD)}'`];

test('doctor says whether all mail was judged, and whether held mail can be kept and read', async () => {
  expect(await said(null)).toEqual([]);
  expect(await said({ key_file: 'key', host: 'mx1', postqueue: queue })).toEqual([
    'ok    milter: all mail of the last 24 hours could be judged',
    'ok    held mail: in the hold queue of mx1, which has 1 mail; the key is read',
  ]);
  const at = new Date();
  await noteUnjudged(
    t.db,
    [
      {
        at,
        outcome: 'accept',
        why: 'The store did not answer.',
        queue_id: null,
        peer_ip: null,
        envelope_from: '',
        header_from_domain: null,
        message_id: null,
      },
    ],
    at,
  );
  const [milter, held] = await said({ keep: 'store', key_file: 'key', smtp_url: 'smtp://127.0.0.1:1' });
  expect(milter).toBe(
    `--    milter: 1 mail of the last 24 hours could not be judged, the newest at ${at.toISOString()}: The store did not answer.`,
  );
  expect(held).toBe('ok    held mail: in the database; the key is read');
});

test('doctor fails for a key that cannot be used, and warns where the hold queue cannot be read', async () => {
  expect((await said({ key_file: 'short' }))[1]).toMatch(/^FAIL {2}held mail: .*key_file has 1 characters, and 32 are needed/);
  expect((await said({ key_file: 'none' }))[1]).toMatch(/^FAIL {2}held mail: .*milter\.hold\.key_file/);
  expect((await said({ postqueue: [path.join(folder, 'no-such-program')] }))[1]).toMatch(
    /^-- {4}held mail: the hold queue cannot be read here .*ENOENT.*without a key, so that nobody can read a held mail/,
  );
});
