import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole();
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) select unnest(array['example.com', 'example.net']), 'own', 'added', now();
     insert into ruawatch.lookalikes (domain, name, shown, kind, rank, due_at, registered, baseline, first_seen)
     select unnest(array['example.com', 'example.net']), 'examp1e.com', 'examp1e.com', 'homoglyph', 0.5, now(), true, true, now()`,
  );
});
afterAll(() => c.close());

test('a name that means nothing is ignored with a reason, and watched again', async () => {
  const ada = await c.person('operator', ['example.com']);
  const page = (await ada.get('/look-alikes')).body;
  expect(page).toContain('a letter is replaced by one that looks like it');
  const decide = (decision: string, domain = 'example.com', name = 'EXAMP1E.com') =>
    ada.post(`/look-alikes/${domain}`, { name, decision, why: 'a friend of ours' });
  expect((await decide('ignore')).headers.location).toBe('/look-alikes?domain=example.com');
  expect((await ada.get('/look-alikes')).body).toContain('The name is ignored from now on');
  const { rows } = await c.t.db.query('select domain, ignored_why from dmarc.lookalikes where ignored_at is not null');
  expect(rows).toEqual([{ domain: 'example.com', ignored_why: 'a friend of ours' }]);
  expect((await ada.get('/look-alikes')).body).toContain('Watch again');
  const acts = await c.t.db.query("select act, domain, object from ruawatch.console_acts where act like 'lookalike%'");
  expect(acts.rows).toEqual([{ act: 'lookalike_ignore', domain: 'example.com', object: 'examp1e.com' }]);
  expect((await decide('watch')).statusCode).toBe(303);
  expect((await ada.get('/look-alikes')).body).toContain('The name is watched again');
  expect((await decide('ignore', 'example.com', 'other.com')).statusCode).toBe(404);
  expect((await decide('ignore', 'example.net')).statusCode).toBe(404);
});

test('who may only read has no form', async () => {
  const { body } = await (await c.person('viewer', null)).get('/look-alikes');
  expect(body).toContain('examp1e.com');
  expect(body).not.toContain('<form method="post" class="stack"');
});
