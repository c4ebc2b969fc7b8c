import { createPublicKey } from 'node:crypto';
import type { MarkTrust } from '../../../services/dns/bimi/mark.ts';
import type { Code } from '../../../services/dns/check/codes.ts';
import type { SeenMail } from '../../../services/dns/check/seen.ts';
import type { Web } from '../../../services/dns/web.ts';
import { authority, type MarkWanted, markCertificate } from '../../helpers/certificates.ts';
import type { Zone } from '../zone.ts';

/** A key of this length that is the same in every run; nobody has the private part. */
export const rsa = (bits: number, fill = 0xc5) =>
  createPublicKey({ format: 'jwk', key: { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(bits / 8, fill).toString('base64url') } })
    .export({ format: 'der', type: 'spki' })
    .toString('base64');
export const KEY = rsa(2048);
const KEY_1024 = rsa(1024);
const KEY_512 = rsa(512);

export const spf = (...texts: string[]) => ({ TXT: texts.map((text) => [text]) });
const key = (text: string) => ({ 'sel._domainkey.example.com': spf(text) });
const record = (...texts: string[]) => ({ '_dmarc.example.com': spf(...texts) });
/** The record at the domain itself, with its mail host. */
const at = (...texts: string[]) => ({
  'example.com': { ...spf(...texts), MX: [{ preference: 10, exchange: 'mx.example.com' }], SOA: [SOA] },
});
const mx = (...hosts: string[]) => ({
  'example.com': {
    ...at('v=spf1 ip4:192.0.2.0/24 -all')['example.com'],
    MX: hosts.map((exchange, i) => ({ preference: 10 * i, exchange })),
  },
});
const SOA = { mname: 'ns.example.com', rname: 'hostmaster.example.com', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 };

/** Documents of web servers by URL; a sentence for one that is broken, null for one that does not answer. */
export type WebPages = Record<string, { status?: number; type?: string; text: string } | string | null>;

const STS_URL = 'https://mta-sts.example.com/.well-known/mta-sts.txt';
const LOGO_URL = 'https://example.com/logo.svg';
const policy = (text: string, type = 'text/plain'): WebPages => ({ [STS_URL]: { type, text: text.replaceAll('; ', '\r\n') } });
const logo = (text: string, type = 'image/svg+xml'): WebPages => ({ [LOGO_URL]: { type, text } });
const svg = (attributes: string, inner = '<title>A</title>') =>
  `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" ${attributes}>${inner}</svg>`;
const POLICY = 'version: STSv1; mode: enforce; mx: *.example.com; max_age: 604800';
const sts = (...texts: string[]) => ({ '_mta-sts.example.com': spf(...texts) });
const tls = (...texts: string[]) => ({ '_smtp._tls.example.com': spf(...texts) });
const bimi = (...texts: string[]) => ({ 'default._bimi.example.com': spf(...texts) });
const MARK_URL = 'https://example.com/mark.pem';
const BIMI = `v=BIMI1; l=${LOGO_URL}; a=${MARK_URL}`;
const GOOD_LOGO = svg('viewBox="0 0 64 64"');
const ROOT = authority('Mark Root');
const ISSUER = authority('Mark Issuer', ROOT);
export const MARKS: MarkTrust = { roots: [ROOT.pem], now: new Date('2026-11-27') };
/** A page with a mark certificate and the one above it. */
export const mark = (wanted: Partial<MarkWanted> = {}, by = ISSUER): WebPages => ({
  [MARK_URL]: {
    type: 'application/pem-certificate-chain',
    text: `${markCertificate(by, { svg: GOOD_LOGO, ...wanted }).pem}${by.pem}`,
  },
});

export const GOOD_WEB: WebPages = { ...policy(POLICY), ...logo(GOOD_LOGO), ...mark() };

/** A domain of which there is nothing to say. */
export const GOOD: Zone = {
  ...at('v=spf1 ip4:192.0.2.0/24 -all'),
  'mx.example.com': { A: ['192.0.2.1'] },
  ...key(`v=DKIM1; p=${KEY}`),
  ...record('v=DMARC1; p=reject; rua=mailto:dmarc@example.com'),
  ...sts('v=STSv1; id=1'),
  ...tls('v=TLSRPTv1; rua=mailto:tls@example.com'),
  ...bimi(BIMI),
};

