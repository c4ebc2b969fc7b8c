import { checked, selectorIn } from './checked.ts';

const NAMES: Record<string, string> = { spf: 'SPF', dmarc: 'DMARC', tlsrpt: 'TLS-RPT', mta: 'MTA-STS', bimi: 'BIMI' };

export const recordInvalid = checked('record_invalid', { name: 'An invalid DNS record' }, (domain, { name, problems }) => {
  if (problems.some(({ code }) => code === 'dnssec_bogus')) {
    return { title: `DNSSEC of ${domain} is broken`, topic: `DNSSEC of ${domain}` };
  }
  const part = problems[0]?.code.split('_')[0] ?? '';
  const record = part === 'dkim' ? `DKIM key ${selectorIn(name)} of ${domain}` : `${NAMES[part] ?? 'DNS'} record of ${domain}`;
  return { title: `${record} is invalid`, topic: record };
});
