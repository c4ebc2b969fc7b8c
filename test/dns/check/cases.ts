import { authority } from '../../helpers/certificates.ts';
import type { Zone } from '../zone.ts';
import { KEY, mark, rsa, spf, type WebPages } from './fixtures.ts';

/** What is published or served otherwise than in GOOD. */
export interface Case {
  zone?: Zone;
  domain?: string;
  selectors?: string[];
  mailboxes?: string[];
  web?: WebPages;
}

/** What pages and word processors make of blanks, hyphens and nothing, as octets of UTF-8. */
const [NBSP, ZWSP, BOM, DASH, OPEN, CLOSE] = ['\u00a0', '\u200b', '\ufeff', '\u2013', '\u201c', '\u201d'].map((one) =>
  Buffer.from(one).toString('latin1'),
) as [string, string, string, string, string, string];
const SOA = { mname: 'ns.example.com', rname: 'hostmaster.example.com', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 };
const MX = [{ preference: 10, exchange: 'mx.example.com' }];
const dmarc = (text: string, more: Zone = {}): Case => ({ zone: { '_dmarc.example.com': spf(text), ...more } });
const root = (text: string, more: Zone = {}): Case => ({ zone: { 'example.com': { ...spf(text), MX, SOA: [SOA] }, ...more } });
const dkim = (text: string): Case => ({ zone: { 'sel._domainkey.example.com': spf(text) } });
const sts = (text: string): Case => ({ zone: { '_mta-sts.example.com': spf(text) } });
const tls = (text: string): Case => ({ zone: { '_smtp._tls.example.com': spf(text) } });
const bimi = (text: string): Case => ({ zone: { 'default._bimi.example.com': spf(text) } });
const STS_URL = 'https://mta-sts.example.com/.well-known/mta-sts.txt';
const policy = (text: string): Case => ({ web: { [STS_URL]: { type: 'text/plain', text: text.replaceAll('; ', '\n') } } });
const page = (status: number): Case => ({ web: { [STS_URL]: { status, text: '' } } });
const LOGO_URL = 'https://example.com/logo.svg';
const logo = (text: string, type = 'image/svg+xml', status = 200): Case => ({
  web: { ...mark({ svg: text }), [LOGO_URL]: { type, text, status } },
});
const svg = (inner: string, attributes = 'version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"') =>
  `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inner}</svg>`;
