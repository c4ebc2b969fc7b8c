import { expect, test } from 'vitest';
import { GuardChecker } from '../../../services/dns/guard/check.ts';
import { GUARD_CODES, type GuardFinding } from '../../../services/dns/guard/codes.ts';
import { readGuard } from '../../../services/dns/guard/file.ts';
import { stringsOf } from '../../../services/dns/zonefile.ts';
import { webOf } from '../check/fixtures.ts';
import { dnsOf, type Zone } from '../zone.ts';
import { GOOD, GUARD_FIXTURES, type GuardFixture, KEY, OTHER_KEY } from './fixtures.ts';

/** Codes about keys and workloads: test/cli/guard-sample.test.ts. */
const OF_SAMPLES = [
  'guard_key_file',
  'guard_signature',
  'guard_key_readable',
  'guard_unsigned',
  'guard_unaligned',
  'guard_egress',
  'guard_dmarc',
  'guard_not_signed_here',
  'guard_egress_unknown',
  'guard_egress_none',
  'guard_egress_sampled',
];

const found = async (
  { declared, staging }: Pick<GuardFixture, 'declared' | 'staging'>,
  zone: Zone,
  options: ConstructorParameters<typeof GuardChecker>[2] = {},
): Promise<GuardFinding[]> => {
  const second = staging === undefined ? '' : `, staging: {domains: {staging.example.com: {${staging}}}}`;
  const guard = readGuard(`{version: 1, environments: {production: {domains: {example.com: {${declared}}}}${second}}}`);
  const checker = new GuardChecker(guard, dnsOf({ ...GOOD, ...zone }), options);
  const results = await Promise.all(guard.environments.flatMap(({ domains }) => domains).map((one) => checker.of(one)));
  return results.flatMap(({ findings }) => findings);
};

test('every code has a fixture', () => {
  expect(Object.keys(GUARD_FIXTURES).sort()).toEqual(
    Object.keys(GUARD_CODES)
      .filter((code) => !OF_SAMPLES.includes(code))
      .sort(),
  );
});

test.each(Object.entries(GUARD_FIXTURES))('%s is found, and over when it is mended', async (code, fixture) => {
  const findings = await found(fixture, fixture.zone);
  const one = findings.find((finding) => finding.code === code);
  expect(one).toMatchObject({
    severity: GUARD_CODES[code as keyof typeof GUARD_CODES],
    environment: expect.any(String),
    name: expect.any(String),
  });
  expect(one!.message).toMatch(/^[A-Za-z_].*\.$/s);
  if (code !== 'guard_differs') expect(new Set(findings.map((finding) => finding.code)).size).toBe(1);
  const { mended } = fixture;
  if (mended !== undefined && ('declared' in mended || 'staging' in mended))
    return expect(await found({ ...fixture, ...(mended as object) }, fixture.zone)).toEqual([]);
  if (mended === undefined) expect(one!.publish?.value).toBeTruthy();
  const published: Zone = mended === undefined ? withPublished(fixture.zone, one!) : { ...fixture.zone, ...(mended as Zone) };
  expect(await found(fixture, published)).toEqual([]);
});

