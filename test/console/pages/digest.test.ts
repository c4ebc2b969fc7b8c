import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestConsole, testConsole } from '../setup.ts';

let c: TestConsole;
beforeAll(async () => {
  c = await testConsole({ now: () => new Date('2026-10-08T09:00:00Z') });
  await c.t.db.query("insert into ruawatch.domains (domain, state, how, since) values ('d1.example', 'own', 'added', now())");
});
afterAll(() => c.close());

test('the week lists findings that began by its last day, and says which it leaves out', async () => {
  const { db } = c.t;
  const [within, later] = [
    await c.finding('unauthorized_source', 'd1.example'),
    await c.finding('unauthorized_source', 'd1.example', 'other'),
  ];
  await db.query("update ruawatch.findings set opened_at = '2026-10-07T12:00:00Z'");
  await db.query("update ruawatch.findings set first_day = '2026-10-07', last_day = '2026-10-07' where finding_key = $1", [
    later,
  ]);
  const { body } = await (await c.person('viewer', null)).get('/digest');
  expect(body).toContain('The findings are about mail up to 2026-10-06, as they stood at 2026-10-08 09:00 UTC');
  expect(body).toContain(`/findings/${within}"`);
  expect(body).not.toContain(`/findings/${later}"`);
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
  const { body } = await (await c.person('viewer', ['d1.example'])).get('/domains/d1.example');
  expect(body).toContain('Policy reject, sp=none for names below it');
  expect(body).toContain('stop 10 unauthorized messages, forwarded mail aside');
  expect(body).toContain('It lets 30 more through, sent as names below the domain');
  expect(body).toContain('All 2 together: 0 of 40 messages pass DMARC; 100% of what fails was delivered.');
  expect(body).not.toContain('words of 1');
});
