import { test } from 'vitest';
import { expectWords } from './words.ts';

const on = (...standings: string[]) => standings.map((standing, i) => ({ reporter: `r${i}.example`, standing }));
const reporters = (n: number) => Array.from({ length: n }, (_, i) => `@r${i}.example`);

test('whose word it rests on, and what that is worth', () =>
  expectWords('unconfirmed_report', {
    'one new reporter': { evidence: { resting_on: on('new'), reporters: reporters(1) } },
    'two reporters of one standing': { evidence: { resting_on: on('new', 'new'), reporters: reporters(2), messages: 1 } },
    'five reporters of two standings': {
      evidence: { resting_on: on('new', 'established', 'new'), reporters: reporters(5) },
    },
    'the standing is not stored': { evidence: { resting_on: undefined, reporters: reporters(1) } },
    'the standing of several is not stored': { evidence: { resting_on: undefined, reporters: reporters(2) } },
  }));