const TITLE = '<title>A</title>';
const mx = (hosts: [number, string][], more: Zone = {}): Case => ({
  zone: {
    'example.com': {
      ...spf('v=spf1 ip4:192.0.2.0/24 -all'),
      MX: hosts.map(([preference, exchange]) => ({ preference, exchange })),
      SOA: [SOA],
    },
    ...more,
  },
});
const lookups = (count: number, extra = ''): Case =>
  root(
    `v=spf1 ${Array.from({ length: count }, (_, i) => `a:h${i}.example`).join(' ')} ${extra}-all`.replaceAll('  ', ' '),
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}.example`, { A: ['198.51.100.1'] }])),
  );
const includes = (text: string, more: Zone = {}): Case =>
  root('v=spf1 include:other.example -all', { 'other.example': spf(text), ...more });
const PTR = (address: string) => `${address.split('.').reverse().join('.')}.in-addr.arpa`;

/**
 * What `dns check` is to say of these, word for word, is in golden/. One record or document is different in
 * each.
 */
export const CASES: Record<string, Record<string, Case>> = {
  dmarc: {
    'all tags': dmarc(
      'v=DMARC1; p=quarantine; sp=reject; np=reject; adkim=s; aspf=s; fo=1:d:s; psd=n; t=n; rua=mailto:a@example.com,mailto:b@sub.example.com; ruf=mailto:c@example.com',
    ),
    'tags in capitals with blanks': dmarc('V = DMARC1 ;  P = Reject ; RUA = mailto:Dmarc@Example.COM ;'),
    'no p with rua': dmarc('v=DMARC1;rua=mailto:dmarc@example.com'),
    'no p and no rua': dmarc('v=DMARC1'),
    'p behind two others': dmarc('v=DMARC1; sp=reject; rua=mailto:dmarc@example.com; p=reject; np=reject'),
    'wrong p': dmarc('v=DMARC1; p = quarantined ; rua=mailto:dmarc@example.com'),
    'wrong sp and np': dmarc('v=DMARC1; p=reject; sp=no; np=monitor; rua=mailto:dmarc@example.com'),
    'wrong fo': dmarc('v=DMARC1; p=reject; fo=1:x; rua=mailto:dmarc@example.com; ruf=mailto:dmarc@example.com'),
    'wrong psd, adkim, aspf and t': dmarc('v=DMARC1; p=reject; psd=x; adkim=strict; aspf=relaxed; t=1; rua=mailto:d@example.com'),
    'sp and np open': dmarc('v=DMARC1; p=quarantine; sp=none; np=none; rua=mailto:dmarc@example.com'),
    'sp open below none': dmarc('v=DMARC1; p=none; sp=none; rua=mailto:dmarc@example.com'),
    'all that is historic': dmarc('v=DMARC1; p=reject; rf=afrf; ri=86400; pct=100; rua=mailto:dmarc@example.com'),
    'twice, and the second is wrong': dmarc('v=DMARC1; p=reject; p=x; rua=mailto:a@example.com; rua=mailto:b@example.com'),
    'parts without sense': dmarc('v=DMARC1; ; hello; p=reject; =x; p; rua=mailto:dmarc@example.com;;'),
    'a bare address': dmarc('v=DMARC1; p=reject; rua=dmarc@example.com'),
    'addresses with blanks between': dmarc('v=DMARC1; p=reject; rua=mailto:a@example.com b@example.com, mailto:c@example.com'),
    'addresses that cannot be repaired': dmarc('v=DMARC1; p=reject; rua=mailto:dmarc, dmarc@localhost; ruf=nobody'),
    'sizes in all units': dmarc(
      'v=DMARC1; p=reject; rua=mailto:a@example.com!1,mailto:b@example.com!2k,mailto:c@example.com!3M,mailto:d@example.com!4g,mailto:e@example.com!5t',
    ),
    'an address with %2C and %21': dmarc('v=DMARC1; p=reject; rua=mailto:a%2Cb%21c@EXAMPLE.com'),
    'a web address': dmarc('v=DMARC1; p=reject; rua=https://example.com/report,mailto:dmarc@example.com'),
    'copied: a blank of a page before p': dmarc(`v=DMARC1;${NBSP}p=reject;${NBSP}rua=mailto:dmarc@example.com`),
    'copied: something unseen in p': dmarc(`v=DMARC1; p=${ZWSP}reject; rua=mailto:dmarc@example.com`),
    'copied: before the version': dmarc(`${BOM}v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com`),
    'copied: quotation marks around it': dmarc(`${OPEN}v=DMARC1; p=reject; rua=mailto:dmarc@example.com${CLOSE}`),
    'copied: in an address': dmarc(`v=DMARC1; p=reject; rua=mailto:${ZWSP}dmarc@example.com`),
    'copied: in Latin-1': dmarc('v=DMARC1; p=reject\xa0; rua=mailto:dmarc@example.com'),
    'an address with a blank in it': dmarc('v=DMARC1; p=reject; rua=mailto:a b@example.com'),
    'an empty p beside a place for reports': dmarc('v=DMARC1; p=; rua=mailto:dmarc@example.com'),
    'an empty sp': dmarc('v=DMARC1; p=reject; sp=; rua=mailto:dmarc@example.com'),
    'a place with letters beyond ASCII beside one without': dmarc(
      'v=DMARC1; p=reject; rua=mailto:a@example.com,mailto:\xc3\xa9@example.com',
    ),
    'misspelt, and its policy, too': dmarc('DMARC1; p=block; rua=dmarc@example.com'),
    'an empty rua': dmarc('v=DMARC1; p=reject; rua='),
    'reports of others to another organization': dmarc(
      'v=DMARC1; p=reject; rua=mailto:a@reports.test,mailto:b@reports.test; ruf=mailto:c@reports.test',
      { 'reports.test': { A: ['192.0.2.2'] } },
    ),
    'failure reports alone to another organization': dmarc(
      'v=DMARC1; p=reject; rua=mailto:a@example.com; ruf=mailto:c@reports.test',
      { 'reports.test': { AAAA: ['2001:db8::1'] } },
    ),
    'another organization that accepts': dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.com._report._dmarc.reports.test': spf('v=DMARC1;'),
    }),
    'another organization that nobody answers for': dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.com._report._dmarc.reports.test': 'unknown',
    }),
    'an organization that nobody answers for': dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      '_dmarc.reports.test': 'unknown',
    }),
    'a destination that does not exist': dmarc('v=DMARC1; p=reject; rua=mailto:a@gone.example.com'),
    'a destination with only an address': dmarc('v=DMARC1; p=reject; rua=mailto:a@host.example.com', {
      'host.example.com': { AAAA: ['2001:db8::1'] },
    }),
    'a destination with nothing': dmarc('v=DMARC1; p=reject; rua=mailto:a@host.example.com', { 'host.example.com': spf('x') }),
    'a destination that nobody answers for': dmarc('v=DMARC1; p=reject; rua=mailto:a@slow.example.com', {
      'slow.example.com': 'unknown',
    }),
    'a name whose end is the domain and is not below it': dmarc('v=DMARC1; p=reject; rua=mailto:a@notexample.com', {
      'notexample.com': { MX },
    }),
    'several, none with rua': { zone: { '_dmarc.example.com': spf('v=DMARC1; p=none', 'v=DMARC1; p=reject') } },
    'none, and another text': { zone: { '_dmarc.example.com': spf('hello world') } },
    'misspelt with p first': { zone: { '_dmarc.example.com': spf('"v=DMARC 1, p=reject; rua=mailto:dmarc@example.com"') } },
    'misspelt, and p later': { zone: { '_dmarc.example.com': spf('DMARC1; rua=mailto:dmarc@example.com; p=reject') } },
    'a policy without a version': { zone: { '_dmarc.example.com': spf('x=1; p = Quarantine') } },
    'no name at all': { zone: { '_dmarc.example.com': {} } },
    'inherited with sp': {
      domain: 'below.example.com',
      zone: {
        'below.example.com': spf('v=spf1 -all'),
        '_dmarc.example.com': spf('v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com'),
      },
    },
    'inherited with np': {
      domain: 'a.below.example.com',
      zone: {
        'a.below.example.com': spf('v=spf1 -all'),
        '_dmarc.example.com': spf('v=DMARC1; p=reject; np=none; rua=mailto:d@example.com'),
      },
    },
    'read in another mailbox': { mailboxes: ['one@example.com', 'two@example.com'] },
    'read in this mailbox': { mailboxes: ['other@example.com', 'dmarc@example.com'] },
    'a mailbox with a comma': { mailboxes: ['a,b!c@example.com'] },
    'a mailbox, and no rua': { ...dmarc('v=DMARC1; p=reject'), mailboxes: ['one@example.com'] },
  },

  spf: {
    'copied: a blank of a page behind the version': root(`v=spf1${NBSP}ip4:192.0.2.0/24 -all`),
    'copied: a blank of a page between terms': root(`v=spf1 ip4:192.0.2.0/24${NBSP}-all`),
    'copied: a dash for a hyphen': root(`v=spf1 ip4:192.0.2.0/24 ${DASH}all`),
    'copied: before the version': root(`${BOM}v=spf1 ip4:192.0.2.0/24 -all`),
    'copied: quotation marks around it': root(`${OPEN}v=spf1 ip4:192.0.2.0/24 -all${CLOSE}`),
    'copied: something unseen behind the version': root(`v=spf1${ZWSP}ip4:192.0.2.0/24 -all`),
    'copied: something unseen in a name': root(`v=spf1 include:oth${ZWSP}er.example -all`, {
      'other.example': spf('v=spf1 -all'),
    }),
    'a name in letters beyond ASCII': root('v=spf1 a:b\xc3\xbccher.example -all', {
      'xn--bcher-kva.example': { A: ['192.0.2.1'] },
    }),
    'misspelt, and a term, too': root('spf1 ipv4:192.0.2.0/24 nonsense'),
    'mx beside a null MX': {
      zone: { 'example.com': { ...spf('v=spf1 mx -all'), MX: [{ preference: 0, exchange: '.' }], SOA: [SOA] } },
    },
    'all kinds of terms': root(
      'v=spf1 +a ~a:other.example/24 a//64 mx/24//64 ip4:192.0.2.0/24 ip6:2001:db8::/48 exists:other.example redirect=other.example exp=other.example x=y',
      { 'other.example': { ...spf('v=spf1 -all'), A: ['192.0.2.5'] } },
    ),
    ...Object.fromEntries(
      [
        'all:x',
        'include',
        'include:',
        'include:nodot',
        'exists',
        'ptr/24',
        'ptr:other.example',
        'a/33',
        'a/032',
        'a//129',
        'a:',
        'ax',
        'a/x',
        'mx:other.example/0',
        'ip4',
        'ip4:192.0.2.1/33',
        'ip4:192.0.2.01',
        'ip4:2001:db8::1',
        'ip6:192.0.2.1',
        'ip6:2001:db8::1/129',
        'ip6:fe80::1%eth0',
        'redirect=other.example redirect=other.example',
        'redirect=x',
        '.x',
        'exp=%{z}',
        'all x=%',
      ].map((term) => [`the term ${term}`, root(`v=spf1 ${term} -all`, { 'other.example': spf('v=spf1 -all') })]),
    ),
    ...Object.fromEntries(
      [
        'ip4:0.0.0.0/0',
        'ip6:::/0',
        '~ip4:0.0.0.0/0',
        'ip4:198.0.0.0/15',
        'ip4:198.0.0.0/16',
        'ip6:2001::/31',
        'ip6:2001::/32',
        'a/15',
        'a//31',
        'mx/8//8',
        'mx/16//32',
        '?ip4:198.0.0.0/8',
        'ip4:10.1.2.3',
        'ip4:100.64.0.1',
        'ip4:127.0.0.1',
        'ip4:169.254.1.1',
        'ip4:172.16.0.1',
        'ip4:172.32.0.1',
        'ip6:::1',
        'ip6:fc00::1',
        'ip6:fe80::1',
        'ip6:2001:db8::1',
      ].map((term) => [`the network ${term}`, root(`v=spf1 ${term} -all`)]),
    ),
    'no record at all': root('hello'),
    'the name does not exist': { domain: 'gone.example.com', zone: {} },
    'several with different ends': {
      zone: { 'example.com': { ...spf('v=spf1 a ?all', 'v=spf1 mx a', 'v=spf1 ip4:192.0.2.1 ~ALL'), MX, SOA: [SOA] } },
    },
    ...Object.fromEntries(
      ['"v=spf1.0 a -all"', 'spf2.0/pra a -all', ' v = spf 1 a', 'V=SPF1a -all', "'spf1 a -all'", 'v=spf3 a'].map((text) => [
        `almost a record: ${text}`,
        root(text),
      ]),
    ),
    'nine look-ups': lookups(9),
    'ten look-ups': lookups(10),
    'eight look-ups': lookups(8),
    'eleven look-ups': lookups(11),
    'the term beyond is the last': lookups(10, 'include:h0.example '),
    'two terms find nothing': root('v=spf1 a:x.example mx:y.example -all'),
    'three terms find nothing': root('v=spf1 a:x.example a:y.example exists:z.example -all'),
    'ten mail hosts': root('v=spf1 mx:many.example -all', {
      'many.example': { MX: Array.from({ length: 10 }, (_, i) => ({ preference: i, exchange: `m${i}.example` })) },
    }),
    'no end': root('v=spf1 ip4:192.0.2.0/24 '),
    'no end, and a redirect': root('v=spf1 ip4:192.0.2.0/24 redirect=other.example', { 'other.example': spf('v=spf1 -all') }),
    'no end, and an error': root('v=spf1 ip4:192.0.2'),
    'terms behind the end': root('v=spf1 a ?all mx ip4:192.0.2.1 redirect=other.example', { 'other.example': spf('v=spf1') }),
    '450 octets': root(`v=spf1 ${'x'.repeat(434)}=y -all`.slice(0, 443).concat(' -all  ').slice(0, 450)),
    '451 octets': root(`v=spf1 ip4:192.0.2.1 x=${'y'.repeat(423)} -all`),
    'a term twice, and thrice in capitals': root('v=spf1 a MX mx A a -all'),
    'macros in several terms': root('v=spf1 exists:%{i}.example.com include:%{d}.example a:%{l}.example ptr -all'),
    'an include with everything wrong': includes(
      'v=spf1 ptr ip4:10.0.0.1 a:gone.example mx:gone.example exists:%{i}.x.example +all',
    ),
    'an include in an include': includes('v=spf1 include:third.example -all', {
      'third.example': spf('v=spf1 ip4:192.168.1.1 a:gone.example ip4:1.0.0.0/8 -all'),
    }),
    'an include in an include that is gone': includes('v=spf1 include:_spf.third.example -all', { 'third.example': spf('x') }),
    'an include in an include that is free': includes('v=spf1 include:_spf.third.example -all'),
    'an include in an include that has none': includes('v=spf1 include:third.example -all', { 'third.example': spf('x') }),
    'an include in an include with an error': includes('v=spf1 include:third.example -all', {
      'third.example': spf('v=spf1 ip4:300.0.0.1 foo -all'),
    }),
    'an include in an include with two records': includes('v=spf1 include:third.example -all', {
      'third.example': spf('v=spf1 -all', 'v=spf1 ~all'),
    }),
    'an include that leads back': includes('v=spf1 include:third.example -all', {
      'third.example': spf('v=spf1 include:other.example -all'),
    }),
    'an include that nobody answers for, in an include': includes('v=spf1 include:slow.example -all', {
      'slow.example': 'unknown',
    }),
    'a softfail include that passes all': root('v=spf1 ~include:other.example -all', { 'other.example': spf('v=spf1 +all') }),
    'a redirect that passes all': root('v=spf1 redirect=other.example', { 'other.example': spf('v=spf1 all') }),
    'a redirect to nothing': root('v=spf1 redirect=gone.example'),
    'a host that nobody answers for': root('v=spf1 a:slow.example -all', { 'slow.example': 'unknown' }),
    'the domain itself nobody answers for': { zone: { 'example.com': 'unknown' } },
  },

  dkim: {
    'copied: a blank of a page before p': dkim(`v=DKIM1; k=rsa;${NBSP}p=${KEY}`),
    'copied: a blank of a page in p': dkim(`v=DKIM1; p=${NBSP}${KEY}`),
    'copied: something unseen inside the key': dkim(`v=DKIM1; p=${KEY.slice(0, 60)}${ZWSP}${KEY.slice(60)}`),
    'copied: before the version': dkim(`${BOM}v=DKIM1; p=${KEY}`),
    'two semicolons': dkim(`v=DKIM1;; p=${KEY};`),
    ed25519: dkim(`v=DKIM1; k=ed25519; p=${Buffer.alloc(32, 7).toString('base64')}`),
    'ed25519 of 31 octets': dkim(`v=DKIM1; k=ED25519; p=${Buffer.alloc(31, 7).toString('base64')}`),
    '1016 bits': dkim(`v=DKIM1; p=${rsa(1016)}`),
    '1024 bits': dkim(`v=DKIM1; p=${rsa(1024)}`),
    '2040 bits': dkim(`v=DKIM1; p=${rsa(2040)}`),
    '2048 bits with blanks inside': dkim(`v=DKIM1; p=${KEY.slice(0, 50)} ${KEY.slice(50)};`),
    '4096 bits': dkim(`p=${rsa(4096)}`),
    revoked: dkim('v=DKIM1; k=rsa; p='),
    'no tags': dkim('hello'),
    'all flags': dkim(`v=DKIM1; h=sha1:sha256; s=other : email; t=y : s; g=*; n=note; p=${KEY}`),
    'sha1 alone': dkim(`v=DKIM1; h=sha1; p=${KEY}`),
    'a service of all': dkim(`v=DKIM1; s=*; p=${KEY}`),
    'only testing': dkim(`v=DKIM1; t=y; p=${KEY}`),
    'a version in small letters': dkim(`v=dkim1; p=${KEY}`),
    'a version that is not first': dkim(`k=rsa; p=${KEY}; v=DKIM1`),
    'a type that does not exist': dkim(`v=DKIM1; k=dsa; p=${KEY}`),
    'a quote in the key': dkim(`v=DKIM1; p=${KEY.slice(0, 100)}"${KEY.slice(100)}`),
    'a key that is cut off': dkim(`v=DKIM1; p=${KEY.slice(0, 201)}`),
    'base64 of no key': dkim('v=DKIM1; p=aGVsbG8gd29ybGQ='),
    'twice and nonsense': dkim(`v=DKIM1; hello; k=rsa; k=rsa; ; p=${KEY}`),
    'two selectors, one of which is missing': { selectors: ['sel', 'none'] },
    'a CNAME into nothing': { zone: { 'sel._domainkey.example.com': { CNAME: ['keys.vendor.example'] } } },
    'a CNAME to a key': {
      zone: {
        'sel._domainkey.example.com': { CNAME: ['keys.vendor.example'] },
        'keys.vendor.example': spf(`v=DKIM1; p=${KEY}`),
      },
    },
    'two keys': { zone: { 'sel._domainkey.example.com': spf(`v=DKIM1; p=${KEY}`, `v=DKIM1; k=rsa; p=${KEY}`) } },
    'no selector': { selectors: [] },
  },

  mta_sts: {
    'copied: before the version': sts(`${BOM}v=STSv1; id=20261127`),
    'copied: something unseen in the id': sts(`v=STSv1; id=${ZWSP}20261127`),
    'an id with hyphens': sts('v=STSv1; id=2026-11-27'),
    'an id of 32': sts(`v=STSv1; id=${'a'.repeat(32)};`),
    'an id of 33': sts(`v=STSv1; id=${'a'.repeat(33)}`),
    'no id': sts('v=STSv1'),
    'misspelt without an id': sts('v=STS1'),
    'misspelt with an id': sts('STSv1; id = abc; x=y'),
    'none, and no mail host': {
      zone: {
        '_mta-sts.example.com': {},
        'example.com': { ...spf('v=spf1 -all'), MX: [{ preference: 0, exchange: '.' }], SOA: [SOA] },
      },
    },
    'a web server that fails': page(500),
    'a web server that fails otherwise': page(503),
    'a redirect': page(301),
    'another redirect': page(399),
    'status 300': page(300),
    'status 201': page(201),
    'status 400': page(400),
    'a certificate that is wrong': { web: { [STS_URL]: 'The certificate is not that of mta-sts.example.com.' } },
    'a policy without a type': {
      web: { [STS_URL]: { text: 'version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800' } },
    },
    'a day': policy('version: STSv1; mode: enforce; mx: mx.example.com; max_age: 86400'),
    'less than a day': policy('version: STSv1; mode: enforce; mx: mx.example.com; max_age: 86399'),
    'less than a day, and none': policy('version: STSv1; mode: none; max_age: 86399'),
    'a year': policy('version: STSv1; mode: enforce; mx: mx.example.com; max_age: 31557600'),
    'more than a year': policy('version: STSv1; mode: enforce; mx: mx.example.com; max_age: 31557601'),
    'eleven digits': policy('version: STSv1; mode: enforce; mx: mx.example.com; max_age: 00000604800'),
    'nothing in it': policy(''),
    nonsense: policy('version: STSv1; nonsense; mode: x; mx: a b; mx: *.*.example.com; mx: nodot; : x'),
    'a long host': policy(`version: STSv1; mode: enforce; mx: ${'a_'.repeat(60)}!; mx: mx.example.com; max_age: 604800`),
    'the first of several counts': policy('version: STSv1; mode: enforce; mode: none; mx: MX.example.com; max_age: 604800'),
    'a pattern covers one label': policy('version: STSv1; mode: testing; mx: *.example.org; mx: *.com; max_age: 604800'),
    'six hosts outside': {
      ...policy('version: STSv1; mode: enforce; mx: other.example.com; max_age: 604800'),
      ...mx(
        [1, 2, 3, 4, 5, 6].map((n) => [n, `m${n}.example.com`]),
        Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`m${n}.example.com`, { A: ['192.0.2.1'] }])),
      ),
    },
  },

  tlsrpt: {
    'copied: before the version': tls(`${BOM}v=TLSRPTv1; rua=mailto:tls@example.com`),
    'copied: a blank of a page in rua': tls(`v=TLSRPTv1; rua=${NBSP}mailto:tls@example.com`),
    'two places': tls('v=TLSRPTv1; rua=mailto:a@example.com, https://example.com/tls;'),
    'a place that is none': tls('v=TLSRPTv1; rua=ftp://example.com/x,mailto:a@example.com!10m,mailto:b@example.com'),
    'an empty place': tls('v=TLSRPTv1; rua='),
    'no place': tls('v=TLSRPTv1; x=y'),
    'no tag': tls('v=TLSRPTv1; hello'),
    'misspelt without a place': tls('v=TLSRPT1'),
    'misspelt with a place': tls('tlsrpt; rua = mailto:a@example.com ; x'),
    'two, the second without a problem': {
      zone: { '_smtp._tls.example.com': spf('v=TLSRPTv1; x', 'v=TLSRPTv1; rua=mailto:b@example.com') },
    },
  },

  bimi: {
    'without l': bimi('v=BIMI1; a=https://example.com/mark.pem'),
    'a URL with a user': bimi('v=BIMI1; l=https://me@example.com/logo.svg; a='),
    'a URL of http': bimi('v=BIMI1; l=http://example.com/logo.svg; a=ftp://x'),
    'no certificate, and nonsense': bimi(`v=BIMI1; hello; l=${LOGO_URL}; a=`),
    'declined without a': bimi('v=BIMI1; l='),
    capitals: bimi(`v=BIMI1; L=${LOGO_URL}; A=https://example.com/mark.pem`),
    'no DMARC': { zone: { '_dmarc.example.com': {} } },
    'DMARC that nobody answers for': { zone: { '_dmarc.example.com': 'unknown' } },
    'DMARC of none': dmarc('v=DMARC1; p=none; rua=mailto:d@example.com'),
    'DMARC with sp=none': dmarc('v=DMARC1; p=reject; sp=none; rua=mailto:d@example.com'),
    'DMARC under test': dmarc('v=DMARC1; p=reject; t=y; rua=mailto:d@example.com'),
    'DMARC for 99 percent': dmarc('v=DMARC1; p=reject; pct=99; rua=mailto:d@example.com'),
    'DMARC for 100 percent': dmarc('v=DMARC1; p=reject; pct=100; rua=mailto:d@example.com'),
    'a certificate that is not there': { web: { 'https://example.com/mark.pem': { text: '', status: 404 } } },
    'a certificate behind a failure': { web: { 'https://example.com/mark.pem': { text: '', status: 503 } } },
    'a certificate of nobody': { web: mark({}, authority('Nobody')) },
    'a certificate with every fault': {
      web: mark({ domains: [], forMarks: false, svg: null, from: new Date('2027-01-01') }, authority('Nobody')),
    },
    'a certificate without a logo at l=': { ...bimi('v=BIMI1; l=; a=https://example.com/mark.pem'), web: mark({ svg: svg('') }) },
    'a logo that is not there': logo('', 'text/html', 404),
    'a logo behind a failure': logo('', 'text/html', 500),
    'a logo without a certificate': { web: { [LOGO_URL]: 'The certificate of example.com has expired.' } },
    'a logo of no type': { web: { [LOGO_URL]: { text: svg(TITLE) } } },
    'a logo of 32,768 octets': logo(svg(`${TITLE}<desc>${'x'.repeat(32_768 - svg(`${TITLE}<desc></desc>`).length)}</desc>`)),
    'a logo of 32,769 octets': logo(svg(`${TITLE}<desc>${'x'.repeat(32_769 - svg(`${TITLE}<desc></desc>`).length)}</desc>`)),
    'a logo that is not SVG': logo('<html/>'),
    'a logo that is not XML': logo('<svg xmlns="http://www.w3.org/2000/svg"><title>A</svg>'),
    'a logo with a DOCTYPE': logo(`<!DOCTYPE svg>${svg(TITLE)}`),
    'a logo with a script': logo(svg(`${TITLE}<script/><a/><animate/><image/><g onclick="x"/>`)),
    'a logo that loads something': logo(svg(`${TITLE}<use href="#a"/><use href="x.svg"/><rect fill="url(http://x)"/>`)),
    'a logo with references inside': logo(svg(`${TITLE}<use href=" #a"/><rect fill="url(#a)"/>`)),
    'a logo without a title': logo(svg('<g><title>A</title></g>')),
    'a logo of the wrong version': logo(svg(TITLE, 'version="1.1" baseProfile="full" x="0" y="0" viewBox="0 0 64 63"')),
    'a logo without a view box': logo(svg(TITLE, 'version="1.2" baseProfile="tiny-ps"')),
    'a logo with an empty view box': logo(svg(TITLE, 'version="1.2" baseProfile="tiny-ps" viewBox="0,0, 0,0"')),
    'a logo with more problems than are shown': logo(
      svg(
        ['set', 'a', 'style', 'image', 'video', 'audio', 'script', 'switch', 'iframe', 'tbreak', 'handler', 'listener']
          .map((name) => `<${name}/>`)
          .join(''),
      ),
    ),
  },

  mx: {
    'in the order of their preference': mx(
      [
        [20, 'B.example.com'],
        [10, 'a.example.com'],
        [20, 'b.example.com'],
      ],
      { 'a.example.com': { AAAA: ['2001:db8::1'] }, 'b.example.com': { A: ['192.0.2.1'] } },
    ),
    'no mail': mx([[0, '.']]),
    'no mail, beside a host': mx([
      [10, 'mx.example.com'],
      [0, '.'],
    ]),
    'an address alone': { zone: { 'example.com': { ...spf('v=spf1 -all'), AAAA: ['2001:db8::1'], SOA: [SOA] } } },
    nothing: { zone: { 'example.com': { ...spf('v=spf1 -all'), SOA: [SOA] } } },
    'a host without an address': mx([[10, 'gone.example.com']]),
    'an alias without an address': mx([[10, 'alias.example.com']], { 'alias.example.com': { CNAME: ['gone.example.com'] } }),
    'an alias of an alias': mx([[10, 'alias.example.com']], {
      'alias.example.com': { CNAME: ['second.example.com'] },
      'second.example.com': { CNAME: ['mx.example.com'] },
    }),
    'a host that nobody answers for': mx([[10, 'slow.example.com']], { 'slow.example.com': 'unknown' }),
    'twenty-one hosts without an address': mx(Array.from({ length: 21 }, (_, i) => [i, `m${i}.example.com`])),
  },

  ptr: {
    'single addresses of all kinds': root(
      'v=spf1 ip4:192.0.2.25 ip4:192.0.2.26/31 ip6:2001:db8::25 ip6:2001:db8::/127 ~ip4:192.0.2.27 a:h.example.com a:%{d}.example.com a:h.example.com/24 mx//64 mx:mail.example.com -all',
      {
        'h.example.com': { A: ['192.0.2.30'], AAAA: ['2001:0DB8::30'] },
        'mail.example.com': {
          MX: [
            { preference: 1, exchange: 'h2.example.com' },
            { preference: 2, exchange: '.' },
          ],
        },
        'h2.example.com': { A: ['192.0.2.31'] },
        [PTR('192.0.2.30')]: { PTR: ['other.example.com', 'h.example.com'] },
        [PTR('192.0.2.31')]: { PTR: ['a.example.com', 'b.example.com', 'c.example.com', 'h2.example.com'] },
        '0.3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa': { PTR: ['h.example.com'] },
      },
    ),
    'thirteen addresses': root(`v=spf1 ${Array.from({ length: 13 }, (_, i) => `ip4:192.0.2.${i + 1}`).join(' ')} -all`),
    'a name that nobody answers for': root('v=spf1 ip4:192.0.2.25 -all', {
      [PTR('192.0.2.25')]: { PTR: ['slow.example.com', 'out.example.com'] },
      'slow.example.com': 'unknown',
      'out.example.com': { A: ['192.0.2.26'] },
    }),
    'a name that nobody answers for, and one that leads back': root('v=spf1 ip4:192.0.2.25 -all', {
      [PTR('192.0.2.25')]: { PTR: ['slow.example.com', 'out.example.com'] },
      'slow.example.com': 'unknown',
      'out.example.com': { A: ['192.0.2.25'] },
    }),
    'an address that nobody answers for': root('v=spf1 ip4:192.0.2.25 -all', { [PTR('192.0.2.25')]: 'unknown' }),
    'a record with an error': root('v=spf1 ip4:192.0.2.25 ip4:x -all'),
    'eleven mail hosts': root('v=spf1 mx:many.example.com -all', {
      'many.example.com': { MX: Array.from({ length: 11 }, (_, i) => ({ preference: i, exchange: `m${i}.example.com` })) },
      ...Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`m${i}.example.com`, { A: [`192.0.2.${i + 100}`] }])),
    }),
  },

  dnssec: {
    validated: { zone: { 'example.com': { ...spf('v=spf1 -all'), MX, SOA: [SOA], AD: true } } },
    'a resolver that validates nothing': { zone: { '.': { NS: ['a.root.test'] } } },
    'no root': { zone: {} },
    'a zone whose signatures have expired': {
      zone: { 'example.com': { ...spf('v=spf1 -all'), MX, SOA: [SOA], bogus: 'a signature has expired' } },
    },
    'keys that nobody vouches for': {
      zone: {
        '.': { NS: ['a.root.test'], AD: true },
        'example.com': {
          ...spf('v=spf1 -all'),
          MX,
          SOA: [SOA],
          DNSKEY: [{ flags: 257, protocol: 3, algorithm: 13, key: Uint8Array.of(1) }],
        },
      },
    },
    'no keys': { zone: { '.': { NS: ['a.root.test'], AD: true } } },
  },
};
