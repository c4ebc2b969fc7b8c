import { PROBE_GENERATOR } from '../../report/aggregate/report-metadata.ts';
import { groupBy } from '../../shared/group-by.ts';
import type { Verdict } from './verdict.ts';

/**
 * Where the environment is named: an element of RFC 9990's `extension`, with a name that nobody else uses.
 */
const NAMESPACE = 'urn:ruawatch:guard:1';

/** One report of RFC 9990: what was seen of one policy domain. */
export interface ProbeReport {
  domain: string;
  xml: string;
}

export interface ReportOptions {
  environment: string;
  /** When the probe began and ended. */
  begin: Date;
  end: Date;
}

/**
 * What the probe saw, as aggregate reports (RFC 9990), one for each policy domain. Mail without an author,
 * and from an address that is not known, is in none.
 */
export function reportsOf(verdicts: readonly Verdict[], { environment, begin, end }: ReportOptions): ProbeReport[] {
  const known = verdicts.filter((verdict) => verdict.domain !== null && sourceOf(verdict) !== null);
  const domains = groupBy(known, ({ discovery, domain }) => (discovery?.state === 'found' ? discovery.at : domain!));
  return [...domains].map(([domain, seen]) => {
    const seconds = [begin, end].map((date) => Math.floor(date.getTime() / 1000)) as [number, number];
    const id = `probe.${environment}.${seconds[0]}.${begin.getMilliseconds()}.${domain}`;
    const lines = [
      '<?xml version="1.0" encoding="UTF-8"?>',
      '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">',
      '  <version>1.0</version>',
      '  <report_metadata>',
      `    <org_name>ruawatch guard probe (${xml(environment)})</org_name>`,
      `    <email>postmaster@${xml(domain)}</email>`,
      `    <report_id>${xml(id)}</report_id>`,
      `    <date_range><begin>${seconds[0]}</begin><end>${Math.max(seconds[0] + 1, seconds[1])}</end></date_range>`,
      `    <generator>${PROBE_GENERATOR}</generator>`,
      '  </report_metadata>',
      ...policyLines(domain, seen[0]!),
      `  <extension><ruawatch_environment xmlns="${NAMESPACE}">${xml(environment)}</ruawatch_environment></extension>`,
      ...grouped(seen).flatMap(({ verdict, count }) => recordLines(verdict, count)),
      '</feedback>',
      '',
    ];
    return { domain, xml: lines.join('\n') };
  });
}

/** The address of a mail, the first of a network; null: it is not known. */
function sourceOf({ spf }: Verdict): string | null {
  return spf.address === null ? null : spf.address.split(/[/ ]/)[0]!;
}

function policyLines(domain: string, { discovery }: Verdict): string[] {
  const record = discovery?.state === 'found' ? discovery.record : null;
  const tag = (name: string, value: string | null | undefined) => (value == null ? [] : [`    <${name}>${xml(value)}</${name}>`]);
  return [
    '  <policy_published>',
    `    <domain>${xml(domain)}</domain>`,
    '    <discovery_method>treewalk</discovery_method>',
    `    <p>${record?.p ?? 'none'}</p>`,
    ...tag('sp', record?.sp),
    ...tag('np', record?.np),
    ...tag('adkim', record?.adkim),
    ...tag('aspf', record?.aspf),
    ...tag('testing', record === null ? null : record.testing ? 'y' : 'n'),
    '  </policy_published>',
  ];
}

/** Mails with one outcome are one record. */
function grouped(seen: readonly Verdict[]): { verdict: Verdict; count: number }[] {
  const groups = new Map<string, { verdict: Verdict; count: number }>();
  for (const verdict of seen) {
    const key = recordLines(verdict, 1).join('');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { verdict, count: 1 });
    else group.count++;
  }
  return [...groups.values()];
}

function recordLines(verdict: Verdict, count: number): string[] {
  const { dkim, spf, dmarc, discovery, domain, mailFrom } = verdict;
  const policy = discovery?.state === 'found' ? discovery.policy : 'none';
  const disposition = dmarc === 'fail' ? policy : dmarc === 'pass' ? 'pass' : 'none';
  const dkimPasses = dkim.some(({ aligned, result }) => aligned && result === 'pass');
  const envelope = mailFrom.slice(mailFrom.lastIndexOf('@') + 1).toLowerCase();
  return [
    '  <record>',
    '    <row>',
    `      <source_ip>${xml(sourceOf(verdict)!)}</source_ip>`,
    `      <count>${count}</count>`,
    `      <policy_evaluated><disposition>${disposition}</disposition><dkim>${dkimPasses ? 'pass' : 'fail'}</dkim><spf>${spf.aligned ? 'pass' : 'fail'}</spf></policy_evaluated>`,
    '    </row>',
    `    <identifiers><header_from>${xml(domain!)}</header_from><envelope_from>${xml(envelope)}</envelope_from></identifiers>`,
    '    <auth_results>',
    ...dkim
      .filter((one) => one.domain !== null && one.selector !== null)
      .map(
        (one) =>
          `      <dkim><domain>${xml(one.domain!)}</domain><selector>${xml(one.selector!)}</selector><result>${one.result === 'unknown' ? 'temperror' : one.result}</result></dkim>`,
      ),
    `      <spf><domain>${xml(spf.domain)}</domain><scope>mfrom</scope><result>${spf.result}</result></spf>`,
    '    </auth_results>',
    '  </record>',
  ];
}

/** Text in XML; what XML cannot hold is left out. */
function xml(text: string): string {
  return text
    .replace(/[^\x20-\x7e\xa0-\ud7ff]/g, '')
    .replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}
