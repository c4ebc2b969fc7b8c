import type { AggregateRecord, AggregateReport } from '../../report/model.ts';
import { organizationalDomain } from '../../report/orgdomain.ts';
import { readMessage } from '../../report/read-mail.ts';
import type { ProbedMail, ProbeRun } from '../../store/sending/probes.ts';
import { GENERATOR } from './is-probe-report.ts';
import { PROBE_LIMITS } from './mail.ts';

/** "ruawatch guard probe (staging)" */
const ENVIRONMENT = /^ruawatch guard probe \((.+)\)$/;

/**
 * What the probe saw, by the report that it wrote. A report names no workload, and has one time for all
 * mails. Null: it cannot be read, names no environment, or has more mails than a run of the probe takes.
 */
export async function readProbeReport(raw: Buffer, name: string): Promise<ProbeRun | null> {
  // The reader refuses the generator, so that no mail brings such a report in. Who imports the file by hand
  // means it.
  const text = Buffer.from(raw.toString('utf8').replace(GENERATOR, ''));
  const records: AggregateRecord[] = [];
  let report: AggregateReport | null = null;
  for await (const event of readMessage(text, { name })) {
    if (event.type === 'records') records.push(...event.records);
    else if (event.type === 'report' && event.report.kind === 'aggregate') report = event.report;
  }
  const environment = ENVIRONMENT.exec(report?.org_name ?? '')?.[1];
  if (report === null || environment === undefined || report.messages > PROBE_LIMITS.mails) return null;
  const began_at = new Date(report.begin * 1000);
  return {
    environment,
    report_id: report.report_id,
    began_at,
    ended_at: new Date(report.end * 1000),
    missing: [],
    mails: records.flatMap((record) =>
      Array.from({ length: record.count }, () => mailOf(record, { environment, seen_at: began_at })),
    ),
  };
}

function mailOf(record: AggregateRecord, of: { environment: string; seen_at: Date }): ProbedMail {
  const { auth, dkim_aligned, spf_aligned, header_from } = record;
  const aligned = (domain: string | null) =>
    domain !== null && header_from !== null && organizationalDomain(domain) === organizationalDomain(header_from);
  const spf = auth.spf[0]?.result ?? 'none';
  const passes = dkim_aligned || spf_aligned;
  return {
    ...of,
    workload: null,
    known_by: null,
    header_from,
    envelope_from: record.envelope_from ?? '',
    source: record.source_ip,
    signatures: auth.dkim.map((one) => ({
      domain: one.domain,
      selector: one.selector,
      result: one.result ?? 'none',
      aligned: aligned(one.domain),
    })),
    spf_result: spf,
    dkim_aligned,
    spf_aligned,
    dmarc: passes ? 'pass' : 'fail',
    under_reject: passes ? 'delivered' : 'rejected',
    codes: [
      ...(auth.dkim.length === 0 ? ['probe_unsigned'] : []),
      ...(auth.dkim.some((one) => aligned(one.domain) && one.result !== 'pass') ? ['probe_dkim'] : []),
      ...(spf === 'pass' ? [] : ['probe_spf']),
      ...(passes ? [] : ['probe_dmarc']),
    ],
  };
}
