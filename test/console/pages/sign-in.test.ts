import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../../services/console/people/password.ts';
import { codeAt, stepAt } from '../../../services/console/people/totp.ts';
import {
  addPerson,
  confirmTotp,
  countFailure,
  endPerson,
  findPerson,
  proposeTotp,
  signInSecrets,
} from '../../../services/store/console/people.ts';
import { makeLink } from '../../../services/store/console/sessions.ts';
import { type TestConsole, testConsole } from '../setup.ts';

const PASSWORD = 'correct horse battery';
let c: TestConsole;
let now = new Date('2026-11-27T08:00:00Z');

beforeAll(async () => {
  c = await testConsole({ now: () => now });
});
afterAll(() => c.close());

/** Adds a person with the password above. */
async function add(name: string, { t: { db } } = c): Promise<number> {
  const key = await addPerson(db, { name, role: 'viewer', domains: ['example.com'] }, 'test', now);
  await db.query('update ruawatch.people set password = $2 where person_key = $1', [key, await hashPassword(PASSWORD)]);
  return key;
}

describe('the first account', () => {
  test('is made with a link, once; looking at the page uses nothing up', async () => {
    const token = await makeLink(c.t.db, null, 'password', now);
    const browser = c.stranger();
    for (let i = 0; i < 3; i++) expect((await browser.get(`/link/${token}`)).body).toContain('Create the first account');
    const short = await browser.post(`/link/${token}`, { name: 'Ada', password: 'short', again: 'short' });
    expect(short.statusCode).toBe(400);
    expect(short.body).toContain('too short');
    const differs = await browser.post(`/link/${token}`, { name: 'Ada', password: PASSWORD, again: `${PASSWORD}!` });
    expect(differs.body).toContain('differ');
    const made = await browser.post(`/link/${token}`, { name: 'Ada', password: PASSWORD, again: PASSWORD });
    expect(made.headers.location).toBe('/');
    expect((await browser.get('/')).statusCode).toBe(200);
    expect(await findPerson(c.t.db, 'ADA')).toMatchObject({ name: 'ada', role: 'admin', all_domains: true });
    expect((await c.stranger().post(`/link/${token}`, { name: 'eve', password: PASSWORD, again: PASSWORD })).statusCode).toBe(
      404,
    );
  });

  test('cannot be made with an old link when there is one', async () => {
    const token = await makeLink(c.t.db, null, 'password', now);
    expect((await c.stranger().post(`/link/${token}`, { name: 'eve', password: PASSWORD, again: PASSWORD })).statusCode).toBe(
      409,
    );
    expect(await findPerson(c.t.db, 'eve')).toBeNull();
  });

  test('a link holds for a day', async () => {
    const token = await makeLink(c.t.db, await add('late'), 'password', new Date(now.getTime() - 25 * 3_600_000));
    expect((await c.stranger().get(`/link/${token}`)).statusCode).toBe(404);
  });
});

