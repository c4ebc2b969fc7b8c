import { afterEach, beforeEach, expect, test } from 'vitest';
import { runDomainsAdd, runDomainsIgnore, runDomainsList } from '../../../services/cli/commands/domains.ts';
import { undecidedDomains } from '../../../services/cli/terminal/undecided.ts';
import { renderWeekly } from '../../../services/mails/weekly.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

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
  await runDomainsAdd(config(), ['Example.COM.', 'bücher.example'], { by: 'Ada' }, { out, now: NOW });
  await runDomainsAdd(config(), ['example.com'], { by: 'Bo' }, { out, now: NOW });
  expect(lines).toEqual([
    expect.stringMatching(/^example\.com and all its subdomains are yours/),
    expect.stringMatching(/^xn--bcher-kva\.example and all/),
    'example.com was yours already.',
  ]);
  await runDomainsIgnore(config(), 'old.example.com', { by: 'Ada', why: 'a\u202eb\u001b[31m' }, { out, now: NOW });
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
    await expect(runDomainsAdd(config(), [bad], { by: 'Ada' }, { out })).rejects.toMatchObject({ code: 'usage' });
  await expect(
    runDomainsIgnore(config({ RUAWATCH_DOMAINS: 'Example.com, example.net' }), 'example.com', { by: 'Ada' }, { out }),
  ).rejects.toMatchObject({ code: 'domain_listed' });
  await expect(runDomainsList(config(), { state: 'mine' }, out)).rejects.toMatchObject({ code: 'usage' });
});

test('an empty list says whether there is none at all, or none in that state', async () => {
  await runDomainsList(config(), {}, out);
  await runDomainsList(config(), { state: 'observed' }, out);
  expect(lines).toEqual([
    expect.stringMatching(/^No domain is known: list yours/),
    'No domain is in state observed: "ruawatch domains list" shows all.',
  ]);
});

test('doctor and start say which domains wait, each with its command, and which mailbox proves nothing', async () => {
  await t.db.query(
    `insert into ruawatch.domains (domain, state, how, since, vouched_by, last_reported, reason)
     values ('victim.example', 'observed', 'reported', now(), 'google.com', now(), E'no record\\u202e there'),
            ('invented.test', 'observed', 'reported', now(), null, now(), null)`,
  );
  const lines = await undecidedDomains(t.db, config({ IMAP_URL: 'imaps://reports%40gmail.com:x@imap.gmail.com' }));
  expect(lines).toEqual([
    expect.stringMatching(/^if victim\.example is yours: ruawatch domains add victim\.example \(.*no record\\u\{202e\} there\)$/),
    '1 more that are not known to be yours: ruawatch domains list --state observed',
    expect.stringMatching(/gmail\.com belongs to a mail provider; .*ruawatch domains add example\.com/),
  ]);
  const login = await undecidedDomains(t.db, config({ IMAP_URL: 'imaps://login:x@mail.example' }));
  expect(login.at(-1)).toMatch(/its user is not a mail address/);
});

test('the digest counts what is not yours in one line', () => {
  const days = { before: '2026-09-01', from: '2026-09-08', to: '2026-09-14' };
  const none = { findings: [], count: 0, to_do: 0 };
  const week = { days, since: NOW, next: NOW, domains: [], opened: none, resolved: none, open: none };
  expect(renderWeekly({ ...week, foreign: 37 }).text).toContain('37 domains that are not yours were reported on');
  expect(renderWeekly(week).text).not.toContain('not yours');
});
