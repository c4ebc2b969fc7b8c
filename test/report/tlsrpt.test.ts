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

test('every field has its place, in any spelling', () => {
  const detail = {
    resultType: ' Validation-Failure ',
    failed_session_count: '3',
    sendingMtaIp: '192.0.2.1',
    receiving_ip: '[2001:DB8::2]',
    'receiving-mx-hostname': ' mx.example.com ',
    'receiving-mx-helo': 'helo.example.com',
    'failure-reason-code': 17,
    'additional-info-uri': 'https://example.com/x',
  };
  const policy = { policyString: ' a \r\n\r\n b ', 'mx-host-pattern': ['*.a.example', ' ', 5] };
  const [report] = read({
    ...REPORT,
    'date-range': { startDatetime: 1777593600, 'end-datetime': '2026-05-02T00:00:00Z' },
    policies: [
      { policy, summary: { 'total-successful-session-count': '7.0' }, 'failure-details': [detail, 'no detail', null] },
      // Programs put the members of a policy beside it, and its details within it.
      { 'policy-type': 'TLSA', 'policy-domain': ' . ', summary: 'x' },
      { policy: { 'failure-details': { 'additional-information': true } } },
      'no policy',
    ],
  });
  const nothing = {
    result_type: null,
    failed_sessions: null,
    sending_mta_ip: null,
    receiving_ip: null,
    receiving_mx_hostname: null,
    receiving_mx_helo: null,
    failure_reason_code: null,
    additional_information: null,
  };
  const empty = {
    policy_type: null,
    policy_domain: null,
    policy_string: [],
    mx_host: [],
    successful_sessions: null,
    failed_sessions: null,
    failures: [],
  };
  expect(report).toEqual({
    kind: 'tlsrpt',
    org_name: 'Receiver',
    contact_info: 'tls@receiver.example',
    report_id: 'r1',
    begin: 1777593600,
    end: 1777680000,
    policies: [
      {
        ...empty,
        policy_string: ['a', 'b'],
        mx_host: ['*.a.example', '5'],
        successful_sessions: 7,
        failures: [
          {
            result_type: 'validation-failure',
            failed_sessions: 3,
            sending_mta_ip: '192.0.2.1',
            receiving_ip: '2001:db8::2',
            receiving_mx_hostname: 'mx.example.com',
            receiving_mx_helo: 'helo.example.com',
            failure_reason_code: '17',
            additional_information: 'https://example.com/x',
          },
        ],
      },
      { ...empty, policy_type: 'tlsa' },
      { ...empty, failures: [{ ...nothing, additional_information: 'true' }] },
    ],
    problems: expect.any(Array),
    identity: expect.stringMatching(/^[0-9a-f]{64}$/),
    content_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(report!.problems.map(({ code }) => code)).toEqual(['policy_domain_missing']);
});

test.each([
  ['1970-01-01T00:00:00Z', 0],
  ['9999-12-31T23:59:59Z', 253_402_300_799],
  ['1969-12-31T23:59:59Z', null],
  ['9999-12-31T23:59:59-01:00', null],
])('a report of %s', (moment, seconds) => {
  const value = { ...REPORT, 'date-range': { 'start-datetime': moment, 'end-datetime': moment } };
  if (seconds === null) expect(() => read(value)).toThrow('The start of the report is not between the years 1970 and 9999.');
  else expect(read(value)).toMatchObject([{ begin: seconds, end: seconds, problems: [] }]);
});

test('one time is both, and the name has none to add', () => {
  const range = (given: object) => read({ ...REPORT, 'date-range': given }, { begin: 1, end: 2 })[0]!;
  const begins = range({ 'start-datetime': '2026-05-01T00:00:00Z' });
  expect([begins.begin, begins.end, begins.problems[0]!.message]).toEqual([
    1777593600,
    1777593600,
    'The report does not say when it ends.',
  ]);
  const ends = range({ 'end-datetime': '2026-05-01T00:00:00Z', 'start-datetime': 'soon' });
  expect([ends.begin, ends.end, ends.problems.map(({ message }) => message)]).toEqual([
    1777593600,
    1777593600,
    ['The start of the report is not a time: soon.', 'The report does not say when it begins.'],
  ]);
});

test('one that has an address or an id alone can be told apart', () => {
  for (const name of ['organization-name', 'contact-info', 'report-id'])
    expect(
      read({ ...Object.fromEntries(Object.entries(REPORT).filter(([key]) => !/^(?:org|con|rep)/.test(key) || key === name)) }),
    ).toHaveLength(1);
});
