import { afterAll, beforeAll, expect, test } from 'vitest';
import { stacked } from '../../../services/console/pages/chart.ts';
import { charts } from '../../../services/console/pages/domain-mail.ts';
import { addDays, daysBetween } from '../../../services/shared/days.ts';
import { recount } from '../../helpers/recount.ts';
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

test('a domain names who approved or denied which sender, when and why, also when that has ended', async () => {
  const person = await c.person('operator', ['example.com']);
  expect((await person.get('/domains/example.com')).body).toContain('Nobody has approved or denied a sender');
  const decide = (decision: string, why: string) =>
    person.post('/domains/example.com/decide', { sender: 'postbird.example', source: '192.0.2.0/24', decision, why });
  await decide('approve', 'our newsletter, ticket 4711');
  expect((await person.get('/domains/example.com')).body).toContain('until taken back');
  await decide('end', 'contract ended');
  const { body } = await person.get('/domains/example.com');
  const row = /<section id="decisions">[\s\S]*?<\/section>/.exec(body)![0];
  expect(row).toContain('<a href="/domains/example.com/senders/postbird.example">192.0.2.0/24</a>');
  for (const said of ['approved', person.name, 'our newsletter, ticket 4711', 'Ended (UTC)', 'contract ended'])
    expect(row).toContain(said);
  const file = (await person.get('/domains/example.com?table=decisions&as=json')).json();
  expect(file).toMatchObject([
    { source: '192.0.2.0/24', verdict: 'approved', by: person.name, ended_by: person.name, ended_why: 'contract ended' },
  ]);
  const other = await c.person('viewer', ['other.example']);
  expect((await other.get('/domains/example.com')).statusCode).toBe(404);
});

test('a reporter that fell silent has missed the days that are over, as the finding counts them', async () => {
  const { rows } = await c.t.db.query<{ today: string }>('select current_date as today');
  const today = rows[0]!.today;
  await c.t.db.query(
    `insert into ruawatch.policy_days (domain, day, reporter, policy, trust, reports)
     select 'example.com', $1::date - n, 'gmx', 'p=none', 'ok', 1 from generate_series(13, 30) n`,
    [today],
  );
  const person = await c.person('viewer', ['example.com']);
  const file = (await person.get('/domains/example.com?table=missing-reporters&as=json')).json();
  expect(file).toMatchObject([{ reporter: 'gmx', last_day: addDays(today, -13), missed_days: 12 }]);
});

