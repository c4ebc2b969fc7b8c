import { expect, test } from 'vitest';
import { wrapped } from '../../../services/cli/terminal/wrap.ts';

test('lines end before the width, and a word that is longer has one of its own', () => {
  expect([...wrapped('one two three four', '  ', 11)]).toEqual(['  one two', '  three', '  four']);
  expect([...wrapped('a verylongwordthatdoesnotfit b', '', 8)]).toEqual(['a', 'verylongwordthatdoesnotfit', 'b']);
  expect([...wrapped('', '  ', 8)]).toEqual(['  ']);
});
