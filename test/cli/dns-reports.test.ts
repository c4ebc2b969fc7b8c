import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runDnsCheck } from '../../services/cli/commands/dns.ts';
import { zoneLine } from '../../services/dns/check/finding.ts';
import { parseMessages } from '../../services/parser/parse-messages.ts';
import { loadConfig } from '../../services/shared/settings/config.ts';
import { loadSeenMail } from '../../services/store/analysis/seen-mail.ts';
import { KEY } from '../dns/check/fixtures.ts';
import { type TestDatabase, testDatabase } from '../helpers/database.ts';
import { knotPresent, type NameServer, startKnot } from '../helpers/knot.ts';
import { BEGIN, DAY, receive, reportMail, reportXml, type TestRow } from '../helpers/report.ts';

describe.skipIf(!knotPresent)(`dns check --reports${knotPresent ? '' : ' (SKIPPED: knot is not installed)'}`, () => {
  let t: TestDatabase;
  let knot: NameServer;
  beforeAll(async () => {
    t = await testDatabase();
    knot = await startKnot({
      com: [],
      'example.com': [
        '@ TXT "v=spf1 ip4:192.0.2.0/24 -all"',
        '@ MX 10 mx',
        'mx A 192.0.2.1',
        zoneLine({ name: 's1._domainkey.example.com', value: `v=DKIM1; p=${KEY}` }),
        '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:d@example.com"',
      ],
    });
    const selector = (xml: string, name: string) => xml.replaceAll('<selector>s1<', `<selector>${name}<`);
    const mail = (n: number, name: string, rows: TestRow[]) =>
      reportMail(selector(reportXml({ id: `r${n}`, begin: BEGIN + n * DAY, end: BEGIN + (n + 1) * DAY - 1, rows }), name), {
        unique: `m${n}`,
      });
    await parseMessages(
      t.db,
      await receive(t, [
        mail(0, 's1', [
          { ip: '192.0.2.1', count: 1200 },
          { ip: '198.51.100.1', count: 30 },
        ]),
        mail(1, 'S1', [{ ip: '192.0.2.1', count: 300, auth_dkim: ['example.com', 'fail'], dkim: 'fail' }]),
        mail(2, 'old', [{ ip: '192.0.2.1', count: 5, auth_dkim: ['example.com', 'permerror'], dkim: 'fail' }]),
        mail(3, 'theirs', [{ ip: '203.0.113.1', count: 5, auth_dkim: ['other.example', 'pass'], dkim: 'fail' }]),
        mail(4, 'x\u001b[31m', [{ count: 5 }]),
      ]),
      { trust: { check: 'verify', authserv_ids: [] } },
    );
    await t.db.query("update ruawatch.reports set trust = 'ok'");
  });
  afterAll(async () => {
    await knot.stop();
    await t.drop();
  });

  const check = async (options: object) => {
    const lines: string[] = [];
    const config = loadConfig({ DATABASE_URL: t.url, HTTP_LISTEN: 'off' }, '/nowhere');
    const now = new Date((BEGIN + 6 * DAY) * 1000);
    const code = await runDnsCheck(
      config,
      ['example.com'],
      { resolver: [knot.server], ...options },
      { out: (line) => lines.push(line), now },
    );
    return { code, text: lines.join('\n') };
  };

  test('the selectors of the reports are looked at, with what passed by them', async () => {
    const { code, text } = await check({ reports: true });
    expect(text).toContain(
      'DKIM   s1: rsa, 2048 bits; 1,230 messages passed, last on 2026-09-01, of 192.0.2.0/24, 198.51.100.0/24',
    );
    // What never passed may be a forger's, and what is signed as another domain is not of this one.
    expect(text).not.toMatch(/\bold\b|theirs/);
    expect(text).not.toContain('31m');
    expect(code).toBe(0);
    const [told] = JSON.parse((await check({ reports: true, json: true })).text);
    expect(told.dkim[0]).toMatchObject({ selector: 's1', reports: { passed: 1230, failed: 300, last_passed: '2026-09-01' } });
  });

  test('own senders that pass by nothing are named, and the addresses of the domain are known', async () => {
    await t.db.query(
      `insert into ruawatch.domain_reporters (domain, reporter, standing, decides)
       select distinct domain, reporter, 'known', true from ruawatch.reports on conflict (domain, reporter) do update set decides = true`,
    );
    await t.db.query(
      `insert into ruawatch.sources (domain, source, class, first_seen, last_seen, messages, passed)
       values ('example.com', '192.0.2.0/24', 'authorized', '2026-09-01', '2026-09-05', 1, 1),
              ('example.com', 'shop.test', 'misaligned', '2026-09-01', '2026-09-05', 1, 1)
       on conflict (domain, source) do update set class = excluded.class`,
    );
    const now = new Date((BEGIN + 6 * DAY) * 1000);
    const load = (most = 200) => loadSeenMail(t.db, 'example.com', { since: new Date(BEGIN * 1000), now, most });
    const seen = await load();
    expect(seen).toMatchObject({ days: 5, complete: true, failing: [] });
    expect(seen.addresses).toContain('192.0.2.1');
    expect(await load(1)).toMatchObject({ complete: seen.addresses.length <= 1 });
    await t.db.query(
      "update ruawatch.records set source = 'shop.test', count = 40, dkim_aligned = false, spf_aligned = false where source_ip = '203.0.113.1'",
    );
    expect((await load()).failing).toEqual([{ source: 'shop.test', messages: 40 }]);
    const { text, code } = await check({ reports: true });
    expect(text).toContain('shop.test sent 40 messages as example.com in 30 days');
    expect(code).toBe(0);
    expect((await check({ reports: true, strict: true })).code).toBe(1);
  });

  test('without --reports nothing is asked of the database', async () => {
    expect((await check({})).text).toContain('dkim_none_known');
  });
});
