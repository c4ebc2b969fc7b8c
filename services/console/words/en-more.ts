import { number } from '../../shared/format.ts';

/** More texts of the console: see en.ts, which has them all. */
export const more = {
  tables: {
    download: 'Download:',
    file: (kind: string, name: string) => `${kind} of the table ${name}`,
    yes: 'yes',
    no: 'no',
  },
};

/** More texts of a domain's page. */
export const moreOfDomain = {
  from: 'From',
  to: 'To',
  wrong_range: 'The range ends before it begins.',
  trend: 'Trend',
  trend_new: 'new',
  trend_more: 'ten times more',
  silent_for: 'Silent for days',
  usual: 'Usually',
  of_28: (n: number) => `on ${number(n)} of 28 days`,
  others: 'Others still report',
  missing: 'Who no longer reports',
  missing_what: 'Reporters that used to report on this domain and have been silent for more than three days.',
  purpose: 'Purpose',
  purposes: {
    spf: 'SPF',
    spf_include: 'SPF, included',
    spf_address: 'SPF, addresses',
    dkim: 'DKIM',
    dmarc: 'DMARC',
    report_destination: 'Report destination',
    mx: 'Mail servers',
    mta_sts: 'MTA-STS',
    tls_rpt: 'TLS reports',
    bimi: 'BIMI',
  } as Record<string, string>,
  fault: 'Fault',
  differ: (day: string) => `name servers contradict each other since ${day}`,
  posture: 'How far it has come',
  mechanisms: { dmarc: 'DMARC', spf: 'SPF', dkim: 'DKIM', mta_sts: 'MTA-STS', tls_rpt: 'TLS reports', bimi: 'BIMI' },
  postures: {
    valid: 'valid',
    invalid: 'invalid',
    missing: 'missing',
    unknown: 'unknown',
    none: 'p=none',
    quarantine: 'p=quarantine',
    reject: 'p=reject',
    ready: 'ready to publish',
    declined: 'declined',
  } as Record<string, string>,
  blocked: 'A stricter policy has to wait:',
  publish: 'Publish this TXT record:',
  remove: 'Remove this TXT record:',
  checked: (moment: string) => `DNS was asked at ${moment}.`,
  not_checked: 'DNS was not asked yet.',
  request_made: 'Change asked for',
  already: 'Stopped already',
  funnel_passes: 'Passes',
  funnel_forwarded: 'Fails, forwarded',
  funnel_wanted: 'Fails, may be wanted',
  funnel_stopped: 'Fails, unauthorized',
  funnel_difference:
    'With p=quarantine, failing mail lands in the spam folder; with p=reject, receivers refuse it. Some receivers let forwarded mail pass all the same.',
};
