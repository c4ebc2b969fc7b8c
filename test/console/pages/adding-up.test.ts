import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole();
  await c.t.db.query(
    "insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', '2026-07-01')",
  );
});
afterAll(() => c.close());

/** What the pages that show sums by class say of days without them, when there are sums since a day. */
async function told(since: string): Promise<(string | undefined)[]> {
  await c.t.db.query('update ruawatch.class_days_from set from_day = $1', [since]);
  const person = await c.person('viewer', ['example.com']);
  const pages = ['/', '/domains/example.com?from=2026-08-01&to=2026-08-20', '/domains/example.com/months/2026-08'];
  return Promise.all(
    pages.map(async (page) => {
      const { statusCode, body } = await person.get(page);
      expect(statusCode, page).toBe(200);
      return /<p class="warning" role="status">(.*?)<\/p>/.exec(body)?.[1]?.replace(/<[^>]*>/g, '');
    }),
  );
}

test('pages say which days are not added up yet, where these are theirs', async () => {
  const lead = 'After an upgrade, the mail of earlier days is added up by class of sender.';
  const begins = `${lead} That begins within 20 minutes: until then, this page says nothing of classes.`;
  expect(await told('infinity')).toEqual([begins, begins, begins]);
  const missing = (day: string) => `${lead} The days before ${day} are still missing here.`;
  expect(await told('2026-08-02')).toEqual([undefined, missing('2026-08-02'), missing('2026-08-02')]);
  expect(await told('2026-08-01')).toEqual([undefined, undefined, undefined]);
  expect(await told('-infinity')).toEqual([undefined, undefined, undefined]);
});
