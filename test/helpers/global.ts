import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { adminUrl, openEmbedded } from '../../services/store/schema/embedded.ts';
import { makeTemplate, withoutRoles } from './database.ts';

/** One embedded Postgres for the whole run, in a temporary folder, gone afterwards. */
export default async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-test-'));
  const { chmodSync } = await import('node:fs');
  chmodSync(folder, 0o755); // the server's own user must be able to enter
  const server = await openEmbedded(folder);
  process.env.TEST_POSTGRES_URL = adminUrl(server);
  await withoutRoles(adminUrl(server, 'ruawatch'));
  await makeTemplate(adminUrl(server));
  return async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  };
}
