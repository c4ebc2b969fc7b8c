import { generateKeyPairSync } from 'node:crypto';
import type { Code } from '../../../services/dns/check/codes.ts';
import type { Zone } from '../zone.ts';

const rsa = (bits: number) =>
  generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
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
const SOA = { mname: 'ns.example.com', rname: 'hostmaster.example.com', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 60 };

/** A domain of which there is nothing to say. */
export const GOOD: Zone = {
  ...at('v=spf1 ip4:192.0.2.0/24 -all'),
  'mx.example.com': { A: ['192.0.2.1'] },
  ...key(`v=DKIM1; p=${KEY}`),
  ...record('v=DMARC1; p=reject; rua=mailto:dmarc@example.com'),
};

export interface Fixture {
  /** Laid over GOOD. */
  zone: Zone;
  domain?: string;
  selectors?: string[];
  mailboxes?: string[];
  /** Laid over the fixture for its twin, where there is no record to publish or it is not enough. */
  twin?: Zone;
  /** Other arguments of the twin. */
  twinSelectors?: string[];
  /** Names that are gone in the twin. */
  without?: string[];
}

const hosts = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}.example`, { A: ['198.51.100.1'] }]));
const terms = (count: number) => Array.from({ length: count }, (_, i) => `a:h${i}.example`).join(' ');

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
  spf_after_all: { zone: at('v=spf1 -all ip4:192.0.2.0/24') },
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
  dmarc_subdomains_open: { zone: record('v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@example.com') },
  dmarc_testing: { zone: record('v=DMARC1; p=reject; t=y; rua=mailto:dmarc@example.com') },
  dmarc_no_rua: { zone: record('v=DMARC1; p=reject') },
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
  dmarc_unknown: {
    zone: { '_dmarc.example.com': 'unknown' },
    twin: record('v=DMARC1; p=reject; rua=mailto:dmarc@example.com'),
  },
};
