import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPool } from '../../services/shared/runtime/db.ts';
import { checkSchema } from '../../services/store/schema/migrate.ts';
import { backupCommands, debianPostgres, type Server, Servers } from '../helpers/debian-postgres.ts';
import { ruawatchOnce } from '../helpers/process.ts';
import { readDocument } from './markdown.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** The version whose database test/fixtures/upgrade/ has, filled by its own program. */
const OLD = 22;
const NEWEST = readdirSync(path.join(ROOT, 'migrations')).filter((name) => name.endsWith('.sql')).length;

/** What an upgrade must leave as it is. */
const FACTS = {
  messages: 'select message_key, sha256, state, subject, size from dmarc.messages order by 1',
  reports: 'select report_key, org_name, report_id, domain, begin_at, records, messages from dmarc.reports order by 1',
  records: 'select report_key, n, source_ip, count, disposition, dkim_aligned, spf_aligned from dmarc.records order by 1, 2',
  days: 'select domain, source, day, reporter, messages, passed, failed from dmarc.reporter_days order by 1, 2, 3, 4, 5, 6, 7',
  findings: 'select finding_key, domain, kind, severity, state, subject, opened_at, summary from dmarc.findings order by 1',
  senders: 'select domain, source, verdict, why, by_name from ruawatch.sender_list order by 1, 2',
  domains: 'select domain, state from ruawatch.domains order by 1',
};

async function factsOf(url: string): Promise<Record<string, unknown[]>> {
  const db = openPool(url, { max: 1 });
  const facts: Record<string, unknown[]> = {};
  for (const [name, sql] of Object.entries(FACTS)) facts[name] = (await db.query(sql)).rows;
  facts.version = (await db.query('select max(version) as version from ruawatch.migrations')).rows;
  await db.end();
  return facts;
}

const missing = debianPostgres ? '' : ' (SKIPPED: postgresql is not installed)';
describe.skipIf(!debianPostgres)(`docs/upgrade.md${missing}`, { timeout: 300_000 }, () => {
  let servers: Servers;
  let server: Server;
  beforeAll(async () => {
    servers = new Servers();
    server = await servers.start('old');
    const admin = openPool(server.url('postgres'), { max: 1 });
    await admin.query('create user ruawatch createrole');
    for (const name of ['poller', 'parser', 'analyzer', 'enricher', 'alerter', 'analyst'])
      await admin.query(`create role ruawatch_${name}`);
    await admin.query('create database ruawatch owner ruawatch');
    await admin.end();
    const dump = gunzipSync(readFileSync(path.join(ROOT, `test/fixtures/upgrade/00${OLD}.sql.gz`)));
    servers.shell('psql --quiet --set ON_ERROR_STOP=1 --dbname "$URL"', { URL: server.url('ruawatch') }, dump);
  });
  afterAll(() => servers.stop());

  test('its steps carry a database of an older version, with what is in it, to this one, and back', async () => {
    const url = server.url('ruawatch').replace('admin@', 'ruawatch@');
    const ruawatch = (...args: string[]) => ruawatchOnce(args, { DATABASE_URL: url });
    const before = await factsOf(url);
    expect(before.version).toEqual([{ version: OLD }]);
    expect([before.reports, before.records, before.findings].map((rows) => rows!.length)).toEqual([160, 1453, 4]);

    // 1: the backup.
    const fresh = await servers.start('fresh');
    const env = {
      DATABASE_URL: server.url('ruawatch'),
      ADMIN_URL: server.url('postgres'),
      NEW_ADMIN_URL: fresh.url('postgres'),
      NEW_URL: fresh.url('ruawatch'),
    };
    servers.shell(backupCommands('Make a backup'), env);

    // 3: what doctor says.
    const doctor = await ruawatch('doctor');
    expect(doctor.stdout).toMatch(new RegExp(`^-- +database: .*version ${OLD}.*${NEWEST}`, 'm'));
    expect(await factsOf(url)).toEqual(before);

    // 4: the schema.
    expect((await ruawatch('migrate', '--roles')).code).toBe(0);
    expect((await ruawatch('doctor')).stdout).toMatch(/^ok +database: .*up to date/m);
    expect(await factsOf(url)).toEqual({ ...before, version: [{ version: NEWEST }] });

    // What the old program wrote can be read by the new one, and so can every view.
    const db = openPool(url, { max: 1 });
    const { rows: views } = await db.query<{ name: string }>(
      "select format('dmarc.%I', relname) as name from pg_class where relnamespace = 'dmarc'::regnamespace and relkind = 'v'",
    );
    expect(views.length).toBeGreaterThan(15);
    for (const { name } of views) await db.query(`select * from ${name}`);
    await checkSchema(db);
    await db.end();
    const { stdout: list } = await ruawatch('findings', 'list');
    for (const { finding_key: key, kind } of before.findings as { finding_key: number; kind: string }[]) {
      const { code, stdout } = await ruawatch('findings', 'show', String(key));
      expect(code, kind).toBe(0);
      expect(stdout).toContain(kind);
      expect(list).toMatch(new RegExp(`^${key} `, 'm'));
    }
    for (const args of [
      ['senders', 'list'],
      ['domains', 'list'],
      ['messages', 'list'],
      ['policy', 'status', '--resolver', '127.0.0.1:1'],
    ])
      expect((await ruawatch(...args)).stderr, args.join(' ')).toBe('');

    // The way back.
    servers.shell(backupCommands('Restore it into a new server').replace(/^npx ruawatch doctor\n/m, ''), env);
    expect(await factsOf(fresh.url('ruawatch').replace('admin@', 'ruawatch@'))).toEqual(before);
  });

  test('the steps are those of the document', () => {
    const text = readDocument('upgrade.md').replace(/\s+/g, ' ');
    for (const step of [
      '**Back up the database**',
      '`npx ruawatch doctor` says',
      '`npx ruawatch migrate`',
      'Restore the dump into a **new**',
    ])
      expect(text).toContain(step);
  });
});
