import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestConsole, testConsole } from '../setup.ts';
import { shownOf } from '../shown.ts';

const NOW = new Date('2026-10-07T12:00:00Z');
let c: TestConsole;
beforeAll(async () => {
  c = await testConsole({ now: () => NOW });
  await c.t.db.query('delete from ruawatch.domains');
});
afterAll(() => c.close());

const add = (sql: string, values: unknown[] = []) => c.t.db.query(sql, values);
const box = (mailbox: string, polled: number | null, error: string | null = null) =>
  add("insert into ruawatch.mailboxes (mailbox, folder, polled_at, last_error, backlog) values ($1, 'INBOX', $2, $3, 2)", [
    mailbox,
    polled === null ? null : new Date(NOW.getTime() - polled),
    error,
  ]);
const archived = (bytes: number) =>
  add(
    "insert into ruawatch.raw_stock (partition, bytes, file_size) values ('raw_2026_10', $1, 1) on conflict (partition) do update set bytes = excluded.bytes",
    [bytes],
  );

test('what was looked at is fine, worth knowing or wrong, up to the limit and beyond it', async () => {
  const { config } = c.context;
  const root = await c.person('admin', null);
  const shown: string[] = [];
  const look = async (what: string, person = root) => {
    const text = shownOf((await person.get('/health')).body);
    shown.push(`${what}\n${text.slice(0, text.indexOf('\nh2: '))}`);
  };
  await look('nothing is set');
  config.mailboxes = [{ name: 'main' }] as never;
  config.smtpUrl = 'smtp://mail.example.com';
  await add("insert into ruawatch.domains (domain, state, how, since) values ('example.com', 'own', 'added', '2026-09-01')");
  await box('an hour ago', 3_600_000);
  await look('a mailbox that was read an hour ago');
  await box('longer ago', 3_600_001);
  await box('never', null);
  await box('wrong', 0, 'No such folder.');
  await look('mailboxes');
  config.smtpUrl = null;
  config.webhooks = [{ name: 'chat' }] as never;
  config.trust.check = 'off';
  await archived(99_999_999);
  await look('a webhook, no checks, and an archive');
  config.trust.check = 'on' as never;
  await add(
    `with m as (insert into ruawatch.messages (mailbox, received_at, stored_at, fingerprint, size, state)
       values ('main', $1, $1, '\\x01', 1, 'stored') returning message_key)
     insert into ruawatch.reports (message_key, part, identity, content_hash, reporter, report_id, domain, begin_at, end_at, errors, records, messages,
            salvaged, problems, received_at, trust, reporter_trust)
     select message_key, n, decode(lpad(n::text, 2, '0'), 'hex'), '\\x01', 'google.com', n, 'example.com', $1, $1, '[]', 1, 1, false, '[]', $1,
            'ok', case when n > 1 then 'authenticated' end from m, generate_series(1, 5) n`,
    [new Date(NOW.getTime() - 7 * 86_400_000)],
  );
  await archived(100_000_000);
  await look('verified reports, the first a week ago');
  await add("update ruawatch.reports set trust = 'bad' where part < 3");
  config.retention.raw_total_gb = 1;
  await archived(800_000_000);
  await look('reports that prove nothing, and four fifths of the archive');
  await add("update ruawatch.messages set received_at = received_at - interval '1 second'");
  await archived(800_000_001);
  await look('no report for a week, and more of the archive');
  await look('the same for whoever sets nothing up', await c.person('operator', null));
  await expect(`${shown.join('\n\n')}\n`).toMatchFileSnapshot('golden/health-checks.txt');
});

test('the tables have the newest figures, and a week and a month are as long as they say', async () => {
  await add('delete from ruawatch.reports; delete from ruawatch.messages');
  const ago = (days: number, ms: number) => new Date(NOW.getTime() - days * 86_400_000 - ms);
  for (const [at, state, code] of [
    [ago(30, 0), 'stored', null],
    [ago(30, 1), 'stored', null],
    [ago(1, 0), 'quarantined', 'report_not_found'],
  ] as const)
    await add(
      "insert into ruawatch.messages (mailbox, received_at, stored_at, fingerprint, size, state, code) values ('main', $1, $1, $2, 1, $3, $4)",
      [at, Buffer.from(String(at.getTime())), state, code],
    );
  const root = await c.person('admin', null);
  const file = async (table: string) => (await root.get(`/health?table=${table}&as=json`)).json();
  expect(await file('mails')).toEqual([
    { state: 'quarantined', code: 'report_not_found', mails: 1, last_at: ago(1, 0).toISOString() },
    { state: 'stored', code: null, mails: 1, last_at: ago(30, 0).toISOString() },
  ]);
  expect(await file('waiting')).toEqual(
    ['mails', 'checks', 'analysis', 'alerts'].map((what) => ({ what, waiting: 0, oldest_seconds: null })),
  );
  expect(await file('trust')).toEqual([]);
});
