import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sorted } from '../../../services/console/pages/overview.ts';
import { Kept } from '../../../services/store/console/kept.ts';
import type { DomainLine } from '../../../services/store/console/overview.ts';
import { type TestConsole, testConsole } from '../setup.ts';

const TODAY = '2026-11-27';
const line = (given: Partial<DomainLine>): DomainLine => ({
  domain: 'example.com',
  state: 'own',
  policy: 'none',
  policy_sp: 'none',
  policy_np: 'none',
  stage: 'none',
  last_report_at: new Date('2026-11-26T00:00:00Z'),
  messages: 100,
  passed: 99,
  critical: 0,
  high: 0,
  medium: 0,
  low: 0,
  info: 0,
  gravest: null,
  next_step: null,
  advice: null,
  ...given,
});

test('domains are sorted as asked, the most urgent or the worst first', () => {
  const lines = [
    line({ domain: 'b.example', messages: 5, passed: 5 }),
    line({ domain: 'a.example', messages: 9, passed: 1, last_report_at: null }),
    line({ domain: 'c.example', messages: 0, passed: 0, critical: 1 }),
  ];
  const order = (sort: Parameters<typeof sorted>[1]) =>
    sorted(lines, sort, TODAY)
      .map(({ domain }) => domain[0])
      .join('');
  expect(order('attention')).toBe('cab');
  expect(order('domain')).toBe('abc');
  expect(order('pass')).toBe('abc');
  expect(order('messages')).toBe('abc');
  expect(order('last')).toBe('abc');
});

describe('the page', () => {
  let c: TestConsole;
  let only: number;
  beforeAll(async () => {
    c = await testConsole();
    await c.t.db.query(`insert into ruawatch.domains (domain, state, how, since) select 'd' || n || '.example.com', 'own', 'added', now()
                          from generate_series(1, 120) n`);
    only = await c.finding('unauthorized_source', 'd7.example.com');
  });
  afterAll(() => c.close());

  test('shows the domains of the person, fifty at a time, the most urgent first', async () => {
    const person = await c.person('viewer', ['example.com']);
    const { body } = await person.get('/?q=example.com');
    expect(body.match(/<tr>\s*<th scope="row"/g)).toHaveLength(50);
    expect(body.indexOf('d7.example.com')).toBeLessThan(body.indexOf('d1.example.com'));
    expect(body).toContain(
      `<a href="/findings/${only}">Act on finding ${only}</a><span class="why">Mail in your name that nothing authenticates</span>`,
    );
    expect((await person.get('/?page=3')).body).toContain('101 to 12');
  });

  test('counts findings for information apart, and finds senders', async () => {
    const { db } = c.t;
    const key = await c.finding('unauthorized_source', 'd9.example.com');
    await db.query("update ruawatch.findings set severity = 'info' where finding_key = $1", [key]);
    await db.query(
      `insert into ruawatch.sources (domain, source, class, name, why, first_seen, last_seen, messages, passed)
       values ('d9.example.com', 'postbird.test', 'misaligned', 'Postbird', 'w', '2026-10-01', '2026-10-05', 9, 0)`,
    );
    const person = await c.person('viewer', ['d9.example.com']);
    expect((await person.get('/')).body).toContain('0 open findings, and 1 for information');
    const { body } = await person.get('/?q=POSTBIRD');
    expect(body).toContain('<a href="/domains/d9.example.com/senders/postbird.test">Postbird</a>');
    expect(body).toContain('<a href="/findings?q=postbird">Search the findings for “postbird”</a>');
    const other = await c.person('viewer', ['d8.example.com']);
    expect((await other.get('/?q=postbird')).body).not.toContain('d9.example.com');
  });

  test('finds a domain by a part of its name, and says when there is none', async () => {
    const person = await c.person('viewer', ['d7.example.com']);
    expect((await person.get('/')).body).toContain('1 domain ·');
    expect((await person.get('/?q=<b>')).body).toContain('No domain contains “&lt;b&gt;”');
  });
});

test('sums that are kept are of the person alone, and nobody sees old ones after a form was sent', async () => {
  // As a slow database would have it: everything is kept.
  const kept = new Kept({ shortMs: 0 });
  const c = await testConsole({ kept });
  const own = (n: number) =>
    c.t.db.query("insert into ruawatch.domains (domain, state, how, since) values ($1, 'own', 'added', now())", [
      `d${n}.example`,
    ]);
  await Promise.all([own(1), own(2)]);
  const [one, all] = [await c.person('operator', ['d1.example']), await c.person('viewer', null)];
  const key = await c.finding('unauthorized_source', 'd1.example');
  expect((await all.get('/?q=.example')).body).toContain('2 domains ·');
  expect((await one.get('/')).body).toContain('1 domain ·');
  expect((await one.get('/')).body).not.toContain('d2.example');
  expect((await one.get('/')).body).toContain(`Act on finding ${key}`);
  expect((await one.post(`/findings/${key}/resolve`, { why: 'was a test' })).statusCode).toBe(303);
  expect((await one.get('/')).body).not.toContain('Act on');
  await c.close();
});
