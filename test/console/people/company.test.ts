import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rightsOf } from '../../../services/console/people/company.ts';
import { oidcOf, oidcSchema } from '../../../services/shared/settings/oidc.ts';
import { addPerson, approverOf, findPerson, knownAs, listPeople } from '../../../services/store/console/people.ts';
import { makeToken } from '../../../services/store/console/tokens.ts';
import { startProvider, type TestProvider } from '../../helpers/oidc.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

const MINUTE = 60_000;
let c: TestConsole;
let provider: TestProvider;
let now = Date.now();
let count = 0;
let addresses = 0;

beforeAll(async () => {
  c = await testConsole({ now: () => new Date(now) });
  provider = await startProvider({ sub: 'x' });
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'oidc-')), 'secret');
  writeFileSync(file, 'secret of the client\n');
  const given = oidcSchema.parse({
    issuer: provider.issuer,
    client_id: 'ruawatch',
    client_secret_file: file,
    groups: [
      { group: 'mail-admins', role: 'admin', all_domains: true },
      { group: 'mail', role: 'operator', domains: ['example.com'] },
      { group: 'auditors', role: 'viewer', all_domains: true },
    ],
  });
  c.context.config.console.oidc = oidcOf(given, '/', [])!;
  expect(c.context.config.console.oidc.client_secret).toBe('secret of the client');
});
beforeEach(() => {
  provider.wrong = 'nothing';
  provider.account = { sub: `sub-${++count}`, email: `ada${count}@example.com`, email_verified: true, groups: ['mail', 'all'] };
});
afterAll(async () => {
  await c.close();
  await provider.stop();
});

/** Goes to the provider and back. @param change what happens to the address on the way back */
async function signedIn(browser: TestPerson, next = '/findings', change = (back: URL) => back) {
  // From an address of its own: sign-ins from one are limited.
  const remoteAddress = `192.0.2.${(addresses++ % 250) + 1}`;
  const away = await browser.raw({ method: 'GET', url: `/sign-in/company?next=${encodeURIComponent(next)}`, remoteAddress });
  expect(away.statusCode, away.body).toBe(303);
  const there = await fetch(String(away.headers.location), { redirect: 'manual' });
  const back = change(new URL(there.headers.get('location')!));
  return browser.raw({ method: 'GET', url: `${back.pathname}${back.search}`, remoteAddress });
}

describe('a person of the company', () => {
  test('signs in, is added with the rights of the group, and comes back as the same', async () => {
    const browser = c.stranger();
    const answer = await signedIn(browser);
    expect(answer.statusCode, answer.body).toBe(303);
    expect(answer.headers.location).toBe('/findings');
    expect((await browser.get('/account')).body).toContain(`ada${count}@example.com`);
    const person = await findPerson(c.t.db, `ada${count}@example.com`);
    expect(person).toMatchObject({ role: 'operator', all_domains: false, domains: ['example.com'], has_password: false });
    const before = (await listPeople(c.t.db)).length;
    await signedIn(c.stranger());
    expect(await listPeople(c.t.db)).toHaveLength(before);
    const { rows } = await c.t.db.query('select p::text as text from ruawatch.people p');
    expect(JSON.stringify(rows)).not.toContain(Buffer.from('refresh').toString('hex'));
  });

  test.each(['https://evil.example/', '//evil.example/', '/\\evil.example', 'javascript:alert(1)', ''])(
    'is never sent on to %j',
    async (next) => {
      expect((await signedIn(c.stranger(), next)).headers.location).toBe('/');
    },
  );

  test('without a group of the settings does not come in', async () => {
    provider.account.groups = ['others'];
    const answer = await signedIn(c.stranger());
    expect([answer.statusCode, answer.body.includes('no_group')]).toEqual([403, true]);
    expect(await findPerson(c.t.db, `ada${count}@example.com`)).toBeNull();
  });

  test('does not take over an account of ours of the same name', async () => {
    await addPerson(c.t.db, { name: `ada${count}@example.com`, role: 'admin', domains: null }, 'test', new Date(now));
    expect((await signedIn(c.stranger())).statusCode).toBe(409);
  });

  test('whose address is not verified has none', async () => {
    provider.account = {
      sub: `u${count}`,
      email: 'boss@example.com',
      email_verified: false,
      preferred_username: `user${count}`,
      groups: 'mail',
    };
    await signedIn(c.stranger());
    expect(await findPerson(c.t.db, `user${count}`)).toMatchObject({ email: null });
    expect(await findPerson(c.t.db, 'boss@example.com')).toBeNull();
  });

  test('whose address nobody says is verified has none, nor a name that would stand for one', async () => {
    const claims = { email: 'ben@example.com', preferred_username: 'ben@example.com', groups: ['mail'] };
    provider.account = { sub: `n${count}`, ...claims };
    await signedIn(c.stranger());
    expect(await findPerson(c.t.db, `n${count}`)).toMatchObject({ email: null });
    expect(await findPerson(c.t.db, 'ben@example.com')).toBeNull();
  });
});

