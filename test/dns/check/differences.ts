import type { Code } from '../../../services/dns/check/codes.ts';

const SILENT = 'what times out is reported as wrong there: it says nothing of the record';
const OPTIONAL = 'invalid there: nobody has to publish it';

/**
 * Where the two differ in what is an error (of MX: in what is worth a warning), and why we say what we say;
 * docs/dns.md has the sections.
 */
export const DIFFERENCES: Partial<Record<Code, string>> = {
  spf_pass_all: 'valid there: an include with +all lets everybody send',
  spf_unknown: SILENT,
  dmarc_destination: 'a warning there: receivers must not send reports there',
  dmarc_destination_no_mail: 'a warning there: the reports cannot arrive',
  dmarc_unknown: SILENT,
  mx_missing: 'a warning there: without MX records the address counts',
  mx_unknown: SILENT,
  tlsrpt_missing: OPTIONAL,
  tlsrpt_unknown: SILENT,
  mta_sts_missing: OPTIONAL,
  mta_sts_mx: 'a warning about MX there: mail to that host is not delivered',
  mta_sts_unknown: SILENT,
  bimi_missing: OPTIONAL,
  bimi_logo_size: 'an error there: the profile says SHOULD',
  bimi_unknown: SILENT,
};
