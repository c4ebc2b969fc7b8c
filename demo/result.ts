import { styleText } from 'node:util';
import { bar, table } from '../services/cli/terminal/table.ts';
import { escaped } from '../services/shared/escape.ts';
import { parsePolicy } from '../services/shared/policy.ts';
import type { DnsSummary, FindingSummary, PipelineCounts, SourceSummary } from '../services/store/demo.ts';
import type { DemoLookalike } from './dns/watch.ts';
import type { DemoWorld } from './world.ts';

export interface DemoResult {
  world: DemoWorld;
  standing: PipelineCounts;
  seconds: number;
  sources: SourceSummary[];
  dns: DnsSummary[];
  lookalikes: readonly DemoLookalike[];
  findings: FindingSummary[];
  /** Paths of the alert mails, relative to the working folder. */
  alerts: string[];
  url: string;
  /** Whether the demo keeps running after this is printed. */
  stays: boolean;
  dataDir: string;
}

type Style = Parameters<typeof styleText>[0];
const CLASS_STYLE: Record<string, Style> = {
  authorized: 'green',
  forwarded: 'cyan',
  misaligned: 'yellow',
  unauthorized: 'red',
  unknown: 'gray',
};
const SEVERITY_STYLE: Record<string, Style> = { critical: 'red', high: 'red', medium: 'yellow', low: 'cyan', info: 'gray' };

const number = (n: number) => n.toLocaleString('en-US');
const percent = (part: number, whole: number) => (whole === 0 ? '' : `${Math.round((100 * part) / whole)}%`);

/**
 * What the demo prints at its end: sources by class with bars, findings, alert mails, and where to look
 * further.
 */
export function describeResult(result: DemoResult): string[] {
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const paint = (style: Style | undefined, text: string) => (colour && style ? styleText(style, text) : text);
  const bold = (text: string) => paint('bold', text);
  const { world, standing } = result;
  const reporters = new Set(world.mails.map((m) => m.reporter)).size;
  const lines = [
    `${number(world.mails.length)} mails from ${reporters} reporters, ${world.firstDay} to ${world.lastDay}: ` +
      `${number(standing.reports)} reports, ${number(standing.records)} records, in ${result.seconds} s.`,
    '',
  ];
  for (const domain of world.domains) {
    const sources = result.sources.filter((s) => s.domain === domain);
    const most = Math.max(1, ...sources.map((s) => s.messages));
    lines.push(bold(domain));
    const rows = sources.map((s) => [
      s.source,
      s.class,
      number(s.messages),
      percent(s.passed, s.messages),
      bar(s.messages / most, 24),
    ]);
    const drawn = table(['source', 'class', 'messages', 'pass', ''], rows, { widths: [34], right: [2, 3] }).split('\n');
    lines.push(...drawn.map((line, i) => paint(i < 2 ? 'dim' : CLASS_STYLE[sources[i - 2]?.class ?? ''], `  ${line}`)), '');
  }
  lines.push('All reports count here; the console counts only those of deciding reporters, and so shows less.', '');
  lines.push(bold("DNS, as the demo's name server answers"), ...dnsLines(result.dns), ...lookalikeLines(result.lookalikes), '');
  lines.push(bold(`Findings (${result.findings.length})`));
  for (const f of result.findings) {
    const state = f.state === 'open' ? '' : ` (${f.state})`;
    lines.push(
      `  ${paint(SEVERITY_STYLE[f.severity], f.severity.toUpperCase().padEnd(8))} ${f.kind}${state}`,
      ...wrap(escaped(f.summary), 88).map((l) => `           ${l}`),
    );
  }
  lines.push(
    '',
    bold(`Alert mails (${result.alerts.length})`),
    ...result.alerts.map((file) => `  ${file}`),
    '',
    bold('Look inside'),
  );
  if (result.stays) {
    lines.push(
      `  psql ${result.url}`,
      '  select * from dmarc.findings;      docs/queries.md has fifteen more',
      '',
      'Ctrl-C ends the demo.',
    );
  } else {
    lines.push(
      `  The database is kept in ${result.dataDir}; "ruawatch demo" without --exit leaves it open to psql.`,
      '  docs/queries.md has fifteen questions with their SQL.',
    );
  }
  return lines;
}

/** A line for each domain: what SPF costs, what DMARC asks for, which keys there are. */
function dnsLines(domains: readonly DnsSummary[]): string[] {
  const rows = domains.map(({ domain, spf_lookups, dmarc, selectors }) => {
    const spf = spf_lookups === null ? '?' : `${spf_lookups} of 10`;
    return [domain, spf, parsePolicy(dmarc ?? '').p ?? '', selectors.join(' ')];
  });
  return table(['domain', 'SPF look-ups', 'DMARC', 'DKIM keys'], rows, {})
    .split('\n')
    .map((line) => `  ${line}`);
}

/** Names that somebody else has registered and that may be mistaken for one of the domains. */
function lookalikeLines(found: readonly DemoLookalike[]): string[] {
  return found.map(({ shown, of, mailHosts }) => {
    const mail = mailHosts.length > 0 ? ' and has a mail host' : '';
    return `  ${escaped(shown)} looks like ${of}, is registered by someone else${mail}`;
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
