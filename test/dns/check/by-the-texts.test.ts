import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';
import { dnsOf, type Zone } from '../zone.ts';
import { GOOD, GOOD_WEB, KEY, MARKS, mark, spf, type WebPages, webOf } from './fixtures.ts';

/**
 * Records and documents whose verdict was read in the RFCs before the check was asked. Each line: what it is,
 * what is published or served, and all codes that `dns check` gives, hints included.
 */
type Line = [what: string, codes: string, zone: Zone, more?: { domain?: string; web?: WebPages; selectors?: string[] }];

const SOA = { mname: 'ns.example.com', rname: 'hostmaster.example.com', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 };
const MX = [{ preference: 10, exchange: 'mx.example.com' }];
const HOST = { A: ['198.51.100.1'] };
const root = (text: string | string[], more: Zone = {}): Zone => ({
  'example.com': { TXT: [typeof text === 'string' ? [text] : text], MX, SOA: [SOA] },
  ...more,
});
const key = (text: string): Zone => ({ 'sel._domainkey.example.com': spf(text) });
const dmarc = (text: string, more: Zone = {}): Zone => ({ '_dmarc.example.com': spf(text), ...more });
const sts = (text: string): Zone => ({ '_mta-sts.example.com': spf(text) });
const tls = (text: string): Zone => ({ '_smtp._tls.example.com': spf(text) });
const bimi = (text: string): Zone => ({ 'default._bimi.example.com': spf(text) });
const STS_URL = 'https://mta-sts.example.com/.well-known/mta-sts.txt';
const POLICY = 'version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n';
const policy = (text: string, type = 'text/plain'): { web: WebPages } => ({ web: { [STS_URL]: { type, text } } });
const LOGO_URL = 'https://example.com/logo.svg';
const BIMI = `v=BIMI1; l=${LOGO_URL}; a=https://example.com/mark.pem`;
const logo = (inner: string, attributes = '') => {
  const text = `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64" ${attributes}><title>A</title>${inner}</svg>`;
  return { web: { ...mark({ svg: text }), [LOGO_URL]: { type: 'image/svg+xml', text } } };
};
const R = 'rua=mailto:dmarc@example.com';
const privateKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
const ED = Buffer.alloc(32, 9).toString('base64');

