import { describe, expect, test } from 'vitest';
import { Random } from '../../demo/random.ts';
import type { Dialect, ReportDescription } from '../../demo/report.ts';
import { DIALECTS } from '../../demo/reporters/index.ts';
import { packReport, writeReportMail } from '../../demo/write.ts';
import { leaves, recordsOf, values, xmlOf } from './unpack.ts';

const MIDNIGHT = Date.UTC(2026, 2, 3) / 1000;
const SENT = new Date((MIDNIGHT + 90_000) * 1000);

function describeReport(dialect: Dialect): ReportDescription {
  const random = new Random(7);
  const range = dialect.range(MIDNIGHT, random);
  return {
    report_id: dialect.reportId(random, range, 'kestrel-pay.example'),
    domain: 'kestrel-pay.example',
    policy: { p: 'quarantine', sp: null, adkim: 's', aspf: 'r' },
    ...range,
    rows: [
      {
        source_ip: '192.0.2.7',
        count: 12,
        disposition: 'none',
        dkim: 'pass',
        spf: 'fail',
        reasons: [],
        header_from: 'kestrel-pay.example',
        envelope_from: 'bounce.one.example',
        envelope_to: 'two.example',
        auth: {
          dkim: [{ domain: 'kestrel-pay.example', selector: 'sel', result: 'pass' }],
          spf: { domain: 'bounce.one.example', result: 'pass' },
        },
      },
      {
        source_ip: '2001:db8::9',
        count: 3,
        disposition: 'none',
        dkim: 'fail',
        spf: 'fail',
        reasons: [{ type: 'mailing_list', comment: 'list <a&b> "known"' }],
        header_from: 'kestrel-pay.example',
        envelope_from: 'kestrel-pay.example',
        envelope_to: 'two.example',
        auth: { dkim: [], spf: { domain: 'kestrel-pay.example', result: 'softfail' } },
      },
    ],
  };
}

const mailOf = (dialect: Dialect, report = describeReport(dialect)): Promise<Buffer> =>
  writeReportMail(dialect, report, { to: 'dmarc@kestrel-pay.example', date: SENT, received: SENT, random: new Random(1) });

describe.each(DIALECTS.map((dialect) => [dialect.submitter, dialect] as const))('%s', (_name, dialect) => {
  test('says what the description says, in well-formed XML, inside a mail', async () => {
    const report = describeReport(dialect);
    const xml = await xmlOf(await mailOf(dialect, report));
    expect(leaves(xml).length).toBeGreaterThan(20);
    expect(values(xml, 'report_metadata/org_name')).toEqual([dialect.org_name]);
    expect(values(xml, 'report_metadata/report_id')).toEqual([report.report_id]);
    expect(values(xml, 'report_metadata/date_range/begin')).toEqual([String(report.begin)]);
    expect(values(xml, 'report_metadata/date_range/end')).toEqual([String(report.end)]);
    expect(values(xml, 'policy_published/p')).toEqual(['quarantine']);
    expect(values(xml, 'policy_published/adkim')).toEqual(['s']);
    const [first, second] = recordsOf(xml);
    expect(first?.get('row/source_ip')).toBe('192.0.2.7');
    expect(first?.get('row/count')).toBe('12');
    expect(first?.get('row/policy_evaluated/dkim')).toBe('pass');
    expect(first?.get('auth_results/dkim/selector')).toBe('sel');
    expect(first?.get('auth_results/spf/domain')).toBe('bounce.one.example');
    expect(second?.get('row/policy_evaluated/reason/comment')).toBe('list <a&b> "known"');
    expect(second?.has('auth_results/dkim/domain')).toBe(false);
    expect(second?.get('auth_results/spf/result')).toBe('softfail');
  });

  test('is a mail of CRLF lines, no longer than SMTP allows, with the standard headers', async () => {
    const text = (await mailOf(dialect)).toString('latin1');
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(Math.max(...text.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);
    const head = text.slice(0, text.indexOf('\r\n\r\n'));
    for (const name of ['From', 'To', 'Subject', 'Date', 'Message-ID', 'MIME-Version', 'Content-Type']) {
      expect(head).toMatch(new RegExp(`^${name}: .`, 'im'));
    }
    expect(new Date((/^Date: (.*?)(?: \(UTC\))?\r$/m.exec(`${head}\r\n`) ?? [])[1] as string).getTime()).toBe(SENT.getTime());
  });

  test('names its file as RFC 7489 section 7.2.1.1 asks', async () => {
    const report = describeReport(dialect);
    const { fileName } = await packReport(dialect, report, SENT);
    expect(fileName.split('!').slice(0, 3)).toEqual([dialect.submitter, 'kestrel-pay.example', String(report.begin)]);
    expect(fileName).toMatch(/!\d+(![0-9a-f.]+)?\.(xml|xml\.gz|zip)$/);
  });

  test('is the same bytes each time', async () => {
    expect((await mailOf(dialect)).equals(await mailOf(dialect))).toBe(true);
  });
});

test('the dialects differ where the field does', async () => {
  const xml = new Map<string, string>();
  for (const dialect of DIALECTS) xml.set(dialect.submitter, await xmlOf(await mailOf(dialect)));
  const spOf = (name: string): string[] => values(xml.get(name) as string, 'policy_published/sp');
  expect(spOf('google.com')).toEqual(['quarantine']);
  expect(spOf('yahoo.com')).toEqual([]);
  expect(spOf('mail.ru')).toEqual(['nil']);
  expect(spOf('ashgrove-clinics.example')).toEqual(['']);
  const namespaced = [...xml]
    .filter(([, text]) => text.includes('xmlns="urn:ietf:params:xml:ns:dmarc-2.0"'))
    .map(([name]) => name);
  expect(namespaced).toEqual(['gmx.net', 'linden-university.example']);
  expect(xml.get('enterprise.protection.outlook.com')).not.toContain('\n');
  expect(new Set(DIALECTS.map(({ container }) => container))).toEqual(new Set(['gzip', 'zip', 'plain']));
});
