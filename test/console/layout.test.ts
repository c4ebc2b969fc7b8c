import { expect, test } from 'vitest';
import { html } from '../../services/console/html.ts';
import { layout } from '../../services/console/layout.ts';
import type { Visitor } from '../../services/store/console/rights.ts';
import { testConsole } from './setup.ts';

const shown = (page: object, given: object) =>
  String(
    layout(
      { is: 'page', title: 'T', body: html`<p>body</p>`, ...page } as never,
      { visitor: null, form: 'f', notice: null, ...given } as never,
    ),
  );
const visitor = (role: string, all: boolean) => ({ name: 'Ada', role, scope: { all, domains: [] } }) as unknown as Visitor;
const links = (text: string) =>
  [...text.matchAll(/<li><a href="([^"]+)" aria-current="(\w+)">/g)].map(([, to, current]) => `${to} ${current}`);

test('the navigation leads to what somebody may read, and marks the section that is shown', () => {
  const of = (role: string, all: boolean, section = 'findings') => links(shown({ section }, { visitor: visitor(role, all) }));
  const own = ['/ false', '/findings page', '/reports false', '/requests false', '/access false'];
  expect(of('viewer', false)).toEqual([...own, '/digest false']);
  expect(of('viewer', true)).toEqual([...own, '/digest false', '/health false']);
  expect(of('operator', false)).toEqual([...own, '/held false', '/digest false']);
  expect(of('admin', false)).toEqual([...own, '/held false', '/digest false']);
  expect(of('admin', true)).toEqual([...own, '/held false', '/digest false', '/health false', '/people false']);
  expect(of('viewer', false, 'health').filter((one) => one.endsWith(' page'))).toEqual([]);
});

test('the account is marked when it is shown', () => {
  const account = (section: string) =>
    /href="\/account" aria-current="(\w+)">Ada</.exec(shown({ section }, { visitor: visitor('viewer', true) }))?.[1];
  expect([account('account'), account('findings')]).toEqual(['page', 'false']);
});

test('nobody who is not signed in sees where the pages are', () => {
  expect(shown({}, {})).not.toMatch(/<nav|\/account|sign-out/);
});

test('what was done is said above the page', () => {
  const notice = (given: string | null) => /role="status">([^<]+)</.exec(shown({}, { notice: given }))?.[1];
  expect([notice('The finding is snoozed.'), notice(null)]).toEqual(['The finding is snoozed.', undefined]);
  expect(notice('<b>')).toBe('&lt;b&gt;');
});

test('a page that is not there has the menu for whoever is signed in, and for nobody else', async () => {
  const c = await testConsole();
  try {
    const person = await c.person('viewer', ['example.com']);
    for (const path of ['/findings/4/bogus', '/nowhere', '/findings/nine']) {
      const { statusCode, body } = await person.get(path);
      expect([path, statusCode, body.includes('<nav aria-label="Main">')]).toEqual([path, 404, true]);
    }
    const { statusCode, body } = await c.stranger().get('/findings/4/bogus');
    expect([statusCode, body.includes('<nav')]).toEqual([404, false]);
    const ended = await c.signedIn('a session that has ended').get('/findings/4/bogus');
    expect([ended.statusCode, ended.body.includes('<nav')]).toEqual([404, false]);
    expect((await person.get('/api/v1/nowhere')).headers['content-type']).toContain('application/problem+json');
  } finally {
    await c.close();
  }
});
