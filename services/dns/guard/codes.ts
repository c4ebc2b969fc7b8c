import type { Severity } from '../check/codes.ts';
import type { Finding } from '../check/finding.ts';
import type { Aspect } from './aspects.ts';

/** Where all that these codes say is written down. */
const SECTION = 'docs/guard.md';

/**
 * Everything that `guard check` may say beyond `dns check`. The codes are stable; docs/guard.md lists them.
 */
export const GUARD_CODES = {
  guard_spf_record: 'error',
  guard_spf_source_missing: 'error',
  guard_spf_source_extra: 'error',
  guard_spf_forbidden: 'error',
  guard_spf_all: 'error',
  guard_spf_lookups: 'error',
  guard_dkim_missing: 'error',
  guard_dkim_unusable: 'error',
  guard_dkim_weak: 'error',
  guard_dkim_other: 'error',
  guard_dkim_left: 'error',
  guard_dkim_cname: 'error',
  guard_dmarc_record: 'error',
  guard_dmarc_policy: 'error',
  guard_dmarc_alignment: 'error',
  guard_dmarc_reports: 'error',
  guard_mta_sts: 'error',
  guard_tls_rpt: 'error',
  guard_bimi: 'error',
  guard_mx: 'error',
  guard_record: 'error',
  guard_differs: 'error',
  guard_key_file: 'error',
  guard_signature: 'error',
  guard_key_readable: 'warning',
  guard_unsigned: 'error',
  guard_unaligned: 'error',
  guard_egress: 'error',
  guard_dmarc: 'error',
  guard_not_signed_here: 'hint',
  guard_egress_unknown: 'hint',
  guard_egress_none: 'hint',
  guard_egress_sampled: 'hint',
  guard_unknown: 'unknown',
} as const satisfies Record<string, Severity>;

export type GuardCode = keyof typeof GUARD_CODES;

/** Where what is published differs from what mail-guard.yaml declares. */
export interface GuardFinding extends Finding<GuardCode> {
  environment: string;
  /** The name of the record that is to be changed. */
  name: string;
  /** What is wanted, and what is published instead, in short; null when there is nothing. */
  wanted: string | null;
  published: string | null;
  /** Of environments that differ: in what, from which, and what only either has. */
  differs: Differs | null;
}

/** One aspect in which a domain differs from its counterpart. */
export interface Differs {
  aspect: Aspect;
  environment: string;
  domain: string;
  missing: readonly string[];
  extra: readonly string[];
}

/** Where a difference was found. */
export interface Place {
  environment: string;
  domain: string;
  name: string;
  /** The record as published; null when there is none. */
  text: string | null;
}

export function guardFinding(
  code: GuardCode,
  { environment, domain, name, text }: Place,
  {
    message,
    wanted = null,
    published = text,
    publish,
    differs = null,
  }: {
    message: string;
    wanted?: string | null;
    published?: string | null;
    publish?: string | null | undefined;
    differs?: Differs | null;
  },
): GuardFinding {
  return {
    code,
    severity: GUARD_CODES[code],
    environment,
    domain,
    message,
    section: SECTION,
    record: text === null ? null : { name, text },
    place: null,
    publish: publish === undefined ? null : { name, value: publish },
    name,
    wanted,
    published,
    differs,
  };
}