const SPF: Line[] = [
  ['strings that cut a term in two', '', root(['v=spf1 ip4:192.0.', '2.0/24 -all'])],
  ['strings that cut the version in two', '', root(['v=s', 'pf1 ip4:192.0.2.0/24 -all'])],
  ['strings between which the blank lacks', 'spf_syntax', root(['v=spf1 ip4:192.0.2.0/24', '-all'])],
  ['two blanks, and one at the end', '', root('v=spf1  ip4:192.0.2.0/24   -all ')],
  ['a tab at the end', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/24 -all\t')],
  ['a comma between terms', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/24, -all')],
  ['a semicolon at the end', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/24 -all;')],
  ['a blank behind a colon', 'spf_syntax', root('v=spf1 ip4: 192.0.2.0/24 -all')],
  ['one slash before an IPv6 length', 'spf_syntax', root('v=spf1 a:mx.example.com/24/64 -all')],
  ['an address in brackets', 'spf_syntax', root('v=spf1 ip4:[192.0.2.1] -all')],
  ['a mail host in brackets', 'spf_syntax', root('v=spf1 mx:[192.0.2.1] -all')],
  ['the end stuck to an include', 'spf_syntax', root('v=spf1 include:spf.example.com~all')],
  ['a redirect to nothing at all', 'spf_syntax', root('v=spf1 redirect=')],
  ['an explanation of nothing', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/24 -all exp=')],
  ['an unknown modifier with nothing in it', '', root('v=spf1 ip4:192.0.2.0/24 foo= -all')],
  ['modifiers of RFC 6652', '', root('v=spf1 ip4:192.0.2.0/24 -all ra=postmaster rp=10 rr=e')],
  ['an unknown mechanism', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/24 -all foo:bar')],
  ['a record behind a record', 'spf_after_all spf_twice', root('v=spf1 ip4:192.0.2.0/24 -all v=spf1 ip4:198.51.100.0/24 -all')],
  [
    'a macro that is the domain itself',
    '',
    root('v=spf1 include:_spf.%{d} -all', { '_spf.example.com': spf('v=spf1 ip4:192.0.2.0/24 -all') }),
  ],
  [
    'a macro of parts of the domain',
    '',
    root('v=spf1 include:_spf.%{d2} -all', { '_spf.example.com': spf('v=spf1 ip4:192.0.2.0/24 -all') }),
  ],
  ['a macro of the local part', 'spf_macro', root('v=spf1 ip4:192.0.2.0/24 include:%{l}._spf.example.com -all')],
  ['a macro that ends a term', 'spf_macro', root('v=spf1 exists:_h.%{h}._l.%{l}._o.%{o}._i.%{i} -all')],
  ['a macro letter of explanations alone', 'spf_syntax', root('v=spf1 exists:%{t}.example.com -all')],
  ['a macro with a delimiter that is none', 'spf_syntax', root('v=spf1 exists:%{l*}.example.com -all')],
  ['a record that includes itself', 'spf_loop', root('v=spf1 include:example.com -all')],
  ['a redirect to itself', 'spf_loop', root('v=spf1 redirect=example.com')],
  [
    'a redirect to a record without an end',
    'spf_no_all',
    root('v=spf1 redirect=_spf.example.com', { '_spf.example.com': spf('v=spf1 ip4:192.0.2.0/24') }),
  ],
  [
    'a redirect to a record with ?all',
    'spf_neutral_all',
    root('v=spf1 redirect=_spf.example.com', { '_spf.example.com': spf('v=spf1 ip4:192.0.2.0/24 ?all') }),
  ],
  [
    'an include without an end',
    '',
    root('v=spf1 include:_spf.example.com -all', { '_spf.example.com': spf('v=spf1 ip4:192.0.2.0/24') }),
  ],
  [
    'an include with ?all',
    '',
    root('v=spf1 include:_spf.example.com -all', { '_spf.example.com': spf('v=spf1 ip4:192.0.2.0/24 ?all') }),
  ],
  [
    'a final dot behind a redirect',
    '',
    root('v=spf1 redirect=_spf.example.com.', { '_spf.example.com': spf('v=spf1 ip4:192.0.2.0/24 -all') }),
  ],
  [
    'an alias to an included record',
    '',
    root('v=spf1 include:_spf.example.com -all', {
      '_spf.example.com': { CNAME: ['spf.vendor.example'] },
      'spf.vendor.example': spf('v=spf1 ip4:192.0.2.0/24 -all'),
    }),
  ],
  [
    'an include with a question mark that passes all',
    '',
    root('v=spf1 ?include:_spf.example.com -all', { '_spf.example.com': spf('v=spf1 +all') }),
  ],
  [
    'an include with a minus that passes all',
    '',
    root('v=spf1 ip4:192.0.2.0/24 -include:_spf.example.com -all', { '_spf.example.com': spf('v=spf1 +all') }),
  ],
  ['all without a sign', 'spf_pass_all', root('v=spf1 ip4:192.0.2.0/24 ALL')],
  ['nothing but a sign', 'spf_pass_all spf_syntax', root('v=spf1 ip4:192.0.2.0/24 - all')],
  ['IPv6 bits behind the length', '', root('v=spf1 ip6:2001:db8::1/64 -all')],
  ['IPv6 in the longest form', '', root('v=spf1 ip6:2001:0DB8:0000:0000:0000:0000:0000:0000/64 -all')],
  ['IPv6 in four parts and a dot quad', '', root('v=spf1 ip6:64:ff9b::192.0.2.0/120 -all')],
  ['IPv6 with two gaps', 'spf_syntax', root('v=spf1 ip6:2001::db8::/64 -all')],
  ['an address of five parts', 'spf_syntax', root('v=spf1 ip4:192.0.2.1.1 -all')],
  ['a negative length', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/-24 -all')],
  ['a mask for a length', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/255.255.255.0 -all')],
  ['a range of addresses', 'spf_syntax', root('v=spf1 ip4:192.0.2.1-192.0.2.9 -all')],
  ['ptr with a tilde', 'spf_ptr', root('v=spf1 ip4:192.0.2.0/24 ~ptr -all')],
  ['an exists that finds an address', '', root('v=spf1 exists:on.example.com -all', { 'on.example.com': HOST })],
  [
    'an exists of a name with IPv6 alone',
    'spf_void',
    root('v=spf1 exists:on.example.com -all', { 'on.example.com': { AAAA: ['2001:db8::1'] } }),
  ],
  ['an a of a name with text alone', 'spf_void', root('v=spf1 a:on.example.com -all', { 'on.example.com': spf('x') })],
  [
    'a record and one in capitals',
    'spf_several',
    { 'example.com': { TXT: [['v=spf1 ip4:192.0.2.0/24 -all'], ['V=SPF1 -ALL']], MX, SOA: [SOA] } },
  ],
  [
    'a record beside other texts',
    '',
    { 'example.com': { TXT: [['spf2.0/pra -all'], ['v=spf1 ip4:192.0.2.0/24 -all'], ['v=spf1x']], MX, SOA: [SOA] } },
  ],
  ['a record in the strings of a backslash', 'spf_syntax', root('v=spf1 include:_spf.example.com\\ -all')],
];

const DKIM: Line[] = [
  ['no blanks at all', '', key(`v=DKIM1;k=rsa;p=${KEY}`)],
  ['blanks around the signs', '', key(`v = DKIM1 ; k = rsa ; p = ${KEY} ;`)],
  ['a type in capitals', '', key(`v=DKIM1; k=RSA; p=${KEY}`)],
  ['hashes of which one is unknown', '', key(`v=DKIM1; h=sha256 : sha512; p=${KEY}`)],
  ['a hash in capitals', '', key(`v=DKIM1; h=SHA256; p=${KEY}`)],
  ['an unknown tag, and a note with an equals sign', '', key(`v=DKIM1; x=1; n=a=b; p=${KEY}`)],
  ['services of all and of mail', '', key(`v=DKIM1; s=*:email; p=${KEY}`)],
  ['a key for TLS reports alone', 'dkim_service', key(`v=DKIM1; s=tlsrpt; p=${KEY}`)],
  ['a key for subdomains as well as for itself', '', key(`v=DKIM1; t=s; p=${KEY}`)],
  ['an unknown flag', '', key(`v=DKIM1; t=x-new; p=${KEY}`)],
  ['a tag name in capitals', 'dkim_no_p', key(`v=DKIM1; P=${KEY}`)],
  ['the semicolon behind the version lacks', 'dkim_no_p dkim_version', key(`v=DKIM1 p=${KEY}`)],
  ['escaped semicolons', 'dkim_type dkim_version', key(`v=DKIM1\\; k=rsa\\; p=${KEY}`)],
  ['a key in PEM', 'dkim_base64', key(`v=DKIM1; p=-----BEGIN PUBLIC KEY-----${KEY}-----END PUBLIC KEY-----`)],
  ['base64 of URLs', 'dkim_base64', key(`v=DKIM1; p=${KEY.replace('xc', '-_')}`)],
  [
    'a key of PKCS#1',
    '',
    key(
      `v=DKIM1; p=${generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'pkcs1', format: 'der' }).toString('base64')}`,
    ),
  ],
  [
    'a private key of PKCS#1',
    'dkim_key',
    key(`v=DKIM1; p=${privateKey.export({ type: 'pkcs1', format: 'der' }).toString('base64')}`),
  ],
  [
    'a private key of PKCS#8',
    'dkim_key',
    key(`v=DKIM1; p=${privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')}`),
  ],
  [
    'a key of an elliptic curve',
    'dkim_key',
    key(`v=DKIM1; p=${elliptic.export({ type: 'spki', format: 'der' }).toString('base64')}`),
  ],
  ['Ed25519 without its type', 'dkim_key', key(`v=DKIM1; p=${ED}`)],
  ['RSA under the type of Ed25519', 'dkim_key', key(`v=DKIM1; k=ed25519; p=${KEY}`)],
  ['the text of an SPF wildcard at the selector', 'dkim_no_p dkim_version', key('v=spf1 -all')],
  ['a record of DMARC at the selector', 'dkim_no_p dkim_version', key('v=DMARC1; p=none'.replace('p=', 'x='))],
  [
    'a key two aliases away',
    '',
    {
      'sel._domainkey.example.com': { CNAME: ['a.vendor.example'] },
      'a.vendor.example': { CNAME: ['b.vendor.example'] },
      'b.vendor.example': spf(`v=DKIM1; p=${KEY}`),
    },
  ],
  [
    'strings that cut the key',
    '',
    { 'sel._domainkey.example.com': { TXT: [['v=DKIM1; p=', KEY.slice(0, 200), KEY.slice(200)]] } },
  ],
  ['a revoked key with a note', 'dkim_revoked', key('v=DKIM1; n=rotated; p=;')],
  ['a flag of testing in capitals', 'dkim_testing', key(`v=DKIM1; t=Y; p=${KEY}`)],
];

const DMARC: Line[] = [
  ['tabs for blanks', '', dmarc(`v=DMARC1;\tp=reject;\t${R}`)],
  ['two semicolons at the end', '', dmarc(`v=DMARC1; p=reject; ${R};;`)],
  ['blanks around the version', '', dmarc(`v = DMARC1 ; p=reject; ${R}`)],
  ['a blank before it', 'dmarc_misspelt', dmarc(` v=DMARC1; p=reject; ${R}`)],
  ['a comma behind the version', 'dmarc_misspelt', dmarc(`v=DMARC1, p=reject, ${R}`)],
  ['the semicolon behind the version lacks', 'dmarc_misspelt', dmarc(`v=DMARC1 p=reject; ${R}`)],
  ['another version', 'dmarc_misspelt', dmarc(`v=DMARC2; p=reject; ${R}`)],
  ['escaped semicolons', 'dmarc_misspelt', dmarc(`v=DMARC1\\; p=reject\\; ${R}`)],
  ['a version at the end, too', 'dmarc_tag_twice', dmarc(`v=DMARC1; p=reject; ${R}; v=DMARC1`)],
  ['policies in capitals', '', dmarc(`v=DMARC1; p=REJECT; sp=Quarantine; np=Reject; ${R}`)],
  ['psd=u and t=n', '', dmarc(`v=DMARC1; p=reject; psd=u; t=n; ${R}`)],
  ['psd=Y at an organization', '', dmarc(`v=DMARC1; p=reject; psd=Y; ${R}`)],
  ['t=Y', 'dmarc_testing', dmarc(`v=DMARC1; p=reject; t=Y; ${R}`)],
  ['t=y with quarantine for names that do not exist', 'dmarc_testing', dmarc(`v=DMARC1; p=reject; np=quarantine; t=y; ${R}`)],
  ['np=none alone', 'dmarc_subdomains_open', dmarc(`v=DMARC1; p=reject; np=none; ${R}`)],
  ['np=reject below none', 'dmarc_policy_none', dmarc(`v=DMARC1; p=none; np=reject; ${R}`)],
  ['pct without a number', 'dmarc_tag_historic', dmarc(`v=DMARC1; p=reject; pct=all; ${R}`)],
  ['fo with commas', 'dmarc_fo_without_ruf dmarc_value', dmarc(`v=DMARC1; p=reject; fo=1,d; ${R}`)],
  ['a quoted policy', 'dmarc_value', dmarc(`v=DMARC1; p="reject"; ${R}`)],
  ['a scheme in capitals', '', dmarc('v=DMARC1; p=reject; rua=MAILTO:dmarc@example.com')],
  ['an address with a query', '', dmarc('v=DMARC1; p=reject; rua=mailto:dmarc@example.com?subject=r')],
  ['an address with a plus', '', dmarc('v=DMARC1; p=reject; rua=mailto:dmarc+example.com@example.com')],
  ['a comma at the end of the places', 'dmarc_uri', dmarc(`v=DMARC1; p=reject; ${R},`)],
  ['a blank behind mailto:', 'dmarc_uri', dmarc('v=DMARC1; p=reject; rua=mailto: dmarc@example.com')],
  ['slashes behind mailto:', 'dmarc_uri', dmarc('v=DMARC1; p=reject; rua=mailto://dmarc@example.com')],
  ['mailto twice', 'dmarc_uri', dmarc('v=DMARC1; p=reject; rua=mailto:mailto:dmarc@example.com')],
  ['an @ that is encoded', 'dmarc_uri', dmarc('v=DMARC1; p=reject; rua=mailto:dmarc%40example.com')],
  ['angle brackets', 'dmarc_uri', dmarc('v=DMARC1; p=reject; rua=<mailto:dmarc@example.com>')],
  ['an exclamation point with nothing behind', 'dmarc_uri', dmarc(`v=DMARC1; p=reject; ${R}!`)],
  ['two sizes', 'dmarc_uri', dmarc(`v=DMARC1; p=reject; ${R}!10m!20m`)],
  ['reports of failures alone', 'dmarc_no_rua', dmarc('v=DMARC1; p=reject; ruf=mailto:dmarc@example.com')],
  ['places that are the same', '', dmarc('v=DMARC1; p=reject; rua=mailto:dmarc@example.com,mailto:dmarc@example.com')],
  ['the text of an SPF wildcard', 'dmarc_missing', dmarc('v=spf1 -all')],
  [
    'an alias to a vendor',
    '',
    {
      '_dmarc.example.com': { CNAME: ['example.com.vendor.example'] },
      'example.com.vendor.example': spf(`v=DMARC1; p=reject; ${R}`),
    },
  ],
  ['an alias into nothing', 'dmarc_missing', { '_dmarc.example.com': { CNAME: ['gone.vendor.example'] } }],
  [
    'reports to another organization that accepts all',
    '',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      '*._report._dmarc.reports.test': spf('v=DMARC1'),
    }),
  ],
  [
    'one that accepts and sends them on',
    '',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.com._report._dmarc.reports.test': spf('v=DMARC1; rua=mailto:b@reports.test'),
    }),
  ],
  [
    'one whose acceptance is behind an alias',
    '',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.com._report._dmarc.reports.test': { CNAME: ['yes.reports.test'] },
      'yes.reports.test': spf('v=DMARC1'),
    }),
  ],
  [
    'one that accepts in small letters',
    'dmarc_destination',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.com._report._dmarc.reports.test': spf('v=dmarc1'),
    }),
  ],
  [
    'one that accepts behind a blank',
    'dmarc_destination',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.com._report._dmarc.reports.test': spf(' v=DMARC1'),
    }),
  ],
  [
    'one that accepts another domain',
    'dmarc_destination',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.net._report._dmarc.reports.test': spf('v=DMARC1'),
    }),
  ],
  [
    'one that accepts with a record beside it',
    '',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@reports.test', {
      'reports.test': { MX },
      'example.com._report._dmarc.reports.test': spf('hello', 'v=DMARC1'),
    }),
  ],
  [
    'one in a subdomain of the other organization',
    'dmarc_destination',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@in.reports.test', {
      'in.reports.test': { MX },
      'example.com._report._dmarc.reports.test': spf('v=DMARC1'),
    }),
  ],
  ['one that does not exist', 'dmarc_destination dmarc_destination_no_mail', dmarc('v=DMARC1; p=reject; rua=mailto:a@gone.test')],
  [
    'a sister domain of the same organization',
    '',
    {
      'below.example.com': { ...spf('v=spf1 ip4:192.0.2.0/24 -all'), MX, SOA: [SOA] },
      '_dmarc.below.example.com': spf('v=DMARC1; p=reject; rua=mailto:a@mail.example.com'),
      'mail.example.com': { MX },
    },
    { domain: 'below.example.com', selectors: [] },
  ],
  [
    'an own mark for the subdomain makes the domain above foreign',
    'dmarc_destination',
    {
      'below.example.com': { ...spf('v=spf1 ip4:192.0.2.0/24 -all'), MX, SOA: [SOA] },
      '_dmarc.below.example.com': spf('v=DMARC1; p=reject; psd=n; rua=mailto:a@example.com'),
    },
    { domain: 'below.example.com', selectors: [] },
  ],
];

