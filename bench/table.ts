import type { Measure } from './measure.ts';

/** A line of the bench's output: the median run of a stage, with where it was taken. */
export interface Line extends Measure {
  /** Records a second over those of the stage's floor in the same run. */
  ratio_to_floor: number | null;
  runs: number;
  node: string;
  commit: string | null;
  cpu: string;
}

/** The floor that each stage is held against: the unavoidable part of its work. */
const FLOORS: Record<string, string> = {
  read: 'floor_read',
  store: 'floor_copy',
  import: 'floor_copy',
  large_read: 'large_floor_read',
};

/**
 * The run in the middle by time; of two in the middle the slower. Peak memory is the greatest of all runs.
 */
export function median(runs: readonly Measure[]): Measure {
  const sorted = [...runs].sort((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor(sorted.length / 2)]!;
  const processes = Object.entries(middle.processes ?? {}).map(([name, one]) => [
    name,
    { ...one, peak_rss_mb: maxOf(runs.map((run) => run.processes?.[name]?.peak_rss_mb ?? null)) },
  ]);
  return {
    ...middle,
    peak_rss_mb: Math.max(...runs.map((r) => r.peak_rss_mb)),
    ...(middle.processes ? { processes: Object.fromEntries(processes) } : {}),
  };
}

function maxOf(values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/**
 * How a stage does against its floor among the lines of the same run; null where it has none or it was not
 * run.
 */
export function ratioToFloor(measured: Measure, before: readonly Measure[]): number | null {
  const floor = before.find((line) => line.stage === FLOORS[measured.stage] && line.records === measured.records);
  return floor === undefined ? null : Number((measured.records_per_s / floor.records_per_s).toFixed(2));
}

const HEAD = [
  'stage',
  'reports',
  'records',
  'seconds',
  'reports/s',
  'records/s',
  'MB/s',
  'of floor',
  'CPU s',
  'server CPU s',
  'peak MB',
];

/** The table of a run, as Markdown. @param earlier lines of another run, whose change is shown */
export function table(lines: readonly Line[], earlier: readonly Line[] | null): string {
  const rows = lines.map((line) => {
    const row = [
      line.stage,
      grouped(line.reports),
      grouped(line.records),
      String(line.seconds),
      grouped(line.mails_per_s),
      grouped(line.records_per_s),
      line.mb_per_s?.toString() ?? '',
      line.ratio_to_floor?.toFixed(2) ?? '',
      line.cpu_s.toFixed(2),
      line.server_cpu_s?.toFixed(2) ?? '',
      memoryOf(line),
    ];
    if (earlier) {
      const old = earlier.find((o) => o.stage === line.stage && o.records === line.records);
      row.push(old ? percent(old.seconds, line.seconds) : 'new', old ? percent(line.peak_rss_mb, old.peak_rss_mb) : '');
    }
    return row;
  });
  const head = earlier ? [...HEAD, 'speed', 'memory'] : HEAD;
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const write = (row: string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [write(head), rule, ...rows.map(write)].join('\n');
}

/** Of a stage with several processes, each; alike ones by their range. */
function memoryOf(line: Line): string {
  if (!line.processes) return String(line.peak_rss_mb);
  const kinds = new Map<string, number[]>();
  for (const [name, { peak_rss_mb }] of Object.entries(line.processes)) {
    const kind = name.split('-')[0]!;
    if (peak_rss_mb !== null) kinds.set(kind, [...(kinds.get(kind) ?? []), peak_rss_mb]);
  }
  return [...kinds].map(([kind, all]) => `${kind} ${[...new Set([Math.min(...all), Math.max(...all)])].join(' to ')}`).join(', ');
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}

function percent(now: number, before: number): string {
  const change = Math.round((now / before - 1) * 100);
  return `${change > 0 ? '+' : ''}${change} %`;
}
