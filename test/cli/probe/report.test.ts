import { expect, test } from 'vitest';
import { reportsOf } from '../../../services/cli/probe/report.ts';
import type { Verdict } from '../../../services/cli/probe/verdict.ts';
import { discoverPolicy } from '../../../services/dns/dmarc/walk.ts';
import { PROBE_GENERATOR } from '../../../services/report/aggregate/report-metadata.ts';
import type { AggregateRecord } from '../../../services/report/model.ts';
import { readMessage } from '../../../services/report/read-mail.ts';
import { dnsOf } from '../../dns/zone.ts';

const discovery = await discoverPolicy(
  'kestrel.example',
  dnsOf({ '_dmarc.kestrel.example': { TXT: [['v=DMARC1; p=quarantine; sp=reject; adkim=s']] } }),
);
const verdict = (one: Partial<Verdict> = {}): Verdict => ({
  at: new Date(0),
  domain: 'kestrel.example',
  from: 'a@kestrel.example',
  mailFrom: 'a@kestrel.example',
  sender: null,
  dkim: [{ domain: 'kestrel.example', selector: 's1', result: 'pass', why: null, aligned: true }],
  spf: { address: '192.0.2.1', of: 'connection', domain: 'kestrel.example', result: 'pass', why: null, aligned: true },
  dmarc: 'pass',
  discovery,
  underReject: 'delivered',
  findings: [],
  ...one,
});
const FAILS: Partial<Verdict> = {
  dkim: [],
  spf: { address: '198.51.100.0/30', of: 'declared', domain: 'kestrel.example', result: 'fail', why: null, aligned: false },
  dmarc: 'fail',
  underReject: 'rejected',
};
const SPF_FAILS = { spf: { ...verdict().spf, result: 'fail' as const, aligned: false } };
const OPTIONS = {
  environment: 'staging',
  begin: new Date('2026-11-27T12:00:00.250Z'),
  end: new Date('2026-11-27T12:01:00Z'),
};
/** The report as our own reader reads it. */
const read = async (xml: string) => {
  const records: AggregateRecord[] = [];
  for await (const event of readMessage(Buffer.from(xml.replace(`<generator>${PROBE_GENERATOR}`, '<generator>another')), {
    name: 'report.xml',
  })) {
    if (event.type === 'records') records.push(...(event.records as AggregateRecord[]));
    if (event.type === 'report') return { report: event.report as unknown as Record<string, unknown>, records };
  }
  throw new Error('no report');
};

test('is a report of RFC 9990 that is read without a problem', async () => {
  const [one, ...more] = reportsOf([verdict(), verdict(), verdict(FAILS)], OPTIONS);
  expect(more).toEqual([]);
  const { report, records } = await read(one!.xml);
  expect(report).toMatchObject({
    org_name: 'ruawatch guard probe (staging)',
    problems: [],
    policy: { domain: 'kestrel.example', p: 'quarantine', sp: 'reject', adkim: 's', discovery_method: 'treewalk' },
  });
  expect(
    records.map(({ source_ip, count, disposition, dkim_aligned, spf_aligned }) => [
      source_ip,
      count,
      disposition,
      dkim_aligned,
      spf_aligned,
    ]),
  ).toEqual([
    ['192.0.2.1', 2, 'pass', true, true],
    ['198.51.100.0', 1, 'quarantine', false, false],
  ]);
});

test('is never read as a report of mail that people got', async () => {
  const [one] = reportsOf([verdict()], OPTIONS);
  const events = [];
  for await (const event of readMessage(Buffer.from(one!.xml))) events.push(event);
  expect(events.filter(({ type }) => type === 'report')).toEqual([]);
  expect(events.at(-1)).toMatchObject({ type: 'refused', problem: { code: 'probe_report' } });
});

test('each policy domain has its own; mail without an author, or from nowhere, is in none', async () => {
  const reports = reportsOf(
    [
      verdict(),
      verdict({ domain: 'other.example', discovery: null }),
      verdict({ domain: 'sub.kestrel.example' }),
      verdict({ domain: null }),
      verdict({ spf: { ...verdict().spf, address: null } }),
    ],
    OPTIONS,
  );
  expect(reports.map(({ domain }) => domain)).toEqual(['kestrel.example', 'other.example']);
  expect((await read(reports[0]!.xml)).records.map(({ header_from }) => header_from)).toEqual([
    'kestrel.example',
    'sub.kestrel.example',
  ]);
  expect(reportsOf([], OPTIONS)).toEqual([]);
});