/** A subdomain whose policy is looked for: the codes about DMARC, and whose record it is. */
const below = (domain: string, zone: Zone): Zone => ({
  [domain]: { ...spf('v=spf1 ip4:192.0.2.0/24 -all'), MX, SOA: [SOA] },
  ...zone,
});
const WALKS: [what: string, found: string, domain: string, zone: Zone][] = [
  [
    'nine labels ask themselves, then seven',
    'example.com reject p',
    'a.b.c.d.e.f.g.example.com',
    { '_dmarc.b.c.d.e.f.g.example.com': spf('v=DMARC1; p=none; rua=mailto:a@example.com') },
  ],
  [
    'nine labels find seven labels',
    'c.d.e.f.g.example.com none p',
    'a.b.c.d.e.f.g.example.com',
    { '_dmarc.c.d.e.f.g.example.com': spf('v=DMARC1; p=none; psd=n; rua=mailto:a@example.com') },
  ],
  [
    'the shortest name with a record',
    'example.com reject p',
    'a.below.example.com',
    { '_dmarc.below.example.com': spf('v=DMARC1; p=none; rua=mailto:a@example.com') },
  ],
  [
    'psd=n ends it',
    'below.example.com none p',
    'a.below.example.com',
    { '_dmarc.below.example.com': spf('v=DMARC1; p=none; psd=n; rua=mailto:a@example.com') },
  ],
  ['psd=y leaves the label below', 'example.com reject p', 'a.example.com', { '_dmarc.com': spf('v=DMARC1; p=none; psd=y') }],
  [
    'psd=y with nothing below',
    'com quarantine sp',
    'a.free.com',
    { '_dmarc.com': spf('v=DMARC1; p=none; sp=quarantine; psd=y') },
  ],
  [
    'several above count as none',
    'com reject p',
    'a.free.com',
    { '_dmarc.free.com': spf('v=DMARC1; p=none', 'v=DMARC1; p=quarantine'), '_dmarc.com': spf('v=DMARC1; p=reject; psd=y') },
  ],
  [
    'sp of the organization',
    'example.com quarantine sp',
    'a.example.com',
    { '_dmarc.example.com': spf(`v=DMARC1; p=reject; sp=quarantine; ${R}`) },
  ],
  [
    'np does not count for a name that exists',
    'example.com reject p',
    'a.example.com',
    { '_dmarc.example.com': spf(`v=DMARC1; p=reject; np=none; ${R}`) },
  ],
  [
    'a wrong sp with a place for reports',
    'example.com none p',
    'a.example.com',
    { '_dmarc.example.com': spf(`v=DMARC1; p=reject; sp=no; ${R}`) },
  ],
  ['a wrong sp without a place for reports', 'none', 'a.example.com', { '_dmarc.example.com': spf('v=DMARC1; p=reject; sp=no') }],
  ['no p with a place for reports', 'example.com none p', 'a.example.com', { '_dmarc.example.com': spf(`v=DMARC1; ${R}`) }],
  ['nothing anywhere', 'none', 'a.free.org', {}],
  ['silence above', 'unknown', 'a.free.org', { '_dmarc.org': 'unknown' }],
];