test('the policies over time are those that reports found which count', async () => {
  const today = c.context.clock.now().toISOString().slice(0, 10);
  await c.t.db.query(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ('example.com', 'new.example', 'new', false);
     delete from ruawatch.policy_days;
     insert into ruawatch.policy_days (domain, day, reporter, policy, trust, reports)
     select 'example.com', '${today}'::date - 3, r, p, 'ok', 1
       from (values ('gmx', 'p=none'), ('new.example', 'p=reject'), ('new.example', 'p=reject; np=none')) v(r, p)`,
  );
  const person = await c.person('viewer', ['example.com']);
  const file = (await person.get('/domains/example.com?table=policies&as=json')).json();
  expect(file).toMatchObject([{ policy: 'p=none', reports: 1, reports_in_all: 1 }]);
});

test('its list of findings says which are snoozed, and by whom', async () => {
  await c.t.db.query(
    `insert into ruawatch.findings (domain, kind, severity, subject, state, revision, opened_at, changed_at, summary, evidence, confidence,
                                    first_day, last_day, snoozed_until, snoozed_by)
     select 'example.com', 'new_source', 'medium', s, 'open', 1, now(), now(), s, '{}', 1, '2026-10-01', '2026-10-02', u, 'ada'
       from (values ('waits.example', now() + interval '3 days'), ('stands.example', null)) v(s, u)`,
  );
  const { body } = await (await c.person('viewer', ['example.com'])).get('/domains/example.com');
  const items = [...body.matchAll(/<li>(?:(?!<\/li>)[\s\S])*\/findings\/\d+(?:(?!<\/li>)[\s\S])*<\/li>/g)].map(([item]) => item);
  expect(items.filter((item) => item.includes('waits.example')).join()).toMatch(/snoozed until \d{4}-\d\d-\d\d \d\d:\d\d by ada/);
  expect(items.filter((item) => item.includes('stands.example')).join()).not.toContain('snoozed');
});

test('what a person denied counts as unauthorized by sender and by what receivers did, also where it passes', () => {
  const none = { passed: 0, forwarded: 0, below: 0, delivered: 0, quarantined: 0, rejected: 0 };
  const days = [
    { ...none, day: '2026-11-26', class: 'unauthorized', messages: 842, passed: 842, delivered: 842 },
    { ...none, day: '2026-11-27', class: 'unauthorized', messages: 732, delivered: 726, quarantined: 6 },
    { ...none, day: '2026-11-27', class: 'authorized', messages: 100, passed: 90, delivered: 99, rejected: 1 },
  ];
  const drawn = String(charts(days, { domain: 'example.com', from: '2026-11-26', to: '2026-11-27' }));
  const [bySender, byFate] = [...drawn.matchAll(/aria-label="([^"]*)"/g)].map(([, label]) => label);
  expect(bySender).toContain('Authorized 100, Unauthorized 1,574');
  expect(byFate).toContain('Delivered 99, Unauthorized, stopped 6, Unauthorized, delivered 1,568, Other mail, rejected 1');
});

test('the chart of a year has a point a week, its averages, and stays small', () => {
  const layers = [{ key: 'authorized', label: 'Authorized' }];
  const drawn = (from: string, to: string) => {
    const days = daysBetween(from, to);
    return { days, svg: String(stacked(days, layers, (_, key) => (key === 'authorized' ? 70 : 0), { title: 'Messages a day' })) };
  };
  const year = drawn('2025-11-28', '2026-11-27');
  const month = drawn('2026-10-29', '2026-11-27');
  // Each point is twice in the outline of its layer.
  const points = (svg: string) => /class="layer authorized" d="([^"]+)"/.exec(svg)![1]!.match(/[ML]/g)!.length / 2;
  expect([points(year.svg), points(month.svg)]).toEqual([53, 30]);
  expect(year.svg).toContain('<figcaption>Messages a day, averages of weeks</figcaption>');
  expect(month.svg).toContain('<figcaption>Messages a day</figcaption>');
  // The same all year: a first week of one day is no dip, and the sum is that of the days.
  expect(new Set([...year.svg.matchAll(/[ML][\d.]+,([\d.]+)/g)].map(([, y]) => y)).size).toBe(2);
  expect(year.svg).toContain(`Authorized ${(70 * 365).toLocaleString('en')}`);
  expect(year.svg.length).toBeLessThan(4_000);
});

test('the days that are asked for, up to two years', async () => {
  const person = await c.person('viewer', ['example.com']);
  const today = c.context.clock.now().toISOString().slice(0, 10);
  const shown = async (query: string) => {
    const { statusCode, body } = await person.get(`/domains/example.com${query}`);
    const [from, to] = ['from', 'to'].map(
      (name) => new RegExp(`<input name="${name}"[^>]* value="([^"]*)"`).exec(body)?.[1] ?? '',
    );
    const current = /aria-current="true">([^<]*)</.exec(body)?.[1] ?? 'none';
    return [statusCode, statusCode === 200 ? daysBetween(from!, to!).length : from, to, current];
  };
  const yesterday = addDays(today, -1);
  expect(await Promise.all(['', '?days=1', '?days=90', '?days=365', '?days=730', '?from=&to='].map(shown))).toEqual([
    [200, 30, yesterday, '30 days'],
    [200, 1, yesterday, 'none'],
    [200, 90, yesterday, '90 days'],
    [200, 365, yesterday, '365 days'],
    [200, 730, yesterday, 'none'],
    [200, 30, yesterday, '30 days'],
  ]);
  expect(await Promise.all(['?days=0', '?days=731', '?days=1.5'].map(async (one) => (await shown(one))[0]))).toEqual([
    400, 400, 400,
  ]);
  const days = [
    '?from=2026-10-01&to=2026-10-03',
    '?from=2026-10-03&to=2026-10-03',
    '?to=2026-09-30',
    '?from=2020-01-01&to=2026-10-03',
  ];
  expect(await Promise.all(days.map(shown))).toEqual([
    [200, 3, '2026-10-03', 'none'],
    [200, 1, '2026-10-03', 'none'],
    [200, 30, '2026-09-30', '30 days'],
    [200, 731, '2026-10-03', 'none'],
  ]);
  const wrong = await person.get('/domains/example.com?from=2026-10-04&to=2026-10-03');
  expect(wrong.statusCode).toBe(400);
  expect(wrong.body).toContain('The range ends before it begins.');
  expect((await person.get('/domains/EXAMPLE.com')).statusCode).toBe(200);
});

