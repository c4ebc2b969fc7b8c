import { expect, test } from 'vitest';
import { checkDomain } from '../../../services/dns/check/check.ts';
import { organizationalDomain } from '../../../services/report/orgdomain.ts';
import { dnsOf, type Zone } from '../zone.ts';
import { GOOD, GOOD_WEB, KEY, MARKS, mark, spf, type WebPages, webOf } from './fixtures.ts';

/**
 * More records of kinds that by-the-texts.test.ts lacks, their verdicts read in the RFCs before the check was
 * asked. Each line: what it is, all codes that the check gives of its area, what is published or served.
 */
type Line = [what: string, codes: string, zone: Zone, web?: WebPages];

const MX = [{ preference: 10, exchange: 'mx.example.com' }];
const root = (text: string, more: Zone = {}): Zone => ({ 'example.com': { TXT: [[text]], MX }, ...more });
const key = (text: string): Zone => ({ 'sel._domainkey.example.com': spf(text) });
const dmarc = (text: string, more: Zone = {}): Zone => ({ '_dmarc.example.com': spf(text), ...more });
const tls = (text: string): Zone => ({ '_smtp._tls.example.com': spf(text) });
const bimi = (text: string): Zone => ({ 'default._bimi.example.com': spf(text) });
const mx = (...hosts: [number, string][]): Zone => ({
  'example.com': {
    TXT: [['v=spf1 ip4:192.0.2.0/24 -all']],
    MX: hosts.map(([preference, exchange]) => ({ preference, exchange })),
  },
});
const policy = (text: string): WebPages => ({
  'https://mta-sts.example.com/.well-known/mta-sts.txt': { type: 'text/plain', text },
});
const hosts = (...names: string[]) =>
  policy(`version: STSv1\nmode: enforce\n${names.map((name) => `mx: ${name}\n`).join('')}max_age: 604800\n`);
const LOGO_URL = 'https://example.com/logo.svg';
const BIMI = `v=BIMI1; l=${LOGO_URL}; a=https://example.com/mark.pem`;
const TINY = 'version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64"';
const svg = (attributes: string, inner = '<title>A</title>') => {
  const text = `<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inner}</svg>`;
  return { ...mark({ svg: text }), [LOGO_URL]: { type: 'image/svg+xml', text } };
};
const R = 'rua=mailto:dmarc@example.com';
const ED = Buffer.alloc(32, 9).toString('base64');
const LIST = spf('v=spf1 ip4:192.0.2.0/24 -all');