const STS: Line[] = [
  ['no blanks', '', sts('v=STSv1;id=20261128;')],
  ['an extension', '', sts('v=STSv1; id=20261128; foo=bar')],
  ['an id in capitals', 'mta_sts_id', sts('v=STSv1; ID=20261128')],
  ['blanks around the sign of the id', 'mta_sts_id', sts('v=STSv1; id = 20261128')],
  ['a part that is none', 'mta_sts_syntax', sts('v=STSv1; hello; id=20261128')],
  ['the semicolon lacks', 'mta_sts_misspelt', sts('v=STSv1 id=20261128')],
  ['the version is not first', 'mta_sts_misspelt', sts('id=20261128; v=STSv1')],
  ['small letters', 'mta_sts_misspelt', sts('v=stsv1; id=20261128')],
  [
    'behind an alias',
    '',
    { '_mta-sts.example.com': { CNAME: ['sts.vendor.example'] }, 'sts.vendor.example': spf('v=STSv1; id=1') },
  ],
  ['lines that end in CR LF', '', {}, policy(POLICY.replaceAll('\n', '\r\n'))],
  ['a last line without an end', '', {}, policy(POLICY.trimEnd())],
  ['no blank behind the colons', '', {}, policy(POLICY.replaceAll(': ', ':'))],
  ['another order', '', {}, policy('max_age: 604800\nmx: mx.example.com\nmode: enforce\nversion: STSv1\n')],
  ['keys that nobody knows', '', {}, policy(`${POLICY}foo: bar\n`)],
  ['a charset', '', {}, policy(POLICY, 'text/plain')],
  ['a byte order mark', 'mta_sts_policy_syntax', {}, policy(`\ufeff${POLICY}`)],
  [
    'lines that end in CR',
    'mta_sts_policy_age mta_sts_policy_mode mta_sts_policy_no_mx mta_sts_policy_syntax',
    {},
    policy(POLICY.replaceAll('\n', '\r')),
  ],
  ['keys in capitals', 'mta_sts_policy_syntax', {}, policy(POLICY.replace('version', 'Version'))],
  ['a blank before a key', 'mta_sts_policy_syntax', {}, policy(` ${POLICY}`)],
  ['a blank before a colon', 'mta_sts_policy_syntax', {}, policy(POLICY.replace('version:', 'version :'))],
  ['a comment', 'mta_sts_policy_syntax', {}, policy(`# policy\n${POLICY}`)],
  [
    'a page for people',
    'mta_sts_policy_age mta_sts_policy_mode mta_sts_policy_no_mx mta_sts_policy_syntax mta_sts_policy_type',
    {},
    policy('<!DOCTYPE html><html>\n</html>', 'text/html'),
  ],
  ['a mode in capitals', 'mta_sts_policy_mode', {}, policy(POLICY.replace('enforce', 'Enforce'))],
  [
    'two hosts in one line',
    'mta_sts_policy_no_mx mta_sts_policy_syntax',
    {},
    policy(POLICY.replace('mx.example.com', 'mx.example.com, mx2.example.com')),
  ],
  [
    'a host with a final dot',
    'mta_sts_policy_no_mx mta_sts_policy_syntax',
    {},
    policy(POLICY.replace('mx.example.com', 'mx.example.com.')),
  ],
  ['a star alone', 'mta_sts_policy_no_mx mta_sts_policy_syntax', {}, policy(POLICY.replace('mx.example.com', '*'))],
  [
    'a dot for a star',
    'mta_sts_policy_no_mx mta_sts_policy_syntax',
    {},
    policy(POLICY.replace('mx.example.com', '.example.com')),
  ],
  [
    'a star in the middle',
    'mta_sts_policy_no_mx mta_sts_policy_syntax',
    {},
    policy(POLICY.replace('mx.example.com', 'mx.*.com')),
  ],
  [
    'a star for part of a label',
    'mta_sts_policy_no_mx mta_sts_policy_syntax',
    {},
    policy(POLICY.replace('mx.example.com', 'mx*.example.com')),
  ],
  ['an address', 'mta_sts_policy_no_mx mta_sts_policy_syntax', {}, policy(POLICY.replace('mx.example.com', '192.0.2.1'))],
  [
    'letters beyond ASCII',
    'mta_sts_policy_no_mx mta_sts_policy_syntax',
    {},
    policy(POLICY.replace('mx.example.com', 'bücher.example.com')),
  ],
  ['a pattern of the wrong depth', 'mta_sts_mx', {}, policy(POLICY.replace('mx.example.com', '*.mx.example.com'))],
  [
    'a pattern that covers no domain itself',
    'mta_sts_mx',
    {
      'example.com': {
        ...spf('v=spf1 ip4:192.0.2.0/24 -all'),
        MX: [{ preference: 1, exchange: 'example.com' }],
        A: ['192.0.2.1'],
        SOA: [SOA],
      },
    },
    policy(POLICY.replace('mx.example.com', '*.example.com')),
  ],
  ['an age of zero', 'mta_sts_age_short', {}, policy(POLICY.replace('604800', '0'))],
  ['an age below zero', 'mta_sts_policy_age', {}, policy(POLICY.replace('604800', '-1'))],
  ['an age with a unit', 'mta_sts_policy_age', {}, policy(POLICY.replace('604800', '604800s'))],
  ['an age with a fraction', 'mta_sts_policy_age', {}, policy(POLICY.replace('604800', '604800.0'))],
  [
    'an age twice, the first counts',
    'mta_sts_age_short',
    {},
    policy(POLICY.replace('max_age: 604800', 'max_age: 60\nmax_age: 604800')),
  ],
  ['another version', 'mta_sts_policy_syntax', {}, policy(POLICY.replace('STSv1', 'STSv2'))],
];

