import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runDomainsRemove } from '../../../services/cli/commands/domains.ts';
import { runImport } from '../../../services/cli/commands/import.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { countDomainData, KEPT, REMOVED, REMOVED_WITH_MORE } from '../../../services/store/domains/remove.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../fixtures');
let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase({ own: false });
});
afterAll(() => t.drop());

const config = (env: Record<string, string> = {}) => loadConfig({ DATABASE_URL: t.url, HTTP_LISTEN: 'off', ...env }, '/nowhere');

/** Tables and partitions that have a word in any column. */
async function tablesWith(word: string): Promise<string[]> {
  const { rows } = await t.db.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'ruawatch'::regnamespace and relkind = 'r' order by 1`,
  );
  const found: string[] = [];
  for (const { name } of rows) {
    const { rows: hits } = await t.db.query(`select from ruawatch.${name} x where x::text ilike $1 limit 1`, [`%${word}%`]);
    if (hits.length > 0) found.push(name);
  }
  return found;
}

test('every table that names a domain is deleted with it, or kept on purpose', async () => {
  const { rows } = await t.db.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'ruawatch'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and a.attname = 'domain'`,
  );
  const known = [...Object.keys(REMOVED), ...REMOVED_WITH_MORE, ...KEPT].sort();
  expect(rows.map(({ name }) => name).sort()).toEqual(known);
});

test('all that is stored about a domain goes, and nothing else does', async () => {
  const folders = readdirSync(FIXTURES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  await runImport(
    config(),
    folders.map(({ name }) => path.join(FIXTURES, name)),
    {},
    () => undefined,
  );
  const { rows: counts } = await t.db.query<{ domain: string; reports: number }>(
    'select domain, count(*)::int as reports from ruawatch.reports group by 1 order by 2 desc, 1 limit 2',
  );
  const [{ domain, reports }, other] = counts as [{ domain: string; reports: number }, { domain: string; reports: number }];
  const otherBefore = await countDomainData(t.db, other.domain);
  const lines: string[] = [];
  const out = (line: string) => void lines.push(line);
  await expect(
    runDomainsRemove(config({ RUAWATCH_DOMAINS: domain }), domain, { yes: true, by: 'Ada' }, { out }),
  ).rejects.toMatchObject({
    code: 'domain_listed',
  });
  await runDomainsRemove(config(), domain, { by: 'Ada' }, { out });
  expect(lines.join('\n')).toContain(`${reports} reports with`);
  expect(await countDomainData(t.db, domain)).toMatchObject({ reports });

  await runDomainsRemove(config(), domain, { yes: true, by: 'Ada' }, { out });
  const nothing = { reports: 0, records: 0, failure_reports: 0, tls_policies: 0, findings: 0, mails: 0, rows: 0 };
  expect(await countDomainData(t.db, domain)).toEqual(nothing);
  expect(await countDomainData(t.db, other.domain)).toEqual(otherBefore);
  const { rows: state } = await t.db.query('select state, by_name from ruawatch.domains where domain = $1', [domain]);
  expect(state).toEqual([{ state: 'ignored', by_name: 'Ada' }]);
  await runDomainsRemove(config(), domain, { yes: true, by: 'Ada', json: true }, { out });
  expect(JSON.parse(lines.at(-1)!)).toEqual({ domain, removed: true, ...nothing });
});

test('a domain below that was added on its own is asked for first, and a word that is no domain is refused', async () => {
  const out = () => undefined;
  await t.db.query(
    "insert into ruawatch.domains (domain, state, how, since) values ('shop.parent.example', 'own', 'added', now())",
  );
  await expect(runDomainsRemove(config(), 'parent.example', { yes: true }, { out })).rejects.toMatchObject({
    code: 'domain_below',
  });
  await expect(runDomainsRemove(config(), 'no domain', { yes: true }, { out })).rejects.toMatchObject({ code: 'usage' });
});

test('a mail with a report about another domain is kept; the name is left in the state of the domain alone', async () => {
  const { rows } = await t.db.query<{ n: number }>(
    `select count(*)::int as n from ruawatch.messages m where raw_gone_at is not null
        and exists (select from ruawatch.reports r where r.message_key = m.message_key)`,
  );
  expect(rows[0]!.n).toBe(0);
  const folder = mkdtempSync(path.join(tmpdir(), 'ruawatch-remove-'));
  const lone = 'lonely.example';
  writeFileSync(
    path.join(folder, 'a.xml'),
    `<feedback><report_metadata><org_name>mail.example</org_name><email>a@mail.example</email><report_id>1</report_id>
<date_range><begin>1790000000</begin><end>1790086399</end></date_range></report_metadata>
<policy_published><domain>${lone}</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>2</count><policy_evaluated><disposition>none</disposition></policy_evaluated></row>
<identifiers><header_from>mail.${lone}</header_from></identifiers>
<auth_results><spf><domain>${lone}</domain><result>fail</result></spf></auth_results></record></feedback>`,
  );
  await runImport(config(), [folder], {}, () => undefined);
  rmSync(folder, { recursive: true });
  expect((await tablesWith(lone)).length).toBeGreaterThan(5);
  await runDomainsRemove(config(), lone, { yes: true, by: 'Ada' }, { out: () => undefined });
  expect(await tablesWith(lone)).toEqual(['domains']);
});
