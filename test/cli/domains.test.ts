import { afterEach, beforeEach, expect, test } from 'vitest';
import { runDomainsAdd, runDomainsIgnore, runDomainsList } from '../../services/cli/domains.ts';
import { loadConfig } from '../../services/shared/config.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';

let t: TestDatabase;
let lines: string[];
const out = (line: string) => {
  lines.push(line);
};
const config = (env: Record<string, string> = {}) => loadConfig({ DATABASE_URL: t.url, HTTP_LISTEN: 'off', ...env }, '/nowhere');
const NOW = new Date('2026-10-06T09:00:00Z');

beforeEach(async () => {
  t = await testDatabase({ own: false });
  lines = [];
});
afterEach(() => t.drop());

test('add, ignore and list: state, since when, by whom and why', async () => {
  await runDomainsAdd(config(), ['Example.COM.', 'bücher.example'], { by: 'Ada' }, out, NOW);
  await runDomainsAdd(config(), ['example.com'], { by: 'Bo' }, out, NOW);
  expect(lines).toEqual([
    expect.stringMatching(/^example\.com is yours, with all names below it/),
    expect.stringMatching(/^xn--bcher-kva\.example is yours/),
    'example.com was yours already.',
  ]);
  await runDomainsIgnore(config(), 'old.example.com', { by: 'Ada', why: 'a\u202eb\u001b[31m' }, out, NOW);
  lines = [];
  await runDomainsList(config(), {}, out);
  const rows = lines.join('\n').split('\n').slice(2);
  expect(rows[0]).toMatch(/^example\.com +own +domains add +2026-10-06 09:00 +Ada$/);
  expect(rows[2]).toMatch(/^old\.example\.com +ignored +domains ignore +2026-10-06 09:00 +Ada: a\\u202eb\\u001b\[31m$/);
  lines = [];
  await runDomainsList(config(), { json: true, state: 'ignored' }, out);
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toMatch(/[\u202e\u001b]/);
  expect(JSON.parse(lines[0]!)).toMatchObject({ domain: 'old.example.com', state: 'ignored', by_name: 'Ada' });
});

test('what is no domain is refused in one sentence, and so is ignoring what the settings list', async () => {
  for (const bad of ['com', 'a b', '*', '192.0.2.1', 'x@example.com'])
    await expect(runDomainsAdd(config(), [bad], { by: 'Ada' }, out)).rejects.toMatchObject({ code: 'usage' });
  await expect(
    runDomainsIgnore(config({ RUAWATCH_DOMAINS: 'Example.com, example.net' }), 'example.com', { by: 'Ada' }, out),
  ).rejects.toMatchObject({ code: 'domain_listed' });
  await expect(runDomainsList(config(), { state: 'mine' }, out)).rejects.toMatchObject({ code: 'usage' });
});
