import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import { openEmbedded } from '../../services/store/schema/embedded.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-reader-'));
chmodSync(folder, 0o755); // the server's own user must be able to enter
const dataDir = path.join(folder, 'data');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const enter = async (url: string) => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => client.emit('test:lost'));
  await client.connect();
  return client;
};

/**
 * Postgres lets every login change its own password and settings, that of the people with whom the URL is
 * shared too.
 */
test('a reader who changes the login of all readers locks nobody out for longer than to the next command', async () => {
  const server = await openEmbedded(dataDir);
  try {
    const url = server.readerUrl;
    const reader = await enter(url);
    await reader.query('set default_transaction_read_only = off');
    await reader.query("alter role ruawatch_reader password 'mine'");
    await reader.query("alter role ruawatch_reader set statement_timeout = '1ms'");
    await reader.query("alter role ruawatch_reader in database ruawatch set search_path = 'nowhere'");
    await expect(enter(url)).rejects.toMatchObject({ code: '28P01' });
    // And keeps a change of it open, for whoever changes it back to wait for.
    await reader.query("begin; alter role ruawatch_reader password 'mine too'");

    const again = await openEmbedded(dataDir);
    expect(again.readerUrl).toBe(url);
    const other = await enter(url);
    const { rows } = await other.query(
      `select current_setting('statement_timeout') as timeout, current_setting('search_path') as path,
              current_setting('default_transaction_read_only') as read_only, current_setting('temp_file_limit') as temp`,
    );
    expect(rows).toEqual([{ timeout: '0', path: '"$user", public', read_only: 'on', temp: '4GB' }]);
    await other.end();
    await reader.end().catch(() => undefined);
    await again.close();
  } finally {
    await server.close();
  }
});
