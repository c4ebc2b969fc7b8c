import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KeysOfDomain } from '../../../services/analyzer/sources/keys.ts';
import { ESTABLISHED_AGE } from '../../../services/analyzer/standing.ts';
import { parseMessages } from '../../../services/parser/parse-messages.ts';
import { transaction } from '../../../services/shared/runtime/db.ts';
import { loadKeys } from '../../../services/store/analysis/signatures.ts';
import { DAY, receive, reportMail, reportXml, type TestRow } from '../../helpers/report.ts';
import { type Fixture, fixture } from '../fixture.ts';
import { ago, DOMAIN } from '../rows.ts';

const FORWARDER = '198.18.7.0/24';
const SERVICE = '198.18.8.0/24';
const begin = (n: number) => Date.parse(`${ago(n)}T00:00:00Z`) / 1000;
const own: TestRow = { ip: '192.0.2.1', count: 900, auth_spf: [DOMAIN, 'pass'] };
/** Mail that passes by the signature alone. */
const signed = (ip: string, count: number): TestRow => ({ ip, count, spf: 'fail', auth_spf: [DOMAIN, 'fail'] });
const ROWS = [own, signed('198.18.7.9', 9), signed('198.18.8.9', 9)];

describe('with whose keys sources sign', () => {
  let f: Fixture;
  beforeEach(async () => {
    f = await fixture();
  });
  afterEach(() => f.close());

  /** A month of reports of one reporter; the service signs with a selector of its own. */
  const month = async (org: string, email: string, rows = ROWS) => {
    const mails = Array.from({ length: 20 }, (_, i) => {
      const xml = reportXml({
        id: `${org}-${i}`,
        org,
        domain: DOMAIN,
        begin: begin(i),
        end: begin(i) + DAY - 1,
        rows,
      });
      return reportMail(ownSelector(xml, '198.18.8.9').replaceAll('dmarc@reporter.example', email), { unique: `${org}-${i}` });
    });
    await parseMessages(f.t.db, await receive(f.t, mails), { trust: { check: 'off', authserv_ids: [] } });
  };
  const classes = async () => {
    const { rows } = await f.t.db.query<{ source: string; class: string }>(
      'select source, class from dmarc.sources where domain = $1 order by source',
      [DOMAIN],
    );
    return Object.fromEntries(rows.map((one) => [one.source, one.class]));
  };

  test('a small forwarder bears the signature of those who send more, a small service its own', async () => {
    await month('google.com', 'noreply-dmarc-support@google.com');
    const keys = await transaction(f.t.db, (tx) => loadKeys(tx, DOMAIN, ago(41), ['google.com']));
    expect(Object.fromEntries(keys)).toEqual({
      [FORWARDER]: { own: 0, another: 1 },
      [SERVICE]: { own: 1, another: 0 },
      '192.0.2.0/24': { own: 1, another: 0 },
    });
    await f.analyze();
    expect(await classes()).toEqual({ '192.0.2.0/24': 'authorized', [FORWARDER]: 'forwarded', [SERVICE]: 'authorized' });
  });

  test('what SPF does not pass of a service is no forwarder: it comes from the network of the service', async () => {
    const service = (count: number, result: string): TestRow => ({
      ...signed('198.18.8.9', count),
      auth_spf: ['bounce.service.example', result],
    });
    await month('google.com', 'noreply-dmarc-support@google.com', [own, service(90, 'pass'), service(2, 'temperror')]);
    await f.analyze();
    expect(await classes()).toEqual({ '192.0.2.0/24': 'authorized', 'service.example': 'authorized', [SERVICE]: 'authorized' });
  });

  test('nor is one that rewrites the envelope a sender where its own SPF does not pass now and then', async () => {
    const forwarder = (count: number, result: string): TestRow => ({
      ...signed('198.18.7.9', count),
      auth_spf: ['srs.forwarder.example', result],
    });
    await month('google.com', 'noreply-dmarc-support@google.com', [own, forwarder(9, 'pass'), forwarder(1, 'temperror')]);
    await f.analyze();
    expect(await classes()).toEqual({ '192.0.2.0/24': 'authorized', 'forwarder.example': 'forwarded', [FORWARDER]: 'forwarded' });
  });

  test('is read once for all parts of a look at the domain, and anew when others decide', async () => {
    await month('google.com', 'noreply-dmarc-support@google.com');
    await transaction(f.t.db, async (tx) => {
      const keys = new KeysOfDomain(DOMAIN);
      const first = await keys.load(tx, ago(41), ['google.com']);
      expect(first.get(FORWARDER)).toEqual({ own: 0, another: 1 });
      expect(await keys.load(tx, ago(41), ['google.com'])).toBe(first);
      expect((await keys.load(tx, ago(41), ['yahoo'])).size).toBe(0);
      expect((await keys.load(tx, ago(41), [])).size).toBe(0);
    });
  });

  test('what a reporter without a say tells of keys is not read', async () => {
    await month('stranger.example', 'dmarc@stranger.example');
    const keys = await transaction(f.t.db, (tx) => loadKeys(tx, DOMAIN, ago(41), ['google.com']));
    expect(keys.size).toBe(0);
  });

  test('where no reporter decides alone, none tells of keys: of three established ones a single one could make a sender a forwarder', async () => {
    const trio = ['one.example', 'two.example', 'three.example'];
    for (const org of trio) await month(org, `dmarc@${org}`);
    await f.t.db.query("update ruawatch.reports set trust = 'ok', reporter_trust = 'authenticated'");
    await f.t.db.query(
      `insert into ruawatch.reporter_arrivals (reporter, day)
       select reporter, $1::date - $2::int - n from ruawatch.reports, generate_series(0, 12) n on conflict do nothing`,
      [ago(0), ESTABLISHED_AGE],
    );
    await f.analyze();
    const { rows } = await f.t.db.query('select distinct standing, decides from dmarc.reporters');
    expect(rows).toEqual([{ standing: 'established', decides: true }]);
    expect((await classes())[FORWARDER]).toBe('authorized');
  });
});

/** The record of one address under another selector. */
function ownSelector(xml: string, ip: string): string {
  return xml
    .split('<record>')
    .map((record) => (record.includes(ip) ? record.replace('<selector>s1<', '<selector>k9<') : record))
    .join('<record>');
}
