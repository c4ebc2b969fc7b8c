import { counted, list, number } from '../shared/format.ts';
import type { DomainDns } from '../store/alerts/digest-dns.ts';
import { clean } from './plain-text.ts';

/** The stages of services/dns/posture, as a line of the digest says them. */
const STAGES: Readonly<Record<string, string>> = {
  nothing: 'no SPF record yet',
  spf: 'SPF',
  dkim: 'SPF and DKIM',
  none: 'DMARC at p=none',
  quarantine: 'DMARC at p=quarantine',
  reject: 'DMARC at p=reject',
  bimi: 'DMARC enforced, with a logo (BIMI)',
  unknown: 'unknown, since name servers do not answer',
};

/** What the records are called. */
const RECORDS: Readonly<Record<string, string>> = {
  spf: 'SPF',
  dmarc: 'DMARC',
  report_destination: 'report destination',
  mx: 'MX',
  mta_sts: 'MTA-STS',
  tls_rpt: 'TLS-RPT',
  bimi: 'BIMI',
};

/**
 * The lines about a domain's DNS: its stage and next step, what changed, and the names that look like it.
 * @param ready the finding policy_ready is open, whose line says the next step
 */
export function dnsNotes({ domain, posture, changes, changes_count, lookalikes }: DomainDns, ready: boolean): string[] {
  const { standing, since } = lookalikes;
  const waits = posture === null || posture.blocked === 0 ? '' : ` (${counted(posture.blocked, 'thing')} to wait for)`;
  const names = changes.map(({ purpose, name, day }) => `${clean(labelOf(purpose, name), 60)} (${clean(day, 10)})`);
  return [
    ...(posture === null ? [] : [`Stage: ${STAGES[posture.stage] ?? clean(posture.stage, 20)}.`]),
    ...(posture === null || ready ? [] : [`Next step: ${clean(posture.advice, 300)}${waits}`]),
    ...(changes_count === 0 ? [] : [`Changed in DNS: ${list(names, names.length + 1, changes_count)}.`]),
    ...(standing + since === 0
      ? []
      : [
          `Look-alikes that accept mail: ${number(standing)} from before the watch, ${number(since)} since ("ruawatch dns lookalikes ${clean(domain, 253)} --stored").`,
        ]),
  ];
}

function labelOf(purpose: string, name: string): string {
  const key = name.indexOf('._domainkey.');
  return purpose === 'dkim' ? `DKIM key ${key < 0 ? name : name.slice(0, key)}` : (RECORDS[purpose] ?? purpose);
}
