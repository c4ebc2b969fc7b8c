import { CODES, type Code } from '../../dns/check/codes.ts';
import type { Severity } from '../../shared/severity.ts';
import { checkedRule } from './checked.ts';

/** What other rules are about, what a domain may do without, and what is for its owner to decide. */
const ELSEWHERE = new Set([
  'domain_missing',
  'spf_missing',
  'spf_lookups',
  'spf_voids',
  'spf_mx_many',
  'spf_include_none',
  'spf_include_gone',
  'spf_include_free',
  'dkim_missing',
  'dkim_key_short',
  'dmarc_missing',
]);
/** Without these records mail is delivered all the same. */
const MINOR = /^(?:tlsrpt|bimi)_/;

/** A record has an error, so that receivers do something else than it was published for. */
export const recordInvalid = checkedRule('record_invalid', ({ code }) => severityOf(code), ['low', 'medium', 'high']);

function severityOf(code: string): Severity | null {
  if (
    ELSEWHERE.has(code) ||
    /^(?:mx|mta_sts)_/.test(code) ||
    !Object.hasOwn(CODES, code) ||
    CODES[code as Code].severity !== 'error'
  )
    return null;
  // Of a zone that is bogus, receivers that validate see no record at all.
  if (code === 'dnssec_bogus') return 'high';
  return MINOR.test(code) ? 'low' : 'medium';
}