describe('a link, and wrong passwords', () => {
  // Of its own: each console counts the tries of a minute.
  let own: TestConsole;
  beforeAll(async () => {
    own = await testConsole({ now: () => now });
  });
  afterAll(() => own.close());
  const acts = async () =>
    (
      await own.t.db.query<{ by_name: string; act: string; how: string | null }>(
        "select by_name, act, detail->>'how' as how from ruawatch.console_acts where act in ('password_chosen', 'signed_in') order by act_key",
      )
    ).rows;
  const asked = (body: string) => ({
    title: /<h1>(.*?)<\/h1>/.exec(body)?.[1],
    lead: /<h1>.*?<\/h1>\s*<p>(.*?)<\/p>/s.exec(body)?.[1],
    problem: /<p class="problem-line" role="alert">(.*?)<\/p>/.exec(body)?.[1],
    fields: [...body.matchAll(/<input name="(\w+)"/g)].map(([, name]) => name),
    button: /<button class="primary">(.*?)<\/button>/.exec(body)?.[1],
  });

  test('lets somebody choose a password of twelve characters, twice the same, and signs in', async () => {
    const key = await addPerson(own.t.db, { name: 'barbara', role: 'viewer', domains: ['example.com'] }, 'test', now);
    const link = `/link/${await makeLink(own.t.db, key, 'password', now)}`;
    const before = (await acts()).length;
    const browser = own.stranger();
    const page = {
      title: 'Choose a password',
      lead: expect.stringContaining('barbara'),
      problem: undefined,
      fields: ['password', 'again'],
      button: expect.any(String),
    };
    expect(asked((await browser.get(link)).body)).toEqual(page);
    for (const [password, again, problem] of [
      ['0123456789a', '0123456789a', 'The password is too short: it needs at least 12 characters.'],
      ['0123456789ab', '0123456789ac', 'The two passwords differ.'],
    ] as const) {
      const refused = await browser.post(link, { password, again });
      expect([refused.statusCode, asked(refused.body)]).toEqual([400, { ...page, problem }]);
    }
    expect(await acts()).toHaveLength(before);
    const done = await browser.post(link, { password: '0123456789ab', again: '0123456789ab' });
    expect([done.statusCode, done.headers.location]).toEqual([303, '/']);
    expect((await acts()).slice(before)).toEqual([
      { by_name: 'barbara', act: 'password_chosen', how: null },
      { by_name: 'barbara', act: 'signed_in', how: 'link' },
    ]);
    expect((await browser.get('/account')).body).toContain('barbara');
    const ended = await own.stranger().get(link);
    expect([ended.statusCode, asked(ended.body).title]).toEqual([404, 'This link no longer works']);
    expect((await own.stranger().post('/sign-in', { name: 'barbara', password: '0123456789ab' })).statusCode).toBe(303);
  });

  test('signs in at once, and changes no password', async () => {
    const link = `/link/${await makeLink(own.t.db, await add('katherine', own), 'sign_in', now)}`;
    const before = (await acts()).length;
    const browser = own.stranger();
    expect(asked((await browser.get(link)).body)).toMatchObject({ lead: expect.stringContaining('katherine'), fields: [] });
    expect((await browser.post(link, { password: 'short', again: 'other' })).headers.location).toBe('/');
    expect((await acts()).slice(before)).toEqual([{ by_name: 'katherine', act: 'signed_in', how: 'link' }]);
    expect((await own.stranger().post('/sign-in', { name: 'katherine', password: PASSWORD })).statusCode).toBe(303);
  });

  test('makes the first account, named admin where no name is given', async () => {
    const other = await testConsole({ now: () => now });
    const link = `/link/${await makeLink(other.t.db, null, 'password', now)}`;
    expect(asked((await other.stranger().get(link)).body)).toMatchObject({ fields: ['name', 'password', 'again'] });
    expect((await other.stranger().post(link, { password: PASSWORD, again: PASSWORD })).statusCode).toBe(303);
    expect(await findPerson(other.t.db, 'admin')).toMatchObject({ role: 'admin', all_domains: true });
    await other.close();
  });

  test('the fifth wrong password locks the account, until its time is over', async () => {
    await add('dorothy', own);
    const sign = async (password: string) => {
      const { statusCode, body } = await own.stranger().post('/sign-in', { name: 'dorothy', password });
      return `${statusCode} ${/<p class="problem-line" role="alert">(.*?)<\/p>/.exec(body)?.[1] ?? ''}`;
    };
    const wrong = '403 The name, the password or the code is wrong.';
    for (let i = 0; i < 5; i++) expect(await sign('wrong')).toBe(wrong);
    const { locked_until } = (await signInSecrets(own.t.db, 'dorothy'))!;
    const began = now;
    now = new Date(locked_until!.getTime() - 1);
    expect(await sign(PASSWORD)).toBe('403 Too many wrong passwords: this account is locked for a while. Try again later.');
    now = locked_until!;
    expect(await sign(PASSWORD)).toBe('303 ');
    now = began;
  });
});

