import { counted, number } from '../../shared/format.ts';
import { NO_FILE } from '../inputs.ts';

/** A file that was left, and why. */
export interface Trouble {
  file: string;
  code: string;
  reason: string;
}

/**
 * What `import --json` prints. Every file is in exactly one place: stored, known, ignored, quarantined or
 * failed.
 */
export interface ImportSummary {
  /** Mails and files read. */
  messages: number;
  /** Reports written, superseded ones included. */
  reports: number;
  /** Records written. */
  records: number;
  /** TLS reports and failure reports written, superseded ones included. */
  tls_reports: number;
  failure_reports: number;
  /** Reports of any kind with the same content as a stored one, from this or an earlier import or mailbox. */
  duplicates: number;
  /**
   * Reports with the same identity as a stored one and other content: one of the two counts, see
   * dmarc.superseded_reports and dmarc.superseded_tls_reports.
   */
  superseded: number;
  /** Files that were imported before, byte for byte. */
  known: number;
  /** Reports that `guard probe` wrote, and the mails in them: kept apart from all others (docs/guard.md). */
  probe_reports: number;
  probe_mails: number;
  /** What is not read: broken symbolic links, links in a circle, sockets and devices. */
  skipped: Trouble[];
  ignored: Trouble[];
  quarantined: Trouble[];
  failed: Trouble[];
}

export function emptySummary(): ImportSummary {
  const counts = {
    messages: 0,
    reports: 0,
    records: 0,
    tls_reports: 0,
    failure_reports: 0,
    duplicates: 0,
    superseded: 0,
    known: 0,
    probe_reports: 0,
    probe_mails: 0,
  };
  return { ...counts, skipped: [], ignored: [], quarantined: [], failed: [] };
}

/** What an import has done, as `import` prints it. */
export function summaryLines(summary: ImportSummary): string[] {
  const lines = [whatWasStored(summary)];
  if (summary.probe_reports > 0)
    lines.push(
      `${counted(summary.probe_reports, 'report')} of guard probe with ${counted(summary.probe_mails, 'mail')}, kept apart (dmarc.probe_days).`,
    );
  if (summary.messages === 0) lines.push(NO_FILE);
  for (const what of ['skipped', 'ignored', 'quarantined', 'failed'] as const) lines.push(...listed(what, summary[what]));
  lines.push('Sources and findings follow when the analyzer runs: ruawatch start analyzer, or ruawatch start.');
  return lines;
}

function whatWasStored(summary: ImportSummary): string {
  const { messages, reports, records, tls_reports, failure_reports, duplicates, superseded, known } = summary;
  const stored = [
    `${counted(reports, 'report')} with ${counted(records, 'record')}`,
    ...(tls_reports > 0 ? [counted(tls_reports, 'TLS report')] : []),
    ...(failure_reports > 0 ? [counted(failure_reports, 'failure report')] : []),
  ];
  const others = [
    counted(duplicates, 'duplicate'),
    ...(superseded > 0 ? [`${number(superseded)} superseded (same identity, different content)`] : []),
    ...(known > 0 ? [`${number(known)} imported before`] : []),
  ];
  return `${counted(messages, 'mail or file', 'mails and files')}: ${stored.join(', ')} stored, ${others.join(', ')}.`;
}

const MOST_LISTED = 20;

function listed(what: 'skipped' | 'ignored' | 'quarantined' | 'failed', list: readonly Trouble[]): string[] {
  if (list.length === 0) return [];
  const more = list.length - MOST_LISTED;
  // What was skipped is no message.
  const where = what === 'skipped' ? '' : `: ruawatch messages list --state ${what}`;
  return [
    `${number(list.length)} ${what}:`,
    ...list.slice(0, MOST_LISTED).map(({ file, code, reason }) => `  ${file}: ${code}: ${reason}`),
    ...(more > 0 ? [`  … and ${number(more)} more${where}`] : []),
  ];
}
