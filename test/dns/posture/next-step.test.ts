import { expect, test } from 'vitest';
import type { ReportMonth, SenderMonth } from '../../../services/dns/posture/month.ts';
import { postureOf } from '../../../services/dns/posture/posture.ts';
import { reportedRecords, type SeenRecords } from '../../../services/dns/posture/records.ts';

const DOMAIN = 'example.com';
type P = 'none' | 'quarantine' | 'reject';
const policy = (p: P, more: Partial<NonNullable<SeenRecords['policy']>> = {}): SeenRecords['policy'] => ({
  policy: p,
  at: DOMAIN,
  text: `v=DMARC1; p=${p}${more.testing ? '; t=y' : ''}; rua=mailto:d@example.com`,
  testing: false,
  sp: null,
  ...more,
});
const records = (p: P | null, more: Partial<SeenRecords> = {}): SeenRecords => ({
  domain: DOMAIN,
  spf: 'valid',
  closed: false,
  dkim: 'valid',
  dmarc: p === null ? 'missing' : 'valid',
  policy: p === null ? null : policy(p),
  mx: 'hosts',
  mta_sts: 'valid',
  tls_rpt: 'valid',
  bimi: 'valid',
  faults: [],
  ...more,
});
const fault = (code: string, severity: SeenRecords['faults'][number]['severity'] = 'error', value: string | null = null) => ({
  code,
  severity,
  message: `${code}.`,
  publish: value === null ? null : { name: DOMAIN, value },
});
const sender = (source: string, messages: number, more: Partial<SenderMonth> = {}): SenderMonth => ({
  source,
  class: 'authorized',
  messages,
  passed: messages,
  dkim_aligned: messages,
  spf_aligned: messages,
  ...more,
});
const NOTHING = { passed: 0, dkim_aligned: 0, spf_aligned: 0 };
const month = (more: Partial<ReportMonth> = {}): ReportMonth => ({
  from: '2026-10-28',
  to: '2026-11-26',
  days: 30,
  reporters: 4,
  senders: [sender('mail.example.com', 4_000)],
  ...more,
});
const denied = (more: object = {}) => ({
  finding_key: 7,
  source: 'a.test',
  messages: 1_200,
  passes: false,
  keys: [],
  terms: [],
  ...more,
});
const key = (name: string, ...others: string[]) => ({ name, others });
const kind = (name: string) => ({ kind: name, name });
const incident = (severity?: string) => ({ finding_key: 4, summary: 'It broke', ...(severity && { severity }) });
const misaligned = (source: string, messages: number) => sender(source, messages, { class: 'misaligned', ...NOTHING });
const OPEN = fault('dmarc_subdomains_open', 'warning', 'v=DMARC1; p=reject; np=reject; sp=none');

