/**
 * error: receivers do something else than the record was published for. warning: works, and is a risk or a
 * trap. hint: worth knowing, need not be changed. unknown: a query failed, so nothing is claimed.
 */
export type Severity = 'error' | 'warning' | 'hint' | 'unknown';

interface CodeInfo {
  severity: Severity;
  /** The RFC and section with the rule. */
  section: string;
}

const SPF = (section: string) => `RFC 7208 section ${section}`;
const DKIM = (section: string) => `RFC 6376 section ${section}`;
const TLSRPT = (section: string) => `RFC 8460 section ${section}`;
const STS = (section: string) => `RFC 8461 section ${section}`;
/** Its sections are numbered anew from one draft to the next. */
const BIMI = 'draft-brand-indicators-for-message-identification';
/** Its sections are numbered anew, too. */
const MARK = 'draft-fetch-validation-vmc-wchuang';
const DMARC = (section: string) => `RFC 9989 section ${section}`;

/**
 * Everything that `dns check` may say. The codes are stable: others build on them. docs/dns.md lists them.
 */
export const CODES = {
  domain_missing: { severity: 'error', section: 'RFC 1034 section 3.6' },

  spf_missing: { severity: 'error', section: SPF('4.5') },
  spf_misspelt: { severity: 'error', section: SPF('4.5') },
  spf_several: { severity: 'error', section: SPF('4.5') },
  spf_syntax: { severity: 'error', section: SPF('4.6') },
  spf_lookups: { severity: 'error', section: SPF('4.6.4') },
  spf_lookups_near: { severity: 'hint', section: SPF('4.6.4') },
  spf_voids: { severity: 'error', section: SPF('4.6.4') },
  spf_void: { severity: 'warning', section: SPF('4.6.4') },
  spf_mx_many: { severity: 'error', section: SPF('4.6.4') },
  spf_include_none: { severity: 'error', section: SPF('5.2') },
  spf_include_gone: { severity: 'error', section: SPF('5.2') },
  spf_include_free: { severity: 'error', section: SPF('11.2') },
  spf_include_several: { severity: 'error', section: SPF('5.2') },
  spf_include_syntax: { severity: 'error', section: SPF('5.2') },
  spf_loop: { severity: 'error', section: SPF('4.6.4') },
  spf_pass_all: { severity: 'error', section: SPF('5.1') },
  spf_neutral_all: { severity: 'warning', section: SPF('8.2') },
  spf_no_all: { severity: 'warning', section: SPF('4.7') },
  spf_after_all: { severity: 'warning', section: SPF('5.1') },
  spf_redirect_ignored: { severity: 'warning', section: SPF('6.1') },
  spf_ptr: { severity: 'warning', section: SPF('5.5') },
  spf_wide: { severity: 'warning', section: SPF('5.6') },
  spf_private: { severity: 'warning', section: SPF('5.6') },
  spf_long: { severity: 'warning', section: SPF('3.4') },
  spf_twice: { severity: 'hint', section: SPF('4.6.2') },
  spf_macro: { severity: 'hint', section: SPF('7.1') },
  spf_unused: { severity: 'hint', section: SPF('11.2') },
  spf_unknown: { severity: 'unknown', section: SPF('2.6.6') },

  dkim_none_known: { severity: 'hint', section: DKIM('3.6.2.1') },
  dkim_missing: { severity: 'error', section: DKIM('6.1.2') },
  dkim_several: { severity: 'error', section: DKIM('3.6.2.2') },
  dkim_syntax: { severity: 'error', section: DKIM('3.2') },
  dkim_tag_twice: { severity: 'error', section: DKIM('3.2') },
  dkim_version: { severity: 'error', section: DKIM('3.6.1') },
  dkim_no_p: { severity: 'error', section: DKIM('3.6.1') },
  dkim_revoked: { severity: 'warning', section: DKIM('3.6.1') },
  dkim_base64: { severity: 'error', section: DKIM('3.6.1') },
  dkim_type: { severity: 'error', section: DKIM('3.6.1') },
  dkim_key: { severity: 'error', section: DKIM('3.6.1') },
  dkim_key_short: { severity: 'error', section: 'RFC 8301 section 3.2' },
  dkim_key_weak: { severity: 'warning', section: 'RFC 8301 section 3.2' },
  dkim_hash: { severity: 'error', section: 'RFC 8301 section 3.1' },
  dkim_sha1: { severity: 'warning', section: 'RFC 8301 section 3.1' },
  dkim_service: { severity: 'error', section: DKIM('3.6.1') },
  dkim_testing: { severity: 'warning', section: DKIM('3.6.1') },
  dkim_tag_historic: { severity: 'hint', section: DKIM('3.6.1') },
  dkim_unknown: { severity: 'unknown', section: DKIM('6.1.2') },

  dmarc_missing: { severity: 'error', section: DMARC('4.10') },
  dmarc_misspelt: { severity: 'error', section: DMARC('4.7') },
  dmarc_several: { severity: 'error', section: DMARC('4.10') },
  dmarc_inherited: { severity: 'hint', section: DMARC('4.10.1') },
  dmarc_syntax: { severity: 'error', section: DMARC('4.8') },
  dmarc_tag_twice: { severity: 'error', section: DMARC('4.7') },
  dmarc_tag_unknown: { severity: 'hint', section: DMARC('4.7') },
  dmarc_tag_historic: { severity: 'warning', section: DMARC('4.7') },
  dmarc_value: { severity: 'error', section: DMARC('4.8') },
  dmarc_no_p: { severity: 'warning', section: DMARC('4.7') },
  dmarc_order: { severity: 'hint', section: 'RFC 7489 section 6.3' },
  dmarc_uri: { severity: 'error', section: DMARC('4.6') },
  dmarc_size_historic: { severity: 'warning', section: DMARC('4.6') },
  dmarc_fo_without_ruf: { severity: 'hint', section: DMARC('4.7') },
  dmarc_policy_none: { severity: 'hint', section: DMARC('4.7') },
  dmarc_subdomains_open: { severity: 'warning', section: DMARC('4.7') },
  dmarc_testing: { severity: 'warning', section: DMARC('4.7') },
  dmarc_no_rua: { severity: 'warning', section: DMARC('4.7') },
  dmarc_not_here: { severity: 'hint', section: DMARC('4.7') },
  dmarc_destination: { severity: 'error', section: 'RFC 9990 section 4' },
  dmarc_destination_no_mail: { severity: 'error', section: 'RFC 5321 section 5.1' },
  dmarc_sender_fails: { severity: 'warning', section: DMARC('5.1.6') },
  dmarc_unknown: { severity: 'unknown', section: DMARC('4.10.1') },

  mx_missing: { severity: 'hint', section: 'RFC 5321 section 5.1' },
  mx_null_beside: { severity: 'error', section: 'RFC 7505 section 3' },
  mx_alias: { severity: 'warning', section: 'RFC 2181 section 10.3' },
  mx_no_address: { severity: 'error', section: 'RFC 5321 section 5.1' },
  mx_unknown: { severity: 'unknown', section: 'RFC 5321 section 5.1' },

  ptr_missing: { severity: 'warning', section: 'RFC 1912 section 2.1' },
  ptr_unconfirmed: { severity: 'warning', section: 'RFC 8601 section 2.7.3' },
  ptr_unknown: { severity: 'unknown', section: 'RFC 8601 section 2.7.3' },

  dnssec_unsigned: { severity: 'hint', section: 'RFC 4033 section 3' },
  dnssec_no_chain: { severity: 'warning', section: 'RFC 4035 section 5.2' },
  dnssec_bogus: { severity: 'error', section: 'RFC 4035 section 5.5' },

  tlsrpt_missing: { severity: 'hint', section: TLSRPT('3') },
  tlsrpt_misspelt: { severity: 'error', section: TLSRPT('3') },
  tlsrpt_several: { severity: 'error', section: TLSRPT('3') },
  tlsrpt_syntax: { severity: 'error', section: TLSRPT('3') },
  tlsrpt_no_rua: { severity: 'error', section: TLSRPT('3') },
  tlsrpt_uri: { severity: 'error', section: TLSRPT('3') },
  tlsrpt_unknown: { severity: 'unknown', section: TLSRPT('3') },

  mta_sts_missing: { severity: 'hint', section: STS('3') },
  mta_sts_misspelt: { severity: 'error', section: STS('3.1') },
  mta_sts_several: { severity: 'error', section: STS('3.1') },
  mta_sts_syntax: { severity: 'error', section: STS('3.1') },
  mta_sts_id: { severity: 'error', section: STS('3.1') },
  mta_sts_id_kept: { severity: 'error', section: STS('3.1') },
  mta_sts_policy_missing: { severity: 'error', section: STS('3.3') },
  mta_sts_policy_type: { severity: 'warning', section: STS('3.2') },
  mta_sts_policy_syntax: { severity: 'error', section: STS('3.2') },
  mta_sts_policy_mode: { severity: 'error', section: STS('3.2') },
  mta_sts_policy_age: { severity: 'error', section: STS('3.2') },
  mta_sts_policy_no_mx: { severity: 'error', section: STS('3.2') },
  mta_sts_age_short: { severity: 'warning', section: STS('3.2') },
  mta_sts_mx: { severity: 'error', section: STS('4.1') },
  mta_sts_mx_testing: { severity: 'warning', section: STS('4.1') },
  mta_sts_testing: { severity: 'hint', section: STS('5') },
  mta_sts_none: { severity: 'hint', section: STS('5') },
  mta_sts_unknown: { severity: 'unknown', section: STS('3.3') },

  bimi_missing: { severity: 'hint', section: BIMI },
  bimi_misspelt: { severity: 'error', section: BIMI },
  bimi_several: { severity: 'error', section: BIMI },
  bimi_syntax: { severity: 'error', section: BIMI },
  bimi_location: { severity: 'error', section: BIMI },
  bimi_declined: { severity: 'hint', section: BIMI },
  bimi_dmarc: { severity: 'error', section: BIMI },
  bimi_no_certificate: { severity: 'hint', section: BIMI },
  bimi_logo: { severity: 'error', section: BIMI },
  bimi_logo_profile: { severity: 'error', section: BIMI },
  bimi_logo_size: { severity: 'warning', section: BIMI },
  bimi_logo_shape: { severity: 'hint', section: BIMI },
  bimi_certificate: { severity: 'error', section: MARK },
  bimi_certificate_chain: { severity: 'error', section: MARK },
  bimi_certificate_usage: { severity: 'error', section: MARK },
  bimi_certificate_expired: { severity: 'error', section: 'RFC 5280 section 4.1.2.5' },
  bimi_certificate_expires: { severity: 'warning', section: 'RFC 5280 section 4.1.2.5' },
  bimi_certificate_names: { severity: 'error', section: MARK },
  bimi_certificate_logo: { severity: 'error', section: 'RFC 9399 section 4.1' },
  bimi_certificate_other_logo: { severity: 'error', section: MARK },
  bimi_unknown: { severity: 'unknown', section: BIMI },
} as const satisfies Record<string, CodeInfo>;

export type Code = keyof typeof CODES;
