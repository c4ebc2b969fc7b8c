import { test } from 'vitest';
import { expectWords } from './words.ts';

test('how much of its mail a reporter contradicts itself on', () =>
  expectWords('verdict_mismatch', {
    some: { subject: 'google.com', evidence: { messages: 31, of: 124 } },
    'one of one': { subject: 'google.com', evidence: { messages: 1, of: 1 } },
  }));