const TLS: Line[] = [
  ['no blanks', '', tls('v=TLSRPTv1;rua=mailto:tls@example.com;')],
  ['two places of two kinds', '', tls('v=TLSRPTv1; rua=https://tls.example.com/v1,mailto:tls@example.com')],
  ['an extension', '', tls('v=TLSRPTv1; rua=mailto:tls@example.com; foo=bar')],
  ['blanks around the sign of rua', 'tlsrpt_no_rua tlsrpt_syntax', tls('v=TLSRPTv1; rua = mailto:tls@example.com')],
  ['a tag in capitals', 'tlsrpt_no_rua', tls('v=TLSRPTv1; RUA=mailto:tls@example.com')],
  ['a place over http', 'tlsrpt_uri', tls('v=TLSRPTv1; rua=http://example.com/tls')],
  ['another version', 'tlsrpt_misspelt', tls('v=TLSRPTv2; rua=mailto:tls@example.com')],
  ['small letters', 'tlsrpt_misspelt', tls('v=tlsrptv1; rua=mailto:tls@example.com')],
  ['the semicolon lacks', 'tlsrpt_misspelt', tls('v=TLSRPTv1 rua=mailto:tls@example.com')],
  ['an address alone', 'tlsrpt_uri', tls('v=TLSRPTv1; rua=tls@example.com')],
  ['a record of DMARC there', 'tlsrpt_missing', tls('v=DMARC1; p=none')],
];

