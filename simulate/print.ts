import type { Confusion } from './classes.ts';
import type { Layout } from './layout.ts';
import type { Outcome } from './run.ts';
import type { Summary } from './score.ts';

/** The columns about a system as a whole. */
const COLUMNS: Record<string, (one: Summary) => string> = {
  '': (one) => one.system,
  precision: (one) => figure(one.precision),
  recall: (one) => figure(one.recall),
  strong: (one) => figure(one.recall_strong),
  weak: (one) => figure(one.recall_weak),
  'median days': (one) => (one.median_days === null ? '-' : String(one.median_days)),
  'false/domain/month': (one) => one.false_per_domain_month.toFixed(2),
  true: (one) => String(one.true_alarms),
  false: (one) => String(one.false_alarms),
  excused: (one) => String(one.excused),
  'alarms/incident': (one) => (one.alarms_per_detected === null ? '-' : one.alarms_per_detected.toFixed(1)),
};

/** What the terminal shows, and with the layout `markdown` what docs/simulator.md holds. */
export function printed(
  total: { seeds: number[]; domains: number; days: number; seconds: number; systems: Summary[]; classes: Confusion },
  detail: readonly Outcome[],
  layout: Layout = columns,
): string[] {
  const { seeds, domains, days, seconds, systems, classes } = total;
  const own = systems[0]!;
  return [
    ...detail.flatMap(detailOf),
    `${domains} domains, ${days} days, seeds ${seeds.join(' ')}, ${seconds} s`,
    '',
    ...layout([Object.keys(COLUMNS), ...systems.map((one) => Object.values(COLUMNS).map((of) => of(one)))]),
    '',
    ...layout([
      ['incident', 'strength', 'planted', ...systems.map((one) => one.system), 'median days'],
      ...own.by_type.map((line, i) => [
        line.type,
        line.strength,
        String(line.incidents),
        ...systems.map((one) => figure(one.by_type[i]!.recall)),
        line.median_days === null ? '-' : String(line.median_days),
      ]),
    ]),
    '',
    `false alarms of ruawatch by kind: ${
      Object.entries(own.false_by_kind)
        .map(([kind, n]) => `${kind} ${n}`)
        .join(', ') || 'none'
    }`,
    '',
    `class right: ${figure(classes.messages_right)} of messages (${figure(classes.domains_right)} when each domain counts alike), ${figure(classes.sources_right)} of sources and ${figure(classes.senders_right)} of senders with 10 messages and more; of ${classes.small} smaller ones ${classes.small_right} are right or unknown`,
    '',
    ...matrix('messages', classes.messages, layout),
    '',
    ...matrix('sources', classes.sources, layout),
    '',
    ...matrix('senders', classes.senders, layout),
  ];
}

const FOUND = ['authorized', 'misaligned', 'forwarded', 'unauthorized', 'unknown'];

/** What things truly are to what they were found to be. */
export function matrix(what: string, cells: Record<string, Record<string, number>>, layout: Layout): string[] {
  const rows = FOUND.filter((truth) => cells[truth]).map((truth) => [
    truth,
    ...FOUND.map((found) => String(cells[truth]![found] ?? 0)),
  ]);
  return layout([[`${what}: truth`, ...FOUND], ...rows]);
}

function detailOf({ seed, scores, world }: Outcome): string[] {
  const own = scores[0]!;
  const missed = world.incidents.filter((one) => one.seen !== null).filter((_, i) => own.detections[i]!.delay === null);
  return [
    ...own.false_alarms.map(
      (one) =>
        `seed ${seed} false: day ${one.tick} ${one.kind}: ${one.summary}${one.traps.length > 0 ? ` [${one.traps.join(', ')}]` : ''}`,
    ),
    ...missed.map(
      (one) =>
        `seed ${seed} missed: ${one.id} (${one.strength}), days ${one.begin}-${one.end}, ${one.messages} of ${one.of} messages${one.reporter ? `, ${one.reporter}` : ''}`,
    ),
    '',
  ];
}

function figure(share: number | null): string {
  return share === null ? '-' : share.toFixed(2);
}

/** A table of Markdown. */
export function markdown(rows: readonly string[][]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(rows[0]!), line(rows[0]!.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.slice(1).map(line)];
}

/** Left-aligned first column, the others right-aligned. */
export function columns(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i < 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
