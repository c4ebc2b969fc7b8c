import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sorted } from '../../../services/console/pages/overview.ts';
import { domainLine } from '../../../services/store/console/domain.ts';
import type { DomainLine } from '../../../services/store/console/overview.ts';
import { Kept } from '../../../services/store/console/page-cache.ts';
import { recount } from '../../helpers/recount.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

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

test('the most urgent domain first: by the gravest open finding, then what is left to do, then by mail and name', () => {
  const keep = { next_step: 'keep', advice: 'Advice.' };
  const lines = [
    line({ domain: 'done.example', ...keep, messages: 900 }),
    line({ domain: 'low.example', ...keep, low: 1, messages: 1 }),
    line({ domain: 'step.example', next_step: 'enforce_reject', messages: 1 }),
    line({ domain: 'more.example', next_step: 'enforce_reject', messages: 2 }),
    line({ domain: 'alike.example', next_step: 'enforce_reject', messages: 2 }),
    line({ domain: 'medium.example', ...keep, medium: 1, low: 5 }),
    line({ domain: 'high.example', ...keep, high: 1, medium: 9 }),
    line({ domain: 'critical.example', ...keep, critical: 1, high: 9 }),
    line({ domain: 'info.example', ...keep, info: 9, messages: 1 }),
  ];
  const order = (sort: Parameters<typeof sorted>[1], of = lines) =>
    sorted(of, sort, TODAY).map(({ domain }) => domain.split('.')[0]);
  expect(order('attention')).toEqual(['critical', 'high', 'medium', 'alike', 'more', 'step', 'low', 'done', 'info']);
  const mail = (messages: number, passed: number) => line({ domain: `${passed}-of-${messages}.example`, messages, passed });
  expect(order('pass', [mail(0, 0), mail(4, 4), mail(9, 3), mail(4, 1), mail(8, 8)])).toEqual([
    '1-of-4',
    '3-of-9',
    '4-of-4',
    '8-of-8',
    '0-of-0',
  ]);
  const came = (day: number | null) =>
    line({ domain: `d${day}.example`, last_report_at: day === null ? null : new Date(Date.UTC(2026, 10, day)) });
  expect(order('last', [came(3), came(null), came(1)])).toEqual(['dnull', 'd1', 'd3']);
  expect(order('messages', [mail(1, 1), mail(3, 1), mail(2, 1)])).toEqual(['1-of-3', '1-of-2', '1-of-1']);
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
      `<a href="/findings/${only}">Act on finding ${only}</a><span class="why">Unauthorized mail in your name</span>`,
    );
  });

  test('says which of the domains a page has, and leads to the pages before and after it', async () => {
    const domains = Array.from({ length: 51 }, (_, i) => `d${i + 1}.example.com`);
    const [all, more, fifty] = [
      await c.person('viewer', ['example.com']),
      await c.person('viewer', domains),
      await c.person('viewer', domains.slice(1)),
    ];
    const pagesOf = async (person: TestPerson, url: string) => {
      const [nav] = /<nav class="pages"[\s\S]*?<\/nav>/.exec((await person.get(url)).body) ?? [];
      return (nav ?? 'none').replace(/<a class="button" href="([^"]*)">/g, '$1 ').replace(/<[^>]*>/g, '');
    };
    expect([
      await pagesOf(all, '/'),
      await pagesOf(all, '/?q=example.com&sort=domain&table=other&page=2'),
      await pagesOf(all, '/?page=3'),
      await pagesOf(more, '/'),
      await pagesOf(more, '/?page=2'),
      await pagesOf(fifty, '/'),
    ]).toMatchInlineSnapshot(`
      [
        "
      1 to 50 of 120
      /?state=own&amp;sort=attention&amp;page=2 Next",
        "/?q=example.com&amp;state=own&amp;sort=domain&amp;page=1 Previous
      51 to 100 of 120
      /?q=example.com&amp;state=own&amp;sort=domain&amp;page=3 Next",
        "/?state=own&amp;sort=attention&amp;page=2 Previous
      101 to 120 of 120
      ",
        "
      1 to 50 of 51
      /?state=own&amp;sort=attention&amp;page=2 Next",
        "/?state=own&amp;sort=attention&amp;page=1 Previous
      51 to 51 of 51
      ",
        "none",
      ]
    `);
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
    expect(body).not.toContain('0 domains');
    const other = await c.person('viewer', ['d8.example.com']);
    expect((await other.get('/?q=postbird')).body).not.toContain('d9.example.com');
  });

  test('counts unauthorized mail as the page of the domain does, whatever a person denied', async () => {
    const days = (source: string, reporter: string, amounts: string) =>
      c.t.db.query(
        `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, passed, delivered, quarantined, rejected, dkim_aligned,
           spf_aligned, forwarded, failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, failed_delivered)
         values ('d11.example.com', $1, (now() at time zone 'UTC')::date - 2, $2, 'ok', ${amounts}, 0, 0, 0, 0, 0, 0, 0, 0, 0)`,
        [source, reporter],
      );
    for (const source of ['forger.test', 'denied.test'])
      await c.t.db.query(
        `insert into ruawatch.sources (domain, source, class, name, why, first_seen, last_seen, messages, passed)
         values ('d11.example.com', $1, 'unauthorized', $1, 'w', '2026-01-01', '2026-01-02', 9, 0)`,
        [source],
      );
    await c.t.db.query(
      `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ('d11.example.com', 'new.test', 'new', false)`,
    );
    await days('forger.test', 'google.com', '2521, 0, 0, 2521, 0');
    await days('denied.test', 'google.com', '1857, 1857, 1857, 0, 0');
    await days('forger.test', 'new.test', '7, 0, 7, 0, 0');
    await recount(c.context);
    await c.finding('unauthorized_source', 'd11.example.com');
    const person = await c.person('viewer', ['d11.example.com']);
    const { body } = await person.get('/');
    expect(body).toContain('Unauthorized, 30 days');
    expect(body).toContain('1,857 of 4,378 delivered');
    // A file has all domains, on whichever page they stand.
    expect((await person.get('/?table=domains&as=json&page=9')).json()).toEqual([
      {
        domain: 'd11.example.com',
        policy: null,
        stage: null,
        messages: 4378,
        passed: 1857,
        critical: 1,
        high: 0,
        medium: 0,
        low: 0,
        unauthorized: 4378,
        unauthorized_delivered: 1857,
        last_report_at: null,
        next_step: expect.stringMatching(/^Act on finding \d+ first/),
      },
    ]);
    // A program is told the same: without the reporter that does not count, and what is for information.
    const info = await c.finding('unauthorized_source', 'd11.example.com', 'another');
    await c.t.db.query("update ruawatch.findings set severity = 'info' where finding_key = $1", [info]);
    const figures = { messages_30_days: 4378, pass_share_30_days: 0.4242, open_findings: 1 };
    expect((await person.api('GET', '/api/v1/domains/d11.example.com')).json()).toMatchObject(figures);
    expect((await person.api('GET', '/api/v1/domains?search=d11')).json<{ items: object[] }>().items[0]).toMatchObject(figures);
    const [page] = (await person.get('/domains/d11.example.com')).body.match(/<ul class="legend">.*?<\/figure>/gs)!.slice(1);
    expect(page!.replaceAll(/<[^>]+>/g, '')).toMatch(/Unauthorized, stopped 2,521\s.*Unauthorized, delivered 1,857\s/s);
  });

  test('a reporter that writes sp=nil for a tag that is missing tells of no policy for names below', async () => {
    const policies = async (sp: string | null, np: string | null) => {
      await c.t.db.query(
        `insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
                messages, salvaged, problems, received_at, trust, policy_p, policy_sp, policy_np)
         values (0, 0, 'a', '', 'mail.ru', 'a', 'd12.example.com', '2026-10-05', '2026-10-06', '[]', 1, 4, false, '[]', '2026-10-06', 'ok', 'reject', $1, $2)`,
        [sp, np],
      );
      const scope = { all: false, domains: ['d12.example.com'] };
      const found = await domainLine({ db: c.t.db, scope }, 'd12.example.com');
      await c.t.db.query('delete from ruawatch.reports');
      return [found?.policy, found?.policy_sp, found?.policy_np];
    };
    expect(await policies('nil', null)).toEqual(['reject', 'reject', 'reject']);
    expect(await policies('none', 'nil')).toEqual(['reject', 'none', 'none']);
    expect(await policies('nil', 'quarantine')).toEqual(['reject', 'reject', 'quarantine']);
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