const CASES: Record<string, [SeenRecords, ReportMonth | null, mailbox?: string]> = {
  'broken DNSSEC comes before all': [records('none', { faults: [fault('spf_syntax'), fault('dnssec_bogus')] }), null],
  // Domains without mail.
  'parked, without a word of it': [records('none', { spf: 'missing', mx: 'null' }), null],
  'parked, with a milder policy': [records('quarantine', { closed: true }), null],
  'parked, on trial': [records(null, { closed: true, policy: policy('reject', { testing: true }) }), null],
  'parked, with an address': [records('reject', { closed: true, mx: 'address' }), month({ senders: [] })],
  'parked in full': [records('reject', { closed: true, mx: 'null' }), month({ senders: [sender('x.test', 5, NOTHING)] })],
  'not parked: own mail passes': [records('reject', { closed: true }), month({ senders: [sender('x.test', 1)] })],
  'no MX and SPF, and no mail for twenty days': [
    records('none', { spf: 'missing', mx: 'none' }),
    month({ days: 20, senders: [sender('x.test', 5, { class: 'unauthorized', ...NOTHING })] }),
  ],
  'no MX and SPF, and no mail for nineteen days': [
    records('none', { spf: 'missing', mx: 'none' }),
    month({ days: 19, senders: [] }),
  ],
  'no MX and SPF, and mail that fails': [
    records('none', { spf: 'missing', mx: 'none' }),
    month({ senders: [misaligned('x.test', 5)] }),
  ],
  'no MX and SPF, and no report': [records('none', { spf: 'missing', mx: 'none' }), null],
  // Without DMARC.
  'no DMARC': [records(null), null],
  'no DMARC, and a mailbox': [records(null, { mx: 'none', faults: [fault('dmarc_missing')] }), null, 'd@example.org'],
  'no DMARC, and no mail host': [records(null, { mx: 'null' }), null],
  'DMARC that nobody could ask for': [records(null, { dmarc: 'unknown', faults: [fault('dmarc_unknown', 'unknown')] }), null],
  'DMARC unknown, by reports': [reportedRecords(DOMAIN, null), month()],
  'DMARC by reports': [reportedRecords(DOMAIN, { p: 'quarantine', sp: 'none', t: 'y', text: 'p=quarantine; t=y' }), month()],
  'DMARC by reports, with a policy that is none': [reportedRecords(DOMAIN, { p: 'x', sp: null, t: null, text: 'p=x' }), null],
  'DMARC that is wrong': [
    records(null, { dmarc: 'invalid', faults: [fault('dmarc_syntax', 'error', 'v=DMARC1; p=none')] }),
    null,
  ],
  'no place for reports': [records('none', { faults: [fault('dmarc_no_rua', 'warning', 'x')] }), month()],
  'reports that go elsewhere': [records('none', { faults: [fault('dmarc_not_here', 'hint', 'x')] }), null],
  'reports that come by another way': [records('none', { faults: [fault('dmarc_not_here', 'hint', 'x')] }), month()],
  // Faults, incidents, and forged mail.
  'SPF that is wrong': [
    records('none', { spf: 'invalid', faults: [fault('spf_missing'), fault('spf_syntax', 'error', 'x')] }),
    null,
  ],
  'DMARC that is wrong, and a grave incident': [
    records('none', { faults: [fault('dmarc_value', 'error', 'v=DMARC1; p=none')] }),
    month({ incidents: [incident('critical')] }),
  ],
  'no SPF': [records('none', { spf: 'missing', faults: [fault('spf_missing')] }), null],
  'no SPF, by the reports': [
    records('none', { spf: 'missing' }),
    month({
      senders: [
        sender('b.test', 300),
        sender('a.test', 900),
        ...['c', 'd', 'e', 'f', 'g'].map((one) => sender(`${one}.test`, 30)),
      ],
    }),
  ],
  'an incident without SPF': [records('none', { spf: 'missing' }), month({ incidents: [incident()] })],
  'an incident without SPF, enforced': [records('reject', { spf: 'missing' }), month({ incidents: [incident()] })],
  'an incident': [records('none'), month({ incidents: [incident('high'), incident('low')] })],
  'an incident, on trial': [records('none', { policy: policy('reject', { testing: true }) }), month({ incidents: [incident()] })],
  'denied mail that passes by a key of its own': [
    records('reject'),
    month({ denied: [denied(), denied({ passes: true, keys: [key('k1', 'b.test'), key('k2')], terms: ['a:x'] })] }),
  ],
  'denied mail that passes by a key of others': [
    records('reject'),
    month({ denied: [denied({ passes: true, keys: [key('k1', 'b.test', 'c.test')], terms: ['a:x'] })] }),
  ],
  'denied mail that passes by SPF': [records('reject'), month({ denied: [denied({ passes: true, terms: ['a:x', 'mx'] })] })],
  'denied mail that passes by nothing that is known': [records('reject'), month({ denied: [denied({ passes: true })] })],
  'denied mail behind a grave incident': [
    records('none'),
    month({ denied: [denied({ passes: true })], incidents: [incident('critical')] }),
  ],
  'denied mail before a small incident': [
    records('none'),
    month({ denied: [denied({ passes: true })], incidents: [incident('medium')] }),
  ],
  'denied mail that is delivered': [records('none'), month({ denied: [denied(), denied(), denied()] })],
  'denied mail on trial': [records('none', { policy: policy('quarantine', { testing: true }) }), month({ denied: [denied()] })],
  'denied mail that the policy stops': [records('quarantine'), month({ denied: [denied()] })],
  'denied mail, and own mail that would be stopped': [
    records('none'),
    month({
      denied: [denied()],
      senders: [sender('mail.example.com', 9_000), misaligned('x.test', 18), misaligned('y.test', 40), misaligned('z.test', 50)],
    }),
  ],
  'denied mail, and own mail of which one sender is hardly hit': [
    records('none'),
    month({
      denied: [denied()],
      senders: [sender('mail.example.com', 9_940), misaligned('x.test', 20), misaligned('y.test', 40)],
    }),
  ],
  'denied mail, and too few days': [records('none'), month({ denied: [denied()], days: 19 })],
  'denied mail, and a policy that was stricter': [
    records('none'),
    month({
      denied: [denied()],
      policies: [
        { p: 'quarantine', reports: 10 },
        { p: 'reject', reports: 11 },
        { p: 'none', reports: 50 },
      ],
    }),
  ],
  'denied mail, and a policy that was milder': [
    records('none'),
    month({
      denied: [denied()],
      policies: [
        { p: null, reports: 11 },
        { p: 'none', reports: 50 },
      ],
    }),
  ],
  'forged names that are delivered': [
    records('reject', { faults: [OPEN] }),
    month({ contested: [kind('x'), { ...kind('Forged names'), kind: 'subdomain_abuse' }] }),
  ],
  'forged names, and a policy that is no barrier': [
    records('quarantine', { faults: [OPEN] }),
    month({ contested: [{ ...kind('Forged names'), kind: 'subdomain_abuse' }] }),
  ],
  'forged names, and a record that would cost mail': [
    records('reject', { faults: [{ ...OPEN, publish: { name: DOMAIN, value: 'v=DMARC1; p=reject; sp=reject' } }] }),
    month({ contested: [{ ...kind('Forged names'), kind: 'subdomain_abuse' }] }),
  ],
  // What the reports say.
  'no report': [records('none'), null],
  'misaligned senders': [
    records('none'),
    month({ senders: [sender('m', 9_000), misaligned('a.test', 20), misaligned('b.test', 300), misaligned('c.test', 200)] }),
  ],
  'misaligned senders, enforced': [records('quarantine'), month({ senders: [sender('m', 4_000), misaligned('b.test', 300)] })],
  'misaligned senders of little mail': [records('none'), month({ senders: [sender('m', 100), misaligned('b.test', 90)] })],
  'misaligned senders that cost less than a hundredth': [
    records('none'),
    month({ senders: [sender('m', 9_970), misaligned('b.test', 30)] }),
  ],
  'misaligned senders of which some are approved': [
    records('none'),
    month({
      senders: [
        sender('m', 9_000),
        { ...misaligned('a.test', 300), approved: true },
        ...['b', 'c', 'd', 'e', 'f'].map((one) => misaligned(`${one}.test`, 100)),
      ],
    }),
  ],
  'more of them that are not': [
    records('none'),
    month({
      senders: [
        sender('m', 9_000),
        ...['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((one) => misaligned(`${one}.test`, 100)),
        { ...misaligned('a.test', 50), approved: true },
      ],
    }),
  ],
  'misaligned senders that are all approved': [
    records('none'),
    month({ senders: [sender('m', 9_000), { ...misaligned('a.test', 300), approved: true }] }),
  ],
  'a trial that costs nothing': [records('quarantine', { policy: policy('reject', { testing: true }) }), month()],
  'a trial that is too short': [records('none', { policy: policy('quarantine', { testing: true }) }), month({ days: 3 })],
  'a trial of nothing': [records('none', { policy: policy('none', { testing: true }) }), month()],
  'SPF alone': [
    records('quarantine'),
    month({
      senders: [
        sender('a.test', 1_000, { dkim_aligned: 940 }),
        sender('b.test', 1_000, { dkim_aligned: 950 }),
        sender('c.test', 2_000),
      ],
    }),
  ],
  'SPF alone, just as much as may be': [
    records('quarantine'),
    month({ senders: [sender('a.test', 1_000, { dkim_aligned: 950 })] }),
  ],
  'SPF alone, of a sender to speak of and of one that is not': [
    records('quarantine'),
    month({
      senders: [
        sender('a.test', 1_000, { dkim_aligned: 880 }),
        sender('b.test', 996, { dkim_aligned: 992 }),
        sender('c.test', 4),
      ],
    }),
  ],
  'SPF alone, a little more': [records('quarantine'), month({ senders: [sender('a.test', 1_000, { dkim_aligned: 949 })] })],
  'no DKIM at all': [records('none'), month({ senders: [sender('a.test', 1_000, { dkim_aligned: 9 })] })],
  'hardly any DKIM': [records('none'), month({ senders: [sender('a.test', 1_000, { dkim_aligned: 10 })] })],
  'no DKIM, and p=reject': [records('reject'), month({ senders: [sender('a.test', 1_000, { dkim_aligned: 0 })] })],
  // Towards a stricter policy.
  'all is well at none': [records('none'), month()],
  'all is well at quarantine': [records('quarantine'), month()],
  'all is well at quarantine, and lists break mail': [
    records('quarantine'),
    month({
      senders: [
        sender('m', 4_000),
        sender('l', 300, { class: 'forwarded', ...NOTHING }),
        sender('k', 30, { class: 'forwarded' }),
      ],
    }),
  ],
  'all is well at none, and lists break mail': [
    records('none'),
    month({ senders: [sender('m', 4_000), sender('l', 30, { class: 'forwarded', ...NOTHING })] }),
  ],
  'the record of a domain above': [records('none', { policy: policy('none', { at: 'com' }) }), month()],
  'twenty days and three reporters': [records('none'), month({ days: 20, reporters: 3 })],
  'nineteen days and two reporters': [records('none'), month({ days: 19, reporters: 2 })],
  'two hundred messages': [records('none'), month({ senders: [sender('m', 200)] })],
  'one hundred and ninety-nine': [records('none'), month({ senders: [sender('m', 199)] })],
  'ninety-nine in a hundred pass': [records('none'), month({ senders: [sender('m', 1_000, { passed: 990 })] })],
  'a little fewer pass': [records('none'), month({ senders: [sender('m', 1_000, { passed: 989 })] })],
  'fewer pass, and it was said': [
    records('none'),
    month({ held: true, joining: 10, contested: [kind('x')], senders: [sender('m', 1_000, { passed: 980 })] }),
  ],
  'too few pass, though it was said': [records('none'), month({ held: true, senders: [sender('m', 1_000, { passed: 979 })] })],
  'unknown senders, one in a hundred': [
    records('none'),
    month({ senders: [sender('m', 990), sender('u', 10, { class: 'unknown', ...NOTHING })] }),
  ],
  'unknown senders, a little more': [
    records('none'),
    month({ senders: [sender('m', 989), sender('u', 11, { class: 'unknown', ...NOTHING })] }),
  ],
  'unknown senders and too few days': [
    records('none'),
    month({ days: 3, senders: [sender('m', 989), sender('u', 11, { class: 'unknown', ...NOTHING })] }),
  ],
  'reports that end a week ago': [records('none'), month({ first: '2026-10-01', newest: '2026-11-19' })],
  'reports that end eight days ago': [records('none'), month({ first: '2026-10-01', newest: '2026-11-18' })],
  'reports of thirty days': [records('none'), month({ first: '2026-10-28', newest: '2026-11-26' })],
  'reports of twenty-nine days': [records('none'), month({ first: '2026-10-29', newest: '2026-11-26' })],
  'a policy of which two in a hundred reports are others': [
    records('quarantine'),
    month({
      policies: [
        { p: 'quarantine', reports: 98 },
        { p: 'none', reports: 2 },
      ],
    }),
  ],
  'a policy that is new': [
    records('quarantine'),
    month({
      policies: [
        { p: 'quarantine', reports: 97 },
        { p: 'none', reports: 3 },
      ],
    }),
  ],
  'a policy after one that nobody knows': [
    records('quarantine'),
    month({
      policies: [
        { p: 'quarantine', reports: 90 },
        { p: null, reports: 10 },
      ],
    }),
  ],
  'a policy after a stricter one': [
    records('none'),
    month({
      policies: [
        { p: 'none', reports: 90 },
        { p: 'reject', reports: 10 },
      ],
    }),
  ],
  'a policy after a stricter one, with mail at stake': [
    records('none'),
    month({
      policies: [
        { p: 'none', reports: 90 },
        { p: 'reject', reports: 10 },
      ],
      joining: 10,
    }),
  ],
  'a policy after a stricter one, with little mail': [
    records('none'),
    month({
      policies: [
        { p: 'none', reports: 90 },
        { p: 'reject', reports: 10 },
      ],
      senders: [sender('m', 20)],
    }),
  ],
  'a trial that is over': [
    records('quarantine'),
    month({
      policies: [
        { p: 'quarantine', t: 'y', reports: 10 },
        { p: 'quarantine', reports: 90 },
      ],
    }),
  ],
  'a trial that goes on': [
    records('none', { policy: policy('quarantine', { testing: true }) }),
    month({
      policies: [
        { p: 'quarantine', t: 'y', reports: 10 },
        { p: 'quarantine', reports: 40 },
        { p: 'none', reports: 9 },
      ],
    }),
  ],
  'findings against it': [records('none'), month({ against: [kind('One'), kind('One'), kind('Two')] })],
  'findings against it, enforced': [records('quarantine'), month({ against: [kind('One')] })],
  'forged mail that is delivered': [records('none'), month({ contested: [kind('Forged')] })],
  'forged mail at p=reject': [records('reject'), month({ contested: [kind('Forged')] })],
  'forged mail at p=reject on trial': [
    records('none', { policy: policy('reject', { testing: true }) }),
    month({ contested: [kind('Forged')] }),
  ],
  'a service that begins': [records('none'), month({ joining: 10 })],
  'a service that sends a little': [records('none'), month({ joining: 9 })],
  // Beyond p=reject.
  'p=reject, and open subdomains': [records('reject', { faults: [fault('tlsrpt_missing', 'hint', 't'), OPEN] }), month()],
  'p=reject, and no TLS reports': [
    records('reject', { faults: [fault('mta_sts_missing', 'hint'), fault('tlsrpt_missing', 'hint', 't')] }),
    month(),
  ],
  'p=reject, and no MTA-STS': [
    records('reject', { faults: [fault('bimi_missing', 'hint'), fault('mta_sts_missing', 'hint')] }),
    month(),
  ],
  'p=reject, and no BIMI': [records('reject', { bimi: 'missing', faults: [fault('bimi_missing', 'hint')] }), month()],
  'p=reject, and a logo that is declined': [records('reject', { bimi: 'declined' }), month()],
  'p=reject, and a wrong SPF record': [records('reject', { bimi: 'missing', spf: 'invalid' }), month()],
  'p=reject, and mail that is lost': [
    records('reject', { bimi: 'missing' }),
    month({ senders: [sender('m', 1_000, { passed: 989 })] }),
  ],
  'p=reject, and no report': [records('reject', { bimi: 'missing' }), null],
  'p=reject, and sp=none': [records('reject', { bimi: 'missing', policy: policy('reject', { sp: 'none' }) }), month()],
  'p=quarantine, without keys': [records('quarantine', { dkim: 'missing', bimi: 'missing' }), month()],
  // Stages without a policy.
  'SPF and keys': [records(null, { bimi: 'missing' }), null],
  'SPF alone is there': [records(null, { dkim: 'missing' }), null],
  'nothing is there': [records(null, { spf: 'invalid', dkim: 'valid' }), null],
};

test('stage, next step and what blocks a stricter policy are as in golden/', async () => {
  const paragraphs = Object.entries(CASES).map(([name, [seen, reports, mailbox = null]]) => {
    const { stage, next, blocked_by, ready_for, bimi_ready } = postureOf(seen, reports, mailbox);
    const { action, sentence, publish, waits_for } = next;
    return [
      `# ${name}`,
      `${stage}, ${action}${ready_for === null ? '' : `, ready for ${ready_for}`}${bimi_ready ? ', ready for BIMI' : ''}`,
      sentence,
      ...(publish === null ? [] : [`publish ${publish.name} ${publish.value}`]),
      ...(waits_for === undefined ? [] : [`waits for ${waits_for.why}`]),
      ...blocked_by.map((one) => `blocked: ${one}`),
    ].join('\n');
  });
  await expect(`${paragraphs.join('\n\n')}\n`).toMatchFileSnapshot('golden/next-step.txt');
});

test('a step towards a stricter policy says which reporters it knows nothing of', () => {
  const sentence = (silent: ReportMonth['silent'], p: P = 'none') =>
    postureOf(records(p), month(silent === undefined ? {} : { silent }), 'd@example.com').next.sentence;
  const known = 'The reports of the last 30 days say that p=quarantine costs no mail of yours.';
  const after = ' p=reject comes after it, when 30 days of reports at p=quarantine say that it costs none either.';
  expect(sentence(undefined)).toBe(`${known}${after}`);
  expect(sentence([])).toBe(`${known}${after}`);
  expect(sentence([{ reporter: 'GMX', share: 0.114 }])).toBe(
    `${known} GMX has stopped reporting, so nothing is known of 11% of the mail.${after}`,
  );
  const six = ['a', 'b', 'c', 'd', 'e', 'f'].map((reporter) => ({ reporter, share: 0.3 }));
  expect(sentence(six)).toContain(' a, b, c, d, e and 1 more have stopped reporting, so nothing is known of 100% of the mail.');
});

test('where sp=none lets mail below the domain through, the policy is not said to stop all of it', () => {
  const failing = month({
    senders: [sender('mail.example.com', 4_000), sender('shop.test', 900, { class: 'misaligned', ...NOTHING })],
  });
  const first = (more: object) =>
    postureOf(records('reject', { policy: policy('reject', more) }), failing, 'd@example.com').next.sentence.split(':')[0];
  expect(first({})).toBe('Align these senders first, as p=reject stops their mail');
  expect(first({ sp: 'none' })).toBe(
    'Align these senders first, as p=reject stops their mail (not where it is of a name below the domain, which sp=none lets through)',
  );
});
