import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Progress } from '../../../services/cli/terminal/progress.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const CLEAR = '\r\x1b[2K';
/** A stream of a terminal, and what was written to it. */
function terminal({ isTTY = true, columns, lines = false }: { isTTY?: boolean; columns?: number; lines?: boolean } = {}) {
  const written: string[] = [];
  const stream = { isTTY, columns, write: (text: string) => void written.push(text) } as unknown as NodeJS.WriteStream;
  return { written, progress: new Progress(stream, 'import', { lines }) };
}
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

test('elsewhere than on a terminal nothing is printed', () => {
  const written: string[] = [];
  const stream = { isTTY: false, write: (text: string) => void written.push(text) } as unknown as NodeJS.WriteStream;
  const progress = new Progress(stream, 'import');
  progress.show('1 mail');
  progress.end();
  expect(written).toEqual([]);
});

test('elsewhere, where lines are wanted, there is one for each stage, and every ten seconds within one', () => {
  const { written, progress } = terminal({ isTTY: false, lines: true });
  progress.show('starting');
  progress.show('1 of 1,000 mails');
  later(9_999);
  progress.show('2 of 1,000 mails');
  later(1);
  progress.show('\x1b 900 of 1,000 mails');
  later(10_000);
  progress.show('\x1b 1,000 of 1,000 mails');
  progress.end();
  expect(written).toEqual([
    'import: starting\n',
    'import: 1 of 1,000 mails\n',
    'import: \\u001b 900 of 1,000 mails\n',
    'import: \\u001b 1,000 of 1,000 mails\n',
  ]);
});

test('without a share it turns, at most ten times a second', () => {
  const { written, progress } = terminal();
  progress.show('1 mail');
  later(99);
  progress.show('2 mails');
  later(1);
  progress.show('3 mails');
  for (let i = 0; i < 9; i++) {
    later(100);
    progress.show('x');
  }
  expect(written.slice(0, 2)).toEqual([`${CLEAR}import ⠋ 1 mail`, `${CLEAR}import ⠙ 3 mails`]);
  expect(written.map((line) => [...line][12]).join('')).toBe('⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏⠋');
});

test.each([
  [0, 0],
  [0.02, 0],
  [0.03, 1],
  [0.5, 12],
  [1, 24],
  [7, 24],
])('a share of %d is a bar of %i', (share, full) => {
  const { written, progress } = terminal();
  progress.show('x', share);
  expect(written).toEqual([`${CLEAR}import ${'█'.repeat(full)}${'░'.repeat(24 - full)} x`]);
});

test.each([
  [undefined, 79],
  [40, 39],
  [21, 20],
  [10, 20],
])('on %s columns a line has %i characters', (columns, length) => {
  const { written, progress } = terminal(columns === undefined ? {} : { columns });
  progress.show('y'.repeat(200));
  expect(written[0]!.length - CLEAR.length).toBe(length);
});

test('the line is cleared once, and only when there is one; what a terminal would obey is escaped', () => {
  const { written, progress } = terminal();
  progress.end();
  progress.show('\x1b[31m');
  progress.end();
  progress.end();
  expect(written).toEqual([`${CLEAR}import ⠋ \\u001b[31m`, CLEAR]);
});
