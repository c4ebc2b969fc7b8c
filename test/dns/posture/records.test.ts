import { expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { readRecords, recordsOf, seenOf } from '../../../services/dns/posture/records.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';
import { GOOD, GOOD_WEB, MARKS, webOf } from '../check/fixtures.ts';
import { dnsOf, type Zone } from '../zone.ts';

const of = async (zone: Zone, selectors = ['sel']) =>
  recordsOf(
    await checkDomain('example.com', dnsOf({ ...GOOD, ...zone }), {
      selectors,
      registrable: organizationalDomain,
      web: webOf(GOOD_WEB),
      marks: MARKS,
    }),
  );
const text = (...texts: string[]) => ({ TXT: texts.map((one) => [one]) });
const at = (...texts: string[]) => ({ 'example.com': { ...(GOOD['example.com'] as object), ...text(...texts) } }) as Zone;
const key = (found: Zone[string]): Zone => ({ 'sel._domainkey.example.com': found });

test('what is known of a domain whose records are right', async () => {
  const records = await of({});
  expect(records).toEqual({
    domain: 'example.com',
    spf: 'valid',
    closed: false,
    dkim: 'valid',
    dmarc: 'valid',
    policy: {
      policy: 'reject',
      at: 'example.com',
      text: 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com',
      testing: false,
      sp: null,
    },
    mx: 'hosts',
    mta_sts: 'valid',
    tls_rpt: 'valid',
    bimi: 'valid',
    faults: [],
  });
  // It can be stored, and is what it was.
  expect(readRecords(JSON.parse(JSON.stringify(records)))).toEqual(records);
  expect(seenOf(records)).toBe(records);
  expect(readRecords({ ...records, spf: 'of a later version' })).toBeNull();
});

test.each<[string, Zone, object, string[]?]>([
  ['no SPF', { 'example.com': { ...(GOOD['example.com'] as object), TXT: [] } }, { spf: 'missing', closed: false }],
  ['wrong SPF', at('v=spf1 ip4:x -all'), { spf: 'invalid' }],
  ['two SPF records', at('v=spf1 -all', 'v=spf1 mx -all'), { spf: 'invalid' }],
  ['a domain that nobody sends as', at('v=spf1 -all'), { spf: 'valid', closed: true }],
  ['softly so', at('v=spf1 ~all'), { closed: false }],
  ['no key', key({ A: ['192.0.2.1'] }), { dkim: 'missing' }],
  ['a key of which nobody knows', key('unknown'), { dkim: 'unknown' }],
  ['a revoked key', key(text('v=DKIM1; p=')), { dkim: 'missing' }],
  ['no selector', {}, { dkim: 'unknown' }, []],
  ['one key of two', { 'other._domainkey.example.com': 'unknown' }, { dkim: 'valid' }, ['other', 'sel']],
  ['no DMARC', { '_dmarc.example.com': { A: ['192.0.2.1'] } }, { dmarc: 'missing', policy: null }],
  ['DMARC of which nobody knows', { '_dmarc.example.com': 'unknown' }, { dmarc: 'unknown', policy: null }],
  [
    'two DMARC records',
    { '_dmarc.example.com': text('v=DMARC1; p=none', 'v=DMARC1; p=reject') },
    { dmarc: 'invalid', policy: null },
  ],
  [
    'a trial',
    { '_dmarc.example.com': text('v=DMARC1; p=reject; sp=none; t=y; rua=mailto:dmarc@example.com') },
    { policy: { policy: 'reject', at: 'example.com', testing: true, sp: 'none' } },
  ],
  [
    'no MTA-STS and no TLS-RPT',
    { '_mta-sts.example.com': {}, '_smtp._tls.example.com': {} },
    { mta_sts: 'missing', tls_rpt: 'missing' },
  ],
  [
    'these unknown',
    { '_mta-sts.example.com': 'unknown', '_smtp._tls.example.com': 'unknown' },
    { mta_sts: 'unknown', tls_rpt: 'unknown' },
  ],
  [
    'these wrong',
    { '_mta-sts.example.com': text('v=STSv1;'), '_smtp._tls.example.com': text('v=TLSRPTv1;') },
    { mta_sts: 'invalid', tls_rpt: 'invalid' },
  ],
  ['no logo', { 'default._bimi.example.com': {} }, { bimi: 'missing' }],
  ['a logo that is declined', { 'default._bimi.example.com': text('v=BIMI1; l=; a=') }, { bimi: 'declined' }],
  ['a logo of which nobody knows', { 'default._bimi.example.com': 'unknown' }, { bimi: 'unknown' }],
])('%s', async (_, zone, expected, selectors) => {
  expect(await of(zone, selectors)).toMatchObject(expected);
});

test('faults are errors of what counts for a policy, and omissions that a step is about', async () => {
  const records = await of({
    ...at('v=spf1 ip4:x -all'),
    '_dmarc.example.com': text('v=DMARC1; p=reject; sp=none'),
    '_smtp._tls.example.com': {},
    '_mta-sts.example.com': text('v=STSv1;'),
  });
  expect(records.faults.map(({ code, severity }) => [code, severity])).toEqual([
    ['spf_syntax', 'error'],
    ['dmarc_subdomains_open', 'warning'],
    ['dmarc_no_rua', 'warning'],
    ['tlsrpt_missing', 'hint'],
  ]);
});