/** Declarations, each against records that are otherwise. */
const DIFFERENCES: Record<string, [declared: string, zone: Zone]> = {
  'no SPF record': [
    'spf: {sources: [mx, a], forbid: [ptr], all: "-all", max_lookups: 3}',
    { 'example.com': { A: ['192.0.2.1'] } },
  ],
  'two SPF records': ['spf: {sources: [mx]}', { 'example.com': { TXT: [['v=spf1 mx -all'], ['v=spf1 a -all']] } }],
  'SPF sources in other forms': [
    'spf: {sources: ["ip4:192.0.2.0/24", "include:_spf.vendor.example", "a:h.example.com"], require: ["ip6:2001:db8::/32"], all: "~all"}',
    {
      'example.com': { TXT: [['v=spf1 ip4:192.0.2.0/25 include:_SPF.vendor.example a:H.example.com mx ?all']] },
      '_spf.vendor.example': { TXT: [['v=spf1 ip4:198.51.100.0/24 ptr -all']] },
    },
  ],
  'SPF with terms that are forbidden below an include': [
    'spf: {forbid: [ptr, "+all", "?all"]}',
    {
      'example.com': { TXT: [['v=spf1 include:_spf.vendor.example ?all']] },
      '_spf.vendor.example': { TXT: [['v=spf1 ptr +all']] },
    },
  ],
  'more look-ups than are declared': [
    'spf: {max_lookups: 2}',
    { 'example.com': { TXT: [['v=spf1 a:a.example a:b.example a:c.example -all']] } },
  ],
  'as many look-ups as are declared': [
    'spf: {max_lookups: 2}',
    { 'example.com': { TXT: [['v=spf1 a:a.example a:b.example -all']] } },
  ],
  'no DMARC record': [
    'dmarc: {policy: reject, adkim: strict, aspf: relaxed, rua: ["mailto:d@example.com"]}',
    { '_dmarc.example.com': {} },
  ],
  'DMARC in every part': [
    'dmarc: {policy: reject, subdomain_policy: reject, nonexistent_policy: reject, adkim: strict, aspf: strict, rua: ["mailto:a@example.com", "mailto:b@example.com"]}',
    {
      '_dmarc.example.com': {
        TXT: [['v=DMARC1; p=none; sp=none; np=none; adkim=r; aspf=r; rua=mailto:b@example.com; ruf=mailto:x@example.com']],
      },
    },
  ],
  'DMARC that is stricter': [
    'dmarc: {policy: none, subdomain_policy: quarantine}',
    { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; sp=reject']] } },
  ],
  'keys in every state': [
    `dkim: {selectors: {sel: revoked, gone: any, old: absent, small: {min_bits: 2048}, other: {key: ${KEY}}, v: {cname: keys.vendor.example}}}`,
    {
      'old._domainkey.example.com': { TXT: [[`v=DKIM1; p=${KEY}`]] },
      'small._domainkey.example.com': { TXT: [[`v=DKIM1; p=${KEY.slice(0, 100)}`]] },
      'other._domainkey.example.com': { TXT: [[`v=DKIM1; p=${OTHER_KEY}`]] },
      'v._domainkey.example.com': { CNAME: ['keys.other.example'] },
      'keys.other.example': { TXT: [[`v=DKIM1; p=${KEY}`]] },
    },
  ],
  'two keys at one selector': [
    'dkim: {selectors: {sel: any}}',
    { 'sel._domainkey.example.com': { TXT: [['v=DKIM1; p='], [`v=DKIM1; p=${KEY}`]] } },
  ],
  transport: [
    'mta_sts: {id: abc1, mode: enforce}, tls_rpt: {rua: ["mailto:t@example.com"]}, bimi: {logo: "https://example.com/x.svg", certificate: "https://example.com/x.pem"}, mx: [b.example.com, a.example.com]',
    {
      '_mta-sts.example.com': {},
      '_smtp._tls.example.com': {},
      'default._bimi.example.com': {},
      'example.com': { TXT: [['v=spf1 -all']], MX: [{ preference: 5, exchange: 'C.example.com' }] },
    },
  ],
  'no mail': ['mx: []', { 'example.com': { TXT: [['v=spf1 -all']], MX: [{ preference: 0, exchange: '.' }] } }],
  'other records': [
    'records: {_verify: {TXT: [abc, def]}, www: {CNAME: host.example.com}, "@": {MX: ["10 mx.example.com", "20 mx2.example.com"]}, h: {A: [192.0.2.1], AAAA: ["2001:db8::1"]}}',
    {
      '_verify.example.com': { TXT: [['abc'], ['ghi']] },
      'www.example.com': { CNAME: ['other.example.com'] },
      'h.example.com': { A: ['192.0.2.2'], AAAA: ['2001:db8::1'] },
    },
  ],
};

const policyOf = (mode: string) => ({
  'https://mta-sts.example.com/.well-known/mta-sts.txt': {
    text: `version: STSv1\nmode: ${mode}\nmx: mx.example.com\nmax_age: 604800\n`,
  },
});
/** More of them, some with documents; nothing else is compared with them. */
const ALONE: Record<string, [declared: string, zone: Zone, web?: Parameters<typeof webOf>[0]]> = {
  'a record for MTA-STS that is to be there': ['mta_sts: {mode: enforce}', { '_mta-sts.example.com': {} }],
  'an MTA-STS record without an id, and a policy of another mode': [
    'mta_sts: {id: abc1, mode: enforce}',
    { '_mta-sts.example.com': { TXT: [['v=STSv1;']] } },
    policyOf('testing'),
  ],
  'an MTA-STS policy of no mode': [
    'mta_sts: {mode: enforce}',
    { '_mta-sts.example.com': { TXT: [['v=STSv1; id=abc1']] } },
    policyOf('strict'),
  ],
  'MTA-STS as is declared': [
    'mta_sts: {id: abc1, mode: enforce}',
    { '_mta-sts.example.com': { TXT: [['v=STSv1; id=abc1']] } },
    policyOf('enforce'),
  ],
  'one of two places for TLS reports, in another spelling': [
    'tls_rpt: {rua: ["mailto:a@example.com", "https://example.com/tls"]}',
    { '_smtp._tls.example.com': { TXT: [['v=TLSRPTv1; rua=mailto:x@example.com,MAILTO:a@EXAMPLE.com']] } },
  ],
  'all places for TLS reports': [
    'tls_rpt: {rua: ["mailto:a@example.com"]}',
    { '_smtp._tls.example.com': { TXT: [['v=TLSRPTv1; rua=mailto:x@example.com,mailto:a@example.com']] } },
  ],
  'a logo without its certificate': [
    'bimi: {logo: "https://example.com/x.svg", certificate: "https://example.com/x.pem"}',
    { 'default._bimi.example.com': { TXT: [['v=BIMI1; l=https://example.com/x.svg']] } },
  ],
  'another logo, beside a certificate that nobody declares': [
    'bimi: {logo: "https://example.com/x.svg"}',
    { 'default._bimi.example.com': { TXT: [['v=BIMI1; l=https://example.com/y.svg; a=https://example.com/y.pem']] } },
  ],
  'a certificate alone': [
    'bimi: {certificate: "https://example.com/x.pem"}',
    { 'default._bimi.example.com': { TXT: [['v=BIMI1; l=https://example.com/y.svg; a=https://example.com/y.pem']] } },
  ],
  'no record for a certificate': ['bimi: {certificate: "https://example.com/x.pem"}', { 'default._bimi.example.com': {} }],
  'BIMI as is declared': [
    'bimi: {logo: "https://example.com/x.svg"}',
    { 'default._bimi.example.com': { TXT: [['v=BIMI1; l=https://example.com/x.svg; a=https://example.com/y.pem']] } },
  ],
  'a host for a domain that takes no mail': [
    'mx: ["0 mx.example.com."]',
    { 'example.com': { TXT: [['v=spf1 -all']], MX: [{ preference: 0, exchange: '.' }] } },
  ],
  'the hosts in another order, twice, with preferences': [
    'mx: ["20 B.example.com.", "10 a.example.com", "30 b.example.com"]',
    {
      'example.com': {
        TXT: [['v=spf1 -all']],
        MX: [
          { preference: 10, exchange: 'b.example.com' },
          { preference: 20, exchange: 'A.example.com' },
        ],
      },
    },
  ],
  'what nobody answers about transport': [
    'mta_sts: {id: abc1}, tls_rpt: {rua: ["mailto:t@example.com"]}, bimi: {logo: "https://example.com/x.svg"}, mx: [mx.example.com]',
    {
      '_mta-sts.example.com': 'unknown',
      '_smtp._tls.example.com': 'unknown',
      'default._bimi.example.com': 'unknown',
    },
  ],
  'records at the domain itself, of which there may be more': [
    'records: {"@": {TXT: [abc], A: [192.0.2.1]}}',
    { 'example.com': { TXT: [['v=spf1 -all'], ['abc']], A: ['192.0.2.1', '192.0.2.2'] } },
  ],
  'records at the domain itself that are not there': [
    'records: {"@": {TXT: [abc, def, "v=spf1 -all"]}}',
    { 'example.com': { TXT: [['v=spf1 -all']] } },
  ],
  'addresses and names in every spelling': [
    'records: {a: {A: 192.0.2.1, AAAA: ["2001:DB8:0::1", "2001:db8::2"]}, b: {A: [192.0.2.300]}, c: {AAAA: ["x"]}, d: {CNAME: "Host.Example.com."}, e: {MX: ["10  MX.example.com."]}, f: {TXT: []}}',
    {
      'a.example.com': { A: ['192.0.2.1'], AAAA: ['2001:db8::2', '2001:db8::1'] },
      'd.example.com': { CNAME: ['host.example.com'] },
      'e.example.com': { MX: [{ preference: 10, exchange: 'mx.EXAMPLE.com' }] },
      'f.example.com': { TXT: [['one']] },
    },
  ],
  'no DMARC record, and no policy that is declared': ['dmarc: {adkim: strict}', { '_dmarc.example.com': {} }],
  'keys of which little is declared': [
    'dkim: {selectors: {any: any, ed: {type: ed25519}, rsa: {type: rsa, min_bits: 4096}}}',
    {},
  ],
  'an SPF record that ends in a redirect': [
    'spf: {all: "-all"}',
    { 'example.com': { TXT: [['v=spf1 redirect=_spf.example.com']] }, '_spf.example.com': { TXT: [['v=spf1 mx -all']] } },
  ],
  'no SPF record for one term that it needs': ['spf: {require: [mx]}', { 'example.com': { A: ['192.0.2.1'] } }],
  'a text with capitals, blanks and a dot': ['records: {_v: {TXT: "Abc  Def."}}', { '_v.example.com': { TXT: [['Abc  Def.']] } }],
  'such a text in another spelling': ['records: {_v: {TXT: "Abc  Def."}}', { '_v.example.com': { TXT: [['abc def']] } }],
  'two records of which nobody answers for one': [
    'records: {_a: {TXT: [abc]}, _b: {TXT: [abc]}}',
    { '_a.example.com': 'unknown', '_b.example.com': { TXT: [['a', 'bc'], ['x']] } },
  ],
  'two DMARC records': [
    'dmarc: {record: "v=DMARC1; p=reject"}',
    { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject'], ['v=DMARC1; p=none']] } },
  ],
  'no record where one is declared word for word': ['dmarc: {record: "v=DMARC1; p=reject"}', { '_dmarc.example.com': {} }],
  'the DMARC record of the domain above': [
    'dmarc: {policy: reject, subdomain_policy: reject, adkim: strict, aspf: relaxed, rua: ["mailto:d@example.com"]}',
    { '_dmarc.example.com': {}, '_dmarc.com': { TXT: [['v=DMARC1; p=none; aspf=s; psd=y']] } },
  ],
  'a DMARC trial that weakens what is declared': [
    'dmarc: {policy: reject, adkim: relaxed}',
    { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; sp=reject; t=y; adkim=s']] } },
  ],
  'a DMARC trial that weakens nothing that is declared': [
    'dmarc: {policy: none, rua: ["mailto:a@example.com", "MAILTO:b@EXAMPLE.com"]}',
    { '_dmarc.example.com': { TXT: [['v=DMARC1; p=none; t=y; rua=mailto:b@example.com,mailto:c@example.com']] } },
  ],
  'a policy for names below alone': [
    'dmarc: {subdomain_policy: quarantine}',
    { '_dmarc.example.com': { TXT: [['v=DMARC1; p=none; np=reject']] } },
  ],
  'a policy for names that do not exist alone': [
    'dmarc: {nonexistent_policy: reject}',
    { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject; sp=quarantine']] } },
  ],
  'two DMARC records, and none that is declared word for word': [
    'dmarc: {policy: quarantine, nonexistent_policy: none}',
    { '_dmarc.example.com': { TXT: [['v=DMARC1; p=reject'], ['v=DMARC1; p=none']] } },
  ],
};

test('what differs is said word for word as in golden/', async () => {
  const parts: string[] = [];
  const show = (name: string, findings: readonly GuardFinding[]) =>
    parts.push(`# ${name}\n${findings.map((one) => `${JSON.stringify(one)}\n`).join('')}`);
  for (const [code, fixture] of Object.entries(GUARD_FIXTURES)) show(code, await found(fixture, fixture.zone));
  for (const [name, [declared, zone]] of Object.entries(DIFFERENCES)) {
    show(name, await found({ declared }, zone).catch((error: Error) => [error.message as never]));
    show(
      `${name}, and staging without a declaration`,
      await found({ declared: '', staging: 'like: example.com' }, zone).catch((error: Error) => [error.message as never]),
    );
  }
  for (const [name, [declared, zone, web]] of Object.entries(ALONE))
    show(name, await found({ declared }, zone, web === undefined ? {} : { web: webOf(web) }));
  await expect(parts.join('\n').replaceAll(KEY, '(key)').replaceAll(OTHER_KEY, '(other key)')).toMatchFileSnapshot(
    'golden/findings.txt',
  );
});

/** The zone with what a finding says should be published. */
function withPublished(zone: Zone, { publish }: GuardFinding): Zone {
  const { name, value } = publish!;
  const before = zone[name] ?? GOOD[name];
  return { ...zone, [name]: { ...(typeof before === 'object' ? before : {}), TXT: [stringsOf(value!)] } };
}

test('what is as declared is no finding, however it is written', async () => {
  const zone = {
    'example.com': {
      ...(GOOD['example.com'] as object),
      TXT: [['V=SPF1  MX IP4:192.0.2.7/32 +a:example.com -ALL'.replace('V=SPF1', 'v=spf1')]],
    },
    '_dmarc.example.com': { TXT: [['v=DMARC1;p=REJECT ; rua=mailto:x@example.com,mailto:D@EXAMPLE.com; aspf=s']] },
  } as Zone;
  const declared =
    'spf: {sources: [a, "ip4:192.0.2.7", mx], forbid: [ptr, "?all"], all: "-all"}, dmarc: {policy: quarantine, aspf: strict, rua: ["mailto:D@example.com"]}, dkim: {selectors: {sel: any, gone: absent, away: revoked}}, records: {"@": {MX: "10 MX.example.com."}}';
  expect(await found({ declared }, zone)).toEqual([]);
  expect(
    await found(
      { declared: 'dmarc: {record: "v=DMARC1; aspf=s; p=reject; rua=mailto:D@example.com,mailto:x@example.com"}' },
      zone,
    ),
  ).toEqual([]);
});

test('what nobody answers is no difference', async () => {
  const zone: Zone = {
    'example.com': 'unknown',
    '_dmarc.example.com': 'unknown',
    'sel._domainkey.example.com': 'unknown',
    '_mta-sts.example.com': 'unknown',
  };
  const declared =
    'spf: {record: "v=spf1 -all"}, dmarc: {policy: reject}, dkim: {selectors: {sel: any}}, mta_sts: {id: a}, mx: []';
  expect(
    (await found({ declared, staging: '' }, zone)).filter(
      ({ severity, environment }) => severity === 'error' && environment === 'production',
    ),
  ).toEqual([]);
});

test.each([
  ['spf: {require: ["ip4:192.0.2.1"]}', 'v=spf1 +all', 'v=spf1 ip4:192.0.2.1 ~all'],
  ['spf: {forbid: [ip4], all: "-all"}', 'v=spf1 ip4:192.0.2.1 mx +all', 'v=spf1 mx -all'],
])('what lets everybody send is in no correction: %s', async (declared, text, publish) => {
  const [first] = await found({ declared }, { 'example.com': { TXT: [[text]] } });
  expect(first?.publish?.value).toBe(publish);
});

test.each([
  ['spf: {all: "-all"}', 'v=spf1 ip4:192.0.2.1 redirect=_spf.example.com', 'v=spf1 ip4:192.0.2.1 include:_spf.example.com -all'],
  ['spf: {all: "-all"}', 'v=spf1 ~all redirect=_spf.example.com', 'v=spf1 -all'],
  ['spf: {sources: [mx], all: "-all"}', 'v=spf1 redirect=_spf.example.com', 'v=spf1 mx -all'],
  ['spf: {forbid: [redirect], all: "-all"}', 'v=spf1 mx redirect=_spf.example.com exp=e.example', 'v=spf1 mx -all exp=e.example'],
])('who may send by a redirect goes on sending, unless that is declared otherwise: %s', async (declared, text, publish) => {
  const zone = { 'example.com': { TXT: [[text]] }, '_spf.example.com': { TXT: [['v=spf1 mx -all']] } };
  expect((await found({ declared }, zone)).map((one) => one.publish?.value)).toContain(publish);
});

test('an included record that nobody answers for hides nothing that is declared', async () => {
  const zone: Zone = {
    'example.com': { TXT: [['v=spf1 include:_spf.vendor.example ptr -all']] },
    '_spf.vendor.example': 'unknown',
  };
  const declared = 'spf: {require: ["ip4:192.0.2.1"], forbid: [ptr, "+all"]}';
  expect((await found({ declared }, zone)).map(({ published }) => published)).toEqual(['ptr']);
});

test('what is only forbidden asks for no record', async () => {
  const zone: Zone = { 'example.com': { A: ['192.0.2.1'] } };
  expect(await found({ declared: 'spf: {forbid: [ptr]}' }, zone)).toEqual([]);
  expect(await found({ declared: 'spf: {sources: []}' }, zone)).toMatchObject([{ code: 'guard_spf_record' }]);
});

test('the policy for subdomains is told once when it follows p, and a trial weakens all', async () => {
  const of = (text: string) => ({ '_dmarc.example.com': { TXT: [[text]] } });
  const declared = 'dmarc: {policy: reject, subdomain_policy: reject, nonexistent_policy: quarantine}';
  const told = async (text: string) =>
    (await found({ declared }, of(text))).map(({ wanted, published }) => `${wanted} ${published}`);
  expect(await told('v=DMARC1; p=none')).toEqual(['p=reject p=none']);
  expect(await told('v=DMARC1; p=reject; sp=none')).toEqual(['sp=reject sp=none']);
  expect(await told('v=DMARC1; p=reject; np=none')).toEqual(['np=quarantine np=none']);
  expect(await told('v=DMARC1; p=reject; t=y')).toEqual(['p=reject p=quarantine']);
  expect(await told('v=DMARC1; p=reject')).toEqual([]);
});

test('environments that agree but for their own names have no differences', async () => {
  const own = (domain: string): Zone => ({
    [domain]: { TXT: [[`v=spf1 include:_spf.${domain} mx -all`]], MX: [{ preference: 10, exchange: `mx.${domain}` }] },
    [`_spf.${domain}`]: { TXT: [['v=spf1 ip4:192.0.2.1 -all']] },
    [`mx.${domain}`]: { A: ['192.0.2.1'] },
    [`sel._domainkey.${domain}`]: { TXT: [[`v=DKIM1; p=${KEY}`]] },
    [`_dmarc.${domain}`]: { TXT: [[`v=DMARC1; p=reject; rua=mailto:dmarc@${domain}`]] },
    [`_mta-sts.${domain}`]: { TXT: [['v=STSv1; id=1']] },
    [`_smtp._tls.${domain}`]: { TXT: [[`v=TLSRPTv1; rua=mailto:tls@${domain}`]] },
    [`default._bimi.${domain}`]: { TXT: [[`v=BIMI1; l=https://${domain}/l.svg`]] },
  });
  const zone = { ...own('example.com'), ...own('staging.example.com') };
  const selectors = 'dkim: {selectors: {sel: any}}';
  expect(await found({ declared: selectors, staging: selectors }, zone)).toEqual([]);
});

test.each([
  ['spf.sources', { 'staging.example.com': { TXT: [['v=spf1 mx ip4:192.0.2.9 -all']] } }],
  ['spf.all', { 'staging.example.com': { TXT: [['v=spf1 mx ~all']] } }],
  ['dkim.selectors', { 'sel._domainkey.staging.example.com': { A: ['192.0.2.1'] } }],
  ['dkim.selectors', { 'sel._domainkey.staging.example.com': { TXT: [['v=DKIM1; p=']] } }],
  ['dkim.keys', { 'sel._domainkey.staging.example.com': { TXT: [[`v=DKIM1; p=${OTHER_KEY}`]] } }],
  ['dmarc.policy', { '_dmarc.staging.example.com': { TXT: [['v=DMARC1; p=none; sp=reject']] } }],
  ['dmarc.subdomains', { '_dmarc.staging.example.com': { TXT: [['v=DMARC1; p=reject; sp=none']] } }],
  ['dmarc.alignment', { '_dmarc.staging.example.com': { TXT: [['v=DMARC1; p=reject; adkim=s']] } }],
  ['dmarc.reports', { '_dmarc.staging.example.com': { TXT: [['v=DMARC1; p=reject; rua=mailto:a@elsewhere.example']] } }],
  ['mta_sts', { '_mta-sts.staging.example.com': { TXT: [['v=STSv1; id=1']] } }],
  ['tls_rpt', { '_smtp._tls.staging.example.com': { TXT: [['v=TLSRPTv1; rua=mailto:t@example.com']] } }],
  ['bimi', { 'default._bimi.staging.example.com': { TXT: [['v=BIMI1; l=https://example.com/l.svg']] } }],
] as [string, Zone][])('%s that differs is named, and can be allowed', async (aspect, change) => {
  const base = (domain: string): Zone => ({
    [domain]: { TXT: [['v=spf1 mx -all']] },
    [`sel._domainkey.${domain}`]: { TXT: [[`v=DKIM1; p=${KEY}`]] },
    [`_dmarc.${domain}`]: { TXT: [['v=DMARC1; p=reject']] },
  });
  const zone = { ...base('example.com'), ...base('staging.example.com'), ...change };
  for (const name of ['_mta-sts', '_smtp._tls', 'default._bimi']) zone[`${name}.example.com`] = { A: ['192.0.2.1'] };
  const selectors = 'dkim: {selectors: {sel: any}}';
  const findings = (await found({ declared: selectors, staging: selectors }, zone)).filter(
    ({ code }) => code === 'guard_differs',
  );
  expect(findings.map(({ message }) => message.split(' ')[0])).toContain(aspect);
  const others = findings.map(({ message }) => message.split(' ')[0]!).filter((one) => one !== aspect);
  const staging = `${selectors}, may_differ: [${[aspect, ...others].join(', ')}]`;
  expect((await found({ declared: selectors, staging }, zone)).filter(({ code }) => code === 'guard_differs')).toEqual([]);
});

test('only the values that are named may differ', async () => {
  const zone: Zone = {
    'example.com': { TXT: [['v=spf1 ip4:192.0.2.1 -all']] },
    'staging.example.com': { TXT: [['v=spf1 ip4:192.0.2.2 -all']] },
    '_dmarc.staging.example.com': GOOD['_dmarc.example.com']!,
  };
  const differs = async (values: string) =>
    (await found({ declared: '', staging: `may_differ: [dkim, mta_sts, tls_rpt, bimi, dmarc, spf.sources: [${values}]]` }, zone))
      .length;
  expect(await differs('"ip4:192.0.2.1", "ip4:192.0.2.2"')).toBe(0);
  expect(await differs('"ip4:192.0.2.2"')).toBe(1);
  expect(await differs('')).toBe(1);
});
