import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPerson, findPerson } from '../../../services/store/console/people.ts';
import { beginSession } from '../../../services/store/console/sessions.ts';
import { browserProgram, openBrowser, openWindow, overflowOf } from '../browser.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

let c: TestConsole;
let root: TestPerson;
beforeAll(async () => {
  c = await testConsole();
  root = await c.person('admin', null);
  await c.t.db.query(
    "insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now()), ('mail.example.net', 'observed', 'reported', now())",
  );
});
afterAll(() => c.close());

const from = '/people';
const acts = async () => {
  const { rows } = await c.t.db.query<{ act: string; by_name: string; object: string; detail: object }>(
    'select act, by_name, object, detail from ruawatch.console_acts order by act_key',
  );
  return rows;
};

describe('an admin', () => {
  test('adds a person, who chooses a password by the link and sees their domains', async () => {
    const fields = { name: 'Ada@example.com', email: 'ada@example.com', role: 'operator', domains: 'example.com, example.net' };
    const answer = await root.post('/people/add', fields, { from });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const [, link] = /<pre class="secret">http:\/\/localhost:9808(\/link\/[\w-]+)<\/pre>/.exec(answer.body)!;
    const ada = c.stranger();
    const chosen = await ada.raw({
      method: 'POST',
      url: link!,
      payload: new URLSearchParams({
        form: /name="form" value="([^"]+)"/.exec((await ada.get(link!)).body)![1]!,
        password: 'a long password',
        again: 'a long password',
      }).toString(),
      headers: { origin: 'http://localhost:9808', 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(chosen.statusCode).toBe(303);
    expect((await ada.get('/account')).body).toContain('ada@example.com');
    expect(await findPerson(c.t.db, 'ada@example.com')).toMatchObject({
      role: 'operator',
      all_domains: false,
      domains: ['example.com', 'example.net'],
      email: 'ada@example.com',
      created_by: root.name,
    });
    expect(await acts()).toContainEqual({
      act: 'person_added',
      by_name: root.name,
      object: 'ada@example.com',
      detail: { role: 'operator', domains: ['example.com', 'example.net'] },
    });
  });

  test('gets the form back, filled, where something is wrong with it', async () => {
    const wrong = async (fields: Record<string, string>) =>
      (await root.post('/people/add', { name: 'bob', role: 'viewer', domains: 'example.com', ...fields }, { from })).body;
    expect(await wrong({ domains: '' })).toContain('Name a domain, or choose all of them.');
    expect(await wrong({ domains: 'not a domain' })).toMatch(
      /value="not a domain" aria-describedby="[^"]*" aria-invalid|aria-invalid="true"/,
    );
    const unknown = await wrong({ domains: 'example.com, exampel.com, example.org' });
    expect(unknown).toContain('Nothing is known here of exampel.com and example.org: correct the spelling');
    expect(unknown).toMatch(/value="example.com, exampel.com, example.org"[^>]* aria-invalid="true"/);
    expect(await wrong({ name: 'b ob' })).toContain('Letters, digits and . _ @ + - only.');
    expect(await wrong({ email: 'nobody' })).toMatch(/name="email"[^>]* aria-invalid="true"/);
    const twice = await wrong({ name: 'ada@example.com', role: 'operator' });
    expect(twice).toContain('There is a person named &quot;ada@example.com&quot; already.');
    expect(twice).toMatch(/<option value="operator" selected>/);
    expect(await findPerson(c.t.db, 'bob')).toBeNull();
  });

  test('changes role and domains, which ends sessions', async () => {
    const { person_key } = (await findPerson(c.t.db, 'ada@example.com'))!;
    const session = await beginSession(c.t.db, person_key, { address: '192.0.2.1', agent: null }, c.context.clock.now());
    const fields = { name: 'ada@example.com', role: 'viewer', all: 'yes', domains: '' };
    expect((await root.post('/people/change', fields, { from })).headers.location).toBe('/people');
    expect((await root.get('/people')).body).toContain('ada@example.com has other rights now');
    expect(await findPerson(c.t.db, 'ada@example.com')).toMatchObject({ role: 'viewer', all_domains: true, domains: [] });
    expect((await c.signedIn(session).get('/')).statusCode).toBe(303);
    expect(await acts()).toContainEqual({
      act: 'person_changed',
      by_name: root.name,
      object: 'ada@example.com',
      detail: { role: 'viewer', domains: null },
    });
  });

  test('grants a domain that is not known where it is said to be meant', async () => {
    const fields = { name: 'ada@example.com', role: 'viewer', domains: 'soon.example', unknown: 'yes' };
    expect((await root.post('/people/change', fields, { from })).statusCode).toBe(303);
    expect(await findPerson(c.t.db, 'ada@example.com')).toMatchObject({ domains: ['soon.example'] });
  });

  test('is asked before somebody is removed, and told who was', async () => {
    await addPerson(c.t.db, { name: 'mia', role: 'viewer', domains: null }, 'test', c.context.clock.now());
    const { body } = await root.get('/people');
    const asked = /<details class="act"><summary aria-label="Remove: mia">Remove<\/summary><form[\s\S]*?<\/form><\/details>/.exec(
      body,
    )![0];
    expect(asked).toContain('mia can no longer sign in: sessions, tokens and links end at once.');
    expect(asked).toContain('<button class="primary">Remove mia</button>');
    await root.post('/people/remove', { name: 'mia' }, { from });
    expect((await root.get('/people')).body).toContain('mia can no longer sign in; sessions and tokens have ended.');
  });

  test('does not take the last admin away, and says so on the page', async () => {
    const other = await c.person('admin', null);
    await root.post('/people/remove', { name: other.name });
    const answer = await root.post('/people/change', { name: root.name, role: 'viewer', all: 'yes' }, { from });
    expect(answer.statusCode).toBe(409);
    expect(answer.body).toContain('is the last admin who sees all domains');
  });

  test('makes another link, after which the first one is over; both are audited', async () => {
    const first = await root.post('/people/link', { name: 'ada@example.com' }, { from });
    const second = await root.post('/people/link', { name: 'ada@example.com' }, { from });
    const [one, two] = [first, second].map(({ body }) => /(\/link\/[\w-]+)</.exec(body)![1]!);
    expect((await c.stranger().get(one!)).statusCode).toBe(404);
    expect((await c.stranger().get(two!)).statusCode).toBe(200);
    expect((await acts()).filter(({ act }) => act === 'link_made')).toHaveLength(2);
  });

  test('leaves the rights of company people to their groups', async () => {
    await c.t.db.query(
      `insert into ruawatch.people (name, role, all_domains, created_at, created_by, oidc_issuer, oidc_subject)
       values ('eve', 'viewer', true, now(), 'test', 'https://login.example', 'eve')`,
    );
    expect((await root.get('/people')).body).toContain('those of their group at the company');
    for (const act of ['change', 'link'])
      expect((await root.post(`/people/${act}`, { name: 'eve', role: 'admin', all: 'yes' })).statusCode).toBe(404);
    expect(await findPerson(c.t.db, 'eve')).toMatchObject({ role: 'viewer' });
  });

  test('removes a person', async () => {
    expect((await root.post('/people/remove', { name: 'ada@example.com' })).statusCode).toBe(303);
    expect(await findPerson(c.t.db, 'ada@example.com')).toBeNull();
  });
});

