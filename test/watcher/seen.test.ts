import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import type { Context } from '../../services/shared/runtime/service.ts';
import { putOwn } from '../../services/store/domains/domains.ts';
import { endSender, putSender } from '../../services/store/sources/sender-list.ts';
import { watchOnce } from '../../services/watcher/index.ts';
import { type TestConsole, testConsole } from '../console/setup.ts';
import { dnsOf, type Zone } from '../dns/zone.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestRow } from '../helpers/report.ts';

const DOMAIN = 'example.com';
const SOA = { mname: 'ns', rname: 'h', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 };
const zone = (spf: string): Zone => ({
  [DOMAIN]: { SOA: [SOA], TXT: [[spf]], MX: [{ preference: 1, exchange: `mx.${DOMAIN}` }] },
  [`mx.${DOMAIN}`]: { A: ['192.0.2.1'] },
  'old.example': { TXT: [['v=spf1 ip4:203.0.113.0/24 -all']] },
  [`_dmarc.${DOMAIN}`]: { TXT: [[`v=DMARC1; p=none; rua=mailto:dmarc@${DOMAIN}`]] },
});
const WITH = 'v=spf1 ip4:192.0.2.0/24 include:old.example ip4:198.51.100.7 -all';
const REPORTS = 62;

let c: TestConsole;
let context: Context;
let now = new Date((BEGIN + (REPORTS + 1) * DAY) * 1000);
beforeAll(async () => {
  c = await testConsole();
  context = { ...c.context, clock: { now: () => now } };
  context.config.watcher.queries_per_second = 5_000;
  context.config.watcher.lookalikes.questions_a_day = 0;
  await putOwn(c.t.db, [DOMAIN], 'added', { now, ignored: false });
  const rows: TestRow[] = [
    { ip: '192.0.2.1', count: 40 },
    { ip: '203.0.113.200', count: 2, spf: 'fail', dkim: 'fail', auth_dkim: ['shop.example', 'pass'] },
  ];
  const mails = Array.from({ length: REPORTS }, (_, n) => {
    const xml = reportXml({ id: `r${n}`, begin: BEGIN + n * DAY, end: BEGIN + (n + 1) * DAY - 1, rows });
    return reportMail(xml, { unique: `m${n}` });
  });
  await parseMessages(c.t.db, await receive(c.t, mails), { trust: { check: 'verify', authserv_ids: [] } });
  await c.t.db.query("update ruawatch.reports set trust = 'ok'");
  await c.t.db.query(
    `update ruawatch.records set source = 'shop.example', dkim_aligned = false, spf_aligned = false
      where source_ip = '203.0.113.200'`,
  );
  await c.t.db.query(
    `insert into ruawatch.domain_reporters (domain, reporter, standing, decides)
     select distinct domain, reporter, 'known', true from ruawatch.reports on conflict (domain, reporter) do update set decides = true`,
  );
  await c.t.db.query(
    `insert into ruawatch.sources (domain, source, class, first_seen, last_seen, messages, passed)
     values ('example.com', '192.0.2.0/24', 'authorized', '2026-09-01', '2026-09-05', 1, 1),
            ('example.com', 'shop.example', 'misaligned', '2026-09-01', '2026-09-05', 1, 1)
     on conflict (domain, source) do update set class = excluded.class`,
  );
}, 60_000);
afterAll(() => c.close());

async function round(spf: string): Promise<string[]> {
  await c.t.db.query("update ruawatch.dns_watch set due_at = '2000-01-01'");
  const dns = dnsOf(zone(spf));
  await watchOnce(context, { dns, connect: () => dns });
  const { rows } = await c.t.db.query<{ code: string; part: string | null; since: Date }>(
    "select code, part, since from dmarc.dns_findings where domain = $1 and code in ('spf_unused', 'dmarc_sender_fails') order by 1, 2",
    [DOMAIN],
  );
  return rows.map(({ code, part, since }) => `${code} ${part} ${since.getTime() === now.getTime() ? 'now' : 'before'}`);
}
const later = (hours: number) => {
  now = new Date(now.getTime() + hours * 3_600_000);
};