describe('the address under which somebody decides', () => {
  const MINE = () => `sub-${count}`;
  const askerNow = async () => {
    const { rows } = await c.t.db.query<{ person_key: number }>(
      'select person_key from ruawatch.people where oidc_subject = $1 and ended_at is null',
      [MINE()],
    );
    return approverOf(c.t.db, rows[0]!.person_key);
  };

  test('is not the first one any more when the provider has taken it away', async () => {
    await signedIn(c.stranger());
    expect(await askerNow()).toBe(`ada${count}@example.com`);
    provider.account.email_verified = false;
    await signedIn(c.stranger());
    await expect(askerNow()).rejects.toMatchObject({ code: 'no_address' });
  });

  test('follows the provider within minutes, also while the session goes on', async () => {
    const browser = c.stranger();
    await signedIn(browser);
    provider.account.email = `lovelace${count}@example.com`;
    now += 5 * MINUTE;
    expect((await browser.get('/findings')).statusCode).toBe(200);
    expect(await askerNow()).toBe(`lovelace${count}@example.com`);
    delete provider.account.email_verified;
    now += 5 * MINUTE;
    expect((await browser.get('/findings')).statusCode).toBe(200);
    await expect(askerNow()).rejects.toMatchObject({ code: 'no_address' });
  });

  test('is never another one for a letter that becomes a k', async () => {
    provider.account.email = `\u212aim${count}@example.com`;
    await signedIn(c.stranger());
    expect(await askerNow()).toBe(MINE());
    provider.account = { sub: `kelvin-${++count}`, preferred_username: '\u212aim', groups: ['mail'] };
    expect((await signedIn(c.stranger())).statusCode).not.toBe(303);
    expect(await findPerson(c.t.db, 'kim')).toBeNull();
  });

  test('is no role that was lent to the address before', async () => {
    await signedIn(c.stranger());
    provider.account.email_verified = false;
    await signedIn(c.stranger());
    const person = (await findPerson(c.t.db, `ada${count}@example.com`))!;
    const { rows } = await c.t.db.query(`select ${knownAs('p')} as who from ruawatch.people p where person_key = $1`, [
      person.person_key,
    ]);
    expect(rows).toEqual([{ who: null }]);
  });
});

