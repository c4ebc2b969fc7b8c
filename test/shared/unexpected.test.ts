import { expect, test } from 'vitest';
import { onUncaught, stackOf, unexpectedSentence } from '../../services/shared/unexpected.ts';

test('an error that nobody foresaw is told with its code, and where to report it', () => {
  const rest =
    'This may be a bug in ruawatch 1.2.3: please report it (see CONTRIBUTING.md) with the output of the command run with LOG_LEVEL=debug.';
  expect(unexpectedSentence('text', '1.2.3')).toBe(`Unexpected error: text. ${rest}`);
  expect(unexpectedSentence(Object.assign(new Error('planted'), { code: 'E_PLANTED' }), '1.2.3')).toBe(
    `Unexpected error (E_PLANTED): planted. ${rest}`,
  );
});

/** Errors with these stacks, each the cause of the one before. */
const chain = (...stacks: string[]): unknown =>
  stacks.reduceRight<Error | undefined>(
    (cause, stack) => Object.assign(new Error('x', cause && { cause }), { stack }),
    undefined,
  );

test('stacks of causes are kept for the log, four at most', () => {
  expect([chain('a', '', 'b'), chain('a', 'b', 'c', 'd', 'e'), chain('a'), chain(''), 'text', undefined].map(stackOf)).toEqual([
    'a\ncaused by b',
    'a\ncaused by b\ncaused by c\ncaused by d',
    'a',
    null,
    null,
    null,
  ]);
  expect(stackOf(new Error('outer', { cause: new Error('inner') }))).toMatch(/^Error: outer\n[\s\S]*\ncaused by Error: inner\n/);
});

test('the latest handler of what nothing caught is the one that counts', () => {
  const before = process.listeners('uncaughtException');
  const [first, second] = [() => undefined, () => undefined];
  try {
    onUncaught(first);
    onUncaught(second);
    expect(process.listeners('uncaughtException')).toEqual([second]);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.addListener('uncaughtException', listener);
  }
});