export interface Fixture {
  /** Laid over GOOD. */
  zone: Zone;
  domain?: string;
  selectors?: string[];
  mailboxes?: string[];
  /** Laid over GOOD_WEB. */
  web?: WebPages;
  /** Laid over the fixture for its twin, where there is no record to publish or it is not enough. */
  twin?: Zone;
  twinWeb?: WebPages;
  seen?: SeenMail;
  twinSeen?: SeenMail;
  stsBefore?: { id: string; digest: string };
  /** Other arguments of the twin. */
  twinSelectors?: string[];
  /** Names that are gone in the twin. */
  without?: string[];
}

/** The web out of a table. */
export function webOf(pages: WebPages): Web {
  return {
    async get(url) {
      const page = pages[url];
      if (page === undefined) return { state: 'answered', status: 404, type: null, body: new Uint8Array() };
      if (page === null) return { state: 'unknown', message: `${url} did not answer in time.` };
      if (typeof page === 'string') return { state: 'broken', message: page };
      return {
        state: 'answered',
        status: page.status ?? 200,
        type: page.type ?? null,
        body: new TextEncoder().encode(page.text),
      };
    },
  };
}

export const seenMail = (over: Partial<SeenMail>): SeenMail => ({
  days: 80,
  addresses: ['192.0.2.1', '192.0.2.9'],
  complete: true,
  failing: [],
  ...over,
});
const hosts = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}.example`, { A: ['198.51.100.1'] }]));
const terms = (count: number) => Array.from({ length: count }, (_, i) => `a:h${i}.example`).join(' ');

const OWN_HOST = 'v=spf1 ip4:192.0.2.25 -all';
const POINTER: Zone = { '25.2.0.192.in-addr.arpa': { PTR: ['out.example.com'] }, 'out.example.com': { A: ['192.0.2.25'] } };
const DNSKEY = { flags: 257, protocol: 3, algorithm: 13, key: Uint8Array.of(1) };

/** One broken domain for every code. */
export const FIXTURES: Record<Code, Fixture> = {
  domain_missing: {
    zone: {},
    domain: 'gone.example',
    twin: {
      'gone.example': { ...spf('v=spf1 -all'), A: ['192.0.2.1'] },
      'sel._domainkey.gone.example': spf(`v=DKIM1; p=${KEY}`),
      '_dmarc.gone.example': spf('v=DMARC1; p=reject; rua=mailto:dmarc@gone.example'),
    },
  },

  spf_missing: { zone: at('site-verification=1') },
  spf_misspelt: { zone: at('v=spf1; ip4:192.0.2.0/24 -all') },
  spf_several: {
    zone: at('v=spf1 ip4:192.0.2.0/24 -all', 'v=spf1 include:a.example ~all'),
    twin: { 'a.example': spf('v=spf1 -all') },
  },
  spf_syntax: { zone: at('v=spf1 ip4:192.0.2 -all') },
  spf_lookups: { zone: { ...hosts(11), ...at(`v=spf1 ${terms(11)} -all`) }, twin: at(`v=spf1 ${terms(10)} -all`) },
  spf_lookups_near: { zone: { ...hosts(9), ...at(`v=spf1 ${terms(9)} -all`) }, twin: at(`v=spf1 ${terms(8)} -all`) },
  spf_voids: { zone: at('v=spf1 a:x.example a:y.example a:z.example -all'), twin: at('v=spf1 a:x.example a:y.example -all') },
  spf_void: { zone: at('v=spf1 a:x.example -all') },
  spf_mx_many: {
    zone: {
      ...at('v=spf1 mx:many.example -all'),
      'many.example': { MX: Array.from({ length: 11 }, (_, i) => ({ preference: i, exchange: `m${i}.example` })) },
    },
  },
  spf_include_none: { zone: { ...at('v=spf1 include:other.example -all'), 'other.example': spf('hello') } },
  spf_include_gone: { zone: { ...at('v=spf1 include:_spf.other.example -all'), 'other.example': { NS: ['ns.other.example'] } } },
  spf_include_free: { zone: at('v=spf1 include:_spf.free.example -all') },
  spf_include_several: {
    zone: { ...at('v=spf1 include:other.example -all'), 'other.example': spf('v=spf1 -all', 'v=spf1 ~all') },
  },
  spf_include_syntax: {
    zone: { ...at('v=spf1 include:other.example -all'), 'other.example': spf('v=spf1 ip4:192.0.2.256 -all') },
  },
  spf_loop: { zone: { ...at('v=spf1 include:other.example -all'), 'other.example': spf('v=spf1 redirect=example.com') } },
  spf_pass_all: { zone: { ...at('v=spf1 include:other.example -all'), 'other.example': spf('v=spf1 ip4:198.51.100.1 +all') } },
  spf_neutral_all: { zone: at('v=spf1 ip4:192.0.2.0/24 ?all') },
  spf_no_all: { zone: at('v=spf1 ip4:192.0.2.0/24') },
  spf_after_all: { zone: at('v=spf1 -all ip4:192.0.2.0/24 ~all') },
  spf_redirect_ignored: {
    zone: { ...at('v=spf1 ip4:192.0.2.0/24 redirect=other.example -all'), 'other.example': spf('v=spf1 -all') },
  },
  spf_ptr: { zone: at('v=spf1 ip4:192.0.2.0/24 ptr -all') },
  spf_wide: { zone: at('v=spf1 ip4:198.0.0.0/8 -all') },
  spf_private: { zone: at('v=spf1 ip4:192.168.0.0/16 ip4:192.0.2.0/24 -all') },
  spf_long: {
    zone: at(`v=spf1 ${Array.from({ length: 24 }, (_, i) => `ip4:198.51.100.${100 + i}`).join(' ')} -all`),
    twin: at('v=spf1 ip4:198.51.100.0/24 -all'),
  },
  spf_twice: { zone: at('v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.0/24 -all') },
  spf_macro: { zone: at('v=spf1 exists:%{i}._spf.example.com -all'), twin: at('v=spf1 ip4:192.0.2.0/24 -all') },
  spf_unused: { zone: at('v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.7 -all'), seen: seenMail({}) },
  spf_unknown: {
    zone: { ...at('v=spf1 include:slow.example -all'), 'slow.example': 'unknown' },
    twin: { 'slow.example': spf('v=spf1 -all') },
  },

  dkim_none_known: { zone: {}, selectors: [], twinSelectors: ['sel'] },
  dkim_missing: { zone: {}, selectors: ['other'], twin: { 'other._domainkey.example.com': spf(`v=DKIM1; p=${KEY}`) } },
  dkim_several: { zone: { 'sel._domainkey.example.com': spf(`v=DKIM1; p=${KEY}`, 'v=DKIM1; p=') } },
  dkim_syntax: { zone: key(`v=DKIM1; "p=x"; p=${KEY}`) },
  dkim_tag_twice: { zone: key(`v=DKIM1; k=rsa; k=rsa; p=${KEY}`) },
  dkim_version: { zone: key(`k=rsa; v=DKIM1; p=${KEY}`) },
  dkim_no_p: { zone: key('v=DKIM1; k=rsa'), twin: key(`v=DKIM1; k=rsa; p=${KEY}`) },
  dkim_revoked: { zone: key('v=DKIM1; p='), twin: key(`v=DKIM1; p=${KEY}`) },
  dkim_base64: { zone: key(`v=DKIM1; p=${KEY.slice(0, 100)}\\${KEY.slice(100)}`) },
  dkim_type: { zone: key(`v=DKIM1; k=dsa; p=${KEY}`) },
  dkim_key: { zone: key(`v=DKIM1; p=${KEY.slice(0, 200)}`), twin: key(`v=DKIM1; p=${KEY}`) },
  dkim_key_short: { zone: key(`v=DKIM1; p=${KEY_512}`), twin: key(`v=DKIM1; p=${KEY}`) },
  dkim_key_weak: { zone: key(`v=DKIM1; p=${KEY_1024}`), twin: key(`v=DKIM1; p=${KEY}`) },
  dkim_hash: { zone: key(`v=DKIM1; h=sha1; p=${KEY}`) },
  dkim_sha1: { zone: key(`v=DKIM1; h=sha1:sha256; p=${KEY}`) },
  dkim_service: { zone: key(`v=DKIM1; s=other; p=${KEY}`) },
  dkim_testing: { zone: key(`v=DKIM1; t=y:s; p=${KEY}`) },
  dkim_tag_historic: { zone: key(`v=DKIM1; g=*; p=${KEY}`) },
  dkim_unknown: { zone: { 'sel._domainkey.example.com': 'unknown' }, twin: key(`v=DKIM1; p=${KEY}`) },

  dmarc_missing: { zone: record('hello') },
  dmarc_misspelt: { zone: record('v=dmarc1; p=reject; rua=mailto:dmarc@example.com') },
  dmarc_several: { zone: record('v=DMARC1; p=none', 'v=DMARC1; p=reject; rua=mailto:dmarc@example.com') },
  dmarc_inherited: {
    zone: { 'below.example.com': spf('v=spf1 -all') },
    domain: 'below.example.com',
    twin: { '_dmarc.below.example.com': spf('v=DMARC1; p=reject; rua=mailto:dmarc@example.com') },
  },
  dmarc_syntax: { zone: record('v=DMARC1; p=reject; rua mailto:dmarc@example.com; rua=mailto:dmarc@example.com') },
  dmarc_tag_twice: { zone: record('v=DMARC1; p=reject; rua=mailto:dmarc@example.com; p=none') },
  dmarc_tag_unknown: { zone: record('v=DMARC1; p=reject; rua=mailto:dmarc@example.com; x=1') },
  dmarc_tag_historic: { zone: record('v=DMARC1; p=reject; pct=50; rua=mailto:dmarc@example.com') },
  dmarc_value: { zone: record('v=DMARC1; p=rejct; rua=mailto:dmarc@example.com') },
  dmarc_no_p: { zone: record('v=DMARC1; rua=mailto:dmarc@example.com') },
  dmarc_order: { zone: record('v=DMARC1; rua=mailto:dmarc@example.com; p=reject') },
  dmarc_uri: { zone: record('v=DMARC1; p=reject; rua=dmarc@example.com') },
  dmarc_size_historic: { zone: record('v=DMARC1; p=reject; rua=mailto:dmarc@example.com!10m') },
  dmarc_fo_without_ruf: { zone: record('v=DMARC1; p=reject; fo=1; rua=mailto:dmarc@example.com') },
  dmarc_policy_none: {
    zone: record('v=DMARC1; p=none; rua=mailto:dmarc@example.com'),
    twin: record('v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com'),
  },
  dmarc_subdomains_open: { zone: record('v=DMARC1; p=reject; sp=none; np=reject; rua=mailto:dmarc@example.com') },
  dmarc_testing: { zone: record('v=DMARC1; p=reject; t=y; rua=mailto:dmarc@example.com') },
  dmarc_no_rua: { zone: record('v=DMARC1; p=reject; rua=') },
  dmarc_not_here: {
    zone: {},
    mailboxes: ['rua@ruawatch.example'],
    twin: {
      '_report._dmarc.ruawatch.example': {},
      'example.com._report._dmarc.ruawatch.example': spf('v=DMARC1'),
      'ruawatch.example': { MX: [{ preference: 0, exchange: 'mx.example.com' }] },
    },
  },
  dmarc_destination: {
    zone: { ...record('v=DMARC1; p=reject; rua=mailto:a@reports.test'), 'reports.test': { A: ['192.0.2.2'] } },
  },
  dmarc_destination_no_mail: {
    zone: {
      ...record('v=DMARC1; p=reject; rua=mailto:a@mail.example.com'),
      'mail.example.com': { MX: [{ preference: 0, exchange: '.' }] },
    },
    twin: { 'mail.example.com': { MX: [{ preference: 0, exchange: 'mx.example.com' }] } },
  },
  dmarc_sender_fails: {
    zone: {},
    seen: seenMail({ failing: [{ source: 'shop.example', messages: 1_200 }] }),
    twinSeen: seenMail({}),
  },
  dmarc_unknown: {
    zone: { '_dmarc.example.com': 'unknown' },
    twin: record('v=DMARC1; p=reject; rua=mailto:dmarc@example.com'),
  },

  mx_missing: {
    zone: { 'example.com': { ...spf('v=spf1 ip4:192.0.2.0/24 -all'), SOA: [SOA] } },
    twin: at('v=spf1 ip4:192.0.2.0/24 -all'),
  },
  mx_null_beside: { zone: mx('.', 'mx.example.com'), twin: mx('mx.example.com') },
  mx_alias: {
    zone: { ...mx('alias.example.com'), 'alias.example.com': { CNAME: ['mx.example.com'] } },
    twin: mx('mx.example.com'),
  },
  mx_no_address: { zone: mx('gone.example.com'), twin: mx('mx.example.com') },
  ptr_missing: { zone: at(OWN_HOST), twin: POINTER },
  ptr_unconfirmed: {
    zone: { ...at(OWN_HOST), '25.2.0.192.in-addr.arpa': { PTR: ['out.example.com'] }, 'out.example.com': { A: ['192.0.2.26'] } },
    twin: POINTER,
  },
  ptr_unknown: { zone: { ...at(OWN_HOST), '25.2.0.192.in-addr.arpa': 'unknown' }, twin: POINTER },

  dnssec_unsigned: {
    zone: { '.': { NS: ['a.root.test'], AD: true } },
    twin: { 'example.com': { ...at('v=spf1 ip4:192.0.2.0/24 -all')['example.com'], AD: true } },
  },
  dnssec_no_chain: {
    zone: {
      '.': { NS: ['a.root.test'], AD: true },
      'example.com': { ...at('v=spf1 ip4:192.0.2.0/24 -all')['example.com'], DNSKEY: [DNSKEY] },
    },
    twin: { 'example.com': { ...at('v=spf1 ip4:192.0.2.0/24 -all')['example.com'], DNSKEY: [DNSKEY], AD: true } },
  },
  dnssec_bogus: {
    zone: { 'example.com': { ...at('v=spf1 ip4:192.0.2.0/24 -all')['example.com'], bogus: 'a signature has expired' } },
    twin: at('v=spf1 ip4:192.0.2.0/24 -all'),
  },

  mx_unknown: { zone: { ...mx('slow.example.com'), 'slow.example.com': 'unknown' }, twin: mx('mx.example.com') },

  tlsrpt_missing: { zone: tls('hello') },
  tlsrpt_misspelt: { zone: tls('v=tlsrptv1; rua=mailto:tls@example.com') },
  tlsrpt_several: { zone: tls('v=TLSRPTv1;', 'v=TLSRPTv1; rua=mailto:tls@example.com') },
  tlsrpt_syntax: { zone: tls('v=TLSRPTv1; hello; rua=mailto:tls@example.com') },
  tlsrpt_no_rua: { zone: tls('v=TLSRPTv1;') },
  tlsrpt_uri: { zone: tls('v=TLSRPTv1; rua=tls@example.com,mailto:tls@example.com') },
  tlsrpt_unknown: { zone: { '_smtp._tls.example.com': 'unknown' }, twin: tls('v=TLSRPTv1; rua=mailto:tls@example.com') },

  mta_sts_missing: { zone: sts('hello'), twin: sts('v=STSv1; id=1') },
  mta_sts_misspelt: { zone: sts('v=STS1; id=20261126') },
  mta_sts_several: { zone: sts('v=STSv1; id=1', 'v=STSv1; id=2') },
  mta_sts_syntax: { zone: sts('v=STSv1; hello; id=1') },
  mta_sts_id: { zone: sts('v=STSv1; id=2026-11-26') },
  mta_sts_id_kept: {
    zone: sts('v=STSv1; id=7'),
    stsBefore: { id: '7', digest: 'of another policy' },
    twin: sts('v=STSv1; id=8'),
  },
  mta_sts_policy_missing: { zone: {}, web: { [STS_URL]: { status: 404, text: '' } }, twinWeb: policy(POLICY) },
  mta_sts_policy_type: { zone: {}, web: policy(POLICY, 'text/html'), twinWeb: policy(POLICY) },
  mta_sts_policy_syntax: { zone: {}, web: policy(`hello; ${POLICY}`), twinWeb: policy(POLICY) },
  mta_sts_policy_mode: { zone: {}, web: policy(POLICY.replace('enforce', 'enforced')), twinWeb: policy(POLICY) },
  mta_sts_policy_age: { zone: {}, web: policy(POLICY.replace('604800', '1 week')), twinWeb: policy(POLICY) },
  mta_sts_policy_no_mx: { zone: {}, web: policy(POLICY.replace('mx: *.example.com; ', '')), twinWeb: policy(POLICY) },
  mta_sts_age_short: { zone: {}, web: policy(POLICY.replace('604800', '3600')), twinWeb: policy(POLICY) },
  mta_sts_mx: { zone: {}, web: policy(POLICY.replace('*.example.com', 'mail.example.com')), twinWeb: policy(POLICY) },
  mta_sts_mx_testing: {
    zone: {},
    web: policy(POLICY.replace('*.example.com', '*.mx.example.com').replace('enforce', 'testing')),
    twinWeb: policy(POLICY),
  },
  mta_sts_testing: { zone: {}, web: policy(POLICY.replace('enforce', 'testing')), twinWeb: policy(POLICY) },
  mta_sts_none: { zone: {}, web: policy('version: STSv1; mode: none; max_age: 86400'), twinWeb: policy(POLICY) },
  mta_sts_unknown: { zone: {}, web: { [STS_URL]: null }, twinWeb: policy(POLICY) },

  bimi_missing: { zone: bimi('hello'), twin: bimi(BIMI) },
  bimi_misspelt: { zone: bimi(BIMI.replace('v=BIMI1;', 'v=BIMI1')) },
  bimi_several: { zone: bimi(BIMI, 'v=BIMI1; l=; a=') },
  bimi_syntax: { zone: bimi(`${BIMI}; hello`), twin: bimi(BIMI) },
  bimi_location: { zone: bimi(BIMI.replace('l=https', 'l=http')), twin: bimi(BIMI) },
  bimi_declined: { zone: bimi('v=BIMI1; l=; a='), twin: bimi(BIMI) },
  bimi_dmarc: {
    zone: record('v=DMARC1; p=quarantine; sp=none; rua=mailto:dmarc@example.com'),
    twin: record('v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com'),
  },
  bimi_no_certificate: { zone: bimi(`v=BIMI1; l=${LOGO_URL}`), twin: bimi(BIMI) },
  bimi_logo: { zone: {}, web: logo(svg(''), 'text/xml'), twinWeb: GOOD_WEB },
  bimi_logo_profile: { zone: {}, web: logo(svg('x="0" viewBox="0 0 1 1"')), twinWeb: GOOD_WEB },
  bimi_logo_size: {
    zone: {},
    web: logo(svg('viewBox="0 0 1 1"', `<title>A</title><desc>${'x'.repeat(40_000)}</desc>`)),
    twinWeb: GOOD_WEB,
  },
  bimi_logo_shape: { zone: {}, web: logo(svg('viewBox="0 0 2 1"')), twinWeb: GOOD_WEB },
  bimi_certificate: { zone: {}, web: { [MARK_URL]: { text: 'hello' } }, twinWeb: mark() },
  bimi_certificate_chain: { zone: {}, web: mark({}, authority('Strange Root')), twinWeb: mark() },
  bimi_certificate_usage: { zone: {}, web: mark({ forMarks: false }), twinWeb: mark() },
  bimi_certificate_expired: { zone: {}, web: mark({ until: new Date('2026-11-01') }), twinWeb: mark() },
  bimi_certificate_expires: { zone: {}, web: mark({ until: new Date('2026-12-11') }), twinWeb: mark() },
  bimi_certificate_names: { zone: {}, web: mark({ domains: ['example.net', 'www.example.com'] }), twinWeb: mark() },
  bimi_certificate_logo: { zone: {}, web: mark({ digestOf: 'another' }), twinWeb: mark() },
  bimi_certificate_other_logo: { zone: {}, web: mark({ svg: svg('viewBox="0 0 32 32"') }), twinWeb: mark() },
  bimi_unknown: { zone: {}, web: { [LOGO_URL]: null }, twinWeb: GOOD_WEB },
};
