import { afterAll, beforeAll, expect, test } from 'vitest';
import { recount } from '../../helpers/recount.ts';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole({ now: () => new Date('2026-10-08T09:00:00Z') });
  await c.t.db.query("insert into ruawatch.domains (domain, state, how, since) values ('d1.example', 'own', 'added', now())");
});
afterAll(() => c.close());

/** The findings that a page or mail names, in its order. */
const named = (text: string) => [...new Set([...text.matchAll(/(?:finding |\/findings\/)(\d+)/g)].map(([, key]) => Number(key)))];

test('the week lists the findings that its mail lists, in its order, with its words', async () => {
  const { db } = c.t;
  const keys = [
    await c.finding('unauthorized_source', 'd1.example', 'low'),
    await c.finding('unauthorized_source', 'd1.example', 'high'),
    await c.finding('unauthorized_source', 'd1.example', 'over'),
    await c.finding('unauthorized_source', 'd1.example', 'long ago'),
  ] as const;
  const put = (key: number, values: string) => db.query(`update ruawatch.findings set ${values} where finding_key = $1`, [key]);
  // One of them is about a day that the week's figures do not have yet.
  await put(keys[0], "severity = 'low', opened_at = '2026-10-07T12:00:00Z', first_day = '2026-10-07', last_day = '2026-10-07'");
  await put(keys[1], "severity = 'high', opened_at = '2026-10-02T12:00:00Z'");
  await put(keys[2], "state = 'resolved', opened_at = '2026-09-01T12:00:00Z', resolved_at = '2026-10-03T12:00:00Z'");
  await put(keys[3], "opened_at = '2026-09-20T12:00:00Z'");
  const person = await c.person('viewer', null);
  const { body } = await person.get('/digest');
  expect(body).toContain(
    'The findings are those from <time>2026-10-01</time> 09:00 to <time>2026-10-08</time> 09:00 UTC, as in the mail',
  );
  expect(named(body)).toEqual([keys[1], keys[0], keys[2], keys[3]]);
  expect(body).toMatch(/New \(2\)[\s\S]*Resolved \(1\)[\s\S]*Still open \(1\)/);
  const mail = (await person.get('/digest/mail')).body.replaceAll('\n', ' ');
  expect(named(mail.slice(0, mail.indexOf('Domains, by day')))).toEqual(named(body));
  // A week that is over has seven days as well: those up to two days after its last report day.
  const before = (await person.get('/digest?to=2026-09-29')).body;
  expect(before).toContain('The findings are those from <time>2026-09-25</time> 00:00 to <time>2026-10-02</time> 00:00 UTC');
  expect(named(before)).toEqual([keys[3]]);
  // Its table counts the findings that it lists, as it counts those of this week.
  const counted = async (query: string) =>
    ((await person.get(`/digest?table=week&as=json${query}`)).json() as { open_findings: number }[])[0]!.open_findings;
  expect(await counted('')).toBe(3);
  expect(await counted('&to=2026-09-29')).toBe(1);
  expect(await counted('&to=2026-09-14')).toBe(0);
  expect((await person.get('/digest?to=2026-09-14')).body).toContain(
    'No finding that opened by then is still open, and none was resolved in these days.',
  );
  // One that somebody resolved, and that goes on, is listed from then on.
  const closed = { ended: { reason: 'closed', by: 'ada' } };
  await put(
    keys[3],
    `state = 'resolved', resolved_at = '2026-10-01T12:00:00Z', evidence = evidence || '${JSON.stringify(closed)}'`,
  );
  expect(await counted('&to=2026-09-14')).toBe(0);
  await put(keys[3], "state = 'open', resolved_at = null, evidence = evidence - 'ended'");
});

test('a sentence that begins with a name leaves its letters as they are', async () => {
  const { db } = c.t;
  const key = await c.finding('alignment_failure', 'd1.example', 'tickethall.example');
  await db.query("update ruawatch.findings set opened_at = '2026-10-06T12:00:00Z' where finding_key = $1", [key]);
  const line = async () => {
    const { body } = await (await c.person('viewer', null)).get('/digest');
    return new RegExp(`/findings/${key}">(.*?)</a>`).exec(body)?.[1];
  };
  expect(await line()).toMatch(/^tickethall\.example sends as d1\.example/);
  await db.query("update ruawatch.findings set state = 'resolved', resolved_at = '2026-10-07T12:00:00Z' where finding_key = $1", [
    key,
  ]);
  expect(await line()).toMatch(/^Mail of /);
  await db.query('delete from ruawatch.findings where finding_key = $1', [key]);
});

test('no sender is new in the month in which the reports begin, and what comes next is of today alone', async () => {
  const { db } = c.t;
  await db.query("insert into ruawatch.domains (domain, state, how, since) values ('d5.example', 'own', 'added', now())");
  for (const [source, first] of [
    ['old.example', '2026-08-18'],
    ['new.example', '2026-09-03'],
  ])
    await db.query(
      `with s as (insert into ruawatch.sources (domain, source, class, name, why, first_seen, last_seen, messages, passed, grouped_as)
              values ('d5.example', $1, 'authorized', $1, '', $2, '2026-10-05', 9, 9, $1))
       insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
              failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected,
              failed_delivered, trust, failed_subdomain)
       values ('d5.example', $1, $2, 'google.com', 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 'ok', 0)`,
      [source, first],
    );
  const person = await c.person('viewer', ['d5.example']);
  const month = async (of: string) => (await person.get(`/domains/d5.example/months/2026-${of}`)).body;
  const [august, september, october] = [await month('08'), await month('09'), await month('10')];
  expect(august).not.toContain('New senders');
  expect(september).toContain('New senders: new.example (authorized, 9 messages).');
  expect([august, september, october].map((page) => page.includes('What comes next'))).toEqual([false, false, true]);
});