test('each part of it is as the run was', async () => {
  const pass = { ...verdict().dkim[0]!, aligned: false };
  const dkim = [
    pass,
    { ...pass, selector: 's2', result: 'unknown' as const },
    { ...pass, selector: null },
    { ...pass, domain: null },
  ];
  const [one] = reportsOf([verdict({ dkim, mailFrom: 'b@Bounce.Example', dmarc: 'unknown', ...SPF_FAILS })], OPTIONS);
  expect(one!.xml).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <version>1.0</version>
  <report_metadata>
    <org_name>ruawatch guard probe (staging)</org_name>
    <email>postmaster@kestrel.example</email>
    <report_id>probe.staging.1795780800.250.kestrel.example</report_id>
    <date_range><begin>1795780800</begin><end>1795780860</end></date_range>
    <generator>${PROBE_GENERATOR}</generator>
  </report_metadata>
  <policy_published>
    <domain>kestrel.example</domain>
    <discovery_method>treewalk</discovery_method>
    <p>quarantine</p>
    <sp>reject</sp>
    <adkim>s</adkim>
    <aspf>r</aspf>
    <testing>n</testing>
  </policy_published>
  <extension><ruawatch_environment xmlns="urn:ruawatch:guard:1">staging</ruawatch_environment></extension>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip>
      <count>1</count>
      <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated>
    </row>
    <identifiers><header_from>kestrel.example</header_from><envelope_from>bounce.example</envelope_from></identifiers>
    <auth_results>
      <dkim><domain>kestrel.example</domain><selector>s1</selector><result>pass</result></dkim>
      <dkim><domain>kestrel.example</domain><selector>s2</selector><result>temperror</result></dkim>
      <spf><domain>kestrel.example</domain><scope>mfrom</scope><result>fail</result></spf>
    </auth_results>
  </record>
</feedback>
`);
});

test('a run within a second has an end after its beginning, and a policy of tests is one', async () => {
  const tests = await discoverPolicy(
    'kestrel.example',
    dnsOf({ '_dmarc.kestrel.example': { TXT: [['v=DMARC1; p=reject; t=y']] } }),
  );
  const aligned = { ...verdict().dkim[0]!, result: 'fail' as const };
  const [one] = reportsOf([verdict({ discovery: tests, dkim: [aligned] })], { ...OPTIONS, end: OPTIONS.begin });
  expect(one!.xml).toContain('<date_range><begin>1795780800</begin><end>1795780801</end></date_range>');
  expect(one!.xml).toContain('<testing>y</testing>');
  expect(one!.xml).toContain('<disposition>pass</disposition><dkim>fail</dkim><spf>pass</spf>');
  expect(reportsOf([verdict({ discovery: null })], OPTIONS)[0]!.xml).not.toContain('testing>');
});

test('two runs are two reports', () => {
  const [one] = reportsOf([verdict()], OPTIONS);
  expect(one!.xml).toContain('<disposition>pass</disposition><dkim>pass</dkim><spf>pass</spf>');
  const [other] = reportsOf([verdict()], { ...OPTIONS, begin: new Date(OPTIONS.begin.getTime() + 1) });
  expect(one!.xml).not.toBe(other!.xml);
});

test('what a hostile sender wrote stays text', async () => {
  const hostile = '</selector><x>&\u0000\u001b]';
  const [one] = reportsOf(
    [
      verdict({
        dkim: [{ domain: 'kestrel.example', selector: hostile, result: 'fail', why: null, aligned: true }],
        mailFrom: `a@${hostile}`,
      }),
    ],
    { ...OPTIONS, environment: '<e>' },
  );
  const { report, records } = await read(one!.xml);
  expect(report.problems).toEqual([]);
  expect(records[0]!.auth.dkim[0]!.selector).toBe('</selector><x>&]');
});
