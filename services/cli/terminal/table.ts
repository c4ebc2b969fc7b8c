import stringWidth from 'string-width';
import { escaped } from '../../shared/escape.ts';

const DEFAULT_WIDTH = 60;

export interface TableLayout {
  /**
   * The widest each column may get, in terminal cells; 60 where there is none. Longer text is cut with an
   * ellipsis.
   */
  widths?: number[];
  /** Indexes of the columns that are aligned to the right. */
  right?: number[];
}

/**
 * A plain table for a terminal: a header, a rule, then the rows. Columns are as wide as their widest text in
 * terminal cells, of which a wide (CJK) character takes two. Control characters are escaped: a text may come
 * from a forged mail.
 */
export function table(header: string[], rows: string[][], { widths = [], right = [] }: TableLayout = {}): string {
  const cells = [header, ...rows].map((row) => row.map((cell, i) => cut(escaped(cell), widths[i] ?? DEFAULT_WIDTH)));
  const width = header.map((_, i) => Math.max(...cells.map((row) => stringWidth(row[i] ?? ''))));
  const line = (row: string[]) =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat(width[i]! - stringWidth(cell));
        return right.includes(i) ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [line(cells[0]!), width.map((w) => '─'.repeat(w)).join('  '), ...cells.slice(1).map(line)].join('\n');
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * The text, or as much of it as leaves one cell of `width` for the ellipsis. Nothing that is one character on
 * screen is split.
 */
function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let cells = 0;
  for (const { segment } of graphemes.segment(text)) {
    cells += stringWidth(segment);
    if (cells > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/**
 * A bar of at most `width` characters for a share between 0 and 1; any share above 0 shows at least an eighth
 * of a character.
 */
export function bar(share: number, width: number): string {
  const eighths = share <= 0 ? 0 : Math.max(1, Math.round(Math.min(1, share) * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + BLOCKS[eighths % 8]!;
}
