import { GOOD, KEY, rsa } from '../check/fixtures.ts';
import type { Zone } from '../zone.ts';

export { GOOD, KEY };
/** A key of the same strength. */
export const OTHER_KEY = rsa(2048, 0xd3);

const txt = (text: string) => ({ TXT: [[text]] });
const at = (text: string) => ({ 'example.com': { ...(GOOD['example.com'] as object), ...txt(text) } }) as Zone;

export interface GuardFixture {
  /**
   * What is declared of example.com, in YAML; `staging.example.com` is compared with it where `staging` is
   * given.
   */
  declared: string;
  staging?: string;
  /** What is published otherwise than in GOOD. */
  zone: Zone;
  /**
   * What ends it: other records, or another declaration. Without it, what the finding tells to publish does.
   */
  mended?: Zone | { declared?: string; staging?: string };
}

/** For each code that rests on records alone: what raises it, and what ends it. */
export const GUARD_FIXTURES: Record<string, GuardFixture> = {
  guard_spf_record: { declared: 'spf: {record: "v=spf1 mx -all"}', zone: at('v=spf1 a -all') },
  guard_spf_source_missing: { declared: 'spf: {sources: [mx, "ip4:192.0.2.7"]}', zone: at('v=spf1 mx -all') },
  guard_spf_source_extra: { declared: 'spf: {sources: [mx]}', zone: at('v=spf1 mx ip4:192.0.2.7 -all') },
  guard_spf_forbidden: { declared: 'spf: {forbid: [ptr]}', zone: at('v=spf1 mx ptr -all') },
  guard_spf_all: { declared: 'spf: {all: "-all"}', zone: at('v=spf1 mx ~all') },
  guard_spf_lookups: { declared: 'spf: {max_lookups: 1}', zone: at('v=spf1 mx a -all'), mended: at('v=spf1 mx -all') },
  guard_dkim_missing: {
    declared: `dkim: {selectors: {new: {key: ${KEY}}}}`,
    zone: {},
  },
  guard_dkim_unusable: {
    declared: `dkim: {selectors: {sel: {key: ${KEY}}}}`,
    zone: { 'sel._domainkey.example.com': txt(`v=DKIM1; t=y; p=${KEY}`) },
  },
  guard_dkim_weak: {
    declared: 'dkim: {selectors: {sel: {min_bits: 4096}}}',
    zone: { 'sel._domainkey.example.com': txt(`v=DKIM1; p=${KEY}`) },
    mended: { declared: 'dkim: {selectors: {sel: any}}' },
  },
  guard_dkim_other: {
    declared: `dkim: {selectors: {sel: {key: ${KEY}}}}`,
    zone: { 'sel._domainkey.example.com': txt(`v=DKIM1; p=${KEY.replace(/..$/, 'AA')}`) },
  },
  guard_dkim_left: { declared: 'dkim: {selectors: {sel: revoked}}', zone: {} },
  guard_dkim_cname: {
    declared: 'dkim: {selectors: {v: {cname: keys.vendor.example}}}',
    zone: { 'v._domainkey.example.com': txt(`v=DKIM1; p=${KEY}`) },
    mended: { 'v._domainkey.example.com': { CNAME: ['keys.vendor.example'] }, 'keys.vendor.example': txt(`v=DKIM1; p=${KEY}`) },
  },
  guard_dmarc_record: {
    declared: 'dmarc: {record: "v=DMARC1; p=reject; rua=mailto:d@example.com"}',
    zone: { '_dmarc.example.com': txt('v=DMARC1; p=reject; rua=mailto:e@example.com') },
  },
  guard_dmarc_policy: { declared: 'dmarc: {policy: quarantine}', zone: { '_dmarc.example.com': txt('v=DMARC1; p=none') } },
  guard_dmarc_alignment: { declared: 'dmarc: {adkim: strict}', zone: { '_dmarc.example.com': txt('v=DMARC1; p=none; adkim=r') } },
  guard_dmarc_reports: {
    declared: 'dmarc: {rua: ["mailto:dmarc@example.com"]}',
    zone: { '_dmarc.example.com': txt('v=DMARC1; p=none; rua=mailto:other@example.com') },
  },
  guard_mta_sts: { declared: 'mta_sts: {id: abc1}', zone: { '_mta-sts.example.com': txt('v=STSv1; id=abc2') } },
  guard_tls_rpt: {
    declared: 'tls_rpt: {rua: ["mailto:tls@example.com"]}',
    zone: { '_smtp._tls.example.com': txt('v=TLSRPTv1; rua=mailto:other@example.com') },
  },
  guard_bimi: {
    declared: 'bimi: {logo: "https://example.com/x.svg"}',
    zone: { 'default._bimi.example.com': txt('v=BIMI1; l=https://example.com/y.svg') },
  },
  guard_mx: { declared: 'mx: [mx.example.com, mx2.example.com]', zone: {}, mended: { declared: 'mx: [mx.example.com]' } },
  guard_record: { declared: 'records: {_verify: {TXT: [abc]}}', zone: { '_verify.example.com': txt('def') } },
  guard_differs: {
    declared: '',
    staging: '',
    zone: { 'staging.example.com': txt('v=spf1 ip4:192.0.2.99 -all') },
    mended: { staging: 'may_differ: [spf, dkim, dmarc, mta_sts, tls_rpt, bimi]' },
  },
  guard_unknown: {
    declared: 'records: {_verify: {TXT: [abc]}}',
    zone: { '_verify.example.com': 'unknown' },
    mended: { '_verify.example.com': txt('abc') },
  },
};