test('the watcher keeps what reports say of the records, and reads them once a day', async () => {
  // What fails came through the include, so that it is needed.
  expect(await round(WITH)).toEqual(['dmarc_sender_fails null now', 'spf_unused ip4:198.51.100.7 now']);
  const admin = await c.person('viewer', [DOMAIN]);
  const page = (await admin.get(`/domains/${DOMAIN}`)).body;
  expect(page).toContain('What is wrong with the records');
  expect(page).toContain('shop.example sent');
  // It passes, for a domain of its own.
  expect(page).toContain('none of them is aligned with it by SPF or DKIM');
  expect(page).toContain('v=spf1 ip4:192.0.2.0/24 include:old.example -all');
  later(1);
  await c.t.db.query("update ruawatch.domain_reporters set decides = false where domain = 'example.com'");
  expect(await round(WITH)).toEqual(['dmarc_sender_fails null before', 'spf_unused ip4:198.51.100.7 before']);
  // A term that was taken out is no more to be removed.
  later(1);
  expect(await round('v=spf1 ip4:192.0.2.0/24 include:old.example -all')).toEqual(['dmarc_sender_fails null before']);
  later(24);
  expect(await round(WITH)).toEqual([]);
});

test('a decision about a sender counts from the next round, not a day later', async () => {
  await c.t.db.query("update ruawatch.domain_reporters set decides = true where domain = 'example.com'");
  later(25);
  expect(await round(WITH)).toContain('dmarc_sender_fails null now');
  later(1);
  await c.t.db.query(
    `insert into ruawatch.sender_list (domain, source, is_service, verdict, by_name, why, since)
     values ('example.com', 'shop.example', false, 'denied', 'Ada', 'nobody uses it', $1)`,
    [now],
  );
  later(1);
  expect(await round(WITH)).not.toContain('dmarc_sender_fails null before');
  later(1);
  await c.t.db.query("update ruawatch.sender_list set ended_at = $1, ended_by = 'Ada', ended_why = 'we do use it'", [now]);
  later(1);
  expect(await round(WITH)).toContain('dmarc_sender_fails null now');
});

test('a decision about a sender, its end and one for all domains have the records of its domains checked at once', async () => {
  await putOwn(c.t.db, ['idle.example'], 'added', { now, ignored: false });
  const due = async (decide: () => Promise<unknown>) => {
    later(1);
    await c.t.db.query("update ruawatch.dns_watch set due_at = $1::timestamptz + interval '50 minutes'", [now]);
    await decide();
    const { rows } = await c.t.db.query('select domain from ruawatch.dns_watch where due_at <= $1 order by 1', [now]);
    return rows.map(({ domain }) => domain);
  };
  const denied = { verdict: 'denied', word: { by: 'Ada', why: 'nobody uses it' }, until: null } as const;
  const shop = { domain: DOMAIN, source: 'shop.example', service: null };
  expect(await due(() => putSender(c.t.db, shop, denied, now))).toEqual([DOMAIN]);
  expect(await due(() => endSender(c.t.db, shop, denied.word, now))).toEqual([DOMAIN]);
  expect(await due(() => endSender(c.t.db, shop, denied.word, now))).toEqual([]);
  expect(await due(() => putSender(c.t.db, { ...shop, domain: '*' }, denied, now))).toEqual([DOMAIN]);
  expect(await due(() => putSender(c.t.db, { ...shop, domain: '*', source: 'x.example' }, denied, now))).toEqual([]);
  // What is due anyway stays where it is.
  await c.t.db.query("update ruawatch.dns_watch set due_at = '2000-01-01'");
  await endSender(c.t.db, { ...shop, domain: '*' }, denied.word, now);
  const { rows } = await c.t.db.query('select distinct due_at from ruawatch.dns_watch');
  expect(rows).toEqual([{ due_at: new Date('2000-01-01') }]);
});

test('who does not see the domain does not see what is wrong with it', async () => {
  const stranger = await c.person('viewer', ['other.example']);
  expect((await stranger.get(`/domains/${DOMAIN}`)).body).not.toContain('v=spf1');
});