const LOGOS: Line[] = [
  ['an avatar of a person', '', bimi(`${BIMI}; avp=personal`)],
  ['an unknown tag', '', bimi(`${BIMI}; foo=bar`)],
  ['small letters', 'bimi_misspelt', bimi(BIMI.replace('BIMI1', 'bimi1'))],
  ['the semicolon lacks', 'bimi_misspelt', bimi(BIMI.replace('BIMI1;', 'BIMI1'))],
  ['another version', 'bimi_misspelt', bimi(BIMI.replace('BIMI1', 'BIMI2'))],
  ['the version is not first', 'bimi_misspelt', bimi(`l=${LOGO_URL}; v=BIMI1`)],
  ['the logo twice', 'bimi_syntax', bimi(`${BIMI}; l=${LOGO_URL}`)],
  ['nothing but the version', 'bimi_no_certificate bimi_syntax', bimi('v=BIMI1;')],
  ['two logos', 'bimi_location', bimi(`v=BIMI1; l=${LOGO_URL},${LOGO_URL}; a=https://example.com/mark.pem`)],
  ['the word self for a certificate', 'bimi_location bimi_no_certificate', bimi(`v=BIMI1; l=${LOGO_URL}; a=self`)],
  [
    'a subdomain has the record of its organization',
    '',
    { 'below.example.com': { ...spf('v=spf1 ip4:192.0.2.0/24 -all'), MX, SOA: [SOA] } },
    { domain: 'below.example.com' },
  ],
  [
    'shapes, text and gradients',
    '',
    {},
    logo(
      '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs><g fill="url(#a)"><path d="M0 0h9v9z"/><text>A<tspan>b</tspan></text><solidColor/></g>',
    ),
  ],
  [
    'a clip path',
    'bimi_logo_profile',
    {},
    logo('<clipPath id="c"><rect width="9" height="9"/></clipPath><g clip-path="url(#c)"/>'),
  ],
  ['a mask', 'bimi_logo_profile', {}, logo('<mask id="c"/>')],
  ['a filter', 'bimi_logo_profile', {}, logo('<filter id="c"><feGaussianBlur/></filter>')],
  ['a pattern', 'bimi_logo_profile', {}, logo('<pattern id="c"/>')],
  ['a symbol', 'bimi_logo_profile', {}, logo('<symbol id="c"/>')],
  [
    'elements of an editor',
    '',
    {},
    logo('<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></metadata>'),
  ],
  ['an entity', 'bimi_logo_profile', {}, logo('<text>&brand;</text>')],
];