const suite = browserProgram === null ? describe.skip : describe;
suite(browserProgram === null ? 'the forms of people (SKIPPED: needs chromium)' : 'the forms of people', () => {
  test.each([360, 800, 1440])('fit into a window of %d pixels, all of them open', async (width) => {
    if (!c.app.server.listening) await c.app.listen({ host: '127.0.0.1', port: 0 });
    const base = `http://localhost:${(c.app.server.address() as AddressInfo).port}`;
    const key = await addPerson(c.t.db, { name: `eyes-${width}`, role: 'admin', domains: null }, 'test', c.context.clock.now());
    const session = await beginSession(c.t.db, key, { address: '127.0.0.1', agent: null }, c.context.clock.now());
    const browser = await openBrowser();
    try {
      const { context, page } = await openWindow(browser, { width, dark: false, base });
      await context.addCookies([{ name: 'ruawatch', value: session, url: base }]);
      await page.goto('/people');
      const wider = await page.locator('main').evaluate((main) => {
        const within = main as unknown as {
          querySelectorAll(of: string): Iterable<{ open: boolean; scrollWidth: number; clientWidth: number; outerHTML: string }>;
        };
        for (const one of within.querySelectorAll('details')) one.open = true;
        return [...within.querySelectorAll('form, td, .table')]
          .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
          .map(({ outerHTML }) => outerHTML.slice(0, 100));
      });
      expect([wider, await overflowOf(page)]).toEqual([[], 0]);
    } finally {
      await browser.close();
    }
  });
});
