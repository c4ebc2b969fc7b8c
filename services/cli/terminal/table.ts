import { escaped } from '../../shared/escape.ts';

/**
 * A plain table for a terminal: a header, a rule, rows; columns as wide as they need, cut at `widths` with an ellipsis.
 * What is hostile in a cell is escaped: it may come from a forged mail.
 */
export function table(header: string[], rows: string[][], widths: number[] = [], right: number[] = []): string {
  const cells = [header, ...rows].map((row) => row.map((cell, i) => cut(escaped(cell), widths[i] ?? 60)));
  const width = header.map((_, i) => Math.max(...cells.map((row) => [...(row[i] ?? '')].length)));
  const line = (row: string[]) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(width[i]!) : cell.padEnd(width[i]!)))
      .join('  ')
      .trimEnd();
  return [line(cells[0]!), width.map((w) => '─'.repeat(w)).join('  '), ...cells.slice(1).map(line)].join('\n');
}

function cut(text: string, width: number): string {
  const chars = [...text];
  return chars.length <= width ? text : `${chars.slice(0, width - 1).join('')}…`;
}

const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of at most `width` characters for a share between 0 and 1; anything above 0 shows at least a sliver. */
export function bar(share: number, width: number): string {
  const eighths = share <= 0 ? 0 : Math.max(1, Math.round(Math.min(1, share) * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + BLOCKS[eighths % 8]!;
}
