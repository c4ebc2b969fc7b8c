import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { bar, table } from '../../../services/cli/terminal/table.ts';

describe('table', () => {
  test('columns are as wide as their widest text, aligned to the left or right', () => {
    expect(
      table(
        ['name', 'n'],
        [
          ['a', '1,000'],
          ['longer', '2'],
        ],
        { right: [1] },
      ),
    ).toBe(['name        n', '──────  ─────', 'a       1,000', 'longer      2'].join('\n'));
  });

  test('wide characters take two cells, combining marks none', () => {
    const lines = table(
      ['subject', 'x'],
      [
        ['日本語', '|'],
        ['cafe\u0301', '|'],
        ['🇩🇪 dev', '|'],
      ],
    ).split('\n');
    expect(new Set(lines.slice(2).map((line) => stringWidth(line)))).toEqual(new Set([stringWidth(lines[1]!)]));
    expect(lines[2]).toBe('日本語   |');
  });

  test('longer text is cut with an ellipsis, within the width and between characters', () => {
    const line = (text: string) => table(['t'], [[text]], { widths: [5] }).split('\n')[2]!;
    expect(line('abcde')).toBe('abcde');
    expect(line('abcdef')).toBe('abcd…');
    expect(line('日本語日本')).toBe('日本…');
    expect(line('🇩🇪🇫🇷🇮🇹')).toBe('🇩🇪🇫🇷…');
  });

  test('a column without a width has sixty cells at most', () => {
    const line = (length: number) => table(['t'], [['x'.repeat(length)]]).split('\n')[2]!;
    expect([line(60), line(61)]).toEqual(['x'.repeat(60), `${'x'.repeat(59)}…`]);
  });

  test('control characters of a cell do not reach the terminal', () => {
    expect(table(['t'], [['a\u001b[31mb']])).not.toContain('\u001b');
  });
});

describe('bar', () => {
  test.each([
    [0, ''],
    [0.0001, '▏'],
    [0.5, '██'],
    [0.53, '██▏'],
    [1, '████'],
    [7, '████'],
  ])('a share of %d of four characters', (share, drawn) => {
    expect(bar(share, 4)).toBe(drawn);
  });
});
