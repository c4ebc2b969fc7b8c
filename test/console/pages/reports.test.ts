import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays } from '../../../services/shared/days.ts';
import { type TestConsole, type TestPerson, testConsole } from '../setup.ts';

let c: TestConsole;
let viewer: TestPerson;
let day: string;
beforeAll(async () => {
  c = await testConsole();
  day = addDays(c.context.clock.now().toISOString().slice(0, 10), -10);
  await c.t.db.query(
    `insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', now());
     insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed, grouped_as)
     values ('example.com', '192.0.2.0/24', '2026-10-01', '2026-10-02', 5, 5, 'postbird.example');
     insert into ruawatch.domain_reporters (domain, reporter, standing, decides) values ('example.com', 'mx.example.net', 'new', false)`,
  );
  await report(1, 'gmx.net', day, [
    { source: '192.0.2.0/24', count: 40, disposition: 'reject' },
    { source: '198.51.100.0/24', count: 9, disposition: 'none' },
  ]);
  await report(2, 'gmx.net', addDays(day, 3), [{ source: '192.0.2.0/24', count: 30, disposition: 'none' }]);
  await report(3, 'gmx.net', addDays(day, 3), [{ source: '198.51.100.0/24', count: 9, disposition: 'none' }]);
  await report(4, 'mx.example.net', addDays(day, 3), [{ source: '192.0.2.0/24', count: 3, disposition: 'none' }]);
  viewer = await c.person('viewer', ['example.com']);
});
afterAll(() => c.close());

/** A proven report whose records all fail, and the days that are summed from it. */
async function report(
  key: number,
  reporter: string,
  on: string,
  records: { source: string; count: number; disposition: string }[],
) {
  const all = records.reduce((sum, { count }) => sum + count, 0);
  await c.t.db.query(
    `insert into ruawatch.reports (report_key, message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors,
            records, messages, salvaged, problems, received_at, trust)
     overriding system value values ($1, 0, $2, $3, '\\x01', $4, $5, 'example.com', $6, $7, '[]', $8, $9, false, '[]', $7, 'ok')`,
    [key, key, Buffer.from([key]), reporter, `r${key}`, on, addDays(on, 1), records.length, all],
  );
  for (const [n, { source, count, disposition }] of records.entries()) {
    await c.t.db.query(
      `insert into ruawatch.records (report_key, n, begin_at, source, source_ip, count, disposition, auth, dkim_aligned, spf_aligned, forwarded)
       values ($1, $2, $3, $4, $5, $6, $7, '{}', false, false, false)`,
      [key, n, on, source, source.split('/')[0], count, disposition],
    );
    const rejected = disposition === 'reject' ? count : 0;
    await c.t.db.query(
      `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, passed, dkim_aligned, spf_aligned, forwarded,
              failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered, quarantined,
              rejected, failed_delivered)
       values ('example.com', $1, $2, $3, 'ok', $4, 0, 0, 0, 0, 0, 0, 0, 0, 0, $5, 0, $6, $7)
       on conflict do nothing`,
      [source, on, reporter, count, count - rejected, rejected, count - rejected],
    );
  }
}

const listed = async (query: string) =>
  (await viewer.get(`/reports?table=reports&as=json&${query}`)).json() as Record<string, unknown>[];

test('reports are listed by days, and by a sender with what became of its mail', async () => {
  expect(await listed('domain=example.com')).toHaveLength(4);
  expect(await listed(`domain=example.com&from=${day}&to=${day}`)).toMatchObject([{ messages: 49 }]);
  const of = await listed(`domain=example.com&sender=postbird.example&reporter=gmx.net`);
  expect(of).toMatchObject([
    { of_sender: 30, failed_delivered: 30, failed_stopped: 0 },
    { of_sender: 40, failed_delivered: 0, failed_stopped: 40 },
  ]);
  expect(await listed('domain=example.com&sender=192.0.2.0/24')).toHaveLength(3);
  expect(await listed('domain=example.com&sender=nobody.example')).toEqual([]);
});

test('a report of a reporter that does not count is proven, and says so', async () => {
  const page = (await viewer.get('/reports?domain=example.com&reporter=mx.example.net')).body;
  expect(page).toContain('proven <span class="quiet">(its reporter does not count)</span>');
  expect((await viewer.get('/reports?domain=example.com&reporter=gmx.net')).body).not.toContain('(its reporter');
});

