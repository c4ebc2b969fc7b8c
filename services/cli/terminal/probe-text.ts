import { escaped } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import type { ProbeFinding } from '../probe/codes.ts';
import type { Signed, Verdict } from '../probe/verdict.ts';
import { table } from './table.ts';
import { wrapped } from './wrap.ts';

const WIDTH = 110;
const COLOURS = { error: '31', unknown: '35', warning: '33', hint: '36' };

/** What the probe saw, for a person: one row for mails with one outcome, then each finding once. */
export function renderProbe(verdicts: readonly Verdict[], findings: readonly ProbeFinding[], colours: boolean): string[] {
  const paint = (text: string, code: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  const rows = new Map<string, { cells: string[]; mails: number }>();
  for (const verdict of verdicts) {
    const cells = cellsOf(verdict);
    const row = rows.get(cells.join('\0'));
    if (row === undefined) rows.set(cells.join('\0'), { cells, mails: 1 });
    else row.mails++;
  }
  const header = ['workload', 'known by', 'From', 'DKIM', 'address', 'SPF', 'DMARC', 'under p=reject', 'mails'];
  const lines =
    rows.size === 0
      ? []
      : [
          table(
            header,
            [...rows.values()].map(({ cells, mails }) => [...cells, String(mails)]),
          ),
        ];
  const shown = new Map(findings.map((one) => [`${one.code} ${one.message}`, one]));
  for (const one of shown.values()) {
    lines.push(`${paint(one.severity.padEnd(7), COLOURS[one.severity])}  ${one.code}`);
    lines.push(...wrapped(escaped(one.message), '         ', WIDTH));
  }
  const count = (severity: string) => [...shown.values()].filter((one) => one.severity === severity).length;
  lines.push(
    `${counted(verdicts.length, 'mail')}: ${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}, ${counted(count('unknown'), 'unknown result')}.`,
  );
  return lines;
}

function cellsOf({ sender, from, dkim, spf, dmarc, underReject }: Verdict): string[] {
  return [
    sender === null ? '?' : `${sender.workload.name} (${sender.environment})`,
    sender?.by ?? '',
    escaped(from ?? 'none'),
    dkim.length === 0 ? 'unsigned' : dkim.map(signed).join(', '),
    spf.address === null
      ? 'not known'
      : `${spf.address}${spf.of === 'connection' ? '' : spf.of === 'declared' ? ', declared' : ', given'}`,
    `${spf.result}${spf.result === 'pass' && !spf.aligned ? ', not aligned' : ''}`,
    dmarc,
    underReject ?? '',
  ];
}

function signed({ domain, selector, result, aligned }: Signed): string {
  return escaped(`${selector ?? '?'}/${domain ?? '?'} ${result}${result === 'pass' && !aligned ? ', not aligned' : ''}`);
}