describe('signing in', () => {
  test('leads whoever is signed in already to the page that was asked for', async () => {
    const person = await c.person('viewer', ['example.com']);
    const led = async (query: string) => {
      const { statusCode, headers } = await person.get(`/sign-in${query}`);
      return [statusCode, headers.location];
    };
    expect([await led(''), await led('?next=%2Ffindings'), await led('?next=%2F%2Fevil.example')]).toEqual([
      [303, '/'],
      [303, '/findings'],
      [303, '/'],
    ]);
  });

  test('with name and password; the page that was asked for follows', async () => {
    await add('grace');
    const browser = c.stranger();
    const asked = await browser.get('/findings?state=all');
    expect(asked.headers.location).toBe('/sign-in?next=%2Ffindings%3Fstate%3Dall');
    const done = await browser.post('/sign-in', { name: ' Grace ', password: PASSWORD, next: '/findings?state=all' });
    expect(done.statusCode).toBe(303);
    expect(done.headers.location).toBe('/findings?state=all');
    expect(done.cookies[0]).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/' });
    expect((await browser.get('/findings')).body).toContain('grace');
  });

  test.each(['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)'])(
    'leads nowhere else: %s',
    async (next) => {
      const done = await c.stranger().post('/sign-in', { name: 'grace', password: PASSWORD, next });
      expect(done.headers.location).toBe('/');
    },
  );

  test('a wrong password and a name that does not exist have the same answer', async () => {
    const wrong = await c.stranger().post('/sign-in', { name: 'grace', password: 'wrong' });
    const nobody = await c.stranger().post('/sign-in', { name: 'ghost', password: 'wrong' });
    const text = (body: string) => body.replace(/value="[^"]*"/g, '');
    expect(wrong.statusCode).toBe(403);
    expect(text(nobody.body)).toBe(text(wrong.body));
  });

  test('five wrong passwords lock the account for a while, also for the right one', async () => {
    await add('linus');
    const { db } = c.t;
    const secrets = await signInSecrets(db, 'linus');
    for (let i = 0; i < 5; i++) await countFailure(db, secrets!.person_key, now);
    const locked = await c.stranger().post('/sign-in', { name: 'linus', password: PASSWORD });
    expect(locked.body).toContain('locked');
    now = new Date(now.getTime() + 61_000);
    expect((await c.stranger().post('/sign-in', { name: 'linus', password: PASSWORD })).statusCode).toBe(303);
  });

  test('the password is computed for a locked account too: the time would tell that there is one', async () => {
    const key = await add('margaret');
    for (let i = 0; i < 5; i++) await countFailure(c.t.db, key, now);
    // A cost that scrypt refuses: whoever computes it fails.
    await c.t.db.query(
      "update ruawatch.people set password = replace(password, 'scrypt$32768$', 'scrypt$32769$') where name = 'margaret'",
    );
    expect((await c.stranger().post('/sign-in', { name: 'margaret', password: PASSWORD })).statusCode).toBe(500);
  });
});

test('a code generator, once set up, is asked for, and no code works twice', async () => {
  const other = await testConsole({ now: () => now });
  const key = await addPerson(other.t.db, { name: 'alan', role: 'viewer', domains: null }, 'test', now);
  await other.t.db.query('update ruawatch.people set password = $2 where person_key = $1', [key, await hashPassword(PASSWORD)]);
  const secret = Buffer.from('12345678901234567890');
  await proposeTotp(other.t.db, key, secret);
  await confirmTotp(other.t.db, key, stepAt(now) - 5, now);
  const sign = (code: string) => other.stranger().post('/sign-in', { name: 'alan', password: PASSWORD, code });
  expect((await sign('')).statusCode).toBe(403);
  expect((await sign('000000')).statusCode).toBe(403);
  const code = codeAt(secret, stepAt(now));
  expect((await sign(code)).statusCode).toBe(303);
  expect((await sign(code)).statusCode).toBe(403);
  await other.close();
});

describe('a session ends', () => {
  test('by signing out, and everywhere at once', async () => {
    const person = await c.person('viewer', ['example.com']);
    const again = await c.person('viewer', ['example.com']);
    await person.post('/sign-out');
    expect((await person.get('/')).statusCode).toBe(303);
    await again.post('/sign-out', { everywhere: 'yes' });
    expect((await again.get('/')).statusCode).toBe(303);
  });

  test('after twelve hours without a request, and after a week in any case', async () => {
    const idle = await c.person('viewer', null);
    const busy = await c.person('viewer', null);
    const begin = now;
    for (let hours = 6; hours < 7 * 24; hours += 6) {
      now = new Date(begin.getTime() + hours * 3_600_000);
      expect((await busy.get('/account')).statusCode).toBe(200);
      if (hours > 12) expect((await idle.get('/account')).statusCode).toBe(303);
    }
    now = new Date(begin.getTime() + 7 * 24 * 3_600_000 + 1);
    expect((await busy.get('/account')).statusCode).toBe(303);
  });

  test('when the person is removed', async () => {
    const person = await c.person('viewer', null);
    expect((await person.get('/')).statusCode).toBe(200);
    await endPerson(c.t.db, person.name, 'test', now);
    expect((await person.get('/')).statusCode).toBe(303);
  });
});
