import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  runPeopleRevoke,
  runPeopleToken,
  runPeopleTokens,
  type TokenOptions,
} from '../../../services/cli/commands/people-tokens.ts';
import { codeAt, stepAt } from '../../../services/console/people/totp.ts';
import { loadConfig } from '../../../services/shared/settings/config.ts';
import { addPerson, confirmTotp, proposeTotp } from '../../../services/store/console/people.ts';
import { tokenVisitor } from '../../../services/store/console/tokens.ts';
import { type TestDatabase, testDatabase } from '../../helpers/database.ts';

const NOW = new Date('2026-11-27T08:00:10Z');
const SECRET = Buffer.from('a secret of 20 bytes');
let t: TestDatabase;
beforeAll(async () => {
  t = await testDatabase();
  await addPerson(t.db, { name: 'ada', role: 'operator', domains: ['example.com'] }, 'test', NOW);
  const key = await addPerson(t.db, { name: 'ben', role: 'operator', domains: null }, 'test', NOW);
  await proposeTotp(t.db, key, SECRET);
  await confirmTotp(t.db, key, 1, NOW);
});
afterAll(() => t.drop());
const config = () => loadConfig({ DATABASE_URL: t.url, HTTP_LISTEN: 'off' }, '/nowhere');

async function said(run: (terminal: { out: (line: string) => void; now: Date }) => Promise<number>): Promise<string[]> {
  const lines: string[] = [];
  await run({ out: (line) => lines.push(line), now: NOW });
  return lines;
}
const make = (name: string, options: TokenOptions) => said((terminal) => runPeopleToken(config(), name, options, terminal));

test('a token is printed once, listed with its use, and revoked', async () => {
  const [line, token] = await make('Ada', { scope: ['act,read'], domains: ['example.com'], for: '30d', note: 'chat' });
  expect(line).toBe('Token 1 of ada (read, act) holds until 2026-12-27 08:00 UTC. It is shown once:');
  expect(await tokenVisitor(t.db, token!, NOW)).toMatchObject({ name: 'ada', token: { scopes: ['read', 'act'] } });
  const listed = await said((terminal) => runPeopleTokens(config(), {}, terminal));
  expect(listed.join('\n')).toMatch(/1 +ada +read, act +example\.com +2026-12-27 08:00 +2026-11-27 08:00 +chat/);
  expect(listed.join('\n')).not.toContain(token!.slice(0, 20));
  const json = await said((terminal) => runPeopleTokens(config(), { json: true, person: 'ada' }, terminal));
  expect(JSON.parse(json[0]!)).toMatchObject({ token_key: 1, person: 'ada' });
  expect(await said((terminal) => runPeopleTokens(config(), { person: 'ben' }, terminal))).toEqual(['There are no tokens.']);
  await said((terminal) => runPeopleRevoke(config(), '1', terminal));
  expect(await tokenVisitor(t.db, token!, NOW)).toBeNull();
  await expect(said((terminal) => runPeopleRevoke(config(), '1', terminal))).rejects.toMatchObject({ code: 'no_token' });
});

test('a viewer gets none with a scope that only others may use', async () => {
  await addPerson(t.db, { name: 'vera', role: 'viewer', domains: null }, 'test', NOW);
  await expect(make('vera', { scope: ['read', 'act'], for: '1d' })).rejects.toMatchObject({
    code: 'role_too_low',
    message: expect.stringContaining('vera is a viewer and may not use the scope act: leave it out'),
  });
  expect(await make('vera', { for: '1d' })).toHaveLength(2);
});

test('one that decides needs a code of the person, which works once', async () => {
  await expect(make('ada', { scope: ['decide'], for: '1h', code: '123456' })).rejects.toMatchObject({ code: 'no_second_factor' });
  const code = codeAt(SECRET, stepAt(NOW));
  await expect(make('ben', { scope: ['decide'], for: '1h' })).rejects.toMatchObject({ code: 'code_wrong' });
  await expect(
    make('ben', { scope: ['decide'], for: '1h', code: code === '000000' ? '000001' : '000000' }),
  ).rejects.toMatchObject({
    code: 'code_wrong',
  });
  const [, token] = await make('ben', { scope: ['read', 'decide'], for: '24h', code });
  expect(await tokenVisitor(t.db, token!, NOW)).toMatchObject({ token: { scopes: ['read', 'decide'] } });
  await expect(make('ben', { scope: ['decide'], for: '1h', code })).rejects.toMatchObject({ code: 'code_wrong' });
});

test.each([
  ['ada', { scope: ['root'], for: '1d' }, 'usage'],
  ['ada', { scope: [''], for: '1d' }, 'usage'],
  ['ada', {}, 'usage'],
  ['ada', { for: '400d' }, 'token_too_long'],
  ['ada', { until: '2020-01-01' }, 'usage'],
  ['ada', { for: '1d', domains: ['example'] }, 'usage'],
  ['ghost', { for: '1d' }, 'no_person'],
] as [string, TokenOptions, string][])('for %s with %j is refused: %s', async (name, options, code) => {
  await expect(make(name, options)).rejects.toMatchObject({ code });
});