test('a finding that opened and ended in one month is counted as both', async () => {
  await c.t.db.query("insert into ruawatch.domains (domain, state, how, since) values ('d6.example', 'own', 'added', now())");
  for (const [subject, times] of [
    ['a', "opened_at = '2026-09-10T12:00:00Z'"],
    ['b', "opened_at = '2026-09-11T12:00:00Z', state = 'resolved', resolved_at = '2026-09-11T18:00:00Z'"],
    ['c', "opened_at = '2026-08-11T12:00:00Z', state = 'resolved', resolved_at = '2026-09-11T18:00:00Z'"],
  ] as const) {
    const key = await c.finding('unauthorized_source', 'd6.example', subject);
    await c.t.db.query(`update ruawatch.findings set ${times}, first_day = '2026-08-01' where finding_key = $1`, [key]);
  }
  const { body } = await (await c.person('viewer', ['d6.example'])).get('/domains/d6.example/months/2026-09');
  expect(body).toContain('2 findings opened and 2 findings ended');
});

test('new senders of the week are counted as the mail counts them', async () => {
  const { db } = c.t;
  await db.query("insert into ruawatch.domains (domain, state, how, since) values ('d2.example', 'own', 'added', now())");
  await db.query(
    `insert into ruawatch.sources (domain, source, class, name, why, first_seen, last_seen, messages, passed, grouped_as)
     select 'd2.example', s, class, s, '', first, '2026-10-05', n, 0, s
       from (values ('a', 'authorized', '2026-10-01'::date, 5), ('b', 'unknown', '2026-10-01', 5), ('c', 'unauthorized', '2026-10-02', 3),
                    ('d', 'unknown', '2026-10-03', 30), ('e', 'authorized', '2026-09-01', 500)) v (s, class, first, n)`,
  );
  const { body } = await (await c.person('viewer', ['d2.example'])).get('/digest?table=week&as=json');
  expect(JSON.parse(body)).toMatchObject([{ domain: 'd2.example', new_sources: 2, strangers: 1 }]);
});

test('the mail of a domain on which several reporters decide together is that of the weekly mail', async () => {
  const { db } = c.t;
  await db.query("insert into ruawatch.domains (domain, state, how, since) values ('d3.example', 'own', 'added', now())");
  await db.query(
    `insert into ruawatch.sources (domain, source, class, name, why, first_seen, last_seen, messages, passed, grouped_as)
     values ('d3.example', 'a', 'authorized', 'a', '', '2026-09-01', '2026-10-05', 100, 100, 'a');
     insert into ruawatch.domain_reporters (domain, reporter, decides, standing)
     select 'd3.example', 'r' || n || '.example', true, 'established' from generate_series(1, 5) n;
     insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
            failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected,
            failed_delivered, trust, failed_subdomain)
     -- One of them tells of far more than the others together: no number is believed that has fewer behind it.
     select 'd3.example', 'a', '2026-10-05', 'r' || n || '.example', m, m, m, m, 0, 0, 0, 0, 0, 0, m, 0, 0, 0, 'ok', 0
       from (select n, case when n = 1 then 90000 else 10 + n end as m from generate_series(1, 5) n) t`,
  );
  const person = await c.person('viewer', ['d3.example']);
  const [row] = JSON.parse((await person.get('/digest?table=week&as=json')).body) as { messages: number; passed: number }[];
  const mail = (await person.get('/digest/mail')).body.replaceAll(/\s+/g, ' ');
  const [, messages] = /1 domain, ([\d,]+) messages/.exec(mail)!;
  expect(row!.messages).toBe(Number(messages!.replaceAll(',', '')));
  expect(row!.messages).toBeLessThan(90_000);
  expect((await person.get('/digest')).body).toContain(`reported ${messages} messages`);
});

test('a domain with sp=none says so, and counts mail below it as not stopped', async () => {
  const { db } = c.t;
  await db.query(
    `insert into ruawatch.sources (domain, source, class, name, why, first_seen, last_seen, messages, passed)
     select 'd1.example', '192.0.2.' || n || '/32', 'unauthorized', 'forgers', 'words of ' || n, '2026-10-01', '2026-10-05', 20, 0
       from generate_series(1, 2) n`,
  );
  await db.query("update ruawatch.sources set grouped_as = 'forgers' where domain = 'd1.example'");
  await db.query(
    `insert into ruawatch.source_days (domain, source, day, reporter, messages, passed, dkim_aligned, spf_aligned, forwarded, failed_forwarded,
            failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined, rejected,
            failed_delivered, trust, failed_subdomain)
     select 'd1.example', source, '2026-10-05', 'google.com', 20, 0, 0, 0, 0, 0, 0, 20, 0, 0, 20, 0, 0, 20, 'ok', 15
       from ruawatch.sources where domain = 'd1.example';
     insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records,
            messages, salvaged, problems, received_at, trust, policy_p, policy_sp)
     values (0, 0, 'a', '', 'google.com', 'a', 'd1.example', '2026-10-05', '2026-10-06', '[]', 1, 40, false, '[]', '2026-10-06', 'ok', 'reject', 'none')`,
  );
  await recount(c.context);
  const { body } = await (await c.person('viewer', ['d1.example'])).get('/domains/d1.example');
  expect(body).toContain('Policy reject, sp=none for names below it');
  expect(body).toContain('stop 10 unauthorized messages, forwarded mail aside');
  expect(body).toContain('it lets through 30 messages that were sent as such names and fail');
  expect(body).toContain('All 2 together: 0 of 40 messages pass DMARC; 100% of what fails was delivered.');
  expect(body).not.toContain('words of 1');
});
