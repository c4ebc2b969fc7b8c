import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { runAccessStatements } from '../../../services/cli/commands/access.ts';
import { statementsOf } from '../../../services/cli/rights/statements.ts';
import { fixture } from '../../analyzer/fixture.ts';
import { debianPostgres, Servers } from '../../helpers/debian-postgres.ts';
import { askForGrant } from '../../helpers/grants.ts';

const ROLE = 'ruawatch_lent_0a1b2c3d_1_abcdef';
const all = async (folder: string) => {
  const found = [];
  for await (const one of statementsOf(folder, ROLE)) found.push(one);
  return found;
};

// Debian: postgresql
describe.skipIf(!debianPostgres)('what was run, as Postgres logs it', () => {
  const servers = new Servers();
  afterAll(() => servers.stop());
  test.each(['jsonlog', 'csvlog', 'jsonlog,csvlog'])('as %s', async (destination) => {
    let logs = '';
    const server = await servers.start(`log${destination.length}`, false, (folder) => {
      logs = path.join(folder, 'logs');
      return `-c logging_collector=on -c log_destination=${destination} -c log_directory=${logs} -c log_statement=all`;
    });
    const boss = new pg.Client({ connectionString: server.url('postgres') });
    await boss.connect();
    await boss.query(`create role ${ROLE} login`);
    const url = new URL(server.url('postgres'));
    url.username = ROLE;
    const lent = new pg.Client({ connectionString: url.href });
    await lent.connect();
    await lent.query(`select 'a "quoted", text', 1\n  as two_lines`);
    await lent.query('select $1::int', [7]);
    await lent.query('select nothing from nowhere').catch(() => undefined);
    await lent.end();
    await boss.end();
    const found = await all(logs);
    expect(found.map(({ statement }) => statement)).toEqual([
      `select 'a "quoted", text', 1\n  as two_lines`,
      'select $1::int',
      'select nothing from nowhere',
    ]);
    expect(found[0]).toMatchObject({ database: 'postgres', at: expect.stringMatching(/^\d{4}-\d\d-\d\d /) });
  });
});

test('the command says how to have a log, reads it, and what it is not for', async () => {
  const f = await fixture();
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-log-'));
  const lines: string[] = [];
  const out = (line: string) => lines.push(line);
  const { config } = f.context;
  const database = {
    name: 'main',
    groups: ['readers'],
    for: [],
    services: [],
    longestSeconds: 1,
    risk: 'low' as const,
    connections: 1,
    url: () => '',
  };
  config.access = {
    unwatchedMs: 1,
    databases: [{ ...database, logFolder: null }],
    dns: [],
    mail: [],
    providers: [],
    console: null,
  };
  const grant = await askForGrant(f.t.db, {
    kind: 'access.database',
    server: 'main',
    holder: 'ada',
    scope: { group: 'readers' },
  });
  const key = String(grant.grant_key);
  await expect(runAccessStatements(config, key, { out })).rejects.toThrow(
    /log_folder of main in access.database.*logging_collector = on/,
  );
  config.access = { ...config.access, databases: [{ ...database, logFolder: folder }] };
  await runAccessStatements(config, key, { out });
  const row = { timestamp: '2026-11-27 14:00:00.000 UTC', user: grant.name, dbname: 'app', message: 'statement: select 1' };
  writeFileSync(path.join(folder, 'a.json'), `${JSON.stringify({ ...row, user: 'other' })}\n${JSON.stringify(row)}\n{"cut`);
  await runAccessStatements(config, key, { out });
  expect(lines).toEqual([`The log has no statement of ${grant.name}.`, '2026-11-27 14:00:00.000 UTC  app  select 1']);
  config.access = { ...config.access, databases: [{ ...database, logFolder: '/nowhere' }] };
  await expect(runAccessStatements(config, key, { out })).rejects.toMatchObject({ code: 'no_log' });
  const other = await askForGrant(f.t.db, {
    kind: 'access.console',
    server: 'console',
    holder: 'ada',
    scope: { role: 'viewer', domains: null },
  });
  await expect(runAccessStatements(config, String(other.grant_key), { out })).rejects.toThrow(/only databases log statements/);
  rmSync(folder, { recursive: true });
  await f.close();
});
