import { afterAll, beforeAll, expect, test } from 'vitest';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { type SourceClass, saveClasses } from '../../../services/store/analysis/window-reads.ts';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole();
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now());
     insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
     values ('example.com', '192.0.2.0/24', '2026-10-01', '2026-10-02', 5, 5, 'postbird.example')`,
  );
});
afterAll(() => c.close());

const classified = (name: SourceClass['class'], why: string, day: string) =>
  transaction(c.t.db, (tx) =>
    saveClasses(tx, 'example.com', new Date(`2026-11-${day}T08:00:00Z`), [
      { source: '192.0.2.0/24', class: name, confidence: 1, why },
    ]),
  );

test('a sender has the history of its class: what changed, and neither its first class nor one that stayed', async () => {
  await classified('unknown', 'too little', '01');
  await classified('authorized', 'it passes', '02');
  await classified('authorized', 'it still passes', '03');
  await classified('misaligned', 'it signs as itself', '04');
  const person = await c.person('viewer', ['example.com']);
  const page = (await person.get('/domains/example.com/senders/postbird.example')).body;
  expect(page).toContain('How its class changed');
  expect(page).toContain('How to align it');
  expect(page).toContain('Nobody has approved or denied it');
  const { items } = (await person.api('GET', '/api/v1/domains/example.com/class-changes')).json() as { items: object[] };
  expect(items).toMatchObject([
    { source: '192.0.2.0/24', was: 'authorized', class: 'misaligned', why: 'it signs as itself', at: '2026-11-04T08:00:00.000Z' },
    { source: '192.0.2.0/24', was: 'unknown', class: 'authorized', why: 'it passes' },
  ]);
  const file = await person.get('/domains/example.com/senders/postbird.example?table=class-changes&as=json');
  expect(file.json()).toHaveLength(2);
});

test('a finding in whose evidence a sender is found leads to its page, and back', async () => {
  const key = await c.finding('unauthorized_source', 'example.com', 'networks');
  const who = JSON.stringify([
    { source: '192.0.2.0/24', messages: 5 },
    { source: 'gone.example', messages: 1 },
  ]);
  await c.t.db.query(
    "update ruawatch.findings set evidence = evidence || jsonb_build_object('who', $2::jsonb) where finding_key = $1",
    [key, who],
  );
  const person = await c.person('viewer', ['example.com']);
  const page = (await person.get(`/findings/${key}`)).body;
  expect(page).toContain('href="/domains/example.com/senders/postbird.example"');
  expect(page).not.toContain('senders/gone.example');
  await c.t.db.query("update ruawatch.findings set subject = '192.0.2.0/24' where finding_key = $1", [key]);
  expect((await person.get('/domains/example.com/senders/postbird.example')).body).toContain(`href="/findings/${key}"`);
});