const SPF: Line[] = [
  ['an a of a domain without an address', 'spf_void', root('v=spf1 a/24 -all')],
  ['the networks of its mail hosts', '', root('v=spf1 mx/24 -all')],
  ['a length for IPv6 alone', '', root('v=spf1 mx//64 -all')],
  ['all of IPv4', 'spf_pass_all', root('v=spf1 ip4:192.0.2.0/0 -all')],
  ['all of IPv6', 'spf_pass_all', root('v=spf1 ip6:::/0 -all')],
  ['all hosts of IPv6', 'spf_pass_all', root('v=spf1 ip6:2000::/3 -all')],
  ['half of IPv6, where hosts are not', 'spf_wide', root('v=spf1 ip6:8000::/1 -all')],
  ['every address that begins as that of the domain', 'spf_pass_all', root('v=spf1 mx/0 -all')],
  ['both halves of IPv6', 'spf_pass_all spf_wide', root('v=spf1 ip6:::/1 ip6:8000::/1 -all')],
  ['a length with a zero before it', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/024 -all')],
  ['an address with a zero before a part', 'spf_syntax', root('v=spf1 ip4:192.0.02.0/24 -all')],
  ['a length of 33', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/33 -all')],
  ['a length of 129', 'spf_syntax', root('v=spf1 ip6:2001:db8::/129 -all')],
  ['two slashes before the length of an ip4', 'spf_syntax', root('v=spf1 ip4:192.0.2.0//24 -all')],
  ['IPv6 under ip4', 'spf_syntax', root('v=spf1 ip4:2001:db8::1 -all')],
  ['IPv4 under ip6', 'spf_syntax', root('v=spf1 ip6:192.0.2.1 -all')],
  ['IPv6 in capitals', '', root('v=spf1 ip6:2001:DB8::/64 -all')],
  ['a zone of an IPv6 address', 'spf_syntax', root('v=spf1 ip6:fe80::1%eth0 -all')],
  ['a name of one label', 'spf_syntax', root('v=spf1 include:localhost -all')],
  ['a name whose last label is a number', 'spf_syntax', root('v=spf1 a:mx.example.123 -all')],
  ['a name with a star', 'spf_include_gone', root('v=spf1 include:*.example.com -all')],
  ['a name with two dots', 'spf_include_gone', root('v=spf1 include:_spf..example.com -all')],
  ['a query of the address', 'spf_macro', root('v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all')],
  ['an explanation that does not exist', '', root('v=spf1 ip4:192.0.2.0/24 -all exp=explain.example.com')],
  ['two explanations', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/24 -all exp=a.example.com exp=b.example.com')],
  [
    'two redirects',
    'spf_syntax',
    root('v=spf1 redirect=_spf.example.com redirect=_spf.example.com', { '_spf.example.com': LIST }),
  ],
  ['a redirect before a mechanism', '', root('v=spf1 redirect=_spf.example.com ip4:192.0.2.0/25', { '_spf.example.com': LIST })],
  ['a redirect with a colon', 'spf_syntax', root('v=spf1 redirect:_spf.example.com', { '_spf.example.com': LIST })],
  ['an include with an equals sign', '', root('v=spf1 ip4:192.0.2.0/24 include=_spf.example.com -all')],
  ['a version in capitals', '', root('V=SPF1 ip4:192.0.2.0/24 -all')],
  ['the version ten', 'spf_misspelt', root('v=spf10 ip4:192.0.2.0/24 -all')],
  ['a semicolon behind the version', 'spf_misspelt', root('v=spf1; ip4:192.0.2.0/24 -all')],
  ['mechanisms in capitals', '', root('v=spf1 IP4:192.0.2.0/24 -ALL')],
  ['a network that is refused', '', root('v=spf1 -ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all')],
  ['nothing but the version', 'spf_no_all', root('v=spf1')],
  ['an all with a domain', 'spf_syntax', root('v=spf1 ip4:192.0.2.0/24 -all:example.com')],
  [
    'a domain above that cannot be asked',
    'spf_unknown',
    root('v=spf1 include:spf.dark.test -all', { 'spf.dark.test': 'unknown' }),
  ],
  [
    'an include of a redirect',
    '',
    root('v=spf1 include:a.example.com -all', { 'a.example.com': spf('v=spf1 redirect=b.example.com'), 'b.example.com': LIST }),
  ],
  [
    'an included record with a mistake behind its all',
    'spf_include_syntax',
    root('v=spf1 include:a.example.com -all', { 'a.example.com': spf('v=spf1 ip4:192.0.2.0/24 -all ipv4:192.0.2.1') }),
  ],
];

const DKIM: Line[] = [
  ['too much padding', 'dkim_base64', key(`v=DKIM1; p=${KEY}==`)],
  ['a tag with a number in its name', '', key(`v=DKIM1; x2=1; p=${KEY}`)],
  ['a tag that begins with a number', 'dkim_syntax', key(`v=DKIM1; 2x=1; p=${KEY}`)],
  ['a star for the hashes', 'dkim_hash', key(`v=DKIM1; h=*; p=${KEY}`)],
  ['no hash at all', 'dkim_hash', key(`v=DKIM1; h=; p=${KEY}`)],
  ['no service at all', 'dkim_service', key(`v=DKIM1; s=; p=${KEY}`)],
  ['flags with blanks', 'dkim_testing', key(`v=DKIM1; t=s : y; p=${KEY}`)],
  ['no flag at all', '', key(`v=DKIM1; t=; p=${KEY}`)],
  ['a note with an encoded semicolon', '', key(`v=DKIM1; n=call=3B then ask; p=${KEY}`)],
  ['the key before the version', 'dkim_version', key(`p=${KEY}; v=DKIM1`)],
  ['the key alone', '', key(`p=${KEY}`)],
  ['the key without a tag', 'dkim_no_p dkim_syntax', key(`v=DKIM1; k=rsa; ${KEY.slice(0, 200).replaceAll('=', '')}`)],
  ['a folded key', '', key(`v=DKIM1; p=${KEY.slice(0, 100)}\r\n\t${KEY.slice(100)}`)],
  ['Ed25519 with sha1', 'dkim_hash', key(`v=DKIM1; k=ed25519; h=sha1; p=${ED}`)],
  ['Ed25519 of 31 octets', 'dkim_key', key(`v=DKIM1; k=ed25519; p=${Buffer.alloc(31, 9).toString('base64')}`)],
  [
    'two records that are the same',
    'dkim_several',
    { 'sel._domainkey.example.com': spf(`v=DKIM1; p=${KEY}`, `v=DKIM1; p=${KEY}`) },
  ],
  ['an alias into nothing', 'dkim_missing', { 'sel._domainkey.example.com': { CNAME: ['sel.vendor.test'] } }],
  [
    'an alias to two records',
    'dkim_several',
    {
      'sel._domainkey.example.com': { CNAME: ['sel.vendor.test'] },
      'sel.vendor.test': spf(`v=DKIM1; p=${KEY}`, `v=DKIM1; p=${KEY}; t=s`),
    },
  ],
  ['a revoked key with its type', 'dkim_revoked', key('v=DKIM1; k=rsa; p=')],
  ['a key in quotation marks', 'dkim_base64', key(`v=DKIM1; p="${KEY}"`)],
  ['the version DKIM2', 'dkim_version', key(`v=DKIM2; p=${KEY}`)],
];

const DMARC: Line[] = [
  ['modes in capitals', '', dmarc(`v=DMARC1; p=reject; adkim=S; aspf=R; ${R}`)],
  ['a mode in a word', 'dmarc_value', dmarc(`v=DMARC1; p=reject; adkim=strict; ${R}`)],
  ['all reasons of failures', '', dmarc(`v=DMARC1; p=reject; fo=1:d:s; ruf=mailto:dmarc@example.com; ${R}`)],
  ['an unknown reason', 'dmarc_value', dmarc(`v=DMARC1; p=reject; fo=2; ruf=mailto:dmarc@example.com; ${R}`)],
  ['an unknown mark of a suffix', 'dmarc_value', dmarc(`v=DMARC1; p=reject; psd=x; ${R}`)],
  ['a number for testing', 'dmarc_value', dmarc(`v=DMARC1; p=reject; t=1; ${R}`)],
  [
    'blanks around all signs',
    'dmarc_subdomains_open',
    dmarc(`v = DMARC1 ; p = reject ; sp = none ; rua = mailto:dmarc@example.com`),
  ],
  ['blanks around the comma', '', dmarc(`v=DMARC1; p=reject; ${R} , mailto:b@example.com`)],
  ['a semicolon between places', 'dmarc_syntax', dmarc(`v=DMARC1; p=reject; ${R};mailto:b@example.com`)],
  ['a blank between places', 'dmarc_uri', dmarc(`v=DMARC1; p=reject; ${R} mailto:b@example.com`)],
  ['a quoted local part', '', dmarc('v=DMARC1; p=reject; rua=mailto:%22a%20b%22@example.com')],
  ['two @', 'dmarc_uri', dmarc('v=DMARC1; p=reject; rua=mailto:a@b@example.com')],
  ['a domain in capitals', '', dmarc('v=DMARC1; p=reject; rua=mailto:dmarc@EXAMPLE.COM')],
  ['letters beyond ASCII', 'dmarc_uri', dmarc('v=DMARC1; p=reject; rua=mailto:dmarc@büro.example.com')],
  ['a place over https alone', 'dmarc_no_rua', dmarc('v=DMARC1; p=reject; rua=https://example.com/dmarc')],
  [
    'a place in a subdomain that does not exist',
    'dmarc_destination_no_mail',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@sub.example.com'),
  ],
  [
    'a place at a null MX',
    'dmarc_destination_no_mail',
    dmarc('v=DMARC1; p=reject; rua=mailto:a@sub.example.com', { 'sub.example.com': { MX: [{ preference: 0, exchange: '.' }] } }),
  ],
  ['nothing but the version', 'dmarc_no_p dmarc_no_rua', dmarc('v=DMARC1')],
  ['a record beside one of SPF', '', { '_dmarc.example.com': spf(`v=DMARC1; p=reject; ${R}`, 'v=spf1 -all') }],
  [
    'two records that are the same',
    'dmarc_several',
    { '_dmarc.example.com': spf(`v=DMARC1; p=reject; ${R}`, `v=DMARC1; p=reject; ${R}`) },
  ],
  ['np=reject under quarantine', '', dmarc(`v=DMARC1; p=quarantine; np=reject; ${R}`)],
  ['a policy that is no policy', 'dmarc_value', dmarc(`v=DMARC1; p=monitor; ${R}`)],
  ['a policy in two words', 'dmarc_value', dmarc(`v=DMARC1; p=reject all; ${R}`)],
  ['a colon for the equals sign', 'dmarc_no_p dmarc_syntax', dmarc(`v=DMARC1; p:reject; ${R}`)],
  ['two equals signs', 'dmarc_value', dmarc(`v=DMARC1; p==reject; ${R}`)],
];

const STS: Line[] = [
  ['all hosts of one top-level domain', '', {}, hosts('*.test', 'mx.example.com')],
  ['a host of one label', '', {}, hosts('mail', 'mx.example.com')],
  ['all hosts of a top-level domain do not cover deeper ones', 'mta_sts_mx', {}, hosts('*.com')],
  ['a host in capitals', '', {}, hosts('MX.EXAMPLE.COM')],
  ['a host with a comment', 'mta_sts_policy_no_mx mta_sts_policy_syntax', {}, hosts('mx.example.com # ours')],
  ['a host in brackets', 'mta_sts_policy_no_mx mta_sts_policy_syntax', {}, hosts('[192.0.2.1]')],
  ['a host with a port', 'mta_sts_policy_no_mx mta_sts_policy_syntax', {}, hosts('mx.example.com:25')],
  ['no host behind mx', 'mta_sts_policy_no_mx mta_sts_policy_syntax', {}, hosts('')],
  ['a host with a hyphen at an end', 'mta_sts_policy_no_mx mta_sts_policy_syntax', {}, hosts('mx-.example.com')],
  ['an A-label', '', {}, hosts('xn--bcher-kva.example', 'mx.example.com')],
  ['an age with zeros before it', '', {}, policy('version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 0604800\n')],
  [
    'an age of eleven digits',
    'mta_sts_policy_age',
    {},
    policy('version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 00000604800\n'),
  ],
  ['empty lines between', '', {}, policy('version: STSv1\n\nmode: enforce\n\nmx: mx.example.com\nmax_age: 604800\n\n')],
  ['blanks behind values', '', {}, policy('version: STSv1 \nmode: enforce\t\nmx: mx.example.com \nmax_age: 604800 \n')],
  ['none without hosts', 'mta_sts_none', {}, policy('version: STSv1\nmode: none\nmax_age: 86400\n')],
  [
    'a mode in quotation marks',
    'mta_sts_policy_mode',
    {},
    policy('version: STSv1\nmode: "enforce"\nmx: mx.example.com\nmax_age: 604800\n'),
  ],
];

const TLS: Line[] = [
  ['a semicolon at the end', '', tls('v=TLSRPTv1; rua=mailto:tls@example.com;')],
  ['a size', 'tlsrpt_uri', tls('v=TLSRPTv1; rua=mailto:tls@example.com!10m')],
  ['a blank between places', 'tlsrpt_uri', tls('v=TLSRPTv1; rua=mailto:a@example.com mailto:b@example.com')],
  ['no place', 'tlsrpt_no_rua', tls('v=TLSRPTv1; rua=')],
  ['nothing but the version', 'tlsrpt_no_rua', tls('v=TLSRPTv1')],
  ['https without a host', 'tlsrpt_uri', tls('v=TLSRPTv1; rua=https:///tls')],
];

const LOGOS: Line[] = [
  ['both places empty', 'bimi_declined', bimi('v=BIMI1; l=; a=;')],
  ['a certificate that is empty', 'bimi_no_certificate', bimi(`v=BIMI1; l=${LOGO_URL}; a=`)],
  ['the certificates the other way round', 'bimi_certificate_chain', bimi(BIMI), reversed(mark())],
  ['no profile', 'bimi_logo_profile', bimi(BIMI), svg('version="1.2" viewBox="0 0 64 64"')],
  ['another version of SVG', 'bimi_logo_profile', bimi(BIMI), svg('version="1.1" baseProfile="tiny-ps" viewBox="0 0 64 64"')],
  ['no title', 'bimi_logo_profile', bimi(BIMI), svg(TINY, '<rect width="9" height="9"/>')],
  ['a script', 'bimi_logo_profile', bimi(BIMI), svg(TINY, '<title>A</title><script>1</script>')],
  ['a picture inside', 'bimi_logo_profile', bimi(BIMI), svg(TINY, '<title>A</title><image width="9" height="9"/>')],
  ['a style sheet', 'bimi_logo_profile', bimi(BIMI), svg(TINY, '<title>A</title><style>rect{fill:red}</style>')],
  ['an animation', 'bimi_logo_profile', bimi(BIMI), svg(TINY, '<title>A</title><rect><animate attributeName="x"/></rect>')],
  ['a position of the root', 'bimi_logo_profile', bimi(BIMI), svg(`${TINY} x="0" y="0"`)],
  ['a link', 'bimi_logo_profile', bimi(BIMI), svg(TINY, '<title>A</title><a><rect/></a>')],
  ['a foreign object', 'bimi_logo_profile', bimi(BIMI), svg(TINY, '<title>A</title><foreignObject/>')],
  ['no policy for subdomains', 'bimi_dmarc', { ...bimi(BIMI), ...dmarc(`v=DMARC1; p=reject; sp=none; ${R}`) }],
  ['a policy for half of the mail', 'bimi_dmarc', { ...bimi(BIMI), ...dmarc(`v=DMARC1; p=quarantine; pct=50; ${R}`) }],
];

const HOSTS: Line[] = [
  ['the same host twice', '', mx([10, 'mx.example.com'], [20, 'mx.example.com'])],
  ['one of several without an address', 'mx_no_address', mx([10, 'mx.example.com'], [20, 'mx2.example.com'])],
  ['the domain itself, without an address', 'mx_no_address', mx([10, 'example.com'])],
  [
    'an address of the machine itself',
    'mx_no_address',
    { ...mx([10, 'lo.example.com']), 'lo.example.com': { A: ['127.0.0.1'] } },
  ],
  [
    'an alias into nothing',
    'mx_alias mx_no_address',
    { ...mx([10, 'a.example.com']), 'a.example.com': { CNAME: ['gone.example.com'] } },
  ],
  ['a host nobody can say anything of', 'mx_unknown', { ...mx([10, 'mx.dark.test']), 'mx.dark.test': 'unknown' }],
];

/** The last certificate of the file first. */
function reversed(pages: WebPages): WebPages {
  return Object.fromEntries(
    Object.entries(pages).map(([url, page]) => {
      if (page === null || typeof page === 'string') return [url, page];
      const certificates = page.text.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\s*/g) ?? [];
      return [url, { ...page, text: certificates.reverse().join('') }];
    }),
  );
}

const AREAS = { SPF, DKIM, DMARC, 'MTA-STS': STS, 'TLS-RPT': TLS, BIMI: LOGOS, MX: HOSTS };
const OF_AREA: Record<keyof typeof AREAS, RegExp> = {
  SPF: /^spf_/,
  DKIM: /^dkim_/,
  DMARC: /^dmarc_/,
  'MTA-STS': /^mta_/,
  'TLS-RPT': /^tlsrpt_/,
  BIMI: /^bimi_/,
  MX: /^mx_/,
};
const lines = (Object.keys(AREAS) as (keyof typeof AREAS)[]).flatMap((area) =>
  AREAS[area].map(([what, codes, zone, web]) => [area, what, codes, zone, web] as const),
);

test.each(lines)('%s, %s: %s', async (area, _, codes, zone, web = {}) => {
  const { findings } = await checkDomain('example.com', dnsOf({ ...GOOD, ...zone }), {
    selectors: ['sel'],
    registrable: organizationalDomain,
    web: webOf({ ...GOOD_WEB, ...web }),
    marks: MARKS,
  });
  const found = [...new Set(findings.map(({ code }) => code))].filter((code) => OF_AREA[area].test(code));
  expect(found.sort().join(' ')).toBe(codes);
});
