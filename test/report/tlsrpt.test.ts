import { expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../services/report/limits.ts';
import { claimsTlsReport, readTlsReports } from '../../services/report/tlsrpt.ts';

const POLICY = {
  policy: {
    'policy-type': 'STS',
    'policy-domain': 'Example.COM.',
    'policy-string': ['version: STSv1', 'mode: enforce'],
    'mx-host': '*.example.com',
  },
  summary: { 'total-successful-session-count': 5, 'total-failure-session-count': '2' },
  'failure-details': [
    {
      'result-type': 'Certificate-Expired',
      'sending-mta-ip': '[IPv6:2001:DB8::1]',
      'failed-session-count': 2,
      'receiving-mx-hostname': 'mx.example.com',
    },
  ],
};
const REPORT = {
  'organization-name': 'Receiver',
  'date-range': { 'start-datetime': '2026-05-01T00:00:00Z', 'end-datetime': '2026-05-01T23:59:59Z' },
  'contact-info': 'tls@receiver.example',
  'report-id': 'r1',
  policies: [POLICY],
};
const read = (value: unknown, hint: { begin: number; end: number } | null = null) => [
  ...readTlsReports(typeof value === 'string' ? value : JSON.stringify(value), hint, DEFAULT_LIMITS),
];
const codes = (value: unknown) => read(value)[0]!.problems.map(({ code }) => code);
const without = (name: string) => Object.fromEntries(Object.entries(REPORT).filter(([key]) => key !== name));

test('a report is read with normal forms of names, types and addresses', () => {
  expect(read(REPORT)).toMatchObject([
    {
      kind: 'tlsrpt',
      org_name: 'Receiver',
      report_id: 'r1',
      begin: Date.UTC(2026, 4, 1) / 1000,
      problems: [],
      policies: [
        {
          policy_type: 'sts',
          policy_domain: 'example.com',
          policy_string: ['version: STSv1', 'mode: enforce'],
          mx_host: ['*.example.com'],
          successful_sessions: 5,
          failed_sessions: 2,
          failures: [
            { result_type: 'certificate-expired', sending_mta_ip: '2001:db8::1', failed_sessions: 2, receiving_ip: null },
          ],
        },
      ],
    },
  ]);
});

test('several reports in an array, or one behind the other; names in other spellings', () => {
  expect(read([REPORT, { ...REPORT, 'report-id': 'r2' }])).toHaveLength(2);
  expect(read(`${JSON.stringify(REPORT)}\n${JSON.stringify(REPORT)}`)).toHaveLength(2);
  const spelled = { Organization_Name: 'R', dateRange: REPORT['date-range'], reportId: 'x', Policies: POLICY };
  expect(read(spelled)).toMatchObject([{ org_name: 'R', report_id: 'x', policies: [{ policy_domain: 'example.com' }] }]);
});

test.each([
  ['trailing_data', `${JSON.stringify(REPORT)} x`],
  ['report_id_missing', without('report-id')],
  ['policy_missing', without('policies')],
  ['policy_type_unknown', { ...REPORT, policies: [{ ...POLICY, policy: { ...POLICY.policy, 'policy-type': 'other' } }] }],
  ['policy_domain_missing', { ...REPORT, policies: [{ ...POLICY, policy: { 'policy-type': 'sts' } }] }],
  ['session_count_invalid', { ...REPORT, policies: [{ ...POLICY, summary: { 'total-failure-session-count': -1 } }] }],
  ['address_invalid', { ...REPORT, policies: [{ ...POLICY, 'failure-details': { 'receiving-ip': 'mx' } }] }],
  ['date_range_incomplete', { ...REPORT, 'date-range': { 'start-datetime': '2026-05-01T00:00:00Z' } }],
  [
    'date_range_reversed',
    { ...REPORT, 'date-range': { 'start-datetime': '2026-05-02T00:00:00Z', 'end-datetime': '2026-05-01T00:00:00Z' } },
  ],
  [
    'time_zone_missing',
    { ...REPORT, 'date-range': { 'start-datetime': '2026-05-01T00:00:00', 'end-datetime': '2026-05-01T23:59:59Z' } },
  ],
])('%s', (code, value) => {
  expect(codes(value)).toEqual([code]);
});

test.each([
  ['metadata_missing', { ...without('report-id'), 'organization-name': '', 'contact-info': null }],
  ['date_range_missing', without('date-range')],
  ['date_range_invalid', { ...REPORT, 'date-range': { 'start-datetime': '1960-01-01T00:00:00Z' } }],
])('%s is a refusal', (code, value) => {
  expect(() => read(value)).toThrow(expect.objectContaining({ code }));
});

test('a report without a date range has that of its file name', () => {
  expect(read(without('date-range'), { begin: 10, end: 20 })).toMatchObject([{ begin: 10, end: 20 }]);
});

test('identity is reporter, domains, id and range; content is all of it', () => {
  const [one] = read(REPORT);
  const [same] = read({ ...REPORT, 'organization-name': 'RECEIVER' });
  const [other] = read({ ...REPORT, policies: [{ ...POLICY, summary: {} }] });
  expect(same!.identity).toBe(one!.identity);
  expect(other!.identity).toBe(one!.identity);
  expect(other!.content_hash).not.toBe(one!.content_hash);
  expect(read({ ...REPORT, 'report-id': 'r2' })[0]!.identity).not.toBe(one!.identity);
});

test('a text claims to be one by its names', () => {
  expect(claimsTlsReport('{"date-range": {')).toBe(true);
  expect(claimsTlsReport('{"policy": 1}')).toBe(false);
});

test('names with other separators and case are the same names, as long as a name may be', () => {
  const spelled = (name: string) => {
    const { 'policy-type': type, ...rest } = POLICY.policy;
    return read({ ...REPORT, policies: [{ ...POLICY, policy: { ...rest, [name]: type } }] })[0]!.policies[0]!.policy_type;
  };
  for (const name of ['policy_type', 'policyType', 'POLICY TYPE', `policy${'_'.repeat(29)}type`])
    expect(spelled(name)).toBe('sts');
  expect(spelled(`policy${'_'.repeat(30)}type`)).not.toBe('sts');
});