describe('what comes back is refused', () => {
  test.each(['nonce', 'audience', 'issuer', 'signature', 'expired', 'grant'] as const)('with a wrong %s', async (wrong) => {
    const browser = c.stranger();
    provider.wrong = wrong;
    const answer = await signedIn(browser);
    expect([answer.statusCode, answer.body.includes('provider_refused')]).toEqual([403, true]);
    expect((await browser.get('/account')).statusCode).toBe(303);
  });
  test('with another state', async () => {
    const answer = await signedIn(c.stranger(), '/', (back) => {
      back.searchParams.set('state', 'another');
      return back;
    });
    expect(answer.statusCode).toBe(403);
  });
  test('in a browser that did not begin it: nobody can be signed in as somebody else', async () => {
    const away = await c.stranger().get('/sign-in/company');
    const there = await fetch(String(away.headers.location), { redirect: 'manual' });
    const back = new URL(there.headers.get('location')!);
    expect((await c.stranger().get(`${back.pathname}${back.search}`)).statusCode).toBe(403);
  });
  test('when the provider is silent, as something that passes', async () => {
    provider.wrong = 'silent';
    expect([403, 503]).toContain((await signedIn(c.stranger())).statusCode);
  });
});

describe('within five minutes', () => {
  /** Somebody who is signed in, with a token. */
  async function here() {
    const browser = c.stranger();
    await signedIn(browser);
    const person = (await findPerson(c.t.db, provider.account.email as string))!;
    const ends_at = new Date(now + 60 * MINUTE);
    const given = {
      person_key: person.person_key,
      person: person.name,
      name: 'x',
      scopes: ['read'] as const,
      domains: null,
      ends_at,
    };
    const { token } = await makeToken(c.t.db, given, 'test', new Date(now));
    const program = async () =>
      (await c.stranger().api('GET', '/api/v1/me', undefined, { headers: { authorization: `Bearer ${token}` } })).statusCode;
    return { browser, program };
  }
  const page = async (browser: TestPerson) => (await browser.get('/findings')).statusCode;

  test('who is still there stays, and the provider is asked once', async () => {
    const { browser, program } = await here();
    now += 5 * MINUTE;
    const asked = provider.grants;
    expect(await Promise.all([page(browser), page(browser), program()])).toEqual([200, 200, 200]);
    expect(provider.grants).toBe(asked + 1);
  });
  test('who was removed at the provider is out, with all tokens', async () => {
    const { browser, program } = await here();
    provider.wrong = 'grant';
    now += 5 * MINUTE;
    expect([await page(browser), await program()]).toEqual([303, 401]);
    provider.wrong = 'nothing';
    expect([await page(browser), await program()]).toEqual([303, 401]);
  });
  test('who left the group is out, and who came into another one signs in again', async () => {
    const left = await here();
    provider.account.groups = [];
    now += 5 * MINUTE;
    expect([await page(left.browser), await left.program()]).toEqual([303, 401]);
    provider.account = { sub: `m${count}`, email: `eve${count}@example.com`, email_verified: true, groups: ['mail'] };
    const moved = await here();
    provider.account.groups = ['auditors'];
    now += 5 * MINUTE;
    expect([await page(moved.browser), await moved.program()]).toEqual([303, 401]);
    expect(await findPerson(c.t.db, `eve${count}@example.com`)).toMatchObject({ role: 'viewer', all_domains: true });
  });
  test('a silent provider lets nobody in, and ends nothing', async () => {
    const { browser, program } = await here();
    provider.wrong = 'silent';
    now += 5 * MINUTE;
    expect([await page(browser), await program()]).toEqual([503, 503]);
    expect((await browser.get('/')).body).toContain('The company’s sign-in does not answer');
    provider.wrong = 'nothing';
    expect([await page(browser), await program()]).toEqual([200, 200]);
  });
});

test.each([
  [['mail', 'mail-admins'], 'admin', null],
  [['auditors', 'mail'], 'operator', ['example.com']],
  ['auditors', 'viewer', null],
])('the first group of the list decides: %j', (groups, role, domains) => {
  expect(rightsOf(c.context.config.console.oidc!, { groups })).toEqual({ role, domains });
});
test.each([[undefined], [null], [[]], [{ mail: true }], [['MAIL']], [[5]]])('%j is no group', (groups) => {
  expect(rightsOf(c.context.config.console.oidc!, { groups })).toBeNull();
});