test('its tables have so many rows, of which some are shown at first', async () => {
  const { db } = c.t;
  const day = addDays(c.context.clock.now().toISOString().slice(0, 10), -3);
  const add = (sql: string) => db.query(sql.replaceAll('DAY', `'${day}'`));
  await add(
    'delete from ruawatch.sources; delete from ruawatch.findings; delete from ruawatch.sender_list; delete from ruawatch.policy_days',
  );
  await add(
    "insert into ruawatch.domain_reporters (domain, reporter, standing, decides) select 'example.com', 'r' || n, 'known', true from generate_series(1, 31) n",
  );
  await add(
    `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
     select 'example.com', 's' || n || '.example', DAY, DAY, 5, 5, 's' || n || '.example' from generate_series(1, 51) n`,
  );
  await add(
    `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
            failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected, failed_delivered)
     select 'example.com', 's' || n || '.example', DAY, 'r' || least(n, 31), 'ok', 5, 5, 5, 5, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0 from generate_series(1, 51) n`,
  );
  await add(
    `insert into ruawatch.subdomain_days (domain, name, day, trust, messages, passed, failed_unauthenticated, failed_delivered)
     select 'example.com', 'n' || n || '.example.com', DAY, 'ok', 5, 5, 0, 0 from generate_series(1, 31) n`,
  );
  await add(
    `insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since)
     select 'example.com', 's' || n || '.example', false, 'approved', 'ada', 'ours', now() from generate_series(1, 51) n`,
  );
  await add("insert into ruawatch.dns_watch (domain, due_at, asked_at) values ('example.com', now(), now())");
  await add(
    `insert into ruawatch.dns_questions (domain, name, type, purpose, state, asked_at, answers)
     select 'example.com', 's' || n || '._domainkey.example.com', 'TXT', 'dkim', 'records', now(), '[]' from generate_series(1, 61) n`,
  );
  await add(
    `insert into ruawatch.dns_records (domain, name, type, purpose, value, servers, first_seen, last_seen, gone_at)
     select 'example.com', 's' || n || '._domainkey.example.com', 'TXT', 'dkim', 'k' || n, '{}', now(), now(), null from generate_series(1, 61) n`,
  );
  await add(
    `insert into ruawatch.findings (domain, kind, severity, subject, state, revision, opened_at, changed_at, summary, evidence, confidence, first_day, last_day)
     select 'example.com', 'new_source', 'medium', 'f' || n, 'open', 1, now(), now(), 's', '{}', 1, DAY, DAY from generate_series(1, 21) n`,
  );
  await recount(c.context);
  const person = await c.person('viewer', ['example.com']);
  const { body } = await person.get('/domains/example.com');
  const rowsOf = async (table: string) =>
    (await person.get(`/domains/example.com?table=${table}&as=json`)).json<object[]>().length;
  const partOf = (id: string) => {
    const [part = ''] = new RegExp(`<section id="${id}">[\\s\\S]*?</section>`).exec(body) ?? [];
    const said = [...part.matchAll(/<summary>([^<]*more[^<]*)<\/summary>|>(and \d+ more)</g)].map(
      ([, folded, left]) => folded ?? left,
    );
    return [
      (part.match(/<th scope="row"/g) ?? []).length,
      (part.match(/\/findings\/\d+"/g) ?? []).length,
      (part.match(/<p class="quiet">[^<]+/g) ?? []).length,
      ...said,
    ];
  };
  const tables = ['senders', 'reporters', 'subdomains', 'decisions', 'records'];
  const found: Record<string, unknown[]> = {};
  for (const table of tables) found[table] = [await rowsOf(table), ...partOf(table)];
  expect({ ...found, findings: partOf('findings') }).toMatchInlineSnapshot(`
    {
      "decisions": [
        50,
        50,
        0,
        0,
        "Show 45 more",
      ],
      "findings": [
        0,
        20,
        0,
      ],
      "records": [
        60,
        60,
        0,
        1,
        "Show 57 more",
      ],
      "reporters": [
        30,
        30,
        0,
        1,
        "Show 25 more",
      ],
      "senders": [
        50,
        50,
        0,
        2,
        "Show 44 more",
        "and 1 more",
      ],
      "subdomains": [
        30,
        30,
        0,
        1,
        "Show 25 more",
      ],
    }
  `);
});
