import type { Severity } from '../../dns/check/codes.ts';
import type { Finding } from '../../dns/check/finding.ts';
import { webForm, zoneLine } from '../../dns/check/finding.ts';
import { ASPECTS } from '../../dns/guard/aspects.ts';
import type { GuardedCheck } from '../../dns/guard/check.ts';
import type { Guard } from '../../dns/guard/file.ts';
import { escaped } from '../../shared/escape.ts';
import { counted } from '../../shared/format.ts';
import type { EgressTrial, Trials } from '../guard-sample.ts';
import { table } from './table.ts';
import { wrapped } from './wrap.ts';

const COLOURS: Record<Severity, string> = { error: '31', unknown: '35', warning: '33', hint: '36' };
const WIDTH = 110;

/** All that `guard check` found of a domain of one environment. */
export interface GuardResult extends GuardedCheck {
  trials: Trials;
  /** Its own findings and those of `dns check`, the worst first. */
  all: readonly Finding<string>[];
}

/** The result for a person: each domain with what was found, the trials, the matrix of the environments. */
export function renderGuard(guard: Guard, results: readonly GuardResult[], colours: boolean): string[] {
  const paint = (text: string, code: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  const lines: string[] = [];
  for (const { guarded, all, trials } of results) {
    lines.push(paint(`${guarded.environment}  ${guarded.domain}`, '1'));
    const shown = new Set<string>();
    for (const one of all.filter(({ severity }) => severity !== 'hint')) {
      lines.push(`  ${paint(one.severity.padEnd(7), COLOURS[one.severity])}  ${one.code} (${one.section})`);
      lines.push(...wrapped(escaped(one.message), '           ', WIDTH));
      if (one.publish?.value != null && !shown.has(`${one.publish.name} ${one.publish.value}`)) {
        const { name, value } = one.publish;
        shown.add(`${name} ${value}`);
        const form = webForm({ name, value }, guarded.domain);
        lines.push(`           zone file:  ${escaped(zoneLine({ name, value }))}`);
        lines.push(`           web form:   ${escaped(form.host)}   TXT   ${escaped(form.value)}`);
      }
    }
    const hints = all.filter(({ severity }) => severity === 'hint');
    if (hints.length === all.length) lines.push(`  ${paint('ok', '32')}       as declared`);
    if (hints.length > 0)
      lines.push(`  ${paint('hints', COLOURS.hint)}    ${[...new Set(hints.map(({ code }) => code))].join(', ')}`);
    lines.push(...trialLines(trials), '');
  }
  lines.push(...matrixLines(guard, results));
  return lines;
}

function trialLines({ selectors, workloads }: Trials): string[] {
  const lines = selectors
    .filter(({ result }) => result !== 'not tried')
    .map(
      ({ selector, result, why }) =>
        `  sample   signed as ${escaped(selector)}: DKIM ${result}${why === null ? '' : ` (${escaped(why)})`}`,
    );
  const rows = workloads.flatMap(({ workload, egress, selectors: used, dkimAligned, dmarc, envelopeFrom }) => {
    const dkim = used.length === 0 ? 'unsigned' : dkimAligned === null ? 'not tried' : dkimAligned ? 'pass' : 'fail';
    const ways = egress.length === 0 ? [null] : alike(egress);
    return ways.map((way) => {
      const pass = dkimAligned === true || way?.spfAligned === true;
      const verdict = way === null || dmarc === null ? (dmarc ?? 'not tried') : pass ? 'pass' : 'fail';
      const spf = way === null ? 'not tried' : `${way.spf}${way.spf === 'pass' && !way.spfAligned ? ', not aligned' : ''}`;
      return [
        workload,
        way?.egress ?? '',
        way === null ? '' : `${way.address}${way.exact ? '' : ', sampled'}${way.more === 0 ? '' : ` and ${way.more} more`}`,
        envelopeFrom,
        spf,
        used.join(','),
        dkim,
        verdict,
        verdict === 'fail' ? 'rejected' : verdict === 'pass' ? 'delivered' : '',
      ];
    });
  });
  if (rows.length === 0) return lines;
  const header = ['workload', 'egress', 'address', 'MAIL FROM', 'SPF', 'selectors', 'DKIM', 'DMARC', 'under p=reject'];
  return [
    ...lines,
    ...table(header, rows)
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

/** Addresses of one way out that do alike are one row. */
function alike(egress: readonly EgressTrial[]): (EgressTrial & { more: number })[] {
  const rows: (EgressTrial & { more: number })[] = [];
  for (const one of egress) {
    const same = rows.find((row) => row.egress === one.egress && row.spf === one.spf && row.spfAligned === one.spfAligned);
    if (same === undefined) rows.push({ ...one, more: 0 });
    else same.more++;
  }
  return rows;
}

const MARKS = { same: 'same', allowed: 'may differ', differs: 'DIFFERS', unknown: 'unknown' } as const;

/** One row an aspect, one column a domain that is compared. */
function matrixLines({ reference }: Guard, results: readonly GuardResult[]): string[] {
  const pairs = results.flatMap(({ pair }) => (pair === null ? [] : [pair]));
  if (pairs.length === 0) return [];
  const header = [`as in ${reference}`, ...pairs.map(({ of }) => `${of.environment} ${of.domain}`)];
  const rows = ASPECTS.map((aspect) => [
    aspect,
    ...pairs.map(({ comparisons }) => MARKS[comparisons.find((one) => one.aspect === aspect)!.state]),
  ]);
  return [table(header, rows), ''];
}

/** The last line: how much was checked, and how it ended. */
export function summaryOf(results: readonly GuardResult[]): string {
  const count = (severity: Severity) =>
    results.reduce((n, { all }) => n + all.filter((one) => one.severity === severity).length, 0);
  const environments = new Set(results.map(({ guarded }) => guarded.environment)).size;
  const parts = [
    counted(count('error'), 'error'),
    counted(count('warning'), 'warning'),
    counted(count('unknown'), 'unknown result'),
  ];
  return `${counted(results.length, 'domain')} in ${counted(environments, 'environment')}: ${parts.join(', ')}.`;
}
