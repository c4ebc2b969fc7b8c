import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  runPeopleAdd,
  runPeopleLink,
  runPeopleList,
  runPeopleRemove,
  runServiceAdd,
} from '../../../services/cli/commands/people.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { linkOf } from '../../../services/store/console/sessions.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(() => t.drop());
const config = () => loadConfig({ DATABASE_URL: t.url, HTTP_LISTEN: 'off' }, '/nowhere');

async function said(run: (out: (line: string) => void) => Promise<number>): Promise<string[]> {
  const lines: string[] = [];
  await run((line) => lines.push(line));
  return lines;
}

test('a person is added with a link, listed, given another link, and removed', async () => {
  const now = new Date();
  const [, link] = await said((out) =>
    runPeopleAdd(config(), 'Ada', { role: 'operator', domain: ['Example.COM'] }, { out, now }),
  );
  expect(link).toMatch(/^http:\/\/localhost:9808\/link\/[\w-]{43}$/);
  const [row] = (await said((out) => runPeopleList(config(), { json: true }, out))).map((line) => JSON.parse(line));
  expect(row).toMatchObject({ name: 'ada', role: 'operator', all_domains: false, domains: ['example.com'] });
  expect(row).not.toHaveProperty('password');
  const [second] = await said((out) => runPeopleLink(config(), 'ada', { out, now }));
  const token = (url: string) => url.split('/').at(-1)!;
  expect(await linkOf(t.db, token(link!), now)).toBeNull();
  expect(await linkOf(t.db, token(second!), now)).toMatchObject({ name: 'ada', purpose: 'password' });
  await said((out) => runPeopleRemove(config(), 'ada', { out, now }));
  expect(await linkOf(t.db, token(second!), now)).toBeNull();
  expect((await said((out) => runPeopleList(config(), {}, out)))[0]).toContain('Nobody can sign in yet');
});

test.each([
  ['eve', { role: 'root', allDomains: true }, /is no role/],
  ['e v e', { allDomains: true }, /is no name/],
  ['eve', {}, /which domains/],
  ['eve', { allDomains: true, domain: ['example.com'] }, /which domains/],
  ['eve', { domain: ['example'] }, /not a domain/],
])('%s with %j is refused', async (name, options, sentence) => {
  await expect(runPeopleAdd(config(), name, options, { out: () => undefined })).rejects.toThrow(sentence);
});

test('the last admin stays, a name is used once, and nobody else is removed', async () => {
  const out = () => undefined;
  await runPeopleAdd(config(), 'root', { role: 'admin', allDomains: true }, { out });
  await expect(runPeopleRemove(config(), 'root', { out })).rejects.toMatchObject({ code: 'last_admin' });
  await expect(runPeopleAdd(config(), 'ROOT', { allDomains: true }, { out })).rejects.toMatchObject({ code: 'person_exists' });
  await expect(runPeopleRemove(config(), 'ghost', { out })).rejects.toMatchObject({ code: 'no_person' });
});

test('a service principal is added with its owner and end, listed and removed', async () => {
  const now = new Date();
  const add = (name: string, options: object) => said((out) => runServiceAdd(config(), name, options, { out, now }));
  const ci = { owner: 'root', domain: ['example.com'], for: '30d' };
  expect((await add('CI', ci)).join('\n')).toMatch(
    /CI is added: root answers for it, and it ends .* UTC\.\nA token: ruawatch people token CI/,
  );
  expect((await said((out) => runPeopleList(config(), {}, out))).join('\n')).toMatch(
    /service principal.*\n.*\nci +viewer +example\.com +root/,
  );
  const rows = (await said((out) => runPeopleList(config(), { json: true }, out))).map((line) => JSON.parse(line));
  expect(rows.at(-1)).toMatchObject({ kind: 'service', name: 'ci', owner: 'root' });
  await expect(said((out) => runPeopleLink(config(), 'ci', { out }))).rejects.toMatchObject({ code: 'no_person' });
  for (const [name, options, sentence] of [
    ['scan', { ...ci, role: 'admin' }, /never an admin/],
    ['scan@example.com', ci, /no name for a service principal/],
    ['applier', ci, /no name for a service principal/],
    ['scan', { ...ci, for: undefined }, /when it ends/],
    ['scan', { ...ci, owner: undefined }, /who answers for it/],
    ['scan', { ...ci, owner: 'ghost' }, /Nobody is known as "ghost"/],
    ['scan', { ...ci, domain: undefined }, /which domains/],
    ['ci', ci, /an account named "ci" already/],
  ] as const)
    await expect(add(name, options)).rejects.toThrow(sentence);
  await said((out) => runPeopleRemove(config(), 'ci', { out, now }));
  expect((await said((out) => runPeopleList(config(), {}, out))).join('\n')).not.toContain('service principal');
});