const HOSTS: Line[] = [
  ['a host of IPv6 alone', '', { ...root('v=spf1 ip4:192.0.2.0/24 -all'), 'mx.example.com': { AAAA: ['2001:db8::25'] } }],
  [
    'a host behind two aliases',
    'mx_alias',
    {
      ...root('v=spf1 ip4:192.0.2.0/24 -all'),
      'mx.example.com': { CNAME: ['a.example.com'] },
      'a.example.com': { CNAME: ['b.example.com'] },
      'b.example.com': HOST,
    },
  ],
];

const AREAS = { SPF, DKIM, DMARC, 'MTA-STS': STS, 'TLS-RPT': TLS, BIMI: LOGOS, MX: HOSTS };
/** Without a policy at enforcement there is no logo either: said of the area alone. */
const OF_AREA: Partial<Record<keyof typeof AREAS, RegExp>> = { DMARC: /^dmarc_/, BIMI: /^bimi_/ };
const lines = (Object.keys(AREAS) as (keyof typeof AREAS)[]).flatMap((area) =>
  AREAS[area].map(([what, codes, zone, more]) => [area, what, codes, zone, more] as const),
);

test.each(lines)('%s, %s: %s', async (area, _, codes, zone, more = {}) => {
  const { domain = 'example.com', web, selectors = ['sel'] } = more;
  const { findings } = await checkDomain(domain, dnsOf({ ...GOOD, ...zone }), {
    selectors,
    registrable: organizationalDomain,
    web: webOf({ ...GOOD_WEB, ...web }),
    marks: MARKS,
  });
  const found = [...new Set(findings.map(({ code }) => code))].filter((code) => OF_AREA[area]?.test(code) ?? true);
  expect(found.sort().join(' ')).toBe(codes);
});

test.each(WALKS)('the policy of a name: %s', async (_, wanted, domain, zone) => {
  const { dmarc } = await checkDomain(domain, dnsOf({ ...GOOD, ...below(domain, {}), ...zone }), {});
  const { discovery } = dmarc!;
  const found = discovery.state === 'found' ? `${discovery.at} ${discovery.policy} ${discovery.tag}` : discovery.state;
  expect(found).toBe(wanted);
});
