import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BEGIN, reportXml } from '../helpers/report.ts';
import { zipOf } from '../report/archives.ts';
import {
  bringDay,
  type DkimKey,
  dailyReport,
  dkimKey,
  dkimSigned,
  GOOGLE,
  knotPresent,
  mailOf,
  startWorld,
  titled,
  type World,
} from './harness.ts';

const IP = '192.0.2.1';
/** The largest number that the reader of version 0 took for a count. */
const HUGE = 9_007_199_254_740_991;

describe.skipIf(!knotPresent)(titled('counts that overflow'), () => {
  let world: World;
  let key: DkimKey;
  beforeEach(async () => {
    world = await startWorld();
    key = dkimKey();
    await world.publish(GOOGLE.domain, key);
  });
  afterEach(() => world.close());

  const states = async () => (await world.messages()).map(({ state, code }) => `${state} ${code ?? ''}`.trim());

  test('a few unsigned mails with the largest counts do not make the reports of a source fail', async () => {
    const records = `<record><row><source_ip>${IP}</source_ip><count>${HUGE}</count></row><identifiers><header_from>example.com</header_from></identifiers><auth_results/></record>`;
    const forged = Array.from({ length: 3 }, (_, n) =>
      mailOf({}, { xml: reportXml({ id: `forged-${n}`, rows: [{ ip: IP }] }).replace('</feedback>', `${records}</feedback>`) }),
    );
    await bringDay(world, 0, forged);
    await bringDay(world, 0, [dailyReport(GOOGLE, key, 0, [{ ip: IP, count: 4_000_000 }])]);
    expect(await states()).toEqual(['stored', 'stored', 'stored', 'stored']);
    expect(await world.query('select source, messages from dmarc.sources')).toEqual([
      { source: '192.0.2.0/24', messages: 4_000_000 },
    ]);
    const [problems] = await world.query<{ problems: { code: string }[] }>(
      `select problems from dmarc.reports where report_id = 'forged-0'`,
    );
    expect(problems!.problems.map(({ code }) => code)).toContain('record_count_too_large');
    expect(await world.query('select max(count) as most from dmarc.records')).toEqual([{ most: 4_000_000 }]);
  });

  // 1,024 times 2^53 - 1 is just what a bigint still holds.
  test('nor do two unsigned mails of very many reports whose sum is beyond a bigint', async () => {
    const forged = await Promise.all(
      [600, 424].map(async (count, mail) => {
        const reports = Array.from({ length: count }, (_, n) => ({
          name: `${n}.xml`,
          data: reportXml({ id: `forged-${mail}-${n}`, rows: [{ ip: IP, count: HUGE }] }),
        }));
        const zip = (await zipOf(reports)).toString('base64').replace(/.{76}/g, '$&\r\n');
        return Buffer.from(
          `From: dmarc@reporter.example\r\nSubject: Reports\r\nMIME-Version: 1.0\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n${zip}\r\n`,
        );
      }),
    );
    await bringDay(world, 0, [forged[0]!]);
    await bringDay(world, 0, [forged[1]!]);
    await bringDay(world, 0, [dailyReport(GOOGLE, key, 0, [{ ip: IP, count: 4_000_000 }])]);
    expect(await states()).toEqual(['stored', 'stored', 'stored']);
    expect((await world.reports()).length).toBe(1_025);
    expect(await world.query('select source, messages from dmarc.sources')).toEqual([
      { source: '192.0.2.0/24', messages: 4_000_000 },
    ]);
  }, 240_000);

  test('sums at the bound of a column, as an older version may have left them, do not make a genuine report fail', async () => {
    const day = '2026-09-01';
    await world.query(
      `insert into ruawatch.source_days (domain, source, day, reporter, trust, messages, passed, dkim_aligned, spf_aligned, forwarded,
              failed_forwarded, failed_authenticated, failed_unauthenticated, failed_foreign_dkim, failed_foreign_spf, delivered,
              quarantined, rejected, failed_delivered)
       select 'example.com', '192.0.2.0/24', $1, reporter, trust, x, x, x, x, x, x, x, x, x, x, x, x, x, x
         from (values (9223372036854775807)) as v(x), (values ('google.com', 'ok'), ('google.com', 'bad')) as r(reporter, trust)`,
      [day],
    );
    await world.query(
      `insert into ruawatch.sources (domain, source, first_seen, last_seen, messages, passed)
       values ('example.com', '192.0.2.0/24', $1, $1, 9223372036854775807, 9223372036854775807)`,
      [day],
    );
    await bringDay(world, 0, [dailyReport(GOOGLE, key, 0, [{ ip: IP, count: 7 }])]);
    await bringDay(world, 0, [mailOf({ id: 'forged', rows: [{ ip: IP, count: 7 }] }, { email: GOOGLE.email })]);
    expect(await states()).toEqual(['stored', 'stored']);
  });

  test('a report that counts more than there can be is set aside, and one of a very large sender is not', async () => {
    const rows = (count: number, n: number) => Array.from({ length: n }, (_, i) => ({ ip: `192.0.2.${i}`, count }));
    await bringDay(world, 0, [
      dailyReport(GOOGLE, key, 0, rows(9_000_000_000, 12), { id: 'impossible' }),
      dailyReport(GOOGLE, key, 0, rows(300_000_000, 30), { id: 'very-large' }),
    ]);
    expect(await states()).toEqual(['quarantined too_many_messages', 'stored']);
    expect(await world.query('select sum(messages)::float8 as n from dmarc.sources')).toEqual([{ n: 9_000_000_000 }]);
  });

  test('odd values in every place of a report fail nobody: what cannot be stored as it came is set aside or cut', async () => {
    const emoji = '😀'.repeat(200);
    const long = 'x'.repeat(60_000);
    const of = (n: number, change: (xml: string) => string) =>
      mailOf({}, { xml: change(reportXml({ id: `odd-${n}`, rows: [{ ip: IP }, { ip: '198.51.100.1' }] })) });
    const changes: ((xml: string) => string)[] = [
      (xml) => xml.replace('<pct>100</pct>', '<pct>99999999999</pct>'),
      (xml) => xml.replace('<pct>100</pct>', `<pct>${long}</pct>`),
      (xml) => xml.replace(/<begin>\d+/, '<begin>253402300799'),
      (xml) => xml.replace(/<begin>\d+/, '<begin>0').replace(/<end>\d+/, '<end>253402300799'),
      (xml) => xml.replace(/<begin>\d+/, '<begin>999999999999999'),
      (xml) => xml.replace(/<begin>\d+/, `<begin>${BEGIN}.99999999999`),
      (xml) => xml.replace('>reporter.example<', `>${emoji}<`),
      (xml) =>
        xml
          .replace('>reporter.example<', `>${emoji}<`)
          .replaceAll('<domain>example.com</domain><selector>', `<domain>${emoji}.example</domain><selector>`),
      (xml) =>
        xml
          .replace('<p>reject</p>', `<p>${emoji}</p>`)
          .replace('<sp>reject</sp>', `<sp>${emoji}</sp>`)
          .replace('>reporter.example<', `>${emoji}<`)
          .replace('<adkim>r</adkim>', `<adkim>${emoji}</adkim><np>${emoji}</np>`)
          .replace('<aspf>r</aspf>', `<aspf>${emoji}</aspf>`),
      (xml) => xml.replace(/<report_id>[^<]*/, `<report_id>${long}`),
      (xml) => xml.replaceAll('<header_from>example.com', `<header_from>${long}.example.com`),
      (xml) => xml.replaceAll('<header_from>example.com', `<header_from>${emoji}.example.com`),
      (xml) => xml.replace('<selector>s1', '<selector>&#xFFFD;&#xD7FF;\u{10FFFF}'),
      (xml) => xml.replaceAll('<count>1</count>', '<count>10000000000</count>'),
      (xml) => xml.replaceAll('<count>1</count>', '<count>00000000000000001</count>'),
    ];
    await bringDay(
      world,
      0,
      changes.map((change, n) => of(n, change)),
    );
    expect((await states()).filter((state) => state.startsWith('failed'))).toEqual([]);
    // And signed by somebody whose domain is his.
    const own = dkimKey();
    await world.publish('reporter.example', own);
    await bringDay(
      world,
      1,
      changes.map((change, n) => dkimSigned(of(100 + n, change), { domain: 'reporter.example', key: own })),
    );
    await bringDay(world, 1, [dailyReport(GOOGLE, key, 1, [{ ip: IP, count: 5 }])]);
    expect((await states()).filter((state) => state.startsWith('failed'))).toEqual([]);
    expect((await states()).at(-1)).toBe('stored');
  });
});