test('a report that is not proven is shown in the name of its reporter, with who sent its mail', async () => {
  const put = (trust: string, verdict: string | null, domain: string | null) =>
    c.t.db.query(
      `update ruawatch.reports set trust = $1, reporter_trust = $2, trust_domain = $3, org_name = 'GMX', org_email = 'a@gmx.net'
        where report_key = 3`,
      [trust, verdict, domain],
    );
  const shown = async () => {
    const { body } = await viewer.get('/reports/3');
    const fact = (name: string) => new RegExp(`<dt>${name}</dt><dd>(.*?)</dd>`).exec(body)?.[1];
    return [/<h1>(.*?)<\/h1>/.exec(body)?.[1], fact('Sent by'), fact('Calls itself')];
  };
  const inList = async () => /href="\/reports\/3">(.*?)</.exec((await viewer.get('/reports?domain=example.com')).body)?.[1];
  const forged = 'Report in the name of gmx.net about example.com';
  const said = 'GMX, a@gmx.net';
  await put('bad', 'mismatched', 'forger.example');
  expect([await inList(), ...(await shown())]).toEqual(['in the name of gmx.net', forged, 'forger.example', said]);
  await put('bad', 'unauthenticated', 'gmx.net');
  expect(await shown()).toEqual([forged, 'gmx.net, as its From field says: nothing proves it', said]);
  await put('pending', null, null);
  expect([await inList(), ...(await shown())]).toEqual(['in the name of gmx.net', forged, undefined, said]);
  await put('ok', 'authenticated', 'gmx.net');
  expect([await inList(), ...(await shown())]).toEqual(['gmx.net', 'Report by gmx.net about example.com', said, undefined]);
});

test('a sender shows what each reporter did with its mail, leads to those reports, and samples what was stopped', async () => {
  const page = (await viewer.get('/domains/example.com/senders/postbird.example')).body;
  expect(page).toMatch(/\/reports\?domain=example\.com&amp;sender=postbird\.example&amp;from=[\d-]+&amp;reporter=gmx\.net/);
  expect(page).toContain('data-label="Rejected">40<');
  const samples = (await viewer.get('/domains/example.com/senders/postbird.example?table=samples&as=json')).json() as {
    reporter: string;
    disposition: string;
  }[];
  expect(new Set(samples.map(({ disposition }) => disposition))).toEqual(new Set(['none', 'reject']));
  expect(samples.map(({ reporter }) => reporter)).not.toContain('mx.example.net');
});

test('a finding leads to the reports that prove it, and to another one on the same sender', async () => {
  const key = await c.finding('alignment_failure', 'example.com', 'postbird.example');
  const other = await c.finding('policy_change', 'example.com');
  await c.t.db.query(
    `update ruawatch.findings set evidence = evidence || '{"who": [{"source": "postbird.example", "messages": 5}]}' where finding_key = $1`,
    [key],
  );
  const page = (await viewer.get(`/findings/${key}`)).body;
  const link = /href="(\/reports\?domain=example\.com&amp;sender=postbird\.example&amp;from=2026-09-28&amp;to=2026-10-05)"/.exec(
    page,
  );
  expect(link?.[1]).toBeDefined();
  expect(page).toContain('The reports that prove it');
  expect(page).toContain(`href="/findings/${other}"`);
  expect(page).not.toContain('What is known');
});

/** A finding of a kind whose stored row has sentences alone. */
async function told(kind: string, evidence: object): Promise<string> {
  const key = await c.finding('alignment_failure', 'example.com', `${kind}.example`);
  await c.t.db.query('update ruawatch.findings set kind = $2, evidence = $3 where finding_key = $1', [
    key,
    kind,
    JSON.stringify({ since: day, last_day: day, reporters: ['gmx.net'], senders: 1, ...evidence }),
  ]);
  return (await viewer.get(`/findings/${key}`)).body;
}

test('what nobody reported as it says has no figures of reports', async () => {
  const forged = await told('forged_report', { who: [{ source: 'forger.example', messages: 0, reports: 2 }] });
  expect(forged).toContain('reporter=forged_report.example&amp;trust=bad');
  expect(forged).toContain('<th scope="col" class="number">Reports</th>');
  for (const none of ['Reported by', 'Mail up to', '<th scope="col" class="number">Messages</th>'])
    expect(forged).not.toContain(none);
  const silent = await told('reporter_silent', {});
  expect(silent).toContain('Its last reports');
  for (const none of ['Reported by', 'Mail up to']) expect(silent).not.toContain(none);
});

test('advice leads to the page where it is followed; sentences that an older version stored do not', async () => {
  const shown = async (kind: string) => (await viewer.get(`/findings/${await c.finding(kind, 'example.com', 'w.example')}`)).body;
  expect(await shown('unauthorized_source')).toContain(
    '<a class="button" href="/domains/example.com#posture">How well it is protected</a>',
  );
  expect(await shown('authentication_regression')).toContain(
    '<a class="button" href="/domains/example.com#records">What DNS publishes</a>',
  );
  expect(await told('record_invalid', { advice: ['All of it: "ruawatch dns check example.com".'] })).not.toContain('#faults');
});

test('behind the last report a page leads back to the newer ones, and the first page leads nowhere', async () => {
  expect((await viewer.get('/reports')).body).not.toContain('<nav class="pages"');
  const behind = (await viewer.get('/reports?page=2')).body;
  expect(behind).toMatch(/<a class="button" href="\/reports\?[^"]*page=1[^"]*">Previous/);
  expect(behind).not.toMatch(/<a class="button"[^>]*>Next/);
});

test('a finding that there is not is no page', async () => {
  expect((await viewer.get('/findings/987654')).statusCode).toBe(404);
});

test('a record whose verdict contradicts its results shows that verdict', async () => {
  await c.t.db.query("update ruawatch.records set dkim_result = 'pass', spf_result = 'fail' where report_key = 3");
  expect((await viewer.get('/reports/3')).body).toContain(
    'The reporter’s verdict contradicts these results: it says DKIM pass, SPF fail',
  );
});
