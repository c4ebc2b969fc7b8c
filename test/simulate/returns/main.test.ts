import { expect, test } from 'vitest';
import { RETURN_WORLDS } from '../../../simulate/returns/attacks.ts';
import { returnFigures } from '../../../simulate/returns/main.ts';
import { isRight, type ReturnDraw } from '../../../simulate/returns/run.ts';

const draw = (world: string, breaks: boolean, state: string): ReturnDraw => ({
  world,
  draw: 1,
  volume: 900,
  breaks,
  state,
  outcome: 'so',
});

test('a step is right when it is taken back by own mail that breaks, and by nothing else', () => {
  expect(isRight({ breaks: true, state: 'returned' })).toBe(true);
  for (const state of ['active', 'done', 'failed']) expect(isRight({ breaks: true, state })).toBe(false);
  expect(isRight({ breaks: false, state: 'done' })).toBe(true);
  for (const state of ['active', 'returned', 'failed']) expect(isRight({ breaks: false, state })).toBe(false);
});

test('the worlds hold both: attacks, and own mail that breaks', () => {
  expect(new Set(RETURN_WORLDS.map(({ name }) => name)).size).toBe(RETURN_WORLDS.length);
  expect(RETURN_WORLDS.filter(({ breaks }) => breaks).length).toBeGreaterThan(1);
});

test('the table counts what was returned, and names what was wrong', () => {
  const lines = returnFigures([draw('undisturbed', false, 'done'), draw('strangers', false, 'returned')]);
  expect(lines).toEqual([
    '| world | what happens | to be returned | returned |',
    '|---|---|---|---|',
    '| undisturbed | nothing but the step | none | 0 of 1 |',
    '| strangers | five proven strangers report all own mail as rejected | none | 1 of 1 |',
    'wrong: strangers 1 (900 messages a day): returned: so',
    'Steps that ended otherwise than they had to: 1 of 2.',
  ]);
});
