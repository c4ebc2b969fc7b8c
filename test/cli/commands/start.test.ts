import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startDemoMailbox } from '../../../demo/mailbox.ts';
import { openPool } from '../../../services/shared/runtime/db.ts';
import { readSecrets } from '../../../services/shared/runtime/embedded-secrets.ts';
import { ruawatch, ruawatchOnce } from '../../helpers/process.ts';
import { until } from '../../helpers/services.ts';

test("start's first words, doctor and migrate: the reader's URL, which works, and no other password", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-embedded-'));
  chmodSync(folder, 0o755); // the server's own user must be able to enter
  const dataDir = path.join(folder, 'data');
  const mailbox = await startDemoMailbox([]);
  const env = { RUAWATCH_DATA_DIR: dataDir, IMAP_URL: `${mailbox.url}/INBOX?tls=none` };
  const run = ruawatch(['start'], env);
  await until(() => /ruawatch is running/.test(run.stderr()) || run.child.exitCode !== null);
  const [url] = run.stderr().match(/postgres:\/\/[^"]+/)!;
  const db = openPool(url!, { max: 1 });
  const { rows } = await db.query('select current_user as me, (select count(*) from dmarc.findings) as findings');
  await db.end();
  expect(rows).toEqual([{ me: 'ruawatch_reader', findings: 0 }]);
  const doctor = await ruawatchOnce(['doctor'], env);
  expect(doctor.stdout).toContain(`(embedded; psql ${url})`);
  run.child.kill('SIGTERM');
  await run.ended;
  const { ready: _, ruawatch_reader: reader, ...others } = readSecrets(dataDir)!;
  expect(url).toContain(reader);
  for (const password of Object.values(others)) expect(run.stdout() + run.stderr() + doctor.stdout).not.toContain(password);
  await mailbox.stop();
  rmSync(folder, { recursive: true, force: true });
});
